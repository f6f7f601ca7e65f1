//! External credentials: `named-credentials/external-credentials`.

mod input;
mod output;
mod parameter;
mod settings;
mod wanted;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, ExternalCredential, Principal};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::etag::Etag;
use super::place::has_access;
use super::store::Wanted;
use crate::api::caller::{ApiCaller, VIEWERS};
use crate::api::document::{Operation, Tag};
use crate::api::json::{At, Reader};
use crate::api::mount::Mount;
use crate::api::resource::{self, Resource};
use crate::api::{Api, Problem, json};
use crate::manage::definition::Defined;
use crate::manage::status::{CredentialReport, status};
use crate::manage::{NotStored, UnknownName};
use input::ExternalCredentialInput;
use output::{ExternalCredentialOutput, Sight};

pub(super) use input::{custom_headers, header_schema};
pub(super) use output::{HeaderOutput, headers};
pub(in crate::api) use output::{credential_id, principal_id};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExternalCredentialList)]
struct Listed {
    external_credentials: Vec<ExternalCredentialOutput>,
}

pub(super) const LIST: Operation = Operation::new("listExternalCredentials", Tag::ExternalCredentials, "List external credentials")
    .describe("Without `view_setup` those of which one may use a principal, and less of them.")
    .gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, Extension(mount): Extension<Mount>, caller: ApiCaller) -> Result<Response, Problem> {
    let (definitions, reports) = read(&api, &caller, None).await?;
    let visible = definitions.external_credentials.iter().filter(|credential| sight(&definitions, &caller, credential).is_some());
    let shown = visible.filter_map(|credential| show_one(&definitions, &reports, (&caller, mount), credential));
    Ok(json(StatusCode::OK, &Listed { external_credentials: shown.collect() }))
}

pub(super) const SHOW: Operation = Operation::new("showExternalCredential", Tag::ExternalCredentials, "Show an external credential")
    .gives::<ExternalCredentialOutput>(200)
    .etagged();

pub(super) const CREATE: Operation = Operation::new("createExternalCredential", Tag::ExternalCredentials, "Create an external credential")
    .body(&input::NEW)
    .gives::<ExternalCredentialOutput>(201)
    .etagged();

pub(super) const REPLACE: Operation =
    Operation::new("replaceExternalCredential", Tag::ExternalCredentials, "Replace an external credential")
        .describe("A principal that is not mentioned goes, with its secrets.")
        .body(&input::REPLACED)
        .gives::<ExternalCredentialOutput>(200)
        .etagged();

pub(super) const REMOVE: Operation =
    Operation::new("deleteExternalCredential", Tag::ExternalCredentials, "Delete an external credential").gives_nothing().etagged();

async fn read(api: &Api, caller: &ApiCaller, name: Option<&ApiName>) -> Result<(Definitions, Vec<CredentialReport>), Problem> {
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let definitions = manage.store.definitions().await.map_err(NotStored::from)?;
    Ok((definitions, status(&manage, name).await?))
}

fn show_one(
    definitions: &Definitions,
    reports: &[CredentialReport],
    (caller, mount): (&ApiCaller, Mount),
    credential: &ExternalCredential,
) -> Option<ExternalCredentialOutput> {
    let sight = sight(definitions, caller, credential)?;
    let report = reports.iter().find(|report| report.name == credential.name.as_str())?;
    Some(output::output(definitions, report, mount, credential, sight))
}

/// What this caller sees: everything, or what they may use, or that there is nothing.
fn sight<'d>(definitions: &'d Definitions, caller: &ApiCaller, credential: &ExternalCredential) -> Option<Sight<'d>> {
    if caller.may(VIEWERS) {
        return Some(Sight::Everything(principals(definitions, credential).collect()));
    }
    let usable: Vec<&Principal> =
        principals(definitions, credential).filter(|principal| has_access(definitions, caller, principal)).collect();
    (!usable.is_empty()).then_some(Sight::Usable(usable))
}

pub(super) fn principals<'d>(definitions: &'d Definitions, credential: &ExternalCredential) -> impl Iterator<Item = &'d Principal> {
    let id = credential.id;
    definitions.principals.iter().filter(move |principal| principal.external_credential == id)
}

/// Of all that PUT replaces or keeps.
fn etag(definitions: &Definitions, credential: &ExternalCredential) -> Etag {
    let mut credential = credential.clone();
    // Moves with every stored secret.
    credential.revision = 0;
    Etag::of(&(&credential, principals(definitions, &credential).collect::<Vec<_>>()))
}

/// External credentials as a resource.
pub(super) struct ExternalCredentials;

impl Resource for ExternalCredentials {
    const WHAT: &'static str = "external credential";
    type Stored = ExternalCredential;
    type Input = ExternalCredentialInput;

    fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Option<&'d ExternalCredential> {
        definitions.external_credentials.iter().find(|known| known.name == *name)
    }

    fn name(stored: &ExternalCredential) -> &ApiName {
        &stored.name
    }

    fn etag(definitions: &Definitions, stored: &ExternalCredential) -> Etag {
        etag(definitions, stored)
    }

    fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<ExternalCredentialInput> {
        ExternalCredentialInput::read(reader, at, known)
    }

    fn name_wanted(input: &ExternalCredentialInput) -> &ApiName {
        &input.name
    }

    async fn wanted(
        api: &Api,
        input: ExternalCredentialInput,
        before: Option<(&Definitions, &ExternalCredential)>,
    ) -> Result<Wanted, Problem> {
        let wanted = match before {
            Some((definitions, before)) => wanted::wanted(&input, definitions, Some(before)),
            None => wanted::wanted(&input, &api.definitions().await?, None),
        };
        wanted.map_err(Problem::of_faults)
    }

    fn defined(name: ApiName) -> Defined {
        Defined::ExternalCredential(name)
    }

    async fn answer(api: &Api, of: (&ApiCaller, Mount), name: &ApiName, status: StatusCode) -> Result<Response, Problem> {
        let unknown = || Problem::from(UnknownName::new(Self::WHAT, name));
        let (definitions, reports) =
            read(api, of.0, Some(name)).await.map_err(|problem| if problem.is_not_found() { unknown() } else { problem })?;
        let credential = resource::found::<Self>(&definitions, name)?;
        let shown = show_one(&definitions, &reports, of, credential).ok_or_else(unknown)?;
        Ok(etag(&definitions, credential).on(json(status, &shown)))
    }
}
