//! Custody on a real database: what is written down, what is thrown away, and clocks that differ.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use sortie_callout::{Authority, Caller, Freshness, LoginPlace, Redeemed, authorize, choose, parse, place};
use sortie_model::UserName;
use sortie_protocol::{Answer, Ask, AskError, Signer, SignerError};
use sortie_store::{OwedState, StoredUser};

use super::*;
use crate::config::Config;
use crate::house::HouseConfig;
use crate::manage::Manage;
use crate::manage::apply::{self, Mode, Surroundings, Unlisted};
use crate::node::{Node, caller_without_key};

const CALENDAR: &str = "
permission_sets: [{name: Callers}]
users: [{name: alice, permission_sets: [Callers]}]
external_auth_identity_providers:
- name: Idp
  flow: authorization_code
  authorize_endpoint: https://idp.test/authorize
  token_endpoint: https://idp.test/token
  values: {client_id: client, client_secret: {from_environment: CLIENT_SECRET}}
external_credentials:
- name: Cal
  protocol: oauth_browser
  settings: {external_auth_identity_provider: Idp}
  principals: [{name: Main, sequence_number: 1, identity_type: per_user, enabled_for: {permission_sets: [Callers]}}]
named_credentials: [{name: Cal, url: 'https://up.test', external_credential: Cal}]
";

/// Tokens live for so long; every refresh token is good once.
const LIFE_SECONDS: i64 = 4;

/// A provider that keeps a ledger, seen by a node whose clock is wrong.
struct SkewedWorld {
    skew_millis: i64,
    presented: Arc<Mutex<Vec<String>>>,
}

impl World for SkewedWorld {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap() + self.skew_millis)
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        let form = String::from_utf8(ask.body.expose().to_vec()).unwrap();
        let token = form.split('&').find_map(|pair| pair.strip_prefix("refresh_token=")).unwrap().to_owned();
        let mut presented = self.presented.lock().unwrap();
        let number = presented.len() + 1;
        presented.push(token);
        let body = format!(
            "{{\"access_token\":\"SECRET-a{number}\",\"refresh_token\":\"SECRET-r{number}\",\"token_type\":\"Bearer\",\"expires_in\":{LIFE_SECONDS}}}"
        );
        let (status, headers) = (http::StatusCode::OK, http::HeaderMap::new());
        Box::pin(async move { Ok(Answer { status, headers, body: Bytes::from(body) }) })
    }

    fn nonce(&self) -> [u8; 16] {
        *new_id().as_bytes()
    }

    fn signer<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Arc<dyn Signer>, SignerError>> {
        Box::pin(async { Err(SignerError::NoStore) })
    }
}

struct Scene {
    house: House,
    alice: StoredUser,
    presented: Arc<Mutex<Vec<String>>>,
    directory: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data_directory = directory.path().join("data");
        let setup = HouseConfig { data_directory, config: Config::default(), database: None, root_key: None };
        let house = House::open(&setup).await.unwrap();
        let definition = sortie_metadata::Definition::parse("test.yaml", CALENDAR).unwrap();
        let variable = |_: &str| Some(Secret::new("SECRET-client"));
        let surroundings = Surroundings { variable: &variable, world: None, directory: Path::new(".") };
        let manage = Manage::of(&house, "operator:tester", Timestamp::from_millis(0));
        apply::apply(&manage, &definition, &surroundings, Mode::Store, Unlisted::Leave).await.unwrap();
        let alice = house.store().caller_by_user(&UserName::parse("alice").unwrap()).await.unwrap().unwrap();
        Self { house, alice, presented: Arc::default(), directory }
    }

    /// A node whose clock is ahead by this much.
    async fn node(&self, skew_seconds: i64) -> Node {
        let world = SkewedWorld { skew_millis: skew_seconds * 1000, presented: Arc::clone(&self.presented) };
        Node::start_in(self.house.clone(), &Config::default(), Arc::new(world)).await.unwrap()
    }

    fn caller(&self) -> Caller {
        caller_without_key(self.alice.clone())
    }

    /// As if somebody had logged in, at `node`.
    async fn log_in(&self, node: &Node) -> GrantKey {
        let (snapshot, caller) = (node.snapshot(), self.caller());
        let place = at(&snapshot, &caller);
        let issued_at = node.world().now();
        let lifetime = Duration::from_secs(LIFE_SECONDS.unsigned_abs());
        let redeemed = Redeemed { grant: grant("0"), issued_at, expires_at: issued_at.after(lifetime) };
        node.grants().keep(&place, &redeemed).await.unwrap();
        place.identity().key()
    }

    /// The token's end by this node's own clock, in milliseconds from now on.
    async fn obtain(&self, node: &Node) -> i64 {
        let (snapshot, caller) = (node.snapshot(), self.caller());
        let reference = parse("callout:Cal/x").unwrap();
        let chosen = choose(authorize(&snapshot, &caller, &reference).unwrap()).unwrap();
        let live = node.grants().obtain(&chosen, Freshness::Kept).await.unwrap();
        live.expires_at().unwrap().as_millis() - node.world().now().as_millis()
    }

    async fn owed(&self, key: GrantKey) -> Vec<OwedState> {
        self.house.store().owed_revocations().of(identity(key)).await.unwrap()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.directory.path().join("data/spool")).map_or(0, Iterator::count)
    }
}

fn at<'s>(snapshot: &'s sortie_callout::Snapshot, caller: &'s Caller) -> LoginPlace<'s> {
    place(snapshot, caller, Authority::Operator, ("Cal", "Main")).unwrap()
}

fn grant(number: &str) -> Grant {
    let part = |name: &str, letter: &str| (name.to_owned(), Secret::new(format!("SECRET-{letter}{number}")));
    let origin = [("login_token_endpoint", "https://idp.test/token"), ("login_client_id", "client"), ("login_scope", "")];
    let origin = origin.map(|(name, text)| (name.to_owned(), Secret::new(text)));
    let parts: BTreeMap<_, _> = [part("access_token", "a"), part("refresh_token", "r")].into_iter().chain(origin).collect();
    Grant { parts, lifetime: None }
}

/// A renewal that got an answer, as it is just before its commit: written down.
async fn obtained_and_written(node: &Node, key: GrantKey, number: &str) -> Lease {
    let custody = node.custody();
    let seen = custody.load(key).await.unwrap().unwrap().version;
    let Leased::Taken(lease) = custody.lease(key, seen, Duration::from_secs(30)).await.unwrap() else { panic!() };
    let (issued_at, expires_at) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
    assert!(custody.write_down(&Obtained { key, lease, grant: &grant(number), issued_at, expires_at }).await.is_some());
    lease
}

async fn kept(node: &Node, key: GrantKey) -> Option<String> {
    let (grant, ..) = node.custody().load(key).await.unwrap()?.grant?;
    Some(grant.parts["refresh_token"].expose().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rel_t08_what_is_written_down_comes_back_with_whoever_looks() {
    let scene = Scene::new().await;
    let (node, next) = (scene.node(0).await, scene.node(0).await);
    let key = scene.log_in(&node).await;
    obtained_and_written(&node, key, "1").await;
    assert_eq!(scene.files(), 1);
    assert_eq!(kept(&next, key).await.as_deref(), Some("SECRET-r1"));
    assert_eq!((scene.files(), scene.owed(key).await), (0, vec![]));
    // Also without anybody who looks.
    obtained_and_written(&node, key, "2").await;
    assert_eq!(next.custody().bring_all_back().await, [(key.principal, key.user)]);
    assert_eq!((kept(&node, key).await.as_deref(), scene.files()), (Some("SECRET-r2"), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rel_t20_what_is_written_down_never_takes_the_place_of_a_newer_login() {
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    let lease = obtained_and_written(&node, key, "1").await;
    scene.log_in(&node).await;
    assert_eq!(kept(&node, key).await.as_deref(), Some("SECRET-r0"));
    // Neither what is owed nor anything else is left of it: the newer login may be of the same family over there.
    assert_eq!((scene.files(), scene.owed(key).await), (0, vec![]));
    let late = node.custody().commit(key, lease, &grant("1"), Timestamp::from_millis(1), Timestamp::from_millis(2)).await.unwrap();
    assert_eq!((late, scene.files()), (Committed::Fenced, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rel_t10_a_later_lease_makes_what_is_written_down_void() {
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    let lease = obtained_and_written(&node, key, "1").await;
    let (spool, files) = (scene.house.spool(), scene.house.spool().entries().unwrap());
    let aside = spool.read(files[0]).unwrap().unwrap();
    // Its holder is gone, another one has renewed, and only then the file turns up again.
    spool.remove(files[0]).unwrap();
    node.custody()
        .fail(key, lease, KeptFailure { code: "internal", at: node.world().now(), retry_not_before: node.world().now(), said: None })
        .await
        .unwrap();
    let Leased::Taken(later) = node.custody().lease(key, 1, Duration::from_secs(30)).await.unwrap() else { panic!() };
    node.custody().commit(key, later, &grant("2"), node.world().now(), node.world().now()).await.unwrap();
    spool.keep(files[0], &aside).unwrap();
    assert_eq!((kept(&node, key).await.as_deref(), scene.files()), (Some("SECRET-r2"), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rel_t21_what_comes_after_a_revocation_is_thrown_away_and_owed_to_the_provider() {
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    let lease = obtained_and_written(&node, key, "1").await;
    let removed = node.custody().remove(key).await.unwrap();
    assert_eq!(removed.len(), 1);
    node.custody().settle(&removed[0], Ok(())).await.unwrap();
    let late = node.custody().commit(key, lease, &grant("1"), Timestamp::from_millis(1), Timestamp::from_millis(2)).await.unwrap();
    assert_eq!((late, kept(&node, key).await, scene.files()), (Committed::Fenced, None, 0));
    assert_eq!(scene.owed(key).await.len(), 1);
    let one = scene.house.store().owed_revocations().take(Duration::from_secs(60)).await.unwrap().expect("due at once");
    assert_eq!(super::owed::opened(&scene.house, &one).unwrap().parts["refresh_token"].expose(), "SECRET-r1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_damaged_or_renamed_is_set_aside() {
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    obtained_and_written(&node, key, "1").await;
    let spool = scene.house.spool();
    let entry = spool.entries().unwrap()[0];
    let sealed = spool.read(entry).unwrap().unwrap();
    spool.remove(entry).unwrap();
    // Under another fence it does not open.
    spool.keep(crate::spool::Entry { fence: entry.fence + 1, ..entry }, &sealed).unwrap();
    assert_eq!(kept(&node, key).await.as_deref(), Some("SECRET-r0"));
    assert_eq!((spool.entries().unwrap(), scene.files()), (vec![], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_spool_renewals_go_on() {
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    std::fs::write(scene.directory.path().join("data/spool"), b"no directory").unwrap();
    node.begin_rescue().await;
    tokio::time::sleep(Duration::from_secs(LIFE_SECONDS.unsigned_abs())).await;
    assert!(scene.obtain(&node).await > 0);
    assert_eq!(kept(&node, key).await.as_deref(), Some("SECRET-r1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rel_t11_nodes_whose_clocks_differ_by_ten_minutes_agree_on_tokens_and_leases() {
    let scene = Scene::new().await;
    let (early, late) = (scene.node(-600).await, scene.node(600).await);
    // Nobody has looked at anything yet when the first one stores a time.
    let key = scene.log_in(&early).await;
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(14) {
        for node in [&late, &early] {
            let left = scene.obtain(node).await;
            // Never dead, and never longer than it lives.
            assert!((0..=LIFE_SECONDS * 1000 + 200).contains(&left), "{left} ms left");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let presented = scene.presented.lock().unwrap().clone();
    let expected: Vec<String> = (0..presented.len()).map(|number| format!("SECRET-r{number}")).collect();
    assert_eq!(presented, expected, "each refresh token is presented once");
    assert!((3..=6).contains(&presented.len()), "{} renewals in 14 s", presented.len());
    // A lease is a lease on either clock, and so is a pause.
    let seen = early.custody().load(key).await.unwrap().unwrap().version;
    let Leased::Taken(lease) = early.custody().lease(key, seen, Duration::from_secs(30)).await.unwrap() else { panic!() };
    assert_eq!(late.custody().lease(key, seen, Duration::from_secs(30)).await.unwrap(), Leased::Busy);
    let now = early.world().now();
    let failure = KeptFailure { code: "internal", at: now, retry_not_before: now.after(Duration::from_secs(10)), said: None };
    early.custody().fail(key, lease, failure).await.unwrap();
    let failure = late.custody().load(key).await.unwrap().unwrap().failure.unwrap();
    let pause = failure.retry_not_before.as_millis() - late.world().now().as_millis();
    assert!((9_000..=10_200).contains(&pause), "{pause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p21_values_are_given_to_the_definition_in_force_alone() {
    // P2, API-07: a callout of an older one would send a new value to the old place.
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    for (revision, expected) in [(0, Ok(())), (-1, Err(CustodyError::Changed)), (1, Err(CustodyError::Changed))] {
        let key = GrantKey { revision: key.revision + revision, ..key };
        assert_eq!(node.custody().values(key).await.map(drop), expected, "{revision}");
    }
    let unknown = GrantKey { credential: ExternalCredentialId::from_uuid(new_id()), ..key };
    assert_eq!(node.custody().values(unknown).await.map(drop), Err(CustodyError::Changed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_gone_is_no_database_that_is_away() {
    // REL-T21.
    let scene = Scene::new().await;
    let node = scene.node(0).await;
    let key = scene.log_in(&node).await;
    let away = *node.custody().away.lock().unwrap();
    let mut change = scene.house.store().change().await.unwrap();
    change.users().delete(scene.alice.user.id).await.unwrap();
    change.commit().await.unwrap();
    let leased = node.custody().lease(key, 0, Duration::from_secs(30)).await;
    assert_eq!((leased, *node.custody().away.lock().unwrap()), (Err(CustodyError::Changed), away));
}
