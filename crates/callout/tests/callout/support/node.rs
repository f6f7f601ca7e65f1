//! One node: its grants, its snapshot, and one core's callouts.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use sortie_callout::{Call, Caller, Callouts, Delivered, Grants, NotDelivered, Peeked, Plan, Snapshot, explain, parse};

use super::{Clock, MemoryAudit, Scene, ScriptedUpstream, ScriptedWorld, TestBody};

pub(crate) type Answered = Result<Delivered<Peeked<Full<Bytes>>>, NotDelivered>;

pub(crate) struct Node {
    pub(crate) grants: Arc<Grants>,
    pub(crate) upstream: ScriptedUpstream,
    pub(crate) audit: MemoryAudit,
    snapshot: Mutex<Arc<Snapshot>>,
    callouts: Callouts<ScriptedUpstream, MemoryAudit>,
}

impl Node {
    pub(super) fn start(scene: &Scene, clock: Clock, renewals: &tokio::runtime::Handle) -> Self {
        let world = Arc::new(ScriptedWorld { clock, provider: Arc::clone(&scene.provider) });
        let grants = Grants::new(Arc::clone(&scene.custody) as _, world, renewals.clone(), 1_000);
        let snapshot = Arc::new(Snapshot::compile(scene.definitions.clone(), &grants));
        let (upstream, audit) = (ScriptedUpstream::new(), MemoryAudit::default());
        let callouts = Callouts::new(Arc::clone(&grants), upstream.clone(), audit.clone());
        Self { grants, upstream, audit, snapshot: Mutex::new(snapshot), callouts }
    }

    /// Takes over the scene's definitions as they are now, as the change feed would make it.
    pub(crate) fn refresh(&self, scene: &Scene) {
        *self.snapshot.lock().unwrap() = Arc::new(Snapshot::compile(scene.definitions.clone(), &self.grants));
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap())
    }

    /// `GET callout:<target>` without headers and without a body.
    pub(crate) async fn get(&self, caller: &Caller, target: &str) -> Answered {
        self.call(caller, target, Method::GET, &[], TestBody::default()).await
    }

    /// `GET` with headers.
    pub(crate) async fn get_with(&self, caller: &Caller, target: &str, headers: &[(&str, &str)]) -> Answered {
        self.call(caller, target, Method::GET, headers, TestBody::default()).await
    }

    /// `POST` with a body.
    pub(crate) async fn post(&self, caller: &Caller, target: &str, body: TestBody) -> Answered {
        self.call(caller, target, Method::POST, &[], body).await
    }

    pub(crate) async fn call(&self, caller: &Caller, target: &str, method: Method, headers: &[(&str, &str)], body: TestBody) -> Answered {
        let snapshot = self.snapshot();
        let reference = parse(target).map_err(sortie_callout::Refused::from)?;
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        self.callouts.call(&snapshot, Call { at: self.grants.now(), caller, reference, method, headers: map, body }).await
    }

    pub(crate) async fn explain(&self, caller: &Caller, target: &str) -> Plan {
        explain(&self.snapshot(), &self.grants, caller, target).await
    }
}

/// The upstream's status, or the code of our refusal.
pub(crate) fn outcome(answered: &Answered) -> String {
    match answered {
        Ok(delivered) => delivered.answer.status().as_u16().to_string(),
        Err(refused) => refused.refused.code().to_owned(),
    }
}

/// Our refusal, where one is due.
pub(crate) fn refusal(answered: Answered) -> NotDelivered {
    match answered {
        Ok(delivered) => panic!("delivered {}", delivered.answer.status()),
        Err(refused) => refused,
    }
}
