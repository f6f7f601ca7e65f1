//! Logins as the management API shows and ends them, at npm's `oidc-provider`.

use serde_json::{Value, json};
use sortie_model::Secret;
use sortie_testkit::peers::Fault;
use sortie_testkit::plain_http;

use crate::identity_providers::apply;
use crate::logins::{OPERATOR, Scene, user};

fn ask(scene: &Scene, key: &Secret, method: &str, credential: &str) -> (u16, Value) {
    let url = format!("http://{}/api/v1/external-credentials/{credential}/principals/Main/login", scene.stage.server.server().admin());
    let bearer = format!("Bearer {}", key.expose());
    let answer = plain_http::send(method, &url, &[("Authorization", &bearer)], b"").unwrap();
    scene.stage.server.assert_unmarked("an answer", answer.text());
    (answer.status, answer.json())
}

fn explain(scene: &Scene, key: &Secret, target: &str) -> Value {
    let url = format!("http://{}/api/v1/explain", scene.stage.server.server().admin());
    let headers = [("Authorization", &*format!("Bearer {}", key.expose())), ("Content-Type", "application/json")];
    let answer = plain_http::send("POST", &url, &headers, json!({ "target": target }).to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_login_is_shown_to_its_owner_and_ended_here_and_at_the_provider() {
    let scene = Scene::new();
    let (alice, bob) = (&scene.alice.1, &scene.bob.1);
    let (status, login) = ask(&scene, alice, "GET", "own");
    assert_eq!((status, &login["state"], &login["user"]), (200, &json!("not_authenticated"), &json!("alice")), "{login}");
    scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
    let (_, login) = ask(&scene, alice, "GET", "Own");
    assert_eq!(
        (&login["state"], &login["account"], &login["renews"]),
        (&json!("authenticated"), &json!("alice-at-idp"), &json!(true)),
        "{login}"
    );
    assert!(login["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')) && login["problem"].is_null());
    assert_eq!(ask(&scene, bob, "GET", "Own").1["state"], "not_authenticated", "it is hers alone");
    assert_eq!(ask(&scene, bob, "DELETE", "Own"), (200, json!({"revoked": false, "provider": "not_asked"})));
    assert_eq!(ask(&scene, alice, "GET", "Own").1["state"], "authenticated");
    assert_eq!(ask(&scene, alice, "DELETE", "Own"), (200, json!({"revoked": true, "provider": "told"})));
    assert_eq!(ask(&scene, alice, "GET", "Own").1["state"], "not_authenticated");
    // A provider that is down is told again, and that it is owed this is shown.
    scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
    scene.provider.fault(Fault::on("/token/revocation").answer(503, "text/html", "down").times(2));
    assert_eq!(ask(&scene, alice, "DELETE", "Own"), (200, json!({"revoked": true, "provider": "not_told"})));
    let (_, login) = ask(&scene, alice, "GET", "Own");
    assert_eq!(
        (&login["unrevoked"][0]["attempts"], &login["unrevoked"][0]["failure_code"]),
        (&json!(1), &json!("token_endpoint_unavailable"))
    );
    // Whoever sees definitions sees it beside what a callout would do.
    apply(&scene.stage, "permission_sets: [{name: Callers, permissions: [view_setup]}]", "");
    let explained = explain(&scene, alice, "callout:Own/x");
    assert_eq!((&explained["refusal"]["code"], &explained["unrevoked"][0]["attempts"]), (&json!("needs_authentication"), &json!(1)));
}

#[test]
fn everybodys_login_is_for_those_who_manage_credentials() {
    let scene = Scene::new();
    scene.log_in(&OPERATOR, "Shared", "robot");
    for method in ["GET", "DELETE"] {
        let (status, refused) = ask(&scene, &scene.alice.1, method, "Shared");
        assert_eq!((status, &refused["code"]), (404, &json!("principal_unknown")), "{refused}");
    }
    assert_eq!(scene.account_seen("Shared", &scene.alice.1), "robot", "it is still there");
}
