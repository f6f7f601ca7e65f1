//! A callout for a user whose grant is not in the cache costs one indexed read, however many grants there are; and one more if the key has not been seen either.
//! What changes for one user costs the others nothing but the look at their key.

use std::time::{Duration, Instant};

use sortie_model::Secret;
use sortie_testkit::peers::TestDatabase;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{TestServer, fill};

const GRANTS: usize = 10_000;
const CALLERS: usize = 200;

/// How often PostgreSQL has looked a row of a table up by an index, and how often it has read a whole table.
fn scans(database: &TestDatabase, table: &str) -> (u64, u64) {
    let said = database.query(&format!("SELECT idx_scan, seq_scan FROM pg_stat_user_tables WHERE relname = '{table}'"));
    let (by_index, whole) = said.split_once('|').unwrap();
    (by_index.parse().unwrap(), whole.parse().unwrap())
}

/// PostgreSQL's sessions tell what they did when they have had nothing to do for up to ten seconds.
fn settled_scans(database: &TestDatabase) -> [(u64, u64); 2] {
    let both = || ["grants", "api_keys"].map(|table| scans(database, table));
    let (mut seen, mut since) = (both(), Instant::now());
    while since.elapsed() < Duration::from_secs(12) {
        std::thread::sleep(Duration::from_millis(250));
        let now = both();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    seen
}

/// A server with so many users, each with a key and a grant, and an upstream for them.
fn filled(database: &TestDatabase) -> (TestServer, RecordingUpstream, Vec<Secret>) {
    let mut server = TestServer::with_database(Some(database.url()));
    let upstream = RecordingUpstream::start(|_| Reply::new(200).body("hello"));
    let keys = server.runtime.block_on(fill::fill(&server.house, &upstream.url(), GRANTS, GRANTS));
    assert_eq!(database.query("SELECT COUNT(*) FROM grants"), GRANTS.to_string());
    // As a server that has run for a while: PostgreSQL knows how much there is.
    database.query("ANALYZE");
    server.start();
    (server, upstream, keys)
}

#[test]
fn a_callout_of_a_user_whose_grant_is_not_in_memory_reads_it_by_its_index_and_nothing_else() {
    let database = TestDatabase::create();
    let (server, _upstream, keys) = filled(&database);
    let keys = &keys[..CALLERS];
    for key in keys {
        assert_eq!(server.get(key, "/callout/Nowhere/x").status, 403, "the key is known from now on");
    }
    let [grants_before, keys_before] = settled_scans(&database);
    for key in keys {
        assert_eq!(server.get(key, "/callout/Cal/x").verdict(), (200, None));
    }
    let [grants_after, keys_after] = settled_scans(&database);
    assert_eq!(
        (grants_after.0 - grants_before.0, grants_after.1 - grants_before.1),
        (CALLERS as u64, 0),
        "one look into an index for each"
    );
    assert_eq!(keys_after, keys_before);
}

#[test]
fn a_callout_of_a_user_who_has_never_called_reads_one_key_and_one_grant() {
    let database = TestDatabase::create();
    let (server, upstream, keys) = filled(&database);
    let [grants_before, keys_before] = settled_scans(&database);
    let keys = &keys[..CALLERS];
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(server.get(key, "/callout/Cal/x").verdict(), (200, None));
        let authorization = upstream.requests().last().unwrap().header("authorization").unwrap().to_owned();
        assert!(authorization.starts_with(&format!("Bearer SECRET-access-{number}-")), "each with their own");
    }
    let [grants_after, keys_after] = settled_scans(&database);
    let callers = CALLERS as u64;
    assert_eq!((grants_after.0 - grants_before.0, grants_after.1 - grants_before.1), (callers, 0), "one look into an index for each");
    // To plan a join PostgreSQL looks at the ends of an index now and then, and counts that too.
    assert!(keys_after.0 - keys_before.0 >= callers && keys_after.1 == keys_before.1, "{keys_before:?} {keys_after:?}");
    // The second time everything is in memory.
    for key in keys {
        assert_eq!(server.get(key, "/callout/Cal/x").status, 200);
    }
    assert_eq!(settled_scans(&database), [grants_after, keys_after]);
}

#[test]
fn what_changes_for_one_user_does_not_cost_the_others_their_grants() {
    let database = TestDatabase::create();
    let (server, _upstream, keys) = filled(&database);
    let keys = &keys[..CALLERS];
    for key in keys {
        assert_eq!(server.get(key, "/callout/Cal/x").verdict(), (200, None));
    }
    let [grants_before, keys_before] = settled_scans(&database);
    server.user("newcomer", &[]);
    server.settle();
    for key in keys {
        assert_eq!(server.get(key, "/callout/Cal/x").verdict(), (200, None));
    }
    let [grants_after, keys_after] = settled_scans(&database);
    assert_eq!(grants_after, grants_before, "all grants are still in memory");
    assert!(keys_after.0 - keys_before.0 >= CALLERS as u64, "and who calls was looked up again: {keys_before:?} {keys_after:?}");
}
