//! Named credentials: `named-credentials/named-credential-setup`.

mod input;
mod output;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sortie_model::{ApiName, NamedCredential};
use sortie_store::Definitions;

use super::etag::Etag;
use super::store::store;
use crate::api::caller::ApiCaller;
use crate::api::json::Body;
use crate::api::mount::Mount;
use crate::api::{Api, Problem, json};
use crate::manage::apply::Standing;
use crate::manage::definition::{Defined, remove as remove_definition};
use crate::manage::{NotStored, UnknownName};
use input::NamedCredentialInput;
use output::{NamedCredentialOutput, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    named_credentials: Vec<NamedCredentialOutput>,
}

pub(super) async fn list(State(api): State<Arc<Api>>, Extension(mount): Extension<Mount>) -> Result<Response, Problem> {
    let definitions = definitions(&api).await?;
    let named_credentials = definitions.named_credentials.iter().map(|named| output(&definitions, mount, named)).collect();
    Ok(json(StatusCode::OK, &Listed { named_credentials }))
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    answer(&api, mount, &parse(&name)?, StatusCode::OK).await
}

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

pub(super) async fn replace(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let definitions = definitions(&api).await?;
    let before = find(&definitions, &name)?;
    let etag = Etag::of(before);
    etag.check(&headers)?;
    let input = body.read(mount.version, |reader, at| NamedCredentialInput::read(reader, at, Some(&before.name)))?;
    let is_same = |now: &Definitions| find(now, &name).is_ok_and(|found| Etag::of(found) == etag);
    store(&api, &caller, &input.wanted(Some(before)), Standing::Stored, &is_same).await?;
    answer(&api, mount, &name, StatusCode::OK).await
}

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    Etag::of(find(&definitions(&api).await?, &name)?).check(&headers)?;
    let actor = caller.actor();
    remove_definition(&api.manage(&actor), &Defined::NamedCredential(name)).await?;
    api.settle().await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn parse(name: &str) -> Result<ApiName, Problem> {
    ApiName::parse(name).map_err(|_| Problem::from(UnknownName::new("named credential", name.chars().take(80).collect::<String>())))
}

async fn definitions(api: &Api) -> Result<Definitions, Problem> {
    Ok(api.node.house().store().definitions().await.map_err(NotStored::from)?)
}

fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d NamedCredential, Problem> {
    let found = definitions.named_credentials.iter().find(|known| known.name == *name);
    found.ok_or_else(|| UnknownName::new("named credential", name).into())
}

async fn answer(api: &Api, mount: Mount, name: &ApiName, code: StatusCode) -> Result<Response, Problem> {
    let definitions = definitions(api).await?;
    let named = find(&definitions, name)?;
    let mut response = json(code, &output(&definitions, mount, named));
    Etag::of(named).put(response.headers_mut());
    Ok(response)
}
