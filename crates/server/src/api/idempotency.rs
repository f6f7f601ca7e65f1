//! `Idempotency-Key` on POST: whoever did not hear an answer asks again, and it is not done twice.
//!
//! The key is the caller's own. Of all requests under it, on whatever nodes, the first is done; the others get its answer for a day. The answer is kept sealed: it may
//! hold what is shown only once. What was refused or failed can be asked again under the same key. What is begun is done to its end, whether or not somebody
//! still waits for it (`routes.rs`): whoever gave up, or was told to, hears of it when they ask again.

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use sortie_model::SecretBytes;
use sortie_store::{KeyedRequest, StoredRequest};
use sortie_vault::SealContext;
use uuid::Uuid;

use super::caller::ApiCaller;
use super::mount::Mount;
use super::{Api, MAX_BODY_BYTES, Problem};
use crate::house::new_id;
use crate::manage::NotStored;

/// A day, as most that have such keys keep them.
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(86_400);

/// 255 visible characters: more than any UUID or hash.
const MOST: usize = 255;

/// Headers of an answer that are given again.
const KEPT: [header::HeaderName; 2] = [header::CONTENT_TYPE, header::ETAG];

/// An answer as it is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Does a request once, if it has a key.
pub(super) async fn once(api: &Api, caller: &ApiCaller, mount: Mount, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    match key(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => under_key(api, caller, (mount, &key), request, next).await.unwrap_or_else(Problem::into_response),
        Err(problem) => problem.into_response(),
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (first, second) = (values.next(), values.next());
    let Some(first) = first else { return Ok(None) };
    let text = first
        .to_str()
        .ok()
        .filter(|text| (1..=MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) && second.is_none());
    let wrong = || {
        let detail = "`Idempotency-Key` must be given once, with 1 to 255 visible ASCII characters";
        Problem::new(StatusCode::BAD_REQUEST, "header_invalid", detail, "choose a new UUID for each request")
    };
    text.map(|text| Some(text.to_owned())).ok_or_else(wrong)
}

async fn under_key(api: &Api, caller: &ApiCaller, (mount, key): (Mount, &str), request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body cannot be read, or is too large", "send less")
    })?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let for_whom = caller.user.user.id.as_uuid();
    let request_hash = hash(&[mount.base().as_bytes(), for_whom.as_bytes(), path.as_bytes(), &body]);
    let keyed = KeyedRequest { id: new_id(), user: caller.asking(), key_hash: hash(&[key.as_bytes()]), request_hash };
    let store = api.node.house().store();
    let is_first = store.idempotency_keys().take(&keyed, LIFETIME).await.map_err(|error| {
        tracing::error!(code = error.code(), "a key of a request cannot be stored: {error}");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "the database cannot be reached", "try again")
    })?;
    if is_first {
        return keep(api, &keyed, next.run(Request::from_parts(parts, Body::from(body))).await).await;
    }
    let known = store.idempotency_keys().load(keyed.user, keyed.key_hash).await.map_err(NotStored::from)?;
    again(api, &keyed, known)
}

/// What is said to whoever comes again.
fn again(api: &Api, keyed: &KeyedRequest, known: Option<StoredRequest>) -> Result<Response, Problem> {
    let under_way = || {
        let detail = "a request under this key is under way, or its answer was lost";
        Problem::new(
            StatusCode::CONFLICT,
            "idempotency_under_way",
            detail,
            "ask again in a while; look at what is there before choosing another key",
        )
    };
    let known = known.ok_or_else(under_way)?;
    if known.request_hash != keyed.request_hash {
        let detail = "this key was used for another request";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail, "choose a new key for each request"));
    }
    let sealed = known.sealed.ok_or_else(under_way)?;
    let opened = api.node.house().vault().open(&context(known.id, keyed), &sealed).map_err(|error| {
        tracing::error!(code = error.code(), "a kept answer does not open: {error}");
        Problem::internal()
    })?;
    let kept: Kept = serde_json::from_slice(opened.expose()).map_err(|_| Problem::internal())?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| Problem::internal())?;
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}

/// Keeps the answer of what was done; what was refused or failed may be asked again, corrected, under the same key.
async fn keep(api: &Api, keyed: &KeyedRequest, response: Response) -> Result<Response, Problem> {
    let keys = api.node.house().store().idempotency_keys();
    if !response.status().is_success() {
        if let Err(error) = keys.give_back(keyed.id).await {
            tracing::warn!(code = error.code(), "a key of a request cannot be given back: {error}");
        }
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.map_err(|_| Problem::internal())?;
    let kept_header = |name: &header::HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
    let headers = KEPT.iter().filter_map(kept_header).collect();
    let kept = Kept { status: parts.status.as_u16(), headers, body: String::from_utf8_lossy(&body).into_owned() };
    let plain = SecretBytes::new(serde_json::to_vec(&kept).map_err(|_| Problem::internal())?);
    let sealed = api.node.house().vault().seal(&context(keyed.id, keyed), &plain);
    match sealed {
        // It is done: who hears of it must not be told otherwise because it cannot be told twice.
        Err(error) => tracing::warn!(code = error.code(), "an answer cannot be kept: {error}"),
        Ok(sealed) => {
            if let Err(error) = keys.answer(keyed.id, &sealed).await {
                tracing::warn!(code = error.code(), "an answer cannot be kept: {error}");
            }
        }
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn context(row: Uuid, keyed: &KeyedRequest) -> SealContext<'static> {
    let (table, field) = ("idempotency_keys", "answer");
    SealContext { table, row, field, owner: Some(keyed.user), version: 1, destination: keyed.request_hash }
}

/// SHA-256 over parts, each with its length in front.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}
