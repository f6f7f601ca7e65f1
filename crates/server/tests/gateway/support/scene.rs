//! The usual scene of a table of cases: `alice`, `Pay`, an upstream that records, and a gateway between them.

use sortie_model::{IdentityType, PermissionSetId, Secret, UserId};
use sortie_store::Identity;
use sortie_testkit::upstream::{Received, RecordingUpstream, Reply};

use super::definitions::Pay;
use super::{Answer, Credential, TestServer};

/// What the upstream of a [`Scene`] answers with.
pub(crate) const HELLO: &str = "hello";

/// The base path of `Pay`.
pub(crate) const BASE: &str = "/v1/base";

/// A running gateway with one name that `alice` may use.
pub(crate) struct Scene {
    pub(crate) upstream: RecordingUpstream,
    pub(crate) server: TestServer,
    pub(crate) alice: UserId,
    /// Alice's.
    pub(crate) key: Secret,
    /// The permission set that she has.
    pub(crate) callers: PermissionSetId,
    pub(crate) pay: Pay,
}

/// What becomes of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The upstream receives this target, and its answer comes back.
    Forwarded(&'static str),
    /// Sortie refuses with this status and code, and the upstream hears nothing.
    Refused(u16, &'static str),
    /// hyper refuses before Sortie sees the request: this status, no body, no code, connection closed, and the upstream hears nothing.
    ByHyper(u16),
}

impl Scene {
    /// An upstream that always says hello.
    pub(crate) fn new() -> Self {
        Self::answering(|_| Reply::new(200).body(HELLO))
    }

    pub(crate) fn answering(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TestServer::new(), script)
    }

    /// On a server that is not started yet.
    pub(crate) fn on(mut server: TestServer, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let upstream = RecordingUpstream::start(script);
        let callers = server.permission_set("Callers");
        let (alice, key) = server.user("alice", &[callers]);
        let pay = server.pay(&format!("{}{BASE}", upstream.url()), &[callers]);
        server.start();
        Self { upstream, server, alice, key, callers, pay }
    }

    /// Adds a name at the same upstream that authenticates with Basic, as `sortie` with `SECRET-box`.
    pub(crate) fn add_basic(&self, name: &str) {
        let external = self.server.external_credential(&Credential::new(name, "basic"));
        let principal = self.server.principal(&external, "Main", 1, IdentityType::Named, &[self.callers]);
        self.server.value(&external, Identity::shared(principal), "username", "sortie");
        self.server.value(&external, Identity::shared(principal), "password", "SECRET-box");
        self.server.named_credential(name, &self.upstream.url(), &external);
        self.server.settle();
    }

    /// Sends raw bytes, in which `{KEY}` stands for Alice's key, and checks everything that is promised of each case: answer, upstream, and that no secret shows.
    /// Gives back the answer and, if it was forwarded, what the upstream received.
    #[track_caller]
    pub(crate) fn check(&self, id: &str, bytes: &[u8], expected: Expected) -> (Answer, Option<Received>) {
        let before = self.upstream.requests().len();
        let answer = self.server.raw(replace(bytes, b"{KEY}", self.key.expose().as_bytes()));
        let received = self.upstream.requests();
        let shown = format!("{id}: {:?} got {} {}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)]), answer.head, answer.text());
        self.server.assert_unmarked(&shown, format!("{}\r\n\r\n{}", answer.head, answer.text()));
        match expected {
            Expected::Forwarded(target) => {
                assert_eq!((answer.verdict(), answer.text().as_str()), ((200, None), HELLO), "{shown}");
                assert_eq!(received.len(), before + 1, "{shown}");
                assert_eq!(received[before].target(), target, "{shown}");
                return (answer, Some(received[before].clone()));
            }
            Expected::Refused(status, code) => {
                assert_eq!(answer.verdict(), (status, Some(code)), "{shown}");
                let body: serde_json::Value = serde_json::from_slice(&answer.body).expect(&shown);
                assert_eq!((&body["code"], &body["status"]), (&code.into(), &status.into()), "{shown}");
                assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{shown}");
                assert!(body["next"].as_str().is_some_and(|next| !next.is_empty()), "{shown}");
            }
            Expected::ByHyper(status) => assert_eq!((answer.verdict(), answer.body.len()), ((status, None), 0), "{shown}"),
        }
        assert_eq!(received.len(), before, "NOUP {shown}");
        (answer, None)
    }

    /// One case whose request differs only by its target.
    #[track_caller]
    pub(crate) fn check_target(&self, id: &str, target: impl AsRef<[u8]>, expected: Expected) -> (Answer, Option<Received>) {
        let head = " HTTP/1.1\r\nHost: gateway.test\r\nProxy-Authorization: Bearer {KEY}\r\nConnection: close\r\n\r\n";
        self.check(id, &[b"GET ".as_slice(), target.as_ref(), head.as_bytes()].concat(), expected)
    }

    /// One case whose request differs only by its header lines.
    #[track_caller]
    pub(crate) fn check_headers(&self, id: &str, lines: impl AsRef<[u8]>, expected: Expected) -> (Answer, Option<Received>) {
        let head = "GET /callout/Pay/x HTTP/1.1\r\nHost: gateway.test\r\nProxy-Authorization: Bearer {KEY}\r\n";
        self.check(id, &[head.as_bytes(), lines.as_ref(), b"\r\n\r\n"].concat(), expected)
    }
}

fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let Some(at) = bytes.windows(what.len()).position(|window| window == what) else { return bytes.to_vec() };
    [&bytes[..at], with, &replace(&bytes[at + what.len()..], what, with)].concat()
}
