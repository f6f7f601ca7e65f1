//! Bodies that are held: how many at once, and what has changed when they are there.

use std::time::Duration;

use sortie_callout::{Denial, Refused, Turn};
use sortie_model::{CallerFormulas, Endpoint};

use crate::support::{Node, Scene, TestBody, custom_header, outcome, refusal};

/// A name that evaluates formulas in bodies, and so holds them.
fn holding() -> Scene {
    let (mut scene, _) = Scene::of("custom", &[("Key", "SECRET-key")]);
    scene.last_named().allow_formulas_in_body = CallerFormulas::Evaluated;
    scene
}

#[tokio::test(start_paused = true)]
async fn p19_bodies_that_are_held_share_one_space_and_those_that_stream_take_none() {
    // FRM-11: one MiB for the whole node, in this scene.
    let mut scene = holding();
    let alice = scene.user("alice");
    let node = scene.node();
    let body: &'static str = Box::leak("x".repeat(400 * 1024).into_boxed_str());
    // The answer takes its time: until it begins, a body is held.
    node.upstream.takes(Duration::from_secs(5));
    let post = |after: u64| {
        let (node, alice) = (&node, &alice);
        async move {
            tokio::time::sleep(Duration::from_secs(after)).await;
            outcome(&node.post(alice, "callout:Pay/x", TestBody::streamed(body)).await)
        }
    };
    let all = tokio::join!(post(0), post(1), post(2), post(6));
    assert_eq!(all, ("200".into(), "200".into(), "held_bodies_full".into(), "200".into()));
    let third = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        refusal(node.post(&alice, "callout:Pay/x", TestBody::streamed(body)).await).refused
    };
    let (_, _, refused) = tokio::join!(post(0), post(0), third);
    assert_eq!((refused.turn(), refused.next_step().contains("max_held_bytes")), (Turn::Caller, true));
    scene.last_named().allow_formulas_in_body = CallerFormulas::Literal;
    scene.definitions.generation += 1;
    node.refresh(&scene);
    assert_eq!(tokio::join!(post(0), post(0), post(0)), ("200".into(), "200".into(), "200".into()));
}

#[tokio::test(start_paused = true)]
async fn p17_whoever_sends_a_body_slowly_is_authorized_again_when_it_is_there() {
    // P2, P21, AZ-13, AZ-16: what has changed meanwhile counts.
    type Change = fn(&mut Scene, &Node);
    let cases: [(&str, Change, &str, usize); 9] = [
        ("nothing", |_, _| {}, "200", 1),
        ("something else", |scene, _| scene.definitions.generation += 1, "200", 1),
        ("the place", |scene, _| scene.last_named().url = Endpoint::parse("https://new.test").unwrap(), "definition_changed", 0),
        ("the values", |scene, _| scene.revise(|_| ()), "definition_changed", 0),
        ("the headers", |scene, _| scene.last_named().headers = vec![custom_header("X-New", "x", 1)], "definition_changed", 0),
        ("the switch", |scene, _| scene.last_named().is_enabled = false, "callout_disabled", 0),
        ("the permission", |scene, node| node.calls_as(Ok(scene.user_with("alice", &[]))), "not_permitted", 0),
        (
            "the user",
            |scene, node| {
                let mut caller = scene.user("alice");
                caller.attributes = [("Department".to_owned(), "Sales".to_owned())].into();
                node.calls_as(Ok(caller));
            },
            "definition_changed",
            0,
        ),
        ("the key", |_, node| node.calls_as(Err(Refused::NotPermitted { reason: Denial::KeyWithdrawn })), "not_permitted", 0),
    ];
    for (what, change, expected, sent) in cases {
        let mut scene = holding();
        let alice = scene.user("alice");
        let node = scene.node();
        let body = TestBody::streamed("slow").within(Duration::from_secs(60));
        let (answered, ()) = tokio::join!(node.post(&alice, "callout:Pay/x", body), async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            change(&mut scene, &node);
            if what != "nothing" {
                scene.definitions.generation += 1;
            }
            node.refresh(&scene);
        });
        assert_eq!((outcome(&answered).as_str(), node.upstream.count()), (expected, sent), "{what}");
        assert_eq!(node.audit.records().len(), 1, "{what}");
    }
}
