//! Providers differ in how long they forgive the second use of a refresh token. Ours is no other behaviour for it: REL-T12.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sortie_testkit::held_front::Way;
use sortie_testkit::peers::{OidcProvider, TestDatabase};
use sortie_testkit::plain_http;

use crate::scene::Scene;

/// Presents a refresh token once more, as somebody would who has copied it; says the status.
fn present_again(scene: &Scene, refresh_token: &str) -> u16 {
    let client = OidcProvider::PEOPLE;
    let authorization = format!("Basic {}", STANDARD.encode(format!("{}:{}", client.id, client.secret)));
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("grant_type=refresh_token&refresh_token={refresh_token}");
    plain_http::send("POST", &scene.provider.token_endpoint(), &headers, body.as_bytes()).unwrap().status
}

#[test]
fn rel_t12_with_and_without_a_window_of_grace_every_refresh_token_is_presented_once() {
    for (grace_seconds, reuse) in [(0, 400), (30, 200)] {
        let database = TestDatabase::create();
        let scene = Scene::new(2, Some(database.url()));
        scene.provider.forgive_reuse_for_seconds(grace_seconds);
        let nodes = [scene.start(), scene.start_second()];
        nodes.iter().for_each(|node| _ = scene.get_until_served(node, Duration::from_secs(10)));
        let end = Instant::now() + Duration::from_secs(10);
        std::thread::scope(|scope| {
            for caller in 0..8 {
                let (scene, node) = (&scene, &nodes[caller % 2]);
                scope.spawn(move || {
                    while Instant::now() < end {
                        assert_eq!(scene.get(node), (200, None), "{grace_seconds} s of grace");
                        std::thread::sleep(Duration::from_millis(20));
                    }
                });
            }
        });
        let presented = scene.presented();
        assert!(presented.len() >= 4, "only {} renewals", presented.len());
        scene.assert_none_was_used_twice();
        // The window is real: what the provider says when one does come twice.
        assert_eq!(present_again(&scene, presented.last().unwrap()), reuse, "{grace_seconds} s of grace");
    }
}

#[test]
fn rel_t12_where_reuse_is_forgiven_an_answer_that_is_lost_costs_no_login() {
    let scene = Scene::new(2, None);
    std::thread::sleep(Duration::from_secs(2));
    scene.provider.issue_tokens_for_seconds(3600);
    scene.provider.forgive_reuse_for_seconds(120);
    let leader = scene.start();
    scene.front.hold(Way::Answers);
    std::thread::scope(|scope| {
        scope.spawn(|| scene.get(&leader));
        scene.front.wait_until_held(Way::Answers);
        leader.signal("-KILL");
    });
    scene.front.lose(Way::Answers);
    drop(leader);
    let next = scene.start();
    // The one cautious try after the lease (REL-T07) is the second use, and the provider lets it pass.
    scene.get_until_served(&next, Duration::from_secs(40));
    let presented = scene.presented();
    assert!(presented.len() == 2 && presented[0] == presented[1], "{} presented", presented.len());
    assert_eq!((scene.state()["state"].as_str(), next.log().contains("somebody has to log in again")), (Some("authenticated"), false));
}
