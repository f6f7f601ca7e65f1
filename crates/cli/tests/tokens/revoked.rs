//! A login that is taken away while its provider is down: said by every command, and mended by a running server.

use std::time::Duration;

use serde_json::{Value, json};
use sortie_testkit::peers::Fault;

use crate::scene::{Scene, wait_until};

#[test]
fn tok_22_what_the_provider_does_not_know_yet_is_said_until_a_server_has_told_it() {
    let scene = Scene::new(3600, None);
    scene.provider.fault(Fault::on("/token/revocation").answer(503, "text/html", "down"));
    let done: Value = serde_json::from_str(&scene.run(&["--json", "auth", "revoke", "Calendar/Service"], "")).unwrap();
    assert_eq!(done, json!({ "revoked": true, "provider": "not_told" }));
    let state = scene.state();
    let unrevoked = &state["unrevoked"][0];
    assert_eq!((&state["state"], &unrevoked["attempts"]), (&json!("not_authenticated"), &json!(1)));
    assert_eq!(unrevoked["failure_code"], "token_endpoint_unavailable");
    assert!(unrevoked["try_at"].as_str() > unrevoked["since"].as_str(), "{unrevoked}");
    let status: Value = serde_json::from_str(&scene.run(&["--json", "status", "Calendar"], "")).unwrap();
    assert_eq!(status["external_credentials"][0]["principals"][0]["unrevoked"], json!({ "waiting": 1, "given_up": 0 }));
    assert_eq!(status["spool"], json!({ "waiting": 0, "problem": null }));
    assert!(scene.run(&["status"], "").contains("1 taken away here, not yet revoked at the provider"));
    // It would be refused, which is no success.
    let explained = scene.sortie.run(&["explain", "callout:Calendar/x", "--as", "alice"]).out;
    assert!(explained.contains("not revoked") && explained.contains("tried again at"), "{explained}");
    let explained = scene.sortie.run(&["--json", "explain", "callout:Calendar/x", "--as", "alice"]).out;
    assert_eq!(serde_json::from_str::<Value>(&explained).unwrap()["unrevoked"][0]["attempts"], 1);
    let node = scene.start();
    wait_until("the provider knows", Duration::from_secs(60), || scene.state()["unrevoked"] == json!([]));
    drop(node);
    let audit = scene.run(&["audit", "tail", "--json"], "");
    assert!(audit.contains("revoked_at_provider"), "{audit}");
}
