//! One node: its grants, its snapshot, and one core's callouts.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use sortie_callout::{
    Call, Caller, Callouts, Delivered, Grants, HoldingSpace, InForce, NotDelivered, Peeked, Plan, Refused, Snapshot, explain, parse,
};

use super::{Clock, MemoryAudit, Scene, ScriptedUpstream, ScriptedWorld, TestBody};

pub(crate) type Answered = Result<Delivered<Peeked<Full<Bytes>>>, NotDelivered>;

pub(crate) struct Node {
    pub(crate) grants: Arc<Grants>,
    pub(crate) upstream: ScriptedUpstream,
    pub(crate) audit: MemoryAudit,
    snapshot: Mutex<Arc<Snapshot>>,
    /// Who calls now, if it is not as whom the callout began.
    caller: Mutex<Option<Result<Caller, Refused>>>,
    callouts: Callouts<ScriptedUpstream, MemoryAudit>,
}

impl Node {
    pub(super) fn start(scene: &Scene, clock: Clock, renewals: &tokio::runtime::Handle) -> Self {
        let world = Arc::new(ScriptedWorld { clock, provider: Arc::clone(&scene.provider) });
        let grants = Grants::new(Arc::clone(&scene.custody) as _, world, renewals.clone(), 1_000);
        let snapshot = Arc::new(Snapshot::compile(scene.definitions.clone(), &grants));
        let (upstream, audit) = (ScriptedUpstream::new(), MemoryAudit::default());
        let callouts = Callouts::new(Arc::clone(&grants), upstream.clone(), audit.clone(), HoldingSpace::new(1024 * 1024));
        Self { grants, upstream, audit, snapshot: Mutex::new(snapshot), caller: Mutex::default(), callouts }
    }

    /// Takes over the scene's definitions as they are now, as the change feed would make it.
    pub(crate) fn refresh(&self, scene: &Scene) {
        *self.snapshot.lock().unwrap() = Arc::new(Snapshot::compile(scene.definitions.clone(), &self.grants));
    }

    /// From now on whoever calls is this, or is none any more.
    pub(crate) fn calls_as(&self, caller: Result<Caller, Refused>) {
        *self.caller.lock().unwrap() = Some(caller);
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
        self.callouts
            .call(&snapshot, &Now { node: self, caller }, Call { at: self.grants.now(), caller, reference, method, headers: map, body })
            .await
    }

    pub(crate) async fn explain(&self, caller: &Caller, target: &str) -> Plan {
        explain(&self.snapshot(), &self.grants, caller, target).await
    }
}

/// What is in force at a node, for one caller.
struct Now<'a> {
    node: &'a Node,
    caller: &'a Caller,
}

impl InForce for Now<'_> {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.node.snapshot()
    }

    async fn caller(&self, generation: i64) -> Result<Arc<Caller>, Refused> {
        assert_eq!(generation, self.node.snapshot().generation());
        self.node.caller.lock().unwrap().clone().unwrap_or_else(|| Ok(self.caller.clone())).map(Arc::new)
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
