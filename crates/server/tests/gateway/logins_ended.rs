//! Logins that end by themselves: nobody confirmed one, or it is not renewed.

use std::time::{Duration, Instant};

use sortie_model::{AuthenticationStatus, IdentityProviderKind};
use sortie_server::connect::Landing;
use sortie_server::manage::Manage;
use sortie_server::manage::personal::{self, LoginState};
use sortie_testkit::peers::{OidcProvider, TestDatabase};

use crate::logins::{Scene, user};
use crate::support::{Stage, TestServer, logins};

const EXTERNAL: IdentityProviderKind = IdentityProviderKind::ExternalAuth;

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How many requests the provider had to take a token back.
fn told(scene: &Scene) -> usize {
    scene.provider.revocation_log().len()
}

#[test]
fn what_nobody_confirmed_is_taken_back_at_the_provider() {
    let database = TestDatabase::create();
    let scene = Scene::on(Stage::on(TestServer::with_database(Some(database.url()))), EXTERNAL, Scene::provider_for(EXTERNAL), None);
    let alice = user(&scene.alice);
    let come_back = || {
        let begun = scene.begin(&alice, "Own").unwrap();
        let query = scene.at_provider(&begun, "alice-at-idp");
        let landing = scene.returned(Some(&alice), "Idp", &query, Some(begun.browser.expose())).unwrap();
        assert_eq!(landing, Landing::Confirm(begun.id));
    };
    come_back();
    let exists = || database.query("SELECT COUNT(*) FROM logins") != "0";
    std::thread::sleep(Duration::from_secs(6));
    assert!(exists() && told(&scene) == 0, "there are ten minutes for it");
    database.query("UPDATE logins SET expires_at = 0");
    wait_until("the provider knows", || told(&scene) == 1);
    assert!(!exists());
    wait_until("nothing is owed any more", || database.query("SELECT COUNT(*) FROM owed_revocations") == "0");

    // Where a login of the same account is kept, many providers would take that back with it.
    scene.log_in(&alice, "Own", "alice-at-idp");
    come_back();
    database.query("UPDATE logins SET expires_at = 0");
    wait_until("it is gone", || !exists());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!((told(&scene), scene.account_seen("Own", &scene.alice.1)), (1, "alice-at-idp".to_owned()));
}

#[test]
fn a_login_that_is_not_renewed_needs_somebody_once_its_token_is_dead() {
    let provider = Scene::provider_for(EXTERNAL);
    let text = logins::at_idp(EXTERNAL, &provider, "").replace("openid offline_access profile read", "openid profile read");
    let scene = Scene::with(Stage::new(), EXTERNAL, provider, (&text, OidcProvider::PEOPLE.secret));
    scene.provider.issue_tokens_for_seconds(4);
    let alice = user(&scene.alice);
    let begun = scene.begin(&alice, "Own").unwrap();
    let (query, browser) = (scene.at_provider(&begun, "alice-at-idp"), Some(begun.browser.expose()));
    scene.returned(Some(&alice), "Idp", &query, browser).unwrap();
    let asked = scene.run(sortie_server::connect::confirmation(scene.node(), &alice, begun.id, browser)).unwrap();
    assert!(!asked.renews, "it is said before it is kept");
    scene.run(sortie_server::connect::confirm(scene.node(), &alice, begun.id, browser)).unwrap();

    let own = || {
        let now = scene.run(scene.stage.server.house.store().now()).unwrap();
        let manage = Manage::of(&scene.stage.server.house, "user:alice", now);
        let listed = scene.run(personal::list(&manage, &scene.alice.0)).unwrap();
        let principal = &listed.iter().find(|credential| credential.name == "Own").unwrap().principals[0];
        (principal.login, principal.report.status)
    };
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
    assert_eq!(own(), (Some(LoginState::Done), AuthenticationStatus::Configured));
    assert_eq!(scene.status("Own"), ("Configured".to_owned(), vec![]));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(own(), (Some(LoginState::Missing), AuthenticationStatus::NotConfigured));
    assert_eq!(scene.status("Own"), ("NotConfigured".to_owned(), vec!["login_missing"]));
    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
}
