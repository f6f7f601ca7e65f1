//! An upstream by script: it remembers what it received and answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use sortie_callout::{ClientIdentity, Forward, ForwardError, HoldFault, Named, Replay, Room};
use sortie_model::CertificateVersionId;
use sortie_protocol::shared::sigv4::{BodyFault, Recoder};

/// One request as it left.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Scheme and authority that the connection would go to.
    pub(crate) place: String,
    pub(crate) method: Method,
    pub(crate) target: String,
    /// The version of the client certificate.
    pub(crate) presented: Option<CertificateVersionId>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    /// The one value of a header, or all of them joined by ` | `.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<String> =
            self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        (!values.is_empty()).then(|| values.join(" | "))
    }
}

type Script = Box<dyn Fn(&Received) -> Result<Response<Bytes>, ForwardError> + Send + Sync>;

/// Cheap to clone: all clones are the same upstream.
#[derive(Clone)]
pub(crate) struct ScriptedUpstream(Arc<Inner>);

struct Inner {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    latency: Mutex<Duration>,
}

/// An answer with a status and nothing else.
pub(crate) fn answer(status: u16) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from_static(b"answer")).unwrap()
}

impl ScriptedUpstream {
    /// Answers 200 to everything.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { script: Mutex::new(Box::new(|_| Ok(answer(200)))), received: Mutex::default(), latency: Mutex::default() }))
    }

    pub(crate) fn answers(&self, script: impl Fn(&Received) -> Response<Bytes> + Send + Sync + 'static) {
        *self.0.script.lock().unwrap() = Box::new(move |received| Ok(script(received)));
    }

    pub(crate) fn fails(&self, error: ForwardError) {
        *self.0.script.lock().unwrap() = Box::new(move |_| Err(error.clone()));
    }

    /// Answers 401 to every bearer but this one.
    pub(crate) fn accepts_only(&self, token: &'static str) {
        let accepted = format!("Bearer {token}");
        self.answers(move |received| answer(if received.header("authorization").as_deref() == Some(&accepted) { 200 } else { 401 }));
    }

    pub(crate) fn takes(&self, latency: Duration) {
        *self.0.latency.lock().unwrap() = latency;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.0.received.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.received.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Received {
        self.0.received.lock().unwrap().last().cloned().unwrap()
    }
}

impl Forward for ScriptedUpstream {
    type RequestBody = TestBody;
    type AnswerBody = Full<Bytes>;

    async fn forward<'a>(
        &'a self,
        named: &'a Named,
        identity: Option<&'a Arc<ClientIdentity>>,
        request: Request<TestBody>,
    ) -> Result<Response<Full<Bytes>>, ForwardError> {
        let (head, body) = request.into_parts();
        if let Some(fault) = body.fault {
            return Err(ForwardError::Body(fault));
        }
        if body.withholds_formulas && body.bytes.windows(2).any(|pair| pair == b"{!") {
            return Err(ForwardError::FormulaWithheld);
        }
        let received = Received {
            place: format!("{}://{}", named.endpoint.scheme().as_str(), named.endpoint.authority()),
            method: head.method,
            target: head.uri.to_string(),
            presented: identity.map(|identity| identity.version),
            headers: head.headers,
            body: body.bytes,
        };
        self.0.received.lock().unwrap().push(received.clone());
        let latency = *self.0.latency.lock().unwrap();
        tokio::task::yield_now().await;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        (self.0.script.lock().unwrap())(&received).map(|answer| answer.map(Full::new))
    }
}

/// A caller's body, which can be sent again or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestBody {
    bytes: Bytes,
    is_stream: bool,
    withholds_formulas: bool,
    fault: Option<BodyFault>,
    /// How long it takes until all of it is there.
    arrives_within: Duration,
}

impl TestBody {
    /// Small enough to be remembered.
    pub(crate) fn buffered(text: &'static str) -> Self {
        Self { bytes: Bytes::from_static(text.as_bytes()), ..Self::default() }
    }

    /// The same, later.
    pub(crate) fn within(self, arrives_within: Duration) -> Self {
        Self { arrives_within, ..self }
    }

    /// Gone once sent.
    pub(crate) fn streamed(text: &'static str) -> Self {
        Self { bytes: Bytes::from_static(text.as_bytes()), is_stream: true, ..Self::default() }
    }
}

impl Replay for TestBody {
    type Memory = Option<Self>;

    fn remember(&mut self) -> Option<Self> {
        (!self.is_stream).then(|| self.clone())
    }

    fn again(memory: Option<Self>) -> Option<Self> {
        memory
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    async fn hold(self, limit: usize, room: &mut Room) -> Result<(Bytes, Option<Self>), HoldFault> {
        if !self.arrives_within.is_zero() {
            tokio::time::sleep(self.arrives_within).await;
        }
        if self.withholds_formulas && self.bytes.windows(2).any(|pair| pair == b"{!") {
            return Err(HoldFault::FormulaWithheld);
        }
        if self.bytes.len() > limit {
            return Err(HoldFault::TooLarge);
        }
        if room.grow(self.bytes.len()) { Ok((self.bytes, None)) } else { Err(HoldFault::NoRoom) }
    }

    fn replaced(_held: &Option<Self>, bytes: Bytes) -> Self {
        Self { bytes, ..Self::default() }
    }

    fn withhold_formulas(&mut self) {
        self.withholds_formulas = true;
    }

    fn recoded(self, mut recoder: Box<Recoder>) -> Self {
        let plain = recoder.plain(self.bytes.clone());
        let holds_formula = self.withholds_formulas && plain.as_ref().is_ok_and(|plain| plain.windows(2).any(|pair| pair == b"{!"));
        let recoded = plain.and_then(|plain| Ok([recoder.framed(plain), recoder.finish()?].concat()));
        match recoded {
            // As it came, so that it is found.
            Ok(_) if holds_formula => Self { bytes: Bytes::from_static(b"{!"), ..self },
            Ok(bytes) => Self { bytes: bytes.into(), ..self },
            Err(fault) => Self { fault: Some(fault), ..self },
        }
    }
}
