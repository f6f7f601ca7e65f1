//! Named credentials: `named-credentials/named-credential-setup`.

mod input;
mod output;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, NamedCredential};
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

pub(super) const CREATE: Operation = Operation::new("createNamedCredential", Tag::NamedCredentials, "Create a named credential")
    .body(&input::NEW)
    .gives::<NamedCredentialOutput>(201)
    .etagged();

pub(super) const REPLACE: Operation = Operation::new("replaceNamedCredential", Tag::NamedCredentials, "Replace a named credential")
    .body(&input::REPLACED)
    .gives::<NamedCredentialOutput>(200)
    .etagged();

pub(super) const REMOVE: Operation =
    Operation::new("deleteNamedCredential", Tag::NamedCredentials, "Delete a named credential").gives_nothing().etagged();

/// Named credentials as a resource.
pub(super) struct NamedCredentials;

impl Resource for NamedCredentials {
    const WHAT: &'static str = "named credential";
    type Stored = NamedCredential;
    type Input = NamedCredentialInput;

    fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Option<&'d NamedCredential> {
        definitions.named_credentials.iter().find(|known| known.name == *name)
    }

    fn name(stored: &NamedCredential) -> &ApiName {
        &stored.name
    }

    fn etag(_: &Definitions, stored: &NamedCredential) -> Etag {
        Etag::of(stored)
    }

    fn read(reader: &mut Reader, at: &At<'_>, known: Option<&ApiName>) -> Option<NamedCredentialInput> {
        NamedCredentialInput::read(reader, at, known)
    }

    fn name_wanted(input: &NamedCredentialInput) -> &ApiName {
        &input.name
    }

    async fn wanted(_: &Api, input: NamedCredentialInput, before: Option<(&Definitions, &NamedCredential)>) -> Result<Wanted, Problem> {
        Ok(input.wanted(before.map(|(_, before)| before)))
    }

    fn defined(name: ApiName) -> Defined {
        Defined::NamedCredential(name)
    }

    async fn answer(api: &Api, (_, mount): (&ApiCaller, Mount), name: &ApiName, status: StatusCode) -> Result<Response, Problem> {
        let definitions = api.definitions().await?;
        let named = resource::found::<Self>(&definitions, name)?;
        Ok(Etag::of(named).on(json(status, &output(&definitions, mount, named))))
    }
}
