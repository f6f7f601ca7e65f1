//! A process that is killed loses nothing that it acknowledged, and leaves nothing half-written.
//!
//! The child is this test binary itself, told by the environment where to write.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use sortie_model::{PrincipalId, Timestamp};
use sortie_store::{Abandoned, Identity, LeaseOutcome, LeaseRequest, Location, SealedGrant, Store};
use uuid::Uuid;

use crate::backend::{Backend, both_backends};
use crate::fixtures::{api_key, external_credential, permission_set, principal, user};

both_backends! { a_killed_process_loses_nothing_that_it_acknowledged }

const ROUNDS: u32 = 25;

/// What the child is told: where to write, and the principal whose grant it renews.
const LOCATION: &str = "SORTIE_TEST_WRITE_TO";
const PRINCIPAL: &str = "SORTIE_TEST_PRINCIPAL";

async fn a_killed_process_loses_nothing_that_it_acknowledged(backend: Backend) {
    let principal = prepare(&backend).await;
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        // Every other time from the start on, so that opening is hit as well; else once it writes, however slow the machine is.
        let from = if round % 2 == 0 { From::Start } else { From::FirstRow };
        let pause = Duration::from_micros(RandomState::new().build_hasher().finish() % 300_000);
        acknowledged.read(&kill_after(&backend, principal, from, pause).await);
        check(&backend, principal, &acknowledged, &format!("round {round}, killed {pause:?} after {from:?}")).await;
    }
    let Acknowledged { users, anchors, version } = acknowledged;
    assert!(users.len() > 20 && anchors.len() > 20 && version > 10, "too little was written: {} {} {version}", users.len(), anchors.len());
}

/// When the time until the kill begins to run.
#[derive(Clone, Copy, Debug)]
enum From {
    Start,
    FirstRow,
}

async fn prepare(backend: &Backend) -> PrincipalId {
    let store = backend.store().await;
    let crm = external_credential("Crm");
    let admin = principal(&crm, "Admin", 1);
    let mut change = store.change().await.unwrap();
    change.external_credentials().insert(&crm).await.unwrap();
    change.principals().insert(&admin).await.unwrap();
    change.commit().await.unwrap();
    store.close().await;
    admin.id
}

/// Everything that any child has said was stored.
#[derive(Default)]
struct Acknowledged {
    users: BTreeSet<String>,
    anchors: BTreeSet<String>,
    version: i64,
}

impl Acknowledged {
    fn read(&mut self, lines: &[String]) {
        for line in lines {
            match line.split_once(' ') {
                Some(("stored-user", id)) => drop(self.users.insert(id.to_owned())),
                Some(("stored-anchor", sequence)) => drop(self.anchors.insert(sequence.to_owned())),
                Some(("stored-grant", version)) => self.version = version.parse().unwrap(),
                // What the test harness says of itself.
                _ => {}
            }
        }
    }
}

/// Starts a child, kills it, and gives back what it had said until then.
async fn kill_after(backend: &Backend, principal: PrincipalId, from: From, pause: Duration) -> Vec<String> {
    let location = match backend.location() {
        Location::Sqlite { path } => format!("sqlite:{}", path.display()),
        Location::Postgres { url } => url.expose().to_owned(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kill::the_child_writes_until_it_is_killed", "--nocapture"])
        .env(LOCATION, location)
        .env(PRINCIPAL, principal.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let (first_row, mut wrote) = tokio::sync::mpsc::unbounded_channel();
    let reader = std::thread::spawn(move || {
        let note = |line: &String| {
            if line.starts_with("stored-") {
                // Nobody listens any more after the first one.
                let _ = first_row.send(());
            }
        };
        said.lines().map_while(Result::ok).inspect(note).collect()
    });
    if let From::FirstRow = from {
        wrote.recv().await.unwrap();
    }
    tokio::time::sleep(pause).await;
    assert_eq!(child.try_wait().unwrap(), None, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// A server goes on with what it was told last, although nobody waits for the answer any more.
async fn wait_until_the_server_has_noticed(backend: &Backend) {
    let Backend::Postgres(_) = backend else { return };
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    while backend.query(others).await != ["0"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn check(backend: &Backend, principal: PrincipalId, acknowledged: &Acknowledged, when: &str) {
    wait_until_the_server_has_noticed(backend).await;
    // Opens, recovers, and reads as a new process would.
    let store = backend.store().await;
    let version = store.grants().load(Identity::shared(principal)).await.unwrap().map_or(0, |grant| grant.version);
    assert!(version >= acknowledged.version, "{when}: {} was acknowledged, {version} is there", acknowledged.version);
    let generation = store.generation().await.unwrap().as_i64();
    store.close().await;

    let users: BTreeSet<_> = backend.query("SELECT id FROM users").await.into_iter().collect();
    let anchors: BTreeSet<_> = backend.query("SELECT sequence FROM audit_anchors").await.into_iter().collect();
    assert_eq!(acknowledged.users.difference(&users).collect::<Vec<_>>(), [""; 0], "{when}: lost users");
    assert_eq!(acknowledged.anchors.difference(&anchors).collect::<Vec<_>>(), [""; 0], "{when}: lost anchors");

    let half = "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM api_keys) OR id NOT IN (SELECT user_id FROM permission_set_assignments)";
    assert_eq!(backend.query(half).await, ["0"], "{when}: users without key or permission set");
    assert_eq!(generation, users.len() as i64 + 1, "{when}: one step for each change");
    if let Backend::Sqlite(_) = backend {
        assert_eq!(backend.query("PRAGMA integrity_check").await, ["ok"], "{when}");
        assert_eq!(backend.query("PRAGMA foreign_key_check").await, [""; 0], "{when}");
    }
}

#[tokio::test]
#[ignore = "is started and killed by the tests above"]
#[allow(clippy::disallowed_methods, reason = "a test binary has no other way to be told something")]
async fn the_child_writes_until_it_is_killed() {
    let location = Location::parse(&std::env::var(LOCATION).unwrap()).unwrap();
    let principal = std::env::var(PRINCIPAL).unwrap().parse().unwrap();
    let store = Store::open(&location, Uuid::new_v4()).await.unwrap();
    for number in 0_u64.. {
        println!("stored-user {}", write_user(&store, number).await);
        println!("stored-anchor {}", write_anchor(&store).await);
        if let Some(version) = renew(&store, Identity::shared(principal)).await {
            println!("stored-grant {version}");
        }
    }
}

/// One change of four rows.
async fn write_user(store: &Store, number: u64) -> Uuid {
    let unique = Uuid::new_v4().simple().to_string();
    let (user, set) = (user(&format!("user-{unique}"), None), permission_set(&format!("Set{number}_{unique}")));
    let mut change = store.change().await.unwrap();
    change.users().insert(&user).await.unwrap();
    change.permission_sets().insert(&set).await.unwrap();
    change.users().assign(user.id, set.id).await.unwrap();
    change.api_keys().insert(&api_key(&user, &unique[..12])).await.unwrap();
    change.commit().await.unwrap();
    user.id.as_uuid()
}

/// One statement on its own.
async fn write_anchor(store: &Store) -> i64 {
    let sequence = i64::from_be_bytes(Uuid::new_v4().into_bytes()[..8].try_into().unwrap()).saturating_abs();
    store.audit_anchors().append("core-0", sequence, &[1; 32]).await.unwrap();
    sequence
}

/// A lease and a commit. `None` while the lease of the child before is still running.
async fn renew(store: &Store, identity: Identity) -> Option<i64> {
    let seen_version = store.grants().load(identity).await.unwrap().map_or(0, |grant| grant.version);
    let duration = Duration::from_millis(50);
    let request = LeaseRequest {
        grant: identity.into(),
        seen_version,
        owner: Uuid::new_v4(),
        new_grant_id: Uuid::new_v4(),
        duration,
        abandoned: Abandoned::Take,
    };
    let LeaseOutcome::Taken(lease) = store.grants().lease(&request).await.unwrap() else { return None };
    let grant = SealedGrant { revision: 1, sealed: vec![7; 300], issued_at: Timestamp::from_millis(1), expires_at: None, dies_at: None };
    match store.grants().commit(&lease, grant).await.unwrap() {
        sortie_store::Committed::Stored { version } => Some(version),
        sortie_store::Committed::Fenced => panic!("nobody else is writing"),
    }
}
