//! What is stored for a principal: `named-credentials/credential`. Secrets go in and never come out.

mod input;
mod output;
mod refresh;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use sortie_protocol::{Parameters, ROLE_SETTING};

use super::place::{Place, PlaceInput};
use crate::api::caller::{ApiCaller, MANAGERS, VIEWERS};
use crate::api::document::{Needed, Operation, Query as Parameter, Schema, Tag};
use crate::api::json::Body;
use crate::api::mount::Mount;
use crate::api::{Api, Problem, json};
use crate::connect;
use crate::manage::secret::{self, Others, Put, SettingWish, Wish};
use input::{CREDENTIAL, CUSTOM_CREDENTIAL, CredentialInput, Wishes};

const ACTION: &[Parameter] = &[Parameter {
    name: "action",
    needed: Needed::IfWanted,
    schema: || Schema::word(["Refresh"]),
    description: "`Refresh` fetches another token now; the body says of which principal.",
}];

const REMOVED: &[Parameter] = &[
    PlaceInput::EXTERNAL_CREDENTIAL,
    PlaceInput::PRINCIPAL_TYPE,
    PlaceInput::PRINCIPAL_NAME,
    Parameter {
        name: "authenticationParameters",
        needed: Needed::IfWanted,
        schema: Schema::text,
        description: "Names of credentials of a Custom principal, with commas between them; all, if left out.",
    },
];

type Pairs = Vec<(String, String)>;

pub(super) const SHOW: Operation = Operation::new("showCredential", Tag::Credentials, "Show what is stored for a principal")
    .describe("Values of secrets are never shown.")
    .query(PlaceInput::QUERY)
    .gives::<output::CredentialOutput>(200)
    .refuses(&[403, 404]);

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Query(query): Query<Pairs>,
) -> Result<Response, Problem> {
    let place = Place::find(&api, &caller, &PlaceInput::of_query(&query)?, VIEWERS).await?;
    Ok(json(StatusCode::OK, &output::output(&api, &caller, mount, &place).await?))
}

pub(super) const CREATE: Operation = Operation::new("createCredential", Tag::Credentials, "Store credentials, or fetch another token")
    .query(ACTION)
    .body(&CREDENTIAL)
    .gives::<output::CredentialOutput>(201)
    .refuses(&[403, 404, 424, 502, 504]);

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Query(query): Query<Pairs>,
    body: Body,
) -> Result<Response, Problem> {
    let action = query.iter().find(|(name, _)| name == "action").map(|(_, action)| action.as_str());
    match action {
        None => {
            let place = store(&api, &caller, (mount, &body), Others::MustNotBe).await?;
            Ok(json(StatusCode::CREATED, &output::output(&api, &caller, mount, &place).await?))
        }
        Some("Refresh") if mount.version >= 58 => {
            let input = body.read(mount.version, CredentialInput::read)?;
            let place = Place::find(&api, &caller, &input.place, MANAGERS).await?;
            refresh::refresh(&api, &caller, &place).await?;
            Ok(json(StatusCode::CREATED, &output::output(&api, &caller, mount, &place).await?))
        }
        Some(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "parameter_invalid",
            "the parameter `action` must be Refresh",
            "correct it, or leave it out",
        )),
    }
}

pub(super) const REPLACE: Operation =
    Operation::new("replaceCredential", Tag::Credentials, "Store credentials in place of all that are stored")
        .describe("One that is mentioned without a value stays.")
        .body(&CREDENTIAL)
        .gives::<output::CredentialOutput>(200)
        .refuses(&[403, 404]);

pub(super) async fn replace(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let place = store(&api, &caller, (mount, &body), Others::Go).await?;
    Ok(json(StatusCode::OK, &output::output(&api, &caller, mount, &place).await?))
}

pub(super) const AMEND: Operation = Operation::new("changeCredential", Tag::Credentials, "Store some credentials of a Custom principal")
    .body(&CUSTOM_CREDENTIAL)
    .gives::<output::CredentialOutput>(200)
    .refuses(&[404]);

pub(super) async fn amend(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let place = store(&api, &caller, (mount, &body), Others::Stay).await?;
    Ok(json(StatusCode::OK, &output::output(&api, &caller, mount, &place).await?))
}

/// Stores what a body says, and gives back where.
async fn store(api: &Api, caller: &ApiCaller, (mount, body): (Mount, &Body), others: Others) -> Result<Place, Problem> {
    let input = body.read(mount.version, CredentialInput::read)?;
    let mut place = Place::find(api, caller, &input.place, MANAGERS).await?;
    let Wishes { values, role } = input.wishes(&place, others).map_err(Problem::of_faults)?;
    if others == Others::Stay && place.protocol.parameters() != Parameters::Free {
        return Err(of_custom_only("PATCH"));
    }
    let role = role.map(serde_json::Value::from);
    let setting = match (&role, others) {
        (Some(role), _) => Some(SettingWish::Is(role)),
        (None, Others::Go) => Some(SettingWish::IsNot),
        (None, Others::Stay | Others::MustNotBe) => None,
    };
    let values: Vec<(&str, Wish<'_>)> = values.iter().map(|(name, wish)| (name.as_str(), wish.as_wish())).collect();
    let put = Put { values: &values, setting: setting.map(|wish| (ROLE_SETTING, wish)), others };
    let actor = caller.actor();
    let done = secret::put(&api.manage(&actor).by(caller.asking()), &place.reference(), place.owner.as_ref(), put).await?;
    if done.action.is_made() {
        api.settle().await;
    }
    if let Some(wish) = setting {
        place.principal.settings = wish.applied_to(ROLE_SETTING, &place.principal.settings);
    }
    Ok(place)
}

pub(super) const REMOVE: Operation =
    Operation::new("deleteCredential", Tag::Credentials, "Delete credentials").query(REMOVED).gives_nothing().refuses(&[403, 404, 502]);

pub(super) async fn remove(State(api): State<Arc<Api>>, caller: ApiCaller, Query(query): Query<Pairs>) -> Result<Response, Problem> {
    let place = Place::find(&api, &caller, &PlaceInput::of_query(&query)?, MANAGERS).await?;
    let names: Vec<&str> = query
        .iter()
        .filter(|(name, _)| name == "authenticationParameters")
        .flat_map(|(_, names)| names.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if !names.is_empty() && place.protocol.parameters() != Parameters::Free {
        return Err(of_custom_only("`authenticationParameters`"));
    }
    let values: Vec<(&str, Wish<'_>)> = names.into_iter().map(|name| (name, Wish::Remove)).collect();
    let others = if values.is_empty() { Others::Go } else { Others::Stay };
    if others == Others::Go && place.protocol.login().is_some() {
        connect::revoke(&api.node, &caller.person(), place.names()).await?;
    }
    let setting = (others == Others::Go).then_some((ROLE_SETTING, SettingWish::IsNot));
    let actor = caller.actor();
    let put = Put { values: &values, setting, others };
    let done = secret::put(&api.manage(&actor).by(caller.asking()), &place.reference(), place.owner.as_ref(), put).await?;
    if done.action.is_made() {
        api.settle().await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn of_custom_only(what: &str) -> Problem {
    let detail = format!("{what} is for the Custom protocol only: the credentials of others belong together");
    Problem::new(StatusCode::BAD_REQUEST, "custom_only", detail, "use PUT with all of them")
}
