//! Tokens that are bound to a key (RFC 9449), at npm's `oidc-provider`: its token endpoint gives this client no other, and its user info endpoint, which is the upstream
//! here, takes none without a proof. Nobody here wrote either check.

use std::time::Duration;

use serde_json::Value;
use sortie_model::{IdentityProviderKind, Secret};
use sortie_server::connect::{Disconnected, revoke};
use sortie_testkit::peers::{OidcProvider, TokenRequest};
use sortie_testkit::plain_http;

use crate::logins::{OPERATOR, Scene, user};
use crate::support::Answer;

fn bound(kind: IdentityProviderKind) -> Scene {
    Scene::of(kind, OidcProvider::BOUND, |_| String::new())
}

fn me(scene: &Scene, name: &str, key: &Secret) -> Answer {
    scene.stage.server.get(key, &format!("/callout/{name}/me?a=b"))
}

fn subject(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said: Value = serde_json::from_slice(&answer.body).unwrap();
    said["sub"].as_str().unwrap_or_default().to_owned()
}

fn header<'a>(request: &'a TokenRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Statuses that the user info endpoint has answered with since it had answered so often.
fn statuses(scene: &Scene, before: usize) -> Vec<u16> {
    scene.provider.user_info_log().iter().skip(before).filter_map(|request| request.status).collect()
}

#[test]
fn a_bound_token_is_had_presented_and_renewed_with_proofs() {
    for kind in IdentityProviderKind::ALL {
        let scene = bound(kind);
        scene.provider.issue_tokens_for_seconds(2);
        scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
        // Whose account it is was asked with the bound token.
        assert_eq!(statuses(&scene, 0), [200]);
        assert_eq!(subject(&me(&scene, "Own", &scene.alice.1)), "alice-at-idp");
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(subject(&me(&scene, "Own", &scene.alice.1)), "alice-at-idp");
        let log = scene.provider.log();
        assert!(log.iter().any(|request| request.body.contains("grant_type=refresh_token") && request.status == Some(200)));
        assert!(log.iter().all(|request| header(request, "dpop").is_some()));
        let seen = scene.provider.user_info_log();
        let proofs: std::collections::HashSet<_> = seen.iter().filter_map(|request| header(request, "dpop")).collect();
        assert_eq!(proofs.len(), seen.len(), "each request has a proof of its own");
        assert!(seen.iter().all(|request| header(request, "authorization").is_some_and(|value| value.starts_with("DPoP "))));
        assert_eq!(scene.run(revoke(scene.node(), &user(&scene.alice), ("Own", "Main"))).unwrap(), Disconnected::AtTheProvider);
        assert_eq!(me(&scene, "Own", &scene.alice.1).code(), Some("needs_authentication"));
        scene.stage.server.assert_unmarked("the audit", scene.stage.server.audit());
    }
}

#[test]
fn a_replayed_or_wrong_proof_is_refused_so_that_the_check_is_real() {
    let scene = bound(IdentityProviderKind::Auth);
    scene.log_in(&OPERATOR, "Shared", "robot");
    assert_eq!(subject(&me(&scene, "Shared", &scene.alice.1)), "robot");
    let seen = scene.provider.user_info_log();
    let (first, last) = (&seen[0], &seen[seen.len() - 1]);
    let (token, proof) = (header(last, "authorization").unwrap(), header(last, "dpop").unwrap());
    let url = scene.provider.user_info_url();
    let said = |headers: &[(&str, &str)]| {
        let answer = plain_http::send("GET", &url, headers, b"").unwrap();
        assert!([400, 401].contains(&answer.status), "{}", answer.status);
        let text = |name: &str| answer.json()[name].as_str().unwrap_or_default().to_owned();
        (text("error"), text("error_description"))
    };
    let replayed = ("invalid_token".to_owned(), "invalid token provided".to_owned());
    assert_eq!(said(&[("Authorization", token), ("DPoP", proof)]), replayed, "the very request, once more");
    assert_eq!(said(&[("Authorization", token), ("DPoP", header(first, "dpop").unwrap())]), replayed, "the proof of another request");
    let log = scene.provider.log();
    let at_tokens = header(&log[0], "dpop").unwrap();
    assert_eq!(said(&[("Authorization", token), ("DPoP", at_tokens)]).0, "invalid_dpop_proof", "a proof for another place");
    assert_eq!(said(&[("Authorization", token)]).0, "invalid_request", "a stolen token alone");
    assert_eq!(said(&[("Authorization", &token.replace("DPoP ", "Bearer "))]).0, "invalid_token", "a stolen token as a bearer's");
    // What a caller sends under the name of the proof goes nowhere.
    let answer = scene.stage.server.request(&scene.alice.1, "GET", "/callout/Shared/me", &format!("DPoP: {proof}\r\n"), "");
    assert_eq!(subject(&answer), "robot");
}

#[test]
fn an_upstream_and_a_provider_that_want_a_nonce_get_it() {
    let scene = bound(IdentityProviderKind::ExternalAuth);
    scene.provider.require_nonces();
    scene.log_in(&OPERATOR, "Shared", "robot");
    let at_tokens: Vec<_> = scene.provider.log().iter().filter_map(|request| request.status).collect();
    assert_eq!(at_tokens, [400, 200], "the code was as good as before");
    assert_eq!(statuses(&scene, 0), [401, 200]);
    // The first callout learns the nonce, the next ones have it; nothing is renewed for it.
    assert_eq!(subject(&me(&scene, "Shared", &scene.alice.1)), "robot");
    assert_eq!(subject(&me(&scene, "Shared", &scene.bob.1)), "robot");
    assert_eq!(statuses(&scene, 2), [401, 200, 200]);
    assert_eq!(scene.provider.log().len(), 2);
    // A refresh token is as good as before too; each name learns the nonce of its upstream.
    scene.provider.issue_tokens_for_seconds(2);
    scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
    let before = (scene.provider.log().len(), scene.provider.user_info_log().len());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(subject(&me(&scene, "Own", &scene.alice.1)), "alice-at-idp");
    let refreshed: Vec<_> = scene.provider.log().iter().skip(before.0).filter_map(|request| request.status).collect();
    assert_eq!(refreshed[..2], [400, 200]);
    assert_eq!(statuses(&scene, before.1)[..2], [401, 200]);
}
