//! What the tests of this crate share: an upstream's client on one core, and certificates.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use sortie_callout::{ClientIdentity, ForwardError};
use sortie_model::{Endpoint, NamedCredentialId, Timeouts};
use sortie_outbound::{
    AnswerBody, AnswerError, Connector, Destination, EgressPolicy, PoolLimits, RequestBody, Resolver, Roots, Trust, Upstream,
};

/// 500 ms to connect, a second for the rest: enough for loopback, and a test of a limit stays short.
pub const TIMEOUTS: Timeouts = Timeouts { connect_ms: 500, answer_ms: 1000, idle_ms: 1000 };

/// Runs a test as the data plane runs: one thread, local tasks.
pub fn on_one_core<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::LocalRuntime::new().unwrap().block_on(test)
}

/// A policy that allows loopback.
pub fn loopback() -> EgressPolicy {
    EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: Vec::new() }
}

pub fn connector() -> Connector {
    Connector::new(loopback(), Trust::new(Roots::Mozilla)).unwrap()
}

/// One client and one name that stands for one endpoint.
pub struct Core {
    pub upstream: Upstream,
    connector: Arc<Connector>,
    pub name: NamedCredentialId,
    pub endpoint: Endpoint,
    pub timeouts: Timeouts,
    pub identity: Option<Arc<ClientIdentity>>,
}

impl Core {
    pub fn to(url: &str) -> Self {
        Self::with(connector(), PoolLimits::default(), url)
    }

    pub fn with(connector: Connector, limits: PoolLimits, url: &str) -> Self {
        let endpoint = Endpoint::parse(url).unwrap();
        let connector = Arc::new(connector);
        Self {
            upstream: Upstream::new(Arc::clone(&connector), limits),
            connector,
            name: "0193a5c0-0000-7000-8000-000000000001".parse().unwrap(),
            endpoint,
            timeouts: TIMEOUTS,
            identity: None,
        }
    }

    /// As when definitions come into force.
    pub fn present<'a>(&self, identities: impl Iterator<Item = (NamedCredentialId, &'a Arc<ClientIdentity>)>) {
        self.connector.present(identities);
    }

    pub fn destination(&self) -> Destination<'_> {
        Destination { name: self.name, endpoint: &self.endpoint, timeouts: self.timeouts, identity: self.identity.as_ref() }
    }

    pub async fn send(&self, method: Method, path: &str, body: RequestBody) -> Result<Response<AnswerBody>, ForwardError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert("host", HeaderValue::try_from(self.endpoint.authority()).unwrap());
        self.upstream.send(self.destination(), request).await
    }

    pub async fn get(&self, path: &str) -> Result<Response<AnswerBody>, ForwardError> {
        self.send(Method::GET, path, RequestBody::empty()).await
    }

    /// A `GET` whose answer is read to its end.
    pub async fn fetch(&self, path: &str) -> (StatusCode, Result<Bytes, AnswerError>) {
        let answer = self.get(path).await.unwrap();
        (answer.status(), read(answer).await)
    }
}

pub async fn read(answer: Response<AnswerBody>) -> Result<Bytes, AnswerError> {
    Ok(answer.into_body().collect().await?.to_bytes())
}

/// A resolver that gives these addresses to every name, with the port asked for.
pub fn resolving_to(addresses: &[&str]) -> Resolver {
    let hosts: Vec<std::net::IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Resolver::new(move |_, port| {
        let found = hosts.iter().map(|host| SocketAddr::new(*host, port)).collect();
        Box::pin(async move { Ok(found) })
    })
}

/// Lets the tasks of this core run until `is_true`, at most 5 s.
pub async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 5 s for {what}");
}
