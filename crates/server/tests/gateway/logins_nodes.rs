//! Logins where there are several nodes: what begins on one goes on at another, once, and what ends on one ends everywhere.

use std::time::{Duration, Instant};

use sortie_server::Node;
use sortie_server::connect::{CallbackQuery, Disconnected, Landing, confirm, returned, revoke};

use crate::logins::{Scene, code, user};

const CALLBACK: &str = "/services/externalauthcallback/Idp";

/// Another node on the database of the scene.
fn second(scene: &Scene) -> Node {
    scene.run(Node::start(scene.stage.server.house.clone(), &scene.stage.server.setup.config)).unwrap()
}

#[test]
fn oau_17_a_browser_that_comes_back_to_another_node_goes_on_there_and_only_once() {
    let scene = Scene::new();
    let (here, there, alice) = (scene.node(), second(&scene), user(&scene.alice));
    for round in 1..=10 {
        let begun = scene.begin(&alice, "Own").unwrap();
        let (query, browser) = (scene.at_provider(&begun, "alice-at-idp"), Some(begun.browser.expose()));
        let land = |node| returned(node, Some(&alice), CALLBACK, CallbackQuery::parse(&query).unwrap(), browser);
        let landed = if round == 1 {
            // The one to which the balancer sends it now.
            scene.run(land(&there))
        } else {
            // Twice at once: as when somebody has copied the address.
            let (one, other) = scene.run(async { tokio::join!(land(&there), land(here)) });
            let (landed, refused) = if one.is_ok() { (one, other) } else { (other, one) };
            assert_eq!(code(refused), "login_not_under_way");
            landed
        };
        assert_eq!(landed.unwrap(), Landing::Confirm(begun.id));
        assert_eq!(scene.provider.log().len(), round, "the code is presented once");
        let agree = |node| confirm(node, &alice, begun.id, browser);
        let (one, other) = scene.run(async { tokio::join!(agree(here), agree(&there)) });
        let mut said = [code(one), code(other)];
        said.sort_unstable();
        assert_eq!(said, ["login_not_under_way", "ok"]);
    }
    // And a callout on the first node finds it.
    let begun = Instant::now();
    while scene.get("Own", &scene.alice.1).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
}

#[test]
fn what_is_revoked_on_one_node_is_refused_on_every_other_within_seconds() {
    // REL-C05.
    let scene = Scene::new();
    scene.log_in(&user(&scene.alice), "Own", "alice");
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice");
    let other = second(&scene);
    assert_eq!(scene.run(revoke(&other, &user(&scene.alice), ("Own", "Main"))).unwrap(), Disconnected::AtTheProvider);
    // The token itself is dead over there, so that it is not the upstream's refusal that is seen: it would be renewed once, and the refusal handed on.
    let revoked = Instant::now();
    while scene.get("Own", &scene.alice.1).code() != Some("needs_authentication") {
        assert!(revoked.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(50));
    }
}
