//! External auth identity providers: `named-credentials/external-auth-identity-providers`.

mod credentials;
mod input;
mod output;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, ExternalAuthIdentityProvider};
use sortie_store::Definitions;
use utoipa::ToSchema;

use super::etag::Etag;
use super::store::Wanted;
use crate::api::caller::ApiCaller;
use crate::api::document::{Operation, Tag};
use crate::api::json::{At, Reader};
use crate::api::mount::Mount;
use crate::api::resource::{self, Resource};
use crate::api::{Api, Problem, json};
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

pub(super) const CREATE: Operation =
    Operation::new("createIdentityProvider", Tag::IdentityProviders, "Create an external auth identity provider")
        .body(&input::NEW)
        .gives::<ProviderOutput>(201)
        .etagged();

pub(super) const REPLACE: Operation =
    Operation::new("replaceIdentityProvider", Tag::IdentityProviders, "Replace an external auth identity provider")
        .body(&input::REPLACED)
        .gives::<ProviderOutput>(200)
        .etagged();

pub(super) const REMOVE: Operation =
    Operation::new("deleteIdentityProvider", Tag::IdentityProviders, "Delete an external auth identity provider").gives_nothing().etagged();

/// External auth identity providers as a resource. Auth providers have one of their own.
pub(super) struct IdentityProviders;

impl Resource for IdentityProviders {
    const WHAT: &'static str = "provider";
    type Stored = ExternalAuthIdentityProvider;
    type Input = ProviderInput;

    fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Option<&'d ExternalAuthIdentityProvider> {
        definitions.external_auth_identity_providers.iter().find(|known| known.name == *name)
    }

    fn name(stored: &ExternalAuthIdentityProvider) -> &ApiName {
        &stored.name
    }

    fn etag(_: &Definitions, stored: &ExternalAuthIdentityProvider) -> Etag {
        Etag::of(stored)
    }

    fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<ProviderInput> {
        ProviderInput::read(reader, at, known)
    }

    fn name_wanted(input: &ProviderInput) -> &ApiName {
        &input.name
    }

    async fn wanted(
        _: &Api,
        input: ProviderInput,
        before: Option<(&Definitions, &ExternalAuthIdentityProvider)>,
    ) -> Result<Wanted, Problem> {
        Ok(input.wanted(before.map(|(_, before)| before)))
    }

    fn defined(name: ApiName) -> Defined {
        Defined::Provider(name)
    }

    async fn answer(api: &Api, (_, mount): (&ApiCaller, Mount), name: &ApiName, status: StatusCode) -> Result<Response, Problem> {
        let definitions = api.definitions().await?;
        let provider = resource::found::<Self>(&definitions, name)?;
        Ok(Etag::of(provider).on(json(status, &output(api, mount, provider).await?)))
    }
}
