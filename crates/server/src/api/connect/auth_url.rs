//! Where a person goes to authenticate: `POST named-credentials/credential/auth-url/o-auth`.
//!
//! It is a page of ours, not the provider's own address. A login is bound to the browser that it begins in, so that nobody can be led into somebody else's (OAU-05):
//! only that browser can begin it. The page begins the same flow as the console and `sortie auth login`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::place::{Place, PlaceInput};
use super::words::PrincipalType;
use crate::api::caller::{ApiCaller, MANAGERS};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::Mount;
use crate::api::{Api, Problem, json};
use crate::{connect, console};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuthUrl<'a> {
    authentication_url: String,
    external_credential: &'a str,
    principal_name: &'a str,
    principal_type: PrincipalType,
}

pub(super) const BEGIN: Operation = Operation::new("authenticationUrl", Tag::Credentials, "Say where a person goes to authenticate")
    .describe("A page of the console, on which the login at the provider begins.")
    .body(&PLACE)
    .gives::<AuthUrl<'static>>(200)
    .refuses(&[403, 404, 502]);

pub(super) async fn begin(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let input = body.read(mount.version, read)?;
    let place = Place::find(&api, &caller, &input, MANAGERS).await?;
    // Whether there is anything to log in to, and whether this person may.
    connect::state(&api.node, &caller.person(), place.names()).await?;
    let (credential, principal) = place.names();
    let answer = AuthUrl {
        authentication_url: api.public_url.join(&console::authenticate_path(credential, principal)),
        external_credential: credential,
        principal_name: principal,
        principal_type: place.principal_type,
    };
    Ok(json(StatusCode::OK, &answer))
}

const PLACE: Form = Form {
    name: "AuthenticationUrlInput",
    schema: || PlaceInput::schema().optional("returnUrl", Schema::text().saying("Taken, and of no use here.")).passed_over(SHOWN),
    example: r#"{"externalCredential": "Billing", "principalType": "PerUserPrincipal", "principalName": "Me", "returnUrl": "/lightning"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

const SHOWN: &[&str] = &["authenticationUrl"];

fn read(reader: &mut Reader, at: &At<'_>) -> Option<PlaceInput> {
    let mut fields = reader.fields(at)?;
    let place = PlaceInput::read(reader, &mut fields);
    // A path within Salesforce's own pages; ours lead back to where they are of use.
    if let Some(at) = fields.take("returnUrl") {
        reader.text(&at);
    }
    fields.ignore(SHOWN);
    fields.finish(reader);
    place
}
