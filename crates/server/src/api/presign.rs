//! A URL that anybody can use for a while: `POST /api/v1/presign`, under the same permissions as a callout of the key's user and recorded in the audit before.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Serialize;
use sortie_callout::{Presigned, Presigning};
use sortie_model::Violation;
use utoipa::ToSchema;

use super::caller::ApiCaller;
use super::document::{Form, Operation, Schema, Tag};
use super::json::{At, Body, Reader};
use super::mount::NEWEST;
use super::{Api, Problem, json};

/// Seven days, as far as AWS goes (AWS Signature Version 4, "Query parameters": `X-Amz-Expires`).
const MOST_SECONDS: u32 = 7 * 86_400;
/// A quarter of an hour.
const USUAL_SECONDS: u32 = 900;

/// What is to be presigned.
struct Wish {
    target: String,
    method: Method,
    lifetime: Duration,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PresignedUrl)]
struct Answer<'a> {
    url: &'a str,
    /// RFC 3339.
    expires_at: String,
}

pub(super) const PRESIGN: Operation = Operation::new("presign", Tag::Callouts, "Make a URL that anybody can use for a while")
    .describe("Of a callout that the caller may make themselves, with a credential that signs (AWS Signature Version 4). It is recorded in the audit before.")
    .body(&WISH)
    .gives::<Answer<'static>>(200)
    .refuses(&[403, 404, 424, 502, 504]);

pub(super) async fn presign(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let Wish { target, method, lifetime } = body.read(NEWEST, read)?;
    let actor = caller.actor();
    let presigning = Presigning { target: &target, method: &method, lifetime };
    let Presigned { url, expires_at } = api.node.presign(caller.user, &actor, presigning).await?;
    Ok(json(StatusCode::OK, &Answer { url: url.expose(), expires_at: expires_at.to_string() }))
}

const WISH: Form = Form {
    name: "CalloutToPresign",
    schema: || {
        Schema::object()
            .required("target", Schema::text().saying("`callout:Name/path?query`."))
            .optional("method", Schema::words().matching("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$").usually("GET").saying("How it will be sent."))
            .optional("expires_seconds", Schema::count(MOST_SECONDS.into()).usually(USUAL_SECONDS).saying("For how long it is good."))
    },
    example: r#"{"target": "callout:Files/report.pdf", "method": "GET", "expires_seconds": 900}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Wish> {
    let mut fields = reader.fields(at)?;
    let target = fields.require(reader, "target").and_then(|at| reader.text(&at).map(str::to_owned));
    let is_method = |text: &str| Method::from_bytes(text.as_bytes()).map_err(|_| Violation::new("method", "method_format", "is no method"));
    let method = fields.take("method").map_or(Some(Method::GET), |at| reader.parsed(&at, is_method));
    let seconds = fields.take("expires_seconds").map_or(Some(USUAL_SECONDS), |at| reader.count(&at, MOST_SECONDS));
    fields.finish(reader);
    Some(Wish { target: target?, method: method?, lifetime: Duration::from_secs(seconds?.into()) })
}
