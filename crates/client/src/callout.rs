//! A callout: what is asked, and the answer as it streams in.

use std::fmt::{self, Display};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::{self, RequestBody};
use crate::refusal::{self, Refusal};
use crate::{Client, ClientError, SettingError, transport};

/// A callout to be made: add headers, query and body, then [`send`](Callout::send) it.
#[must_use = "nothing is sent before `send`"]
pub struct Callout {
    client: Client,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: RequestBody,
    limit: Option<Duration>,
    /// The first thing that cannot be sent.
    fault: Option<ClientError>,
}

impl Callout {
    pub(crate) fn new(client: &Client, method: Method, target: String) -> Self {
        Self { client: client.clone(), method, target, headers: HeaderMap::new(), body: body::empty(), limit: None, fault: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name =
            HeaderName::from_bytes(name.as_ref().as_bytes()).map_err(|_| format!("`{}` is no header name", name.as_ref().escape_debug()));
        match (name, HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(value)) => drop(self.headers.append(name, value)),
            // The value may be a secret: it is not repeated.
            (Ok(name), Err(_)) => self.refuse(format!("the value of `{name}` cannot be sent")),
            (Err(what), _) => self.refuse(what),
        }
        self
    }

    /// Adds a parameter to the query, encoded as needed.
    pub fn query(mut self, name: impl AsRef<str>, value: impl Display) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        self.target.push(separator);
        self.target.push_str(&encode(name.as_ref()));
        self.target.push('=');
        self.target.push_str(&encode(&value.to_string()));
        self
    }

    /// Sends a body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body::full(body.into()), ..self }
    }

    /// Sends a value as JSON, with its `Content-Type`.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match body::json(value) {
            Ok(bytes) => {
                self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.body(bytes)
            }
            Err(error) => {
                self.fault.get_or_insert(error);
                self
            }
        }
    }

    /// Streams a body as it comes. What has no known length cannot be repeated: if the token turns out to be stale, Sortie does not send it again.
    pub fn stream<B>(self, body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self { body: body::streamed(body), ..self }
    }

    /// How long to send it and wait for the head of the answer, instead of the client's own limit.
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Makes the callout. Whatever status the service answers with is an [`Answer`]; a refusal by Sortie is an error.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn send(self) -> Result<Answer, ClientError> {
        let answer = self.send_untouched().await?;
        if !answer.is_refusal() {
            return Ok(answer);
        }
        let Answer { response, origin: _, idle } = answer;
        let (parts, body) = response.into_parts();
        // What cannot be read is told by its header all the same.
        let body = tokio::time::timeout(idle, Limited::new(body, refusal::MOST_BYTES).collect()).await;
        let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
        Err(ClientError::Refused(Box::new(Refusal::read(parts.status, &parts.headers, &body))))
    }

    /// The same, where a refusal is an answer too: for programs that pass answers on.
    ///
    /// # Errors
    /// A [`ClientError`], but no refusal.
    pub async fn send_untouched(self) -> Result<Answer, ClientError> {
        let Self { client, method, target, mut headers, body, limit, fault } = self;
        if let Some(fault) = fault {
            return Err(fault);
        }
        // As the key's own user it would be another callout than the one that was meant.
        if client.behalf.is_some() {
            return Err(ClientError::Request { what: "a callout is never made for somebody else".to_owned() });
        }
        let inner = &client.inner;
        let origin = inner.gateway.as_ref().ok_or(SettingError::NoGateway)?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = origin.uri(path(&target)?);
        // Where it goes and who calls is ours to say.
        headers.remove(header::HOST);
        headers.insert(header::PROXY_AUTHORIZATION, inner.bearer()?);
        *request.headers_mut() = headers;
        let limit = limit.unwrap_or(inner.limits.callout);
        let late = || ClientError::TimedOut { origin: origin.to_string(), limit };
        let sent = tokio::time::timeout(limit, inner.pool.request(request)).await.map_err(|_| late())?;
        let response = sent.map_err(|error| transport::Fault::of_request(&error).into_error(origin, inner.limits.connect))?;
        Ok(Answer { response, origin: origin.to_string(), idle: inner.limits.idle })
    }

    fn refuse(&mut self, what: String) {
        self.fault.get_or_insert(ClientError::Request { what });
    }
}

/// `callout:Billing/x?y` is `/callout/Billing/x?y`.
fn path(target: &str) -> Result<PathAndQuery, ClientError> {
    let wrong = |what: &str| ClientError::Request { what: what.to_owned() };
    let rest = match target.split_at_checked(8) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("callout:") => rest,
        _ => return Err(wrong("the target must begin with `callout:`")),
    };
    // It would be cut off there.
    if rest.contains('#') {
        return Err(wrong("the target holds a `#`: percent-encode it"));
    }
    PathAndQuery::try_from(format!("/callout/{rest}")).map_err(|_| wrong("the target is no path: percent-encode it"))
}

/// What the service behind the name answers. Its body has not been read yet.
pub struct Answer {
    response: Response<Incoming>,
    origin: String,
    /// How long is waited for each piece.
    idle: Duration,
}

impl fmt::Debug for Answer {
    /// Headers of services hold cookies.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("status", &self.status()).field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Answer {
    /// The service's status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The service's headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Whether Sortie refused. Only what came of [`send_untouched`](Callout::send_untouched) can be.
    pub fn is_refusal(&self) -> bool {
        Refusal::is_told_by(self.response.headers())
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`ClientError::Lost`]: the answer broke off. [`ClientError::TimedOut`]: nothing more came.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let late = |origin: &str, limit| ClientError::TimedOut { origin: origin.to_owned(), limit };
        loop {
            let next = tokio::time::timeout(self.idle, self.response.body_mut().frame()).await;
            let Some(frame) = next.map_err(|_| late(&self.origin, self.idle))? else { return Ok(None) };
            let frame = frame.map_err(|error| lost(&self.origin, &error))?;
            // Trailers are passed over.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// The whole body, however large it is.
    ///
    /// # Errors
    /// As [`Answer::chunk`].
    pub async fn bytes(self) -> Result<Bytes, ClientError> {
        self.bytes_up_to(usize::MAX).await
    }

    /// The whole body, if it is not larger than that.
    ///
    /// # Errors
    /// As [`Answer::chunk`], and [`ClientError::Unexpected`] if it is larger.
    pub async fn bytes_up_to(mut self, most: usize) -> Result<Bytes, ClientError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            if piece.len() > most.saturating_sub(whole.len()) {
                let (origin, status) = (self.origin.clone(), self.status().as_u16());
                return Err(ClientError::Unexpected { origin, status, reason: format!("it is larger than {most} bytes") });
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// The whole body as text; what is no UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// [`ClientError::Lost`]: the answer broke off.
    pub async fn text(self) -> Result<String, ClientError> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// [`ClientError::Lost`], or [`ClientError::Unexpected`] if it is not what was asked for.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let (origin, status) = (self.origin.clone(), self.status());
        transport::read_json(&self.bytes().await?).map_err(|reason| ClientError::Unexpected { origin, status: status.as_u16(), reason })
    }

    /// Status and headers, and the body as a stream for other libraries, which say how long they wait for each piece.
    pub fn into_parts(self) -> (http::response::Parts, AnswerBody) {
        let (parts, body) = self.response.into_parts();
        (parts, AnswerBody { body, origin: self.origin })
    }
}

/// A body that streams in, for libraries that know [`http_body::Body`].
#[derive(Debug)]
pub struct AnswerBody {
    body: Incoming,
    origin: String,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = ClientError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientError>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(context);
        polled.map(|frame| frame.map(|frame| frame.map_err(|error| lost(&this.origin, &error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn lost(origin: &str, error: &hyper::Error) -> ClientError {
    ClientError::Lost { origin: origin.to_owned(), reason: transport::in_words(error) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_name_and_a_path() {
        assert_eq!(path("callout:Billing/x?y=%20").unwrap(), "/callout/Billing/x?y=%20");
        assert_eq!(path("CALLOUT:Billing").unwrap(), "/callout/Billing");
        for bad in ["", "Billing/x", "https://x", "callout:Billing/a b", "callout:Billing/x#y", "callout:Bil\nling"] {
            assert_eq!(path(bad).unwrap_err().code(), "argument_invalid", "{bad}");
        }
    }

    #[test]
    fn a_query_is_encoded_and_goes_behind_what_is_there() {
        let client = Client::builder().build().unwrap();
        assert_eq!(client.get("callout:B/x").query("a b", "c&d").query("n", 5).target, "callout:B/x?a%20b=c%26d&n=5");
        assert_eq!(client.get("callout:B/x?y=1").query("n", 5).target, "callout:B/x?y=1&n=5");
    }
}
