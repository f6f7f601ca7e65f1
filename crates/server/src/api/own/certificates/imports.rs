//! Keys that were made elsewhere, with their chains. They come in and never go out.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use sortie_model::{Secret, SecretBytes, Violation};

use super::handover::{read_handover, with_handover};
use super::{answer, name_schema, parse, read_new};
use crate::api::caller::ApiCaller;
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Fields, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem};
use crate::manage::certificate::{self, CertificateView, Handover, ImportTarget, NewCertificate};

/// A key and its chain.
enum Given {
    Pem { key: SecretBytes, chain: String },
    Pkcs12 { file: SecretBytes, password: Secret },
}

pub(in super::super) const CREATE: Operation =
    Operation::new("importCertificate", Tag::Certificates, "Import a key and its chain that were made elsewhere")
        .describe("Either `private_key` (PKCS#8, PKCS#1 or SEC 1) and `chain`, both in PEM, or `pkcs12` in base64 with its `password`.")
        .body(&NEW)
        .gives::<CertificateView>(201);

pub(in super::super) async fn create(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let (new, given) = body.read(NEWEST, read_first)?;
    let name = new.name.clone();
    import(&api, &caller, ImportTarget::New(new), given).await?;
    answer(&api, &caller, &name, StatusCode::CREATED).await
}

pub(in super::super) const RENEW: Operation =
    Operation::new("importCertificateVersion", Tag::Certificates, "Import the next version of a certificate")
        .body(&NEXT)
        .gives::<CertificateView>(201)
        .refuses(&[409]);

pub(in super::super) async fn renew(
    State(api): State<Arc<Api>>,
    caller: ApiCaller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name = parse(&name)?;
    let (handover, given) = body.read(NEWEST, read_next)?;
    import(&api, &caller, ImportTarget::Version(name.clone(), handover), given).await?;
    answer(&api, &caller, &name, StatusCode::CREATED).await
}

async fn import(api: &Api, caller: &ApiCaller, target: ImportTarget, given: Given) -> Result<(), Problem> {
    let actor = caller.actor();
    let manage = api.manage(&actor);
    match given {
        Given::Pem { key, chain } => certificate::import(&manage, target, &key, chain.as_bytes()).await?,
        Given::Pkcs12 { file, password } => certificate::import_pkcs12(&manage, target, &file, &password).await?,
    };
    api.settle().await;
    Ok(())
}

/// With the members that hold a key and its chain.
fn with_key(schema: Schema) -> Schema {
    schema
        .optional("private_key", Schema::words().saying("In PEM. With `chain`."))
        .optional("chain", Schema::words().saying("In PEM, leaf first."))
        .optional("pkcs12", Schema::words().matching("^[A-Za-z0-9+/]+={0,2}$").saying("In base64. With `password`."))
        .optional("password", Schema::text())
        .one_of_groups(&[&["private_key", "chain"], &["pkcs12", "password"]])
}

const NEW: Form = Form {
    name: "CertificateToImport",
    schema: || with_key(name_schema()),
    example: r#"{"name": "Signer", "label": "Signer", "description": "Signs JWTs", "kid": "signer-1",
        "private_key": "-----BEGIN PRIVATE KEY-----\n…", "chain": "-----BEGIN CERTIFICATE-----\n…", "pkcs12": null, "password": null}"#,
    read: |reader, at| read_first(reader, at).is_some(),
};

fn read_first(reader: &mut Reader, at: &At<'_>) -> Option<(NewCertificate, Given)> {
    let mut fields = reader.fields(at)?;
    let new = read_new(reader, &mut fields);
    let given = read_given(reader, &mut fields);
    fields.finish(reader);
    Some((new?, given?))
}

const NEXT: Form = Form {
    name: "CertificateVersionToImport",
    schema: || with_key(with_handover(Schema::object())),
    example: r#"{"private_key": null, "chain": null, "pkcs12": "MIIK", "password": "of the file", "delay_seconds": 600, "overlap_seconds": 86400}"#,
    read: |reader, at| read_next(reader, at).is_some(),
};

fn read_next(reader: &mut Reader, at: &At<'_>) -> Option<(Handover, Given)> {
    let mut fields = reader.fields(at)?;
    let handover = read_handover(reader, &mut fields);
    let given = read_given(reader, &mut fields);
    fields.finish(reader);
    Some((handover, given?))
}

fn read_given(reader: &mut Reader, fields: &mut Fields<'_>) -> Option<Given> {
    let key = fields.take("private_key");
    let chain = fields.take("chain").and_then(|at| reader.text(&at).map(str::to_owned));
    let file = fields.take("pkcs12");
    let password = fields.take("password").and_then(|at| reader.text(&at).map(Secret::new));
    let strays = [("chain", file.is_some() && chain.is_some()), ("password", key.is_some() && password.is_some())];
    for (name, _) in strays.iter().filter(|(_, is_stray)| *is_stray) {
        reader.refuse(&fields.pointer(name), "not_together", "belongs to the other form of a key");
    }
    match (key, file) {
        (Some(_), None) if chain.is_none() => reader.refuse(&fields.pointer("chain"), "required", "is required with `private_key`"),
        (None, Some(_)) if password.is_none() => reader.refuse(&fields.pointer("password"), "required", "is required with `pkcs12`"),
        (Some(at), None) => {
            let key = SecretBytes::new(reader.text(&at)?.as_bytes());
            return Some(Given::Pem { key, chain: chain? });
        }
        (None, Some(at)) => {
            let decoded =
                |text: &str| STANDARD.decode(text).map(SecretBytes::new).map_err(|_| Violation::new("pkcs12", "base64", "must be base64"));
            return Some(Given::Pkcs12 { file: reader.parsed(&at, decoded)?, password: password? });
        }
        (Some(_), Some(_)) | (None, None) => {
            reader.refuse(&fields.pointer("private_key"), "exactly_one", "must be given, or `pkcs12`, and not both");
        }
    }
    None
}
