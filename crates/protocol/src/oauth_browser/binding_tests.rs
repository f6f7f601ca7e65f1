//! Tokens that are bound to a key of the login (RFC 9449, sections 5, 7 and 10).
#![allow(clippy::unwrap_used, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sortie_model::{Plugin, Secret};

use super::OAuthBrowser;
use super::tests::{SEED, Scene};
use crate::shared::possession::{DPOP, PossessionKey};
use crate::testing::{Scripted, now};
use crate::*;

const BOUND: &str =
    r#"{"access_token":"SECRET-token","token_type":"DPoP","expires_in":60,"refresh_token":"SECRET-next","scope":"read","sub":"u-1"}"#;

fn bound() -> Scene {
    Scene::new(json!({ "token_binding": "dpop" }))
}

fn thumbprint() -> String {
    PossessionKey::of_seed(&Secret::new(SEED)).unwrap().thumbprint()
}

/// What the last question proved: its claims.
fn proven(world: &Scripted) -> Value {
    let headers = world.asked().unwrap().headers;
    let claims = headers[DPOP].to_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[test]
fn a_login_says_which_key_its_code_will_be_redeemed_with() {
    assert!(bound().authorize_url().contains(&format!("&dpop_jkt={}&", thumbprint())), "{}", bound().authorize_url());
    for unbound in [json!({}), json!({ "token_binding": "none" })] {
        assert!(!Scene::new(unbound).authorize_url().contains("dpop"));
    }
}

#[test]
fn code_and_refresh_token_are_redeemed_with_proofs_by_one_key() {
    let (scene, world) = (bound(), Scripted::new(BOUND));
    let first = scene.redeem(&world).unwrap();
    let claims = proven(&world);
    assert_eq!((&claims["htm"], &claims["htu"], claims.get("ath")), (&"POST".into(), &"https://idp.test/token".into(), None));
    let stored = Grant::from_bytes(&first.to_bytes()).unwrap();
    let world = Scripted::new(BOUND);
    let second = scene.refresh(&world, Some(&stored)).unwrap();
    // Without the query that custom parameters give the endpoint.
    assert_eq!(proven(&world)["htu"], "https://idp.test/token");
    for grant in [&first, &second] {
        let Proof::Possess(token) = OAuthBrowser.prove(scene.material(Some(grant))).unwrap() else { unreachable!("the token is bound") };
        assert_eq!(token.placed()[0].1, "DPoP SECRET-token");
        assert_eq!(OAuthBrowser.still_fits(scene.material(None), grant), Ok(()));
    }
    let plain = Scripted::new(r#"{"access_token":"SECRET-token"}"#);
    let unbound = Scene::new(json!({})).redeem(&plain).unwrap();
    assert!(!plain.asked().unwrap().headers.contains_key(DPOP));
    assert!(matches!(OAuthBrowser.prove(scene.material(Some(&unbound))).unwrap(), Proof::Place(_)));
}

#[test]
fn whoever_is_asked_whose_token_it_is_gets_a_proof_for_the_token() {
    let (mut scene, world) = (bound(), Scripted::new(BOUND));
    scene.provider.server.user_info_endpoint = Some(sortie_model::ServiceUrl::parse("https://idp.test/me?a=b").unwrap());
    let grant = scene.redeem(&world).unwrap();
    assert_eq!(now(OAuthBrowser.account(&world, scene.material(None), &grant)).unwrap().subject, "u-1");
    let (asked, claims) = (world.asked().unwrap(), proven(&world));
    assert_eq!(asked.headers["authorization"], "DPoP SECRET-token");
    assert_eq!((&claims["htm"], &claims["htu"]), (&"GET".into(), &"https://idp.test/me".into()));
    assert_eq!(claims["ath"], crate::shared::possession::token_hash(&Secret::new("SECRET-token")));
}

#[test]
fn a_token_that_is_bound_to_nothing_is_thrown_away() {
    let scene = bound();
    for kind in [r#""token_type":"Bearer","#, ""] {
        let answer: &'static str = Box::leak(format!(r#"{{{kind}"access_token":"SECRET-token","expires_in":60}}"#).into_boxed_str());
        let refused = scene.redeem(&Scripted::new(answer)).unwrap_err();
        assert_eq!((refused.code(), refused.is_retryable()), ("credential_misconfigured", false));
        assert!(refused.to_string().starts_with("`token_binding` is `dpop`") && !refused.to_string().contains("SECRET"), "{refused}");
    }
    // Nor is one taken that is bound when nobody asked for it: it would be of no use without proofs.
    assert_eq!(Scene::new(json!({})).redeem(&Scripted::new(BOUND)).unwrap_err().code(), "token_answer_malformed");
}

#[test]
fn another_binding_needs_another_login() {
    let (with, without) = (bound(), Scene::new(json!({})));
    let unbound = without.redeem(&Scripted::new(r#"{"access_token":"SECRET-token","refresh_token":"SECRET-next"}"#)).unwrap();
    let grant = with.redeem(&Scripted::new(BOUND)).unwrap();
    let unasked = Scripted::new(BOUND);
    for (scene, grant) in [(&with, &unbound), (&without, &grant)] {
        assert_eq!(OAuthBrowser.still_fits(scene.material(None), grant), Err(NoLogin::OtherBinding));
        assert_eq!(scene.refresh(&unasked, Some(grant)), Err(ObtainError::NotLoggedIn(NoLogin::OtherBinding)));
    }
    assert!(unasked.asked().is_none());
}

#[test]
fn a_plug_in_knows_no_keys() {
    let mut scene = bound();
    scene.provider.server.plugin = Some(Plugin::default());
    scene.client.insert("plugin_secret".to_owned(), Secret::new("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"));
    let world = Scripted::new(BOUND);
    assert_eq!(scene.try_authorize_url(&world).unwrap_err().code(), "credential_misconfigured");
    assert!(world.asked().is_none());
}
