//! Providers of both kinds: what they say, which values are stored for them. They are defined by `definitions/apply`, and those of the one kind by Salesforce's resource too.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, IdentityProviderKind, Secret};
use utoipa::ToSchema;

use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json, name_in_path};
use crate::connect::callback_url;
use crate::manage::definition::Defined;
use crate::manage::provider::{self, Filling, ProviderSummary, ProviderView};

#[derive(Serialize, ToSchema)]
#[schema(as = ProviderList)]
struct Listed {
    providers: Vec<ProviderSummary>,
}

pub(super) const LIST: Operation = Operation::new("listProviders", Tag::Providers, "List providers of both kinds").gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { providers: provider::list(&api.manage(&actor)).await? }))
}

pub(super) const SHOW: Operation = Operation::new("showProvider", Tag::Providers, "Show a provider").gives::<ProviderView>(200);

pub(super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    answer(&api, &caller, &parse(&name)?).await
}

async fn answer(api: &Api, caller: &ApiCaller, name: &ApiName) -> Result<Response, Problem> {
    let actor = caller.actor();
    let mut view = provider::show(&api.manage(&actor), name).await?;
    let kind = if view.auth_provider.is_some() { IdentityProviderKind::Auth } else { IdentityProviderKind::ExternalAuth };
    // By the name as it is stored: the other side compares it letter by letter.
    let stored = ApiName::parse(&view.name).ok();
    view.callback_url = stored.map(|name| callback_url(&api.public_url.origin(), kind, &name));
    Ok(json(StatusCode::OK, &view))
}

pub(super) const REMOVE: Operation = Operation::new("deleteProvider", Tag::Providers, "Delete a provider").gives_nothing();

pub(super) async fn remove(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    api.remove(&caller, Defined::Provider(parse(&name)?), &|_| true).await
}

pub(super) const PUT_VALUES: Operation = Operation::new("storeProviderValues", Tag::Providers, "Store all values of a provider")
    .describe("In place of those that are stored.")
    .body(&VALUES)
    .gives::<ProviderView>(200);

/// All values of the provider, in place of those that are stored.
pub(super) async fn put_values(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let values = body.read(NEWEST, read)?;
    let values: Vec<(&str, &Secret)> = values.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let actor = caller.actor();
    provider::put_values(&api.manage(&actor).by(caller.asking()), &name, &values, Filling::Replacing).await?;
    api.settle().await;
    answer(&api, &caller, &name).await
}

const VALUES: Form = Form {
    name: "ProviderValuesToStore",
    schema: || Schema::map(Schema::text()),
    example: r#"{"client_id": "sortie", "client_secret": "…"}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Vec<(String, Secret)>> {
    let mut fields = reader.fields(at)?;
    let given = fields.take_all();
    Some(given.into_iter().filter_map(|(name, at)| Some((name.to_owned(), Secret::new(reader.text(&at)?)))).collect())
}

pub(super) fn parse(name: &str) -> Result<ApiName, Problem> {
    name_in_path("provider", name)
}
