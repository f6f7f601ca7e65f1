//! Another grant on somebody's word.

use sortie_callout::refresh;

use crate::support::{Scene, advance, outcome};

#[tokio::test(start_paused = true)]
async fn p11_another_token_on_somebodys_word_is_asked_for_once_and_is_no_rejection() {
    for (what, age) in [("none is there", None), ("one is there", Some(0)), ("one is there and has died", Some(3600))] {
        let (mut scene, _) = Scene::oauth();
        let alice = scene.user("alice");
        let (node, cold) = (scene.node(), scene.node());
        if let Some(age) = age {
            assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
            advance(age).await;
        }
        // Whether this process has it in memory or not.
        for node in [&node, &cold].into_iter().skip(usize::from(age.is_none())) {
            let before = scene.provider.asked();
            refresh(&node.snapshot(), &node.grants, &alice, ("Idp", "main")).await.unwrap();
            assert_eq!(scene.provider.asked() - before, 1, "{what}");
            // An upstream that refuses the new one is believed at once.
            let asked = scene.provider.asked();
            node.upstream.accepts_only(Box::leak(format!("SECRET-token-{}", asked + 1).into_boxed_str()));
            assert_eq!(
                (outcome(&node.get(&alice, "callout:Pay/x").await), scene.provider.asked()),
                ("200".to_owned(), asked + 1),
                "{what}"
            );
        }
    }
}
