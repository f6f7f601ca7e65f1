//! Named credentials: `named-credentials/named-credential-setup`.

mod input;
mod output;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sortie_model::{ApiName, NamedCredential};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::etag::Etag;
use super::store::store;
use crate::api::caller::ApiCaller;
use crate::api::document::{Operation, Tag};
use crate::api::json::Body;
use crate::api::mount::Mount;
use crate::api::{Api, Problem, json, name_in_path};
use crate::manage::UnknownName;
use crate::manage::apply::Standing;
use crate::manage::definition::Defined;
use input::NamedCredentialInput;
use output::{NamedCredentialOutput, output};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamedCredentialList)]
struct Listed {
    named_credentials: Vec<NamedCredentialOutput>,
}

pub(super) const LIST: Operation =
    Operation::new("listNamedCredentials", Tag::NamedCredentials, "List named credentials").gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, Extension(mount): Extension<Mount>) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let named_credentials = definitions.named_credentials.iter().map(|named| output(&definitions, mount, named)).collect();
    Ok(json(StatusCode::OK, &Listed { named_credentials }))
}

pub(super) const SHOW: Operation =
    Operation::new("showNamedCredential", Tag::NamedCredentials, "Show a named credential").gives::<NamedCredentialOutput>(200).etagged();

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    answer(&api, mount, &parse(&name)?, StatusCode::OK).await
}

pub(super) const CREATE: Operation = Operation::new("createNamedCredential", Tag::NamedCredentials, "Create a named credential")
    .body(&input::NEW)
    .gives::<NamedCredentialOutput>(201)
    .etagged();

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let input = body.read(mount.version, |reader, at| NamedCredentialInput::read(reader, at, None))?;
    store(&api, &caller, &input.wanted(None), Standing::New, &|_| true).await?;
    answer(&api, mount, &input.name, StatusCode::CREATED).await
}

pub(super) const REPLACE: Operation = Operation::new("replaceNamedCredential", Tag::NamedCredentials, "Replace a named credential")
    .body(&input::REPLACED)
    .gives::<NamedCredentialOutput>(200)
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
    let etag = Etag::of(before);
    etag.check(&headers)?;
    let input = body.read(mount.version, |reader, at| NamedCredentialInput::read(reader, at, Some(&before.name)))?;
    let is_same = |now: &Definitions| find(now, &name).is_ok_and(|found| Etag::of(found) == etag);
    store(&api, &caller, &input.wanted(Some(before)), Standing::Stored, &is_same).await?;
    answer(&api, mount, &name, StatusCode::OK).await
}

pub(super) const REMOVE: Operation =
    Operation::new("deleteNamedCredential", Tag::NamedCredentials, "Delete a named credential").gives_nothing().etagged();

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    Etag::of(find(&api.definitions().await?, &name)?).check(&headers)?;
    api.remove(&caller, Defined::NamedCredential(name)).await
}

fn parse(name: &str) -> Result<ApiName, Problem> {
    name_in_path("named credential", name)
}

fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d NamedCredential, Problem> {
    let found = definitions.named_credentials.iter().find(|known| known.name == *name);
    found.ok_or_else(|| UnknownName::new("named credential", name).into())
}

async fn answer(api: &Api, mount: Mount, name: &ApiName, code: StatusCode) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let named = find(&definitions, name)?;
    let mut response = json(code, &output(&definitions, mount, named));
    Etag::of(named).put(response.headers_mut());
    Ok(response)
}
