//! External auth identity providers: `named-credentials/external-auth-identity-providers`.

mod credentials;
mod input;
mod output;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sortie_model::{ApiName, ExternalAuthIdentityProvider};
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
use input::ProviderInput;
use output::{ProviderOutput, output};

pub(super) use credentials::{
    CREATE as CREATE_CREDENTIALS, REPLACE as REPLACE_CREDENTIALS, SHOW as SHOW_CREDENTIALS, create as create_credentials,
    replace as replace_credentials, show as show_credentials,
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentityProviderList)]
struct Listed {
    external_auth_identity_providers: Vec<ProviderOutput>,
}

pub(super) const LIST: Operation =
    Operation::new("listIdentityProviders", Tag::IdentityProviders, "List external auth identity providers").gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, Extension(mount): Extension<Mount>) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let mut all = Vec::new();
    for provider in &definitions.external_auth_identity_providers {
        all.push(output(&api, mount, provider).await?);
    }
    Ok(json(StatusCode::OK, &Listed { external_auth_identity_providers: all }))
}

pub(super) const SHOW: Operation =
    Operation::new("showIdentityProvider", Tag::IdentityProviders, "Show an external auth identity provider")
        .gives::<ProviderOutput>(200)
        .etagged();

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    answer(&api, mount, &parse(&name)?, StatusCode::OK).await
}

pub(super) const CREATE: Operation =
    Operation::new("createIdentityProvider", Tag::IdentityProviders, "Create an external auth identity provider")
        .body(&input::NEW)
        .gives::<ProviderOutput>(201)
        .etagged();

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    body: Body,
) -> Result<Response, Problem> {
    let input = body.read(mount.version, |reader, at| ProviderInput::read(reader, at, None))?;
    store(&api, &caller, &input.wanted(None), Standing::New, &|_| true).await?;
    answer(&api, mount, &input.name, StatusCode::CREATED).await
}

pub(super) const REPLACE: Operation =
    Operation::new("replaceIdentityProvider", Tag::IdentityProviders, "Replace an external auth identity provider")
        .body(&input::REPLACED)
        .gives::<ProviderOutput>(200)
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
    let input = body.read(mount.version, |reader, at| ProviderInput::read(reader, at, Some(&before.name)))?;
    let is_same = |now: &Definitions| find(now, &name).is_ok_and(|found| Etag::of(found) == etag);
    store(&api, &caller, &input.wanted(Some(before)), Standing::Stored, &is_same).await?;
    answer(&api, mount, &name, StatusCode::OK).await
}

pub(super) const REMOVE: Operation =
    Operation::new("deleteIdentityProvider", Tag::IdentityProviders, "Delete an external auth identity provider").gives_nothing().etagged();

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    Etag::of(find(&api.definitions().await?, &name)?).check(&headers)?;
    api.remove(&caller, Defined::Provider(name)).await
}

fn parse(name: &str) -> Result<ApiName, Problem> {
    name_in_path("provider", name)
}

/// Of this kind only: auth providers have a resource of their own.
fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d ExternalAuthIdentityProvider, Problem> {
    let found = definitions.external_auth_identity_providers.iter().find(|known| known.name == *name);
    found.ok_or_else(|| UnknownName::new("provider", name).into())
}

async fn answer(api: &Api, mount: Mount, name: &ApiName, code: StatusCode) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let provider = find(&definitions, name)?;
    let mut response = json(code, &output(api, mount, provider).await?);
    Etag::of(provider).put(response.headers_mut());
    Ok(response)
}
