//! A login that is taken away while its provider cannot be told (TOK-22), or while it is renewed (REL-T21): gone here at once, and at the provider as soon as it can be.

use std::time::{Duration, Instant};

use serde_json::Value;
use sortie_model::IdentityProviderKind;
use sortie_server::connect::{Disconnected, Unrevoked, revoke, unrevoked};
use sortie_testkit::held_front::{HeldFront, Way};
use sortie_testkit::peers::{Fault, OidcProvider, TestDatabase};
use sortie_testkit::plain_http;

use crate::logins::{OPERATOR, Scene, user};
use crate::support::{Stage, TestServer};

const EXTERNAL: IdentityProviderKind = IdentityProviderKind::ExternalAuth;

/// Where the provider is told.
const REVOCATION: &str = "/token/revocation";

fn scene(database: &TestDatabase, front: Option<&HeldFront>, provider: OidcProvider) -> Scene {
    Scene::on(Stage::on(TestServer::with_database(Some(database.url()))), EXTERNAL, provider, front.map(HeldFront::url).as_deref())
}

fn own_unrevoked(scene: &Scene) -> Vec<Unrevoked> {
    scene.run(unrevoked(scene.node(), &user(&scene.alice), ("Own", "Main"))).unwrap()
}

/// The access token that the upstream was shown last, as the `Authorization` header has it.
fn authorization(scene: &Scene, name: &str) -> String {
    let echo: Value = serde_json::from_slice(&scene.get(name, &scene.alice.1).body).unwrap();
    let headers = echo["headers"].as_array().unwrap();
    let found = headers.iter().find(|pair| pair[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("authorization")));
    found.unwrap()[1].as_str().unwrap().to_owned()
}

fn is_alive(scene: &Scene, authorization: &str) -> bool {
    plain_http::send("GET", &scene.provider.api_url(), &[("Authorization", authorization)], b"").unwrap().status == 200
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn tok_22_a_provider_that_is_down_is_told_again_until_it_knows() {
    let database = TestDatabase::create();
    let scene = scene(&database, None, Scene::provider_for(EXTERNAL));
    let alice = user(&scene.alice);
    scene.log_in(&alice, "Own", "alice-at-idp");
    let token = authorization(&scene, "Own");
    scene.provider.fault(Fault::on(REVOCATION).answer(503, "text/html", "down").times(2));
    assert!(matches!(scene.run(revoke(scene.node(), &alice, ("Own", "Main"))).unwrap(), Disconnected::NotTold(_)));
    // Gone here, and not there.
    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
    assert!(is_alive(&scene, &token));
    let states = own_unrevoked(&scene);
    assert_eq!((states.len(), states[0].attempts, states[0].failure_code.as_deref()), (1, 1, Some("token_endpoint_unavailable")));
    assert!(states[0].try_at > Some(states[0].since) && states[0].next_step().starts_with("nothing:"));
    assert_eq!(database.query("SELECT COUNT(*) FROM owed_revocations WHERE sealed IS NOT NULL"), "1");
    // The second attempt fails too, the third does not; it is time for each at once.
    database.query("UPDATE owed_revocations SET try_at = 0");
    wait_until("it was tried again", || own_unrevoked(&scene)[0].attempts == 2);
    wait_until("the attempt is over", || own_unrevoked(&scene)[0].try_at.is_some_and(|at| at.as_millis() > 0));
    assert!(is_alive(&scene, &token));
    database.query("UPDATE owed_revocations SET try_at = 0");
    wait_until("the provider knows", || own_unrevoked(&scene).is_empty());
    assert!(!is_alive(&scene, &token), "its token is dead over there");
    let audit = scene.stage.server.audit();
    assert!(audit.contains("revoked_at_provider") && audit.contains("login Own/Main of alice"), "{audit}");
    scene.stage.server.assert_unmarked("the audit", audit);
    // Somebody may log in again meanwhile or later: that is another login.
    scene.log_in(&alice, "Own", "alice-at-idp");
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
}

#[test]
fn tok_22_after_a_day_nobody_tries_any_more_and_that_is_said() {
    let database = TestDatabase::create();
    let scene = scene(&database, None, Scene::provider_for(EXTERNAL));
    scene.log_in(&OPERATOR, "Shared", "robot");
    scene.provider.fault(Fault::on(REVOCATION).hang_up().times(100));
    assert!(matches!(scene.run(revoke(scene.node(), &OPERATOR, ("Shared", "Main"))).unwrap(), Disconnected::NotTold(_)));
    database.query("UPDATE owed_revocations SET try_at = 0, owed_since = owed_since - 86400000");
    let states = || scene.run(unrevoked(scene.node(), &OPERATOR, ("Shared", "Main"))).unwrap();
    wait_until("nobody tries any more", || states()[0].try_at.is_none());
    assert!(states()[0].next_step().contains("at the provider"));
    assert_eq!(database.query("SELECT COUNT(*) FROM owed_revocations WHERE sealed IS NULL AND given_up_at IS NOT NULL"), "1");
    wait_until("it is recorded", || scene.stage.server.audit().contains("revocation_given_up"));
}

#[test]
fn what_is_owed_for_a_definition_that_is_gone_is_given_up_at_once() {
    let database = TestDatabase::create();
    let scene = scene(&database, None, Scene::provider_for(EXTERNAL));
    scene.log_in(&OPERATOR, "Shared", "robot");
    scene.provider.fault(Fault::on(REVOCATION).answer(503, "text/html", "down"));
    assert!(matches!(scene.run(revoke(scene.node(), &OPERATOR, ("Shared", "Main"))).unwrap(), Disconnected::NotTold(_)));
    database.query("DELETE FROM named_credentials WHERE name = 'Shared'");
    database.query("DELETE FROM external_credentials WHERE name = 'Shared'");
    database.query("UPDATE deployment SET generation = generation + 1");
    scene.run(scene.node().refresh()).unwrap();
    database.query("UPDATE owed_revocations SET try_at = 0");
    wait_until("it is given up", || database.query("SELECT failure_code FROM owed_revocations") == "principal_unknown");
}

#[test]
fn rel_t21_what_a_renewal_brings_after_a_revocation_is_revoked_at_the_provider() {
    let database = TestDatabase::create();
    let provider = Scene::provider_for(EXTERNAL);
    let front = HeldFront::of(provider.issuer());
    let scene = scene(&database, Some(&front), provider);
    let alice = user(&scene.alice);
    scene.provider.issue_tokens_for_seconds(2);
    scene.log_in(&alice, "Own", "alice-at-idp");
    std::thread::sleep(Duration::from_secs(2));
    front.hold(Way::Answers);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| scene.get("Own", &scene.alice.1));
        front.wait_until_held(Way::Answers);
        // The provider does not hear of the first one for now, so that what is alive is the second.
        scene.provider.fault(Fault::on(REVOCATION).answer(503, "text/html", "down"));
        assert!(matches!(scene.run(revoke(scene.node(), &alice, ("Own", "Main"))).unwrap(), Disconnected::NotTold(_)));
        front.release(Way::Answers);
        assert_eq!(caller.join().unwrap().code(), Some("needs_authentication"));
    });
    assert_eq!(database.query("SELECT COUNT(*) FROM grants"), "0", "nothing is resurrected");
    // The second one is told first: it was due at once.
    wait_until("the provider knows of the second", || scene.stage.server.audit().contains("revoked_at_provider"));
    wait_until("that is noted", || own_unrevoked(&scene).len() == 1);
    database.query("UPDATE owed_revocations SET try_at = 0");
    wait_until("the provider knows of both", || own_unrevoked(&scene).is_empty());
    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
}
