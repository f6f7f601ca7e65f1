//! Client id and secret of a provider: `named-credentials/external-auth-identity-provider-credentials/{name}`. A list of pairs, not a map as elsewhere.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::{IdentityProvider, Secret};
use sortie_protocol::{Need, Secrecy, provider_values, salesforce_value_name};
use utoipa::ToSchema;

use super::IdentityProviders;
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Fault, FaultKind, Reader};
use crate::api::mount::Mount;
use crate::api::resource::{found, parse};
use crate::api::{Api, Problem, json};
use crate::manage::NotStored;
use crate::manage::provider::{Filling, open, put_values};

/// One value as it is shown: what is secret has none.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentityProviderCredential)]
pub(super) struct Pair {
    credential_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credential_value: Option<String>,
    encrypted: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = IdentityProviderCredentials)]
struct Pairs {
    credentials: Vec<Pair>,
}

pub(in crate::api::connect) const SHOW: Operation =
    Operation::new("showIdentityProviderCredentials", Tag::IdentityProviders, "Show what is stored for the client of a provider")
        .describe("The value of a secret is never shown.")
        .gives::<Pairs>(200);

pub(in crate::api::connect) async fn show(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Response, Problem> {
    answer(&api, &name, StatusCode::OK).await
}

pub(in crate::api::connect) const CREATE: Operation =
    Operation::new("createIdentityProviderCredentials", Tag::IdentityProviders, "Store client id and secret of a provider")
        .body(&CREDENTIALS)
        .gives::<Pairs>(201);

pub(in crate::api::connect) async fn create(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    put(&api, &caller, (&name, mount), &body, Filling::First).await
}

pub(in crate::api::connect) const REPLACE: Operation =
    Operation::new("replaceIdentityProviderCredentials", Tag::IdentityProviders, "Replace client id and secret of a provider")
        .body(&CREDENTIALS)
        .gives::<Pairs>(200);

pub(in crate::api::connect) async fn replace(
    State(api): State<Arc<Api>>,
    Extension(mount): Extension<Mount>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    put(&api, &caller, (&name, mount), &body, Filling::Replacing).await
}

async fn put(api: &Api, caller: &ApiCaller, (name, mount): (&str, Mount), body: &Body, filling: Filling) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let provider: IdentityProvider = found::<IdentityProviders>(&definitions, &parse::<IdentityProviders>(name)?)?.clone().into();
    let given = body.read(mount.version, read)?;
    let fields = provider_values(provider.server().client_values());
    let mut faults = Vec::new();
    let mut refuse = |pointer: String, rule, message: String| faults.push(Fault { pointer, kind: FaultKind::Value, rule, message });
    let mut values: Vec<(&str, &Secret)> = Vec::new();
    for (pointer, theirs, value) in &given {
        match fields.iter().find(|field| salesforce_value_name(field.name) == theirs.as_str()) {
            Some(field) if values.iter().any(|(name, _)| *name == field.name) => {
                refuse(format!("{pointer}/credentialName"), "duplicate_name", "stands there twice".to_owned());
            }
            Some(_) if value.is_empty() => refuse(format!("{pointer}/credentialValue"), "value_empty", "must not be empty".to_owned()),
            Some(field) => values.push((field.name, value)),
            None => {
                let known: Vec<_> = fields.iter().map(|field| salesforce_value_name(field.name)).collect();
                refuse(format!("{pointer}/credentialName"), "value_unknown", format!("must be one of {}", known.join(", ")));
            }
        }
    }
    // Id and secret belong together.
    for field in fields.iter().filter(|field| field.need == Need::Required && !values.iter().any(|(name, _)| *name == field.name)) {
        refuse("/credentials".to_owned(), "required", format!("must hold `{}`", salesforce_value_name(field.name)));
    }
    if !faults.is_empty() {
        return Err(Problem::of_faults(faults));
    }
    let actor = caller.actor();
    let done = put_values(&api.manage(&actor).by(caller.asking()), provider.name(), &values, filling).await?;
    if done.action.is_made() {
        api.settle().await;
    }
    answer(api, name, if filling == Filling::First { StatusCode::CREATED } else { StatusCode::OK }).await
}

const CREDENTIALS: Form = Form {
    name: "IdentityProviderCredentialsInput",
    schema: || {
        let pair = Schema::object()
            .required("credentialName", Schema::text().saying("`clientId` or `clientSecret`."))
            .required("credentialValue", Schema::text())
            .optional("encrypted", Schema::truth().saying("Taken, and of no use here: all values are sealed."));
        Schema::object().required("credentials", Schema::list(pair))
    },
    example: r#"{"credentials": [{"credentialName": "clientId", "credentialValue": "sortie", "encrypted": false},
        {"credentialName": "clientSecret", "credentialValue": "…", "encrypted": true}]}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Vec<(String, String, Secret)>> {
    let mut fields = reader.fields(at)?;
    let list = fields.require(reader, "credentials");
    fields.finish(reader);
    let mut given = Vec::new();
    for item in reader.list(&list?) {
        let Some(mut own) = reader.fields(&item) else { continue };
        let name = own.require(reader, "credentialName").and_then(|at| reader.text(&at).map(str::to_owned));
        let value = own.require(reader, "credentialValue").and_then(|at| reader.text(&at).map(Secret::new));
        if let Some(at) = own.take("encrypted") {
            reader.truth(&at);
        }
        own.finish(reader);
        if let (Some(name), Some(value)) = (name, value) {
            given.push((item.pointer.clone(), name, value));
        }
    }
    Some(given)
}

async fn answer(api: &Api, name: &str, code: StatusCode) -> Result<Response, Problem> {
    let definitions = api.definitions().await?;
    let provider = found::<IdentityProviders>(&definitions, &parse::<IdentityProviders>(name)?)?.clone();
    Ok(json(code, &Pairs { credentials: pairs(api, &provider.into()).await? }))
}

/// What is stored for a provider; of what is secret only that it is there.
pub(super) async fn pairs(api: &Api, provider: &IdentityProvider) -> Result<Vec<Pair>, Problem> {
    let house = api.node.house();
    let rows = house.store().provider_values().load(provider.id()).await.map_err(NotStored::from)?;
    let fields = provider_values(provider.server().client_values());
    let pair = |row: &sortie_store::StoredValue| {
        let is_public = fields.iter().any(|field| field.name == row.head.name && field.secrecy == Secrecy::Public);
        let opened = if is_public { open(house.vault(), provider, row).ok() } else { None };
        Pair {
            credential_name: salesforce_value_name(&row.head.name).into_owned(),
            credential_value: opened.and_then(|plain| String::from_utf8(plain.expose().to_vec()).ok()),
            encrypted: !is_public,
        }
    };
    Ok(rows.iter().map(pair).collect())
}
