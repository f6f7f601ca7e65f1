//! Users, and the permission sets assigned to them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, Attributes, UserName};
use utoipa::ToSchema;

use super::guard::{may_change, may_give, of};
use super::pages::{PAGE, Page, wrong};
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Fields, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::UnknownName;
use crate::manage::user::{self, NewUser, UserChange, UserView};

#[derive(Serialize, ToSchema)]
#[schema(as = UserPage)]
struct Listed {
    users: Vec<UserView>,
    /// Where it goes on; `null`: nowhere.
    #[schema(required = true)]
    next: Option<String>,
}

pub(super) const LIST: Operation = Operation::new("listUsers", Tag::Users, "List users")
    .describe("In the order of their names, in pages.")
    .query(PAGE)
    .gives::<Listed>(200);

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let page = Page::of_query(&query)?;
    let after =
        page.after.as_deref().map(|after| UserName::parse(after).map_err(|_| wrong("after", "must be what `next` says"))).transpose()?;
    let actor = caller.actor();
    let users = user::page(&api.manage(&actor), after.as_ref(), page.limit).await?;
    let is_full = users.len() == page.limit as usize;
    let last = users.last().filter(|_| is_full).map(|last| segment(&last.name));
    let next = last.map(|last| format!("/api/v1/users?limit={}&after={last}", page.limit));
    Ok(json(StatusCode::OK, &Listed { users, next }))
}

/// A name as a part of a path or a query.
pub(super) fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(super) const SHOW: Operation = Operation::new("showUser", Tag::Users, "Show a user").gives::<UserView>(200);

pub(super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    answer(&api, &caller, &parse(&name)?, StatusCode::OK).await
}

async fn answer(api: &Api, caller: &ApiCaller, name: &UserName, status: StatusCode) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(status, &user::show(&api.manage(&actor), name).await?))
}

pub(super) const CREATE: Operation = Operation::new("createUser", Tag::Users, "Create a user")
    .describe("Nobody gives permissions that they do not have.")
    .body(&NEW)
    .gives::<UserView>(201)
    .refuses(&[404]);

pub(super) async fn create(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let new = body.read(NEWEST, read_new)?;
    let definitions = api.definitions().await?;
    may_give(&caller, &of(&definitions, &new.permission_sets, new.profile.as_ref()))?;
    let (actor, name) = (caller.actor(), new.name.clone());
    user::add(&api.manage(&actor), new).await?;
    answer(&api, &caller, &name, StatusCode::CREATED).await
}

const NEW: Form = Form {
    name: "UserToCreate",
    schema: || {
        Schema::object()
            .required("name", Schema::user_name())
            .optional("profile", Schema::name())
            .optional("permission_sets", Schema::list(Schema::name()))
            .optional("attributes", Schema::map(Schema::text().or_null()).saying("What formulas read, such as `$User.Email`."))
    },
    example: r#"{"name": "ada@example.com", "profile": null, "permission_sets": [], "attributes": {"Email": "ada@example.com"}}"#,
    read: |reader, at| read_new(reader, at).is_some(),
};

fn read_new(reader: &mut Reader, at: &At<'_>) -> Option<NewUser> {
    let mut fields = reader.fields(at)?;
    let name = fields.require(reader, "name").and_then(|at| reader.parsed(&at, UserName::parse));
    let profile = fields.take("profile").and_then(|at| reader.parsed(&at, ApiName::parse));
    let permission_sets = names(reader, &mut fields, "permission_sets");
    let attributes = fields.take("attributes").map(|at| attributes(reader, &at)).unwrap_or_default();
    fields.finish(reader);
    Some(NewUser { name: name?, profile, permission_sets, attributes: attributes.0 })
}

fn names(reader: &mut Reader, fields: &mut Fields<'_>, name: &str) -> Vec<ApiName> {
    let Some(at) = fields.take(name) else { return Vec::new() };
    let items = reader.list(&at);
    items.iter().filter_map(|item| reader.parsed(item, ApiName::parse)).collect()
}

/// Those that are set, and the names of those that are `null`.
fn attributes(reader: &mut Reader, at: &At<'_>) -> (Attributes, Vec<String>) {
    let (mut set, mut removed) = (Attributes::new(), Vec::new());
    let Some(mut fields) = reader.fields(at) else { return (set, removed) };
    for (name, at) in fields.take_all() {
        if at.is_null() {
            removed.push(name.to_owned());
        } else if let Some(text) = reader.text(&at) {
            set.insert(name.to_owned(), text.to_owned());
        }
    }
    (set, removed)
}

pub(super) const AMEND: Operation = Operation::new("changeUser", Tag::Users, "Change a user")
    .describe("What is left out stays; `null` takes a profile or an attribute away.")
    .body(&CHANGED)
    .gives::<UserView>(200);

pub(super) async fn amend(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    may_change(&api, &caller, &name).await?;
    let wanted = body.read(NEWEST, read_change)?;
    let definitions = api.definitions().await?;
    may_give(&caller, &of(&definitions, &[], wanted.profile.as_ref().and_then(Option::as_ref)))?;
    let actor = caller.actor();
    user::set(&api.manage(&actor), &name, wanted).await?;
    answer(&api, &caller, &name, StatusCode::OK).await
}

const CHANGED: Form = Form {
    name: "UserToChange",
    schema: || {
        Schema::object()
            .optional("profile", Schema::name())
            .optional("active", Schema::truth().saying("Whether the user may call."))
            .optional("attributes", Schema::map(Schema::text().or_null()))
            .passed_over(SHOWN)
    },
    example: r#"{"profile": null, "active": true, "attributes": {"Email": "ada@example.com"}}"#,
    read: |reader, at| read_change(reader, at).is_some(),
};

/// Of an answer that is sent back: names do not change, and the rest has routes of its own.
const SHOWN: &[&str] = &["name", "password", "permission_sets", "permissions"];

/// What is left out stays; `profile: null` takes it away, and so does `null` for an attribute.
fn read_change(reader: &mut Reader, at: &At<'_>) -> Option<UserChange> {
    let mut fields = reader.fields(at)?;
    let profile = match fields.take_with_null("profile") {
        None => Some(None),
        Some(at) if at.is_null() => Some(Some(None)),
        Some(at) => reader.parsed(&at, ApiName::parse).map(|name| Some(Some(name))),
    };
    let is_active = fields.take("active").and_then(|at| reader.truth(&at));
    let (attributes, removed_attributes) = fields.take("attributes").map(|at| attributes(reader, &at)).unwrap_or_default();
    fields.ignore(SHOWN);
    fields.finish(reader);
    Some(UserChange { profile: profile?, is_active, attributes, removed_attributes })
}

pub(super) const REMOVE: Operation = Operation::new("deleteUser", Tag::Users, "Delete a user")
    .describe("With the user go the keys, and all that is stored of their own.")
    .gives_nothing();

pub(super) async fn remove(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = parse(&name)?;
    may_change(&api, &caller, &name).await?;
    let actor = caller.actor();
    user::remove(&api.manage(&actor), &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) const ASSIGN: Operation = Operation::new("assignPermissionSet", Tag::Users, "Assign a permission set to a user").gives_nothing();

pub(super) async fn assign(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((name, set)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (name, set) = (parse(&name)?, parse_set(&set)?);
    let definitions = api.definitions().await?;
    may_give(&caller, &of(&definitions, std::slice::from_ref(&set), None))?;
    let actor = caller.actor();
    user::assign(&api.manage(&actor), &name, &set).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) const UNASSIGN: Operation =
    Operation::new("unassignPermissionSet", Tag::Users, "Take a permission set from a user").gives_nothing();

pub(super) async fn unassign(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((name, set)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (name, set) = (parse(&name)?, parse_set(&set)?);
    may_change(&api, &caller, &name).await?;
    let actor = caller.actor();
    user::unassign(&api.manage(&actor), &name, &set).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) fn parse(name: &str) -> Result<UserName, Problem> {
    UserName::parse(name).map_err(|_| UnknownName::new("user", name.chars().take(80).collect::<String>()).into())
}

fn parse_set(name: &str) -> Result<ApiName, Problem> {
    ApiName::parse(name).map_err(|_| UnknownName::new("permission set", name.chars().take(80).collect::<String>()).into())
}
