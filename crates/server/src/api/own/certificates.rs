//! Certificates. Private keys are made here and never go out; those that come from elsewhere come in at the command line.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use sortie_model::{ApiName, KeyAlgorithm, KeyIdentifier, Label};
use utoipa::ToSchema;

use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json, name_in_path};
use crate::manage::certificate::{self, CertificateSummary, CertificateView, NewCertificate, Subject};

#[derive(Serialize, ToSchema)]
#[schema(as = CertificateList)]
struct Listed {
    certificates: Vec<CertificateSummary>,
}

pub(super) const LIST: Operation = Operation::new("listCertificates", Tag::Certificates, "List certificates").gives::<Listed>(200);

pub(super) async fn list(State(api): State<Arc<Api>>, caller: ApiCaller) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(StatusCode::OK, &Listed { certificates: certificate::list(&api.manage(&actor)).await? }))
}

pub(super) const SHOW: Operation = Operation::new("showCertificate", Tag::Certificates, "Show a certificate").gives::<CertificateView>(200);

pub(super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    answer(&api, &caller, &parse(&name)?, StatusCode::OK).await
}

async fn answer(api: &Api, caller: &ApiCaller, name: &ApiName, status: StatusCode) -> Result<Response, Problem> {
    let actor = caller.actor();
    Ok(json(status, &certificate::show(&api.manage(&actor), name).await?))
}

/// What a body says of one that signs itself.
struct Wanted {
    new: NewCertificate,
    algorithm: KeyAlgorithm,
    lifetime: Option<Duration>,
}

pub(super) const CREATE: Operation = Operation::new("createCertificate", Tag::Certificates, "Make a certificate that signs itself")
    .describe("Its private key is made here and never goes out. Keys from elsewhere come in at the command line.")
    .body(&NEW)
    .gives::<CertificateView>(201);

pub(super) async fn create(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let Wanted { new, algorithm, lifetime } = body.read(NEWEST, read)?;
    let (actor, name) = (caller.actor(), new.name.clone());
    let common_name = new.label.as_ref().map_or_else(|| name.to_string(), ToString::to_string);
    let subject = Subject { common_name, ..Subject::default() };
    certificate::create(&api.manage(&actor), new, algorithm, &subject, lifetime).await?;
    api.settle().await;
    answer(&api, &caller, &name, StatusCode::CREATED).await
}

/// Ten years, as for any self-signed one.
const MOST_DAYS: u32 = 3_650;

const NEW: Form = Form {
    name: "CertificateToCreate",
    schema: || {
        Schema::object()
            .required("name", Schema::name())
            .optional("label", Schema::label())
            .optional("description", Schema::text())
            .optional(
                "kid",
                Schema::words().at_most(128).matching(r#"^[!#-\[\]-~]+$"#).saying("What receivers tell its key by; its name, if left out."),
            )
            .optional("key_algorithm", Schema::word(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str)).usually(KeyAlgorithm::Rsa2048.as_str()))
            .optional("lifetime_days", Schema::count(MOST_DAYS.into()))
    },
    example: r#"{"name": "Signer", "label": "Signer", "description": "Signs JWTs", "kid": "signer-1", "key_algorithm": "p256", "lifetime_days": 365}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Wanted> {
    let mut fields = reader.fields(at)?;
    let name = fields.require(reader, "name").and_then(|at| reader.parsed(&at, ApiName::parse));
    let label = fields.take("label").map(|at| reader.parsed(&at, Label::parse));
    let description = fields.take("description").and_then(|at| reader.text(&at)).unwrap_or_default().to_owned();
    let kid = fields.take("kid").map(|at| reader.parsed(&at, KeyIdentifier::parse));
    let algorithm = match fields.take("key_algorithm") {
        Some(at) => reader.parsed(&at, KeyAlgorithm::parse),
        None => Some(KeyAlgorithm::Rsa2048),
    };
    let days = fields.take("lifetime_days").map(|at| reader.count(&at, MOST_DAYS));
    fields.finish(reader);
    let lifetime = days.flatten().map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let new = NewCertificate { name: name?, label: label.flatten(), description, kid: kid.flatten() };
    Some(Wanted { new, algorithm: algorithm?, lifetime })
}

pub(super) const REMOVE: Operation = Operation::new("deleteCertificate", Tag::Certificates, "Delete a certificate").gives_nothing();

pub(super) async fn remove(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let actor = caller.actor();
    certificate::remove(&api.manage(&actor), &parse(&name)?).await?;
    api.settle().await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn parse(name: &str) -> Result<ApiName, Problem> {
    name_in_path("certificate", name)
}
