//! Certificates that an authority signs: a request goes out, and a chain comes back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_model::KeyAlgorithm;
use utoipa::ToSchema;

use super::handover::{read_handover, with_handover};
use super::{answer, new_schema, parse, read_algorithm, read_new, read_subject};
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::certificate::{self, CertificateView, Exported, Handover, NewCertificate, Subject};

#[derive(Serialize, ToSchema)]
#[schema(as = CertificateRequest)]
struct Requested {
    /// A certificate signing request (RFC 2986) in PEM, for the authority.
    request: String,
    certificate: CertificateView,
}

struct Wanted {
    new: NewCertificate,
    algorithm: KeyAlgorithm,
    subject: Subject,
}

pub(in super::super) const CREATE: Operation =
    Operation::new("requestCertificate", Tag::Certificates, "Make a key, and a request for a certificate that an authority signs")
        .describe(
            "The private key is made here and never goes out. `PUT /certificates/{name}/chain` installs what the authority has signed.",
        )
        .body(&NEW)
        .gives::<Requested>(201);

pub(in super::super) async fn create(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let Wanted { new, algorithm, subject } = body.read(NEWEST, read)?;
    let (actor, name) = (caller.actor(), new.name.clone());
    let manage = api.manage(&actor);
    let request = certificate::request(&manage, new, algorithm, &subject).await?.request;
    api.settle().await;
    Ok(json(StatusCode::CREATED, &Requested { request, certificate: certificate::show(&manage, &name).await? }))
}

const NEW: Form = Form {
    name: "CertificateToRequest",
    schema: new_schema,
    example: r#"{"name": "Issued", "label": "Issued", "description": "Signs JWTs", "kid": "issued-1", "key_algorithm": "p256",
        "subject": {"common_name": "api.example.com", "organization": "Example", "organizational_unit": "Ops", "locality": "Berlin", "state": "Berlin", "country": "DE"}}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Wanted> {
    let mut fields = reader.fields(at)?;
    let new = read_new(reader, &mut fields);
    let algorithm = read_algorithm(reader, &mut fields);
    let subject = read_subject(reader, &mut fields, new.as_ref());
    fields.finish(reader);
    Some(Wanted { new: new?, algorithm: algorithm?, subject: subject? })
}

#[derive(Serialize, ToSchema)]
#[schema(as = PendingCertificateRequest)]
struct Pending {
    /// In PEM.
    request: String,
}

pub(in super::super) const SHOW: Operation =
    Operation::new("showCertificateRequest", Tag::Certificates, "Show the request that waits to be signed")
        .gives::<Pending>(200)
        .refuses(&[409]);

pub(in super::super) async fn show(State(api): State<Arc<Api>>, caller: ApiCaller, Path(name): Path<String>) -> Result<Response, Problem> {
    let actor = caller.actor();
    let request = certificate::export(&api.manage(&actor), &parse(&name)?, Exported::Request).await?;
    Ok(json(StatusCode::OK, &Pending { request }))
}

pub(in super::super) const INSTALL: Operation =
    Operation::new("installCertificate", Tag::Certificates, "Install the chain that the authority has signed")
        .body(&SIGNED)
        .gives::<CertificateView>(200)
        .refuses(&[409]);

pub(in super::super) async fn install(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let (chain, handover) = body.read(NEWEST, read_signed)?;
    let actor = caller.actor();
    certificate::install(&api.manage(&actor), &name, chain.as_bytes(), handover).await?;
    api.settle().await;
    answer(&api, &caller, &name, StatusCode::OK).await
}

const SIGNED: Form = Form {
    name: "SignedChain",
    schema: || with_handover(Schema::object().required("chain", Schema::words().saying("In PEM, leaf first."))),
    example: r#"{"chain": "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n", "delay_seconds": 600, "overlap_seconds": 86400}"#,
    read: |reader, at| read_signed(reader, at).is_some(),
};

fn read_signed(reader: &mut Reader, at: &At<'_>) -> Option<(String, Handover)> {
    let mut fields = reader.fields(at)?;
    let chain = fields.require(reader, "chain").and_then(|at| reader.text(&at)).map(str::to_owned);
    let handover = read_handover(reader, &mut fields);
    fields.finish(reader);
    Some((chain?, handover))
}
