//! External credentials: `named-credentials/external-credentials`.

mod input;
mod output;
mod parameter;
mod settings;
mod wanted;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sortie_model::{ApiName, ExternalCredential, Principal};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::etag::Etag;
use super::place::has_access;
use super::store::store;
use crate::api::caller::{ApiCaller, VIEWERS};
use crate::api::document::{Operation, Tag};
use crate::api::json::Body;
use crate::api::mount::Mount;
use crate::api::{Api, Problem, json, name_in_path};
use crate::manage::apply::Standing;
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

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    answer(&api, (&caller, mount), &parse(&name)?, StatusCode::OK).await
}

pub(super) const CREATE: Operation = Operation::new("createExternalCredential", Tag::ExternalCredentials, "Create an external credential")
    .body(&input::NEW)
    .gives::<ExternalCredentialOutput>(201)
    .etagged();

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let input = body.read(mount.version, |reader, at| ExternalCredentialInput::read(reader, at, None))?;
    let definitions = api.definitions().await?;
    let wanted = wanted::wanted(&input, &definitions, None).map_err(Problem::of_faults)?;
    store(&api, &caller, &wanted, Standing::New, &|_| true).await?;
    answer(&api, (&caller, mount), &input.name, StatusCode::CREATED).await
}

pub(super) const REPLACE: Operation =
    Operation::new("replaceExternalCredential", Tag::ExternalCredentials, "Replace an external credential")
        .describe("A principal that is not mentioned goes, with its secrets.")
        .body(&input::REPLACED)
        .gives::<ExternalCredentialOutput>(200)
        .etagged();

pub(super) async fn replace(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let definitions = api.definitions().await?;
    let before = find(&definitions, &name)?;
    let etag = etag(&definitions, before);
    etag.check(&headers)?;
    let input = body.read(mount.version, |reader, at| ExternalCredentialInput::read(reader, at, Some(&before.name)))?;
    let wanted = wanted::wanted(&input, &definitions, Some(before)).map_err(Problem::of_faults)?;
    let is_same = |now: &Definitions| find(now, &name).is_ok_and(|found| self::etag(now, found) == etag);
    store(&api, &caller, &wanted, Standing::Stored, &is_same).await?;
    answer(&api, (&caller, mount), &name, StatusCode::OK).await
}

pub(super) const REMOVE: Operation =
    Operation::new("deleteExternalCredential", Tag::ExternalCredentials, "Delete an external credential").gives_nothing().etagged();

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let definitions = api.definitions().await?;
    etag(&definitions, find(&definitions, &name)?).check(&headers)?;
    api.remove(&caller, Defined::ExternalCredential(name)).await
}

fn parse(name: &str) -> Result<ApiName, Problem> {
    name_in_path("external credential", name)
}

fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d ExternalCredential, Problem> {
    let found = definitions.external_credentials.iter().find(|known| known.name == *name);
    found.ok_or_else(|| UnknownName::new("external credential", name).into())
}

async fn read(api: &Api, caller: &ApiCaller, name: Option<&ApiName>) -> Result<(Definitions, Vec<CredentialReport>), Problem> {
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let definitions = manage.store.definitions().await.map_err(NotStored::from)?;
    Ok((definitions, status(&manage, name).await?))
}

async fn answer(api: &Api, (caller, mount): (&ApiCaller, Mount), name: &ApiName, code: StatusCode) -> Result<Response, Problem> {
    let unknown = || Problem::from(UnknownName::new("external credential", name));
    let (definitions, reports) =
        read(api, caller, Some(name)).await.map_err(|problem| if problem.is_not_found() { unknown() } else { problem })?;
    let credential = find(&definitions, name)?;
    let shown = show_one(&definitions, &reports, (caller, mount), credential).ok_or_else(unknown)?;
    let mut response = json(code, &shown);
    etag(&definitions, credential).put(response.headers_mut());
    Ok(response)
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
