//! Permission sets and profiles, which look alike: two resources of one make.

use serde::Serialize;
use serde_json::{Value, json};
use sortie_metadata::{AccessDefinition, Definition};
use sortie_model::{ApiName, Label, SystemPermission, SystemPermissions};
use sortie_store::Definitions;
use utoipa::ToSchema;

use crate::api::connect::{Pointers, Wanted};
use crate::api::document::{Components, Form, Operation, Schema, Tag};
use crate::api::json::{At, Reader};

/// One as shown.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessView)]
struct View {
    name: String,
    label: String,
    description: String,
    #[schema(value_type = Vec<SystemPermission>)]
    permissions: SystemPermissions,
}

const NEW: Form = Form {
    name: "AccessToCreate",
    schema: || members().required("name", Schema::name()),
    example: r#"{"name": "Callers", "label": "Callers", "description": "May call", "permissions": ["view_setup"]}"#,
    read: |reader, at| read(reader, at, None).is_some(),
};

const REPLACED: Form = Form {
    name: "AccessToReplace",
    schema: || members().optional("name", Schema::name().saying("As in the path, if it is there at all.")),
    example: NEW.example,
    read: |reader, at| read(reader, at, ApiName::parse("Callers").ok().as_ref()).is_some(),
};

fn members() -> Schema {
    Schema::object()
        .optional("label", Schema::label().saying("Its name, if left out."))
        .optional("description", Schema::text())
        .optional("permissions", Schema::list(Schema::word(SystemPermission::ALL.iter().map(|permission| permission.as_str()))))
}

fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<AccessDefinition> {
    let mut fields = reader.fields(at)?;
    let name_at = fields.take("name");
    let name = match (&name_at, known) {
        (None, Some(known)) => Some(known.clone()),
        (None, None) => {
            reader.refuse("/name", "required", "is required");
            None
        }
        (Some(at), _) => reader.parsed(at, ApiName::parse),
    };
    if name.as_ref().is_some_and(|name| known.is_some_and(|known| known != name)) {
        reader.refuse("/name", "immutable", "must be the name in the path: a name never changes");
    }
    let label = match fields.take("label") {
        Some(at) => reader.parsed(&at, Label::parse),
        None => name.as_ref().and_then(|name| Label::parse(name.as_str()).ok()),
    };
    let description = fields.take("description").and_then(|at| reader.text(&at)).unwrap_or_default().to_owned();
    let permissions = fields.take("permissions").map(|at| reader.list(&at)).unwrap_or_default();
    let permissions = permissions.iter().filter_map(|at| reader.parsed(at, SystemPermission::parse)).collect();
    fields.finish(reader);
    Some(AccessDefinition { name: known.cloned().or(name)?, label: label?, description, permissions })
}

/// A list of them, under the name of the list.
fn listed(components: &mut Components, name: &str) -> Value {
    let item = Components::of::<View>(components);
    json!({ "type": "object", "properties": { name: { "type": "array", "items": item } }, "required": [name] })
}

/// Makes the handlers of one of the two.
macro_rules! resource {
    ($module:ident, $list:ident, $what:literal, $defined:ident) => {
        pub(super) mod $module {
            use std::sync::Arc;

            use axum::extract::{Path, State};
            use axum::response::Response;
            use http::{HeaderMap, StatusCode};

            use super::{
                AccessDefinition, ApiName, Definition, Definitions, NEW, Operation, Pointers, REPLACED, Tag, View, Wanted, listed, read,
            };
            use crate::api::caller::ApiCaller;
            use crate::api::connect::{Etag, store};
            use crate::api::json::Body;
            use crate::api::mount::NEWEST;
            use crate::api::own::guard::may_give;
            use crate::api::{Api, Problem, json, name_in_path};
            use crate::manage::apply::Standing;
            use crate::manage::definition::Defined;
            use crate::manage::UnknownName;

            pub(in crate::api::own) const LIST: Operation =
                Operation::new(concat!("list", stringify!($defined), "s"), Tag::Access, concat!("List ", $what, "s")).gives_value(200, |components| listed(components, stringify!($list)));

            pub(in crate::api::own) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
                let views: Vec<View> = api.definitions().await?.$list.iter().map(view).collect();
                Ok(json(StatusCode::OK, &serde_json::json!({ stringify!($list): views })))
            }

            pub(in crate::api::own) const SHOW: Operation =
                Operation::new(concat!("show", stringify!($defined)), Tag::Access, concat!("Show a ", $what)).gives::<View>(200).etagged();

            pub(in crate::api::own) async fn show(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Response, Problem> {
                answer(&api, &parse(&name)?, StatusCode::OK).await
            }

            pub(in crate::api::own) const CREATE: Operation =
                Operation::new(concat!("create", stringify!($defined)), Tag::Access, concat!("Create a ", $what)).body(&NEW).gives::<View>(201).etagged();

            pub(in crate::api::own) async fn create(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
                let wanted = body.read(NEWEST, |reader, at| read(reader, at, None))?;
                may_give(&caller, &wanted.permissions)?;
                let name = wanted.name.clone();
                store(&api, &caller, &definition(wanted), Standing::New, &|_| true).await?;
                answer(&api, &name, StatusCode::CREATED).await
            }

            pub(in crate::api::own) const REPLACE: Operation =
                Operation::new(concat!("replace", stringify!($defined)), Tag::Access, concat!("Replace a ", $what)).body(&REPLACED).gives::<View>(200).etagged();

            pub(in crate::api::own) async fn replace(
                State(api): State<Arc<Api>>,
                caller: ApiCaller,
                Path(name): Path<String>,
                headers: HeaderMap,
                body: Body,
            ) -> Result<Response, Problem> {
                let name = parse(&name)?;
                let definitions = api.definitions().await?;
                let before = find(&definitions, &name)?;
                let etag = Etag::of(before);
                etag.check(&headers)?;
                let wanted = body.read(NEWEST, |reader, at| read(reader, at, Some(&before.name)))?;
                // Neither what they would give, nor what others have through it.
                may_give(&caller, &wanted.permissions)?;
                may_give(&caller, &before.permissions)?;
                let is_same = |now: &Definitions| find(now, &name).is_ok_and(|found| Etag::of(found) == etag);
                store(&api, &caller, &definition(wanted), Standing::Stored, &is_same).await?;
                answer(&api, &name, StatusCode::OK).await
            }

            pub(in crate::api::own) const REMOVE: Operation =
                Operation::new(concat!("delete", stringify!($defined)), Tag::Access, concat!("Delete a ", $what)).gives_nothing().etagged();

            pub(in crate::api::own) async fn remove(
                State(api): State<Arc<Api>>,
                caller: ApiCaller,
                Path(name): Path<String>,
                headers: HeaderMap,
            ) -> Result<Response, Problem> {
                let name = parse(&name)?;
                let definitions = api.definitions().await?;
                let found = find(&definitions, &name)?;
                Etag::of(found).check(&headers)?;
                may_give(&caller, &found.permissions)?;
                api.remove(&caller, Defined::$defined(name)).await
            }

            fn definition(wanted: AccessDefinition) -> Wanted {
                let mut definition = Definition::default();
                definition.$list.push(wanted);
                Wanted { definition, pointers: Pointers::default() }
            }

            fn view(one: &sortie_model::$defined) -> View {
                View {
                    name: one.name.to_string(),
                    label: one.label.to_string(),
                    description: one.description.clone(),
                    permissions: one.permissions.clone(),
                }
            }

            fn parse(name: &str) -> Result<ApiName, Problem> {
                name_in_path($what, name)
            }

            fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d sortie_model::$defined, Problem> {
                definitions.$list.iter().find(|known| known.name == *name).ok_or_else(|| UnknownName::new($what, name).into())
            }

            async fn answer(api: &Api, name: &ApiName, status: StatusCode) -> Result<Response, Problem> {
                let definitions = api.definitions().await?;
                let found = find(&definitions, name)?;
                let mut response = json(status, &view(found));
                Etag::of(found).put(response.headers_mut());
                Ok(response)
            }
        }
    };
}

resource!(permission_sets, permission_sets, "permission set", PermissionSet);
resource!(profiles, profiles, "profile", Profile);
