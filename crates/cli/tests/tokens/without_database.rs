//! A database that goes away between a provider's answer and the commit.

use std::time::{Duration, Instant};

use sortie_testkit::held_front::Way;
use sortie_testkit::peers::PostgresServer;

use crate::scene::{Scene, wait_until};

#[test]
fn rel_t09_a_database_that_is_away_for_a_minute_at_the_commit_costs_no_login() {
    let postgres = PostgresServer::start();
    let scene = Scene::new(2, Some(postgres.url()));
    let (leader, other) = (scene.start(), scene.start_second());
    std::thread::sleep(Duration::from_secs(6));
    scene.provider.issue_tokens_for_seconds(3600);
    scene.front.hold(Way::Answers);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| scene.get(&leader));
        scene.front.wait_until_held(Way::Answers);
        postgres.stop();
        scene.front.release(Way::Answers);
        scene.wait_until_spooled();
        assert_ne!(caller.join().unwrap().0, 200, "nothing is used that is not stored");
    });
    let away = Instant::now();
    // Others ask all the time, on the other node most of all: the lease ends meanwhile, and nobody may take it over.
    while away.elapsed() < Duration::from_secs(60) {
        for node in [&leader, &other] {
            assert_ne!(scene.get(node).0, 200);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((scene.presented().len(), scene.spooled()), (1, 1));
    postgres.go_on();
    std::thread::scope(|scope| {
        for node in [&other, &leader] {
            scope.spawn(|| scene.get_until_served(node, Duration::from_secs(30)));
        }
    });
    wait_until("the spool is empty", Duration::from_secs(5), || scene.spooled() == 0);
    assert_eq!(scene.presented().len(), 1, "nobody has presented a refresh token that was used before");
    assert_eq!(scene.state()["state"], "authenticated");
    scene.provider.expire_all_tokens();
    assert_eq!(scene.get(&other), (200, None));
    scene.assert_none_was_used_twice();
}
