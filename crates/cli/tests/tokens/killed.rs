//! Processes that are killed or stopped in the middle of a renewal.

use std::time::{Duration, Instant};

use sortie_store::{Location, Store};
use sortie_testkit::held_front::Way;
use sortie_testkit::peers::TestDatabase;
use uuid::Uuid;

use crate::scene::{Scene, wait_until};

/// A lease, and a little more: REL-T06 allows two seconds.
const LEASE_AND_MORE: Duration = Duration::from_secs(32);

/// Tokens that live for two seconds.
fn expired(database: Option<String>) -> Scene {
    let scene = Scene::new(2, database);
    std::thread::sleep(Duration::from_secs(2));
    scene.provider.issue_tokens_for_seconds(3600);
    scene
}

#[test]
fn rel_t06_a_leader_that_is_killed_before_a_byte_has_arrived_is_succeeded() {
    let database = TestDatabase::create();
    let scene = expired(Some(database.url()));
    let (leader, other) = (scene.start(), scene.start_second());
    // Longer than the head start that a new node leaves.
    std::thread::sleep(Duration::from_secs(6));
    scene.front.hold(Way::Requests);
    std::thread::scope(|scope| {
        scope.spawn(|| scene.get(&leader));
        scene.front.wait_until_held(Way::Requests);
        leader.signal("-KILL");
    });
    let killed = Instant::now();
    scene.front.lose(Way::Requests);
    scene.get_until_served(&other, LEASE_AND_MORE);
    assert!(killed.elapsed() <= LEASE_AND_MORE, "a gap of {:?}", killed.elapsed());
    assert_eq!((scene.presented().len(), scene.spooled()), (1, 0));
}

#[test]
fn rel_t07_what_is_lost_with_the_answer_costs_one_cautious_try_and_then_a_login() {
    let scene = expired(None);
    let leader = scene.start();
    scene.front.hold(Way::Answers);
    std::thread::scope(|scope| {
        scope.spawn(|| scene.get(&leader));
        scene.front.wait_until_held(Way::Answers);
        leader.signal("-KILL");
    });
    scene.front.lose(Way::Answers);
    assert_eq!((scene.presented().len(), scene.spooled()), (1, 0), "the provider has taken it back, and nobody has the new one");
    drop(leader);
    let next = scene.start();
    wait_until("somebody has to log in", Duration::from_secs(40), || scene.get(&next).1.as_deref() == Some("needs_authentication"));
    // Nobody could know better: it was tried once more, after the lease, and never again.
    for _ in 0..20 {
        assert_eq!(scene.get(&next), (424, Some("needs_authentication".to_owned())));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(scene.presented().len(), 2);
    assert_eq!(scene.state()["state"], "needs_authentication");
    assert_eq!(next.log().matches("somebody has to log in again").count(), 1, "{}", next.log());
    scene.log_in();
    scene.get_until_served(&next, Duration::from_secs(3));
}

#[test]
fn rel_t08_what_is_written_down_survives_a_kill_before_the_commit() {
    let scene = expired(None);
    let leader = scene.start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let location = Location::Sqlite { path: scene.sortie.data().join("sortie.sqlite") };
    let store = runtime.block_on(Store::open(&location, Uuid::nil())).unwrap();
    scene.front.hold(Way::Answers);
    std::thread::scope(|scope| {
        scope.spawn(|| scene.get(&leader));
        scene.front.wait_until_held(Way::Answers);
        // Somebody else writes: the commit has to wait.
        let change = runtime.block_on(store.change()).unwrap();
        let _inside = runtime.enter();
        scene.front.release(Way::Answers);
        scene.wait_until_spooled();
        leader.signal("-KILL");
        drop(change);
    });
    runtime.block_on(store.close());
    drop(leader);
    assert_eq!((scene.presented().len(), scene.spooled()), (1, 1));
    let begun = Instant::now();
    let next = scene.start();
    assert_eq!(scene.get(&next), (200, None));
    // Not after the lease: what was written down is there before the first callout.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!((scene.presented().len(), scene.spooled()), (1, 0));
    assert_eq!(scene.state()["state"], "authenticated");
    // And it is the one that the next is asked for with.
    scene.provider.expire_all_tokens();
    assert_eq!(scene.get(&next), (200, None));
    assert_eq!(scene.presented().len(), 2);
    scene.assert_none_was_used_twice();
}

#[test]
fn rel_t10_a_leader_that_sleeps_through_its_lease_changes_nothing_when_it_wakes_up() {
    let database = TestDatabase::create();
    let scene = expired(Some(database.url()));
    let (leader, other) = (scene.start(), scene.start_second());
    std::thread::sleep(Duration::from_secs(6));
    scene.front.hold(Way::Requests);
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| scene.get(&leader));
        scene.front.wait_until_held(Way::Requests);
        leader.signal("-STOP");
        let stopped = Instant::now();
        scene.front.lose(Way::Requests);
        scene.get_until_served(&other, LEASE_AND_MORE);
        let version = || database.query("SELECT version FROM grants");
        assert_eq!(version(), "2");
        std::thread::sleep(Duration::from_secs(45).saturating_sub(stopped.elapsed()));
        leader.signal("-CONT");
        // Its own caller has gone away after 30 s; who comes now gets what the other one stored.
        assert_eq!(sleeper.join().unwrap().0, 0);
        scene.get_until_served(&leader, Duration::from_secs(5));
        assert_eq!((version().as_str(), scene.presented().len(), scene.spooled()), ("2", 1, 0));
    });
    scene.provider.expire_all_tokens();
    assert_eq!(scene.get(&leader), (200, None));
    scene.assert_none_was_used_twice();
}
