//! Requests to the management API: one time limit around each, and one more attempt where it is safe.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper_util::client::legacy;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::client::Inner;
use crate::etag::{Etag, Versioned};
use crate::origin::Origin;
use crate::refusal::Refusal;
use crate::{Client, ClientError, SettingError, body};

/// 64 MiB: a list of everything that an installation may define.
const MOST_BYTES: usize = 64 * 1024 * 1024;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("sortie-on-behalf-of");

/// Below what a resource is.
#[derive(Clone, Copy)]
pub(crate) enum Mount {
    /// `/api/v1`.
    Own,
    /// The newest version that this client knows. Must be one that `server::api::mount` has.
    Salesforce,
}

impl Mount {
    const fn base(self) -> &'static str {
        match self {
            Self::Own => "/api/v1",
            Self::Salesforce => "/services/data/v67.0",
        }
    }
}

/// One request to the API.
pub(crate) struct Ask {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Result<Option<Bytes>, ClientError>,
    if_match: Option<HeaderValue>,
}

/// `users/{name}` of parts, each encoded.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Ask {
    /// `fixed` and `name` alternate: `["/users/", name, "/keys"]`. Those in even places are written here, the others come from outside and are encoded.
    pub(crate) fn new(method: Method, mount: Mount, parts: &[&str]) -> Self {
        let part = |(index, part): (usize, &&str)| if index % 2 == 0 { (*part).to_owned() } else { encode(part) };
        let path: String = parts.iter().enumerate().map(part).collect();
        Self { method, path: format!("{}{path}", mount.base()), query: Vec::new(), body: Ok(None), if_match: None }
    }

    pub(crate) fn get(parts: &[&str]) -> Self {
        Self::new(Method::GET, Mount::Own, parts)
    }

    pub(crate) fn post(parts: &[&str]) -> Self {
        Self::new(Method::POST, Mount::Own, parts)
    }

    pub(crate) fn put(parts: &[&str]) -> Self {
        Self::new(Method::PUT, Mount::Own, parts)
    }

    pub(crate) fn patch(parts: &[&str]) -> Self {
        Self::new(Method::PATCH, Mount::Own, parts)
    }

    pub(crate) fn delete(parts: &[&str]) -> Self {
        Self::new(Method::DELETE, Mount::Own, parts)
    }

    /// What an answer has called the way on. Whatever it says, it must stay with its resource.
    pub(crate) fn onward(path: &str, resource: &str) -> Self {
        let astray =
            || ClientError::Unexpected { origin: "the server".to_owned(), status: 200, reason: "it leads on elsewhere".to_owned() };
        let body = if path.starts_with(resource) { Ok(None) } else { Err(astray()) };
        Self { path: path.to_owned(), body, ..Self::get(&[]) }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn json(self, value: &impl Serialize) -> Self {
        Self { body: body::json(value).map(Some), ..self }
    }

    /// Only if it is still what was seen.
    pub(crate) fn seen(mut self, etag: Option<&Etag>) -> Self {
        if let Some(etag) = etag {
            match HeaderValue::from_str(etag.as_str()) {
                Ok(value) => self.if_match = Some(value),
                Err(_) => self.body = Err(ClientError::Request { what: "the ETag cannot be sent".to_owned() }),
            }
        }
        self
    }
}

/// A whole answer.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// Asks, and reads what is answered.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, ClientError> {
        Ok(self.ask_with_status(ask).await?.1)
    }

    pub(crate) async fn ask_with_status<T: DeserializeOwned>(&self, ask: Ask) -> Result<(StatusCode, T), ClientError> {
        let (origin, reply) = self.reply(ask).await?;
        Ok((reply.status, decoded(origin, &reply)?))
    }

    /// The same where the answer has an `ETag`.
    pub(crate) async fn ask_versioned<T: DeserializeOwned>(&self, ask: Ask) -> Result<Versioned<T>, ClientError> {
        let (origin, reply) = self.reply(ask).await?;
        let etag = reply.headers.get(header::ETAG).and_then(|value| value.to_str().ok());
        let etag = etag.map(Etag::new).ok_or_else(|| unexpected(origin, reply.status, "it has no ETag"))?;
        Ok(Versioned { value: decoded(origin, &reply)?, etag })
    }

    /// Asks where nothing is to be answered.
    pub(crate) async fn tell(&self, ask: Ask) -> Result<(), ClientError> {
        self.reply(ask).await.map(|_| ())
    }

    async fn reply(&self, ask: Ask) -> Result<(&Origin, Reply), ClientError> {
        let inner = &*self.inner;
        let origin = inner.url.as_ref().ok_or(SettingError::NoUrl)?;
        let limit = inner.limits.management;
        let late = || ClientError::TimedOut { origin: origin.to_string(), limit };
        let reply = tokio::time::timeout(limit, inner.persist(origin, ask, self)).await.map_err(|_| late())??;
        if reply.status.is_success() {
            return Ok((origin, reply));
        }
        if Refusal::is_told_by(&reply.headers) {
            return Err(ClientError::Refused(Box::new(Refusal::read(reply.status, &reply.headers, &reply.body))));
        }
        let reason = if reply.status.is_redirection() { "it leads elsewhere, where the key is not taken" } else { "it names no code" };
        Err(unexpected(origin, reply.status, reason))
    }
}

fn decoded<T: DeserializeOwned>(origin: &Origin, reply: &Reply) -> Result<T, ClientError> {
    read_json(&reply.body).map_err(|reason| unexpected(origin, reply.status, &reason))
}

fn unexpected(origin: &Origin, status: StatusCode, reason: &str) -> ClientError {
    ClientError::Unexpected { origin: origin.to_string(), status: status.as_u16(), reason: reason.to_owned() }
}

/// Reads JSON. What is wrong is told by its place: serde's own words repeat what stands there, which may be a key.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes)
        .map_err(|error| format!("its JSON is not as expected in line {}, column {}", error.line(), error.column()))
}

impl Inner {
    /// Sends it, and once more if the connection is lost and doing it twice is doing it once: nothing is changed, or the key of the request says that it is the same.
    async fn persist(&self, origin: &Origin, ask: Ask, client: &Client) -> Result<Reply, ClientError> {
        let Ask { method, path, query, body, if_match } = ask;
        let query: String = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let path = PathAndQuery::try_from(path).map_err(|_| ClientError::Request { what: "the path cannot be sent".to_owned() })?;
        let body = body?;
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.bearer()?);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
        headers.extend(client.behalf.iter().map(|user| (ON_BEHALF_OF, user.clone())));
        headers.extend(if_match.map(|etag| (header::IF_MATCH, etag)));
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if method == Method::POST {
            let new = || HeaderValue::from_str(&Uuid::new_v4().to_string()).expect("a UUID is visible ASCII");
            headers.insert(IDEMPOTENCY_KEY, client.idempotency_key.clone().unwrap_or_else(new));
        }
        let attempt = || async {
            let mut request = Request::new(body.clone().map_or_else(body::empty, body::full));
            *request.method_mut() = method.clone();
            *request.uri_mut() = origin.uri(path.clone());
            *request.headers_mut() = headers.clone();
            self.once(request).await
        };
        let is_safe_twice = method == Method::GET || method == Method::POST;
        let answered = match attempt().await {
            // The server carries on with what it began: its answer is there when it is done.
            Err(Fault::Lost(_)) if is_safe_twice => loop {
                match attempt().await {
                    Ok(reply) if is_under_way(&reply) => tokio::time::sleep(UNDER_WAY).await,
                    other => break other,
                }
            },
            other => other,
        };
        answered.map_err(|fault| fault.into_error(origin, self.limits.connect))
    }

    async fn once(&self, request: Request<body::RequestBody>) -> Result<Reply, Fault> {
        let response = self.pool.request(request).await.map_err(|error| Fault::of_request(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => Fault::TooLarge(parts.status),
            None => Fault::Lost(in_words(&*error)),
        })?;
        Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}

/// How soon to ask again for what is not done yet.
const UNDER_WAY: Duration = Duration::from_millis(250);

fn is_under_way(reply: &Reply) -> bool {
    reply.status == StatusCode::CONFLICT && Refusal::read(reply.status, &reply.headers, &reply.body).code == "idempotency_under_way"
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// There was no connection.
    Unreachable(String),
    /// There was none in time.
    ConnectTimeout,
    /// There was one.
    Lost(String),
    /// The answer is larger than any of Sortie's.
    TooLarge(StatusCode),
}

impl Fault {
    pub(crate) fn of_request(error: &legacy::Error) -> Self {
        if !error.is_connect() {
            return Self::Lost(in_words(error));
        }
        let mut source: Option<&(dyn Error + 'static)> = error.source();
        while let Some(cause) = source {
            if cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut) {
                return Self::ConnectTimeout;
            }
            source = cause.source();
        }
        Self::Unreachable(in_words(error))
    }

    pub(crate) fn into_error(self, origin: &Origin, connect: Duration) -> ClientError {
        let origin = origin.to_string();
        match self {
            Self::Unreachable(reason) => ClientError::Unreachable { origin, reason },
            Self::ConnectTimeout => ClientError::TimedOut { origin, limit: connect },
            Self::Lost(reason) => ClientError::Lost { origin, reason },
            Self::TooLarge(status) => {
                ClientError::Unexpected { origin, status: status.as_u16(), reason: "it is larger than 64 MiB".to_owned() }
            }
        }
    }
}

/// The innermost cause: what lies around it says the same with less.
pub(crate) fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
