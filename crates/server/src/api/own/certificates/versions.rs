//! Versions of a certificate: the next one is made here, an old one retires.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::handover::{read_handover, with_handover};
use super::parse;
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Needed, Operation, Query as Parameter, Schema, Tag};
use crate::api::json::{At, Body, Reader};
use crate::api::mount::NEWEST;
use crate::api::own::pages::wrong;
use crate::api::{Api, Problem, json};
use crate::manage::UnknownName;
use crate::manage::certificate::{self, CertificateView, Exported, Handover, Retirement};

type Pairs = Vec<(String, String)>;

#[derive(Serialize, ToSchema)]
#[schema(as = RenewedCertificate)]
struct Renewed {
    /// For the authority, in PEM, if one signs the certificate: the handover begins when its chain is installed.
    request: Option<String>,
    certificate: CertificateView,
}

pub(in super::super) const RENEW: Operation =
    Operation::new("renewCertificate", Tag::Certificates, "Make the next version, with a key of its own")
        .body(&WISH)
        .gives::<Renewed>(201)
        .refuses(&[409]);

pub(in super::super) async fn renew(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let handover = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let request = certificate::renew(&manage, &name, handover).await?.request;
    api.settle().await;
    Ok(json(StatusCode::CREATED, &Renewed { request, certificate: certificate::show(&manage, &name).await? }))
}

const WISH: Form = Form {
    name: "CertificateToRenew",
    schema: || with_handover(Schema::object()),
    example: r#"{"delay_seconds": 600, "overlap_seconds": 86400}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Handover> {
    let mut fields = reader.fields(at)?;
    let handover = read_handover(reader, &mut fields);
    fields.finish(reader);
    Some(handover)
}

#[derive(Serialize, ToSchema)]
#[schema(as = CertificateChain)]
struct Chain {
    /// In PEM, leaf first.
    chain: String,
}

pub(in super::super) const CHAIN: Operation = Operation::new("showCertificateChain", Tag::Certificates, "Show the chain of a certificate")
    .query(&[Parameter {
        name: "version",
        needed: Needed::IfWanted,
        schema: || Schema::count(u32::MAX.into()),
        description: "Only of this one; of the newest that has a chain, if left out.",
    }])
    .gives::<Chain>(200)
    .refuses(&[409]);

pub(in super::super) async fn chain(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    Query(query): Query<Pairs>,
) -> Result<Response, Problem> {
    let what = number(&query, "version")?.map_or(Exported::Chain, Exported::ChainOf);
    let actor = caller.actor();
    let chain = certificate::export(&api.manage(&actor), &parse(&name)?, what).await?;
    Ok(json(StatusCode::OK, &Chain { chain }))
}

pub(in super::super) const RETIRE: Operation =
    Operation::new("retireCertificateVersion", Tag::Certificates, "Retire an old version, or give up one that waits for its chain")
        .query(&[Parameter {
            name: "after_seconds",
            needed: Needed::IfWanted,
            schema: || Schema::count(u32::MAX.into()),
            description: "When; now, if left out.",
        }])
        .gives_nothing()
        .refuses(&[409]);

pub(in super::super) async fn retire(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<Pairs>,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let unknown = || UnknownName::new("version", version.chars().take(80).collect::<String>());
    let version: u32 = version.parse().map_err(|_| unknown())?;
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let after = number(&query, "after_seconds")?.map(|seconds| Duration::from_secs(seconds.into()));
    let when = after.map_or(Retirement::Now, |after| Retirement::At(manage.now.after(after)));
    certificate::retire(&manage, &name, version, when).await?;
    api.settle().await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn number(query: &Pairs, name: &'static str) -> Result<Option<u32>, Problem> {
    let given = query.iter().find(|(known, _)| known == name).map(|(_, text)| text.parse().ok().filter(|number| *number > 0));
    given.map(|number| number.ok_or_else(|| wrong(name, "must be a whole number from 1 on"))).transpose()
}
