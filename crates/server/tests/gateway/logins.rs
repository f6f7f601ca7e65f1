//! Logins with a browser, against npm's `oidc-provider`: a real server that rotates refresh tokens and ends a login when one is used twice. Group OAU.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use sortie_model::{ApiName, IdentityProviderKind, Secret, SystemPermission, SystemPermissions, UserName};
use sortie_server::connect::{
    Begun, CallbackQuery, ConnectError, Departure, Disconnected, Landing, Person, begin, callback_url, cancel, confirm, confirmation,
    resume, returned, revoke, state,
};
use sortie_server::manage::Manage;
use sortie_server::manage::status::status;
use sortie_store::StoredUser;
use sortie_testkit::peers::{Fault, OidcClient, OidcProvider};

use crate::identity_providers::apply;
use crate::support::{self, Answer, Stage};

const BASE: &str = "https://sortie.test";

/// A house with the provider `Idp`, the credentials `Shared` (Named) and `Own` (Per User), each with the principal `Main` and a named credential of its name,
/// and the users alice and bob with their keys.
pub(crate) struct Scene {
    pub(crate) provider: OidcProvider,
    callback: String,
    pub(crate) stage: Stage,
    pub(crate) alice: (StoredUser, Secret),
    pub(crate) bob: (StoredUser, Secret),
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::at(IdentityProviderKind::ExternalAuth)
    }

    pub(crate) fn at(kind: IdentityProviderKind) -> Self {
        Self::on(Stage::new(), kind, Self::provider_for(kind), None)
    }

    /// A provider that sends people back to where providers of this kind do.
    pub(crate) fn provider_for(kind: IdentityProviderKind) -> OidcProvider {
        OidcProvider::start_for_people(&[&callback(kind)])
    }

    /// With a front before the token endpoint.
    pub(crate) fn on(stage: Stage, kind: IdentityProviderKind, provider: OidcProvider, front: Option<&str>) -> Self {
        let token_endpoint = format!("token_endpoint: '{}/token'", provider.issuer());
        let fronted = format!("token_endpoint: '{}/token'", front.unwrap_or(provider.issuer()));
        let text = support::logins::at_idp(kind, &provider, "").replace(&token_endpoint, &fronted);
        Self::with(stage, kind, provider, (&text, OidcProvider::PEOPLE.secret))
    }

    /// As this client, with these further lines of the provider, which may depend on its issuer.
    pub(crate) fn of(kind: IdentityProviderKind, client: OidcClient, more: impl FnOnce(&str) -> String) -> Self {
        let provider = Self::provider_for(kind);
        let text = support::logins::at_idp(kind, &provider, &more(provider.issuer())).replace(OidcProvider::PEOPLE.id, client.id);
        let text = if client.id == OidcProvider::BOUND.id { support::logins::bound(&text, &provider) } else { text };
        Self::with(Stage::new(), kind, provider, (&text, client.secret))
    }

    pub(crate) fn with(stage: Stage, kind: IdentityProviderKind, provider: OidcProvider, (text, secret): (&str, &'static str)) -> Self {
        let callback = callback(kind);
        apply(&stage, text, secret);
        let server = &stage.server;
        let [alice, bob] = ["alice", "bob"].map(|name| {
            let key = if name == "alice" { stage.key.clone() } else { server.user(name, &[stage.callers]).1 };
            let stored = server.runtime.block_on(server.house.store().caller_by_user(&UserName::parse(name).unwrap()));
            (stored.unwrap().unwrap(), key)
        });
        server.settle();
        Self { provider, callback, stage, alice, bob }
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.stage.server.runtime.block_on(future)
    }

    pub(crate) fn node(&self) -> &sortie_server::Node {
        self.stage.server.server().node().unwrap()
    }

    pub(crate) fn begin(&self, person: &Person<'_>, credential: &str) -> Result<Begun, ConnectError> {
        self.run(begin(self.node(), person, Departure { names: (credential, "Main"), base: BASE, return_to: "/", browser: None }))
    }

    /// What the browser brings back: the query of the callback.
    pub(crate) fn at_provider(&self, begun: &Begun, account: &str) -> String {
        let location = self.provider.visit(&begun.authorize_url.to_string(), account);
        location.strip_prefix(&self.callback).and_then(|rest| rest.strip_prefix('?')).unwrap_or_else(|| panic!("{location}")).to_owned()
    }

    pub(crate) fn returned(
        &self,
        person: Option<&Person<'_>>,
        provider: &str,
        query: &str,
        browser: Option<&str>,
    ) -> Result<Landing, ConnectError> {
        let path = self.callback.strip_prefix(BASE).unwrap().replace("Idp", provider);
        self.run(returned(self.node(), person, &path, CallbackQuery::parse(query)?, browser))
    }

    /// All of it, as it should be.
    pub(crate) fn log_in(&self, person: &Person<'_>, credential: &str, account: &str) {
        let begun = self.begin(person, credential).unwrap();
        let (query, browser) = (self.at_provider(&begun, account), Some(begun.browser.expose()));
        assert_eq!(self.returned(Some(person), "Idp", &query, browser).unwrap(), Landing::Confirm(begun.id));
        let asked = self.run(confirmation(self.node(), person, begun.id, browser)).unwrap();
        assert_eq!(asked.account.map(|account| (account.subject, account.name)), Some((account.to_owned(), Some(account.to_owned()))));
        assert!(asked.renews);
        self.run(confirm(self.node(), person, begun.id, browser)).unwrap();
    }

    pub(crate) fn get(&self, name: &str, key: &Secret) -> Answer {
        self.stage.server.get(key, &format!("/callout/{name}/x"))
    }

    pub(crate) fn account_seen(&self, name: &str, key: &Secret) -> String {
        let answer = self.get(name, key);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let echo: Value = serde_json::from_slice(&answer.body).unwrap();
        echo["account"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn status(&self, credential: &str) -> (String, Vec<&'static str>) {
        let now = self.run(self.stage.server.house.store().now()).unwrap();
        let manage = Manage::of(&self.stage.server.house, "operator:tester", now);
        let name = ApiName::parse(credential).unwrap();
        let report = self.run(status(&manage, Some(&name))).unwrap().remove(0);
        let missing = report.principals[0].missing.iter().map(|step| step.code).collect();
        (format!("{:?}", report.status), missing)
    }
}

fn callback(kind: IdentityProviderKind) -> String {
    callback_url(BASE, kind, &ApiName::parse("Idp").unwrap())
}

pub(crate) const OPERATOR: Person<'static> = Person::Operator { actor: "operator:tester", user: None };

pub(crate) fn user(stored: &(StoredUser, Secret)) -> Person<'_> {
    static NONE: SystemPermissions = SystemPermissions::new();
    Person::User { user: &stored.0, permissions: &NONE, by: None }
}

pub(crate) fn code<T>(result: Result<T, ConnectError>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}

#[test]
fn an_admin_logs_in_for_everybody_and_each_user_for_themselves() {
    let scene = Scene::new();
    assert_eq!(scene.status("Shared"), ("NotConfigured".to_owned(), vec!["login_missing"]));
    assert_eq!(scene.get("Shared", &scene.alice.1).code(), Some("needs_authentication"));
    scene.log_in(&OPERATOR, "Shared", "robot");
    assert_eq!(scene.status("Shared"), ("Configured".to_owned(), vec![]));
    assert_eq!(
        (scene.account_seen("Shared", &scene.alice.1), scene.account_seen("Shared", &scene.bob.1)),
        ("robot".into(), "robot".into())
    );

    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
    scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
    assert_eq!(scene.get("Own", &scene.bob.1).code(), Some("needs_authentication"));
    assert_eq!(scene.status("Own"), ("Configured".to_owned(), vec![]));

    // Revoked: here at once, and over there too.
    let known = scene.run(state(scene.node(), &user(&scene.alice), ("Own", "Main"))).unwrap().unwrap();
    assert!(known.renews && known.problem.is_none() && known.scope.is_some_and(|scope| scope.contains("offline_access")));
    assert_eq!(scene.run(revoke(scene.node(), &user(&scene.alice), ("Own", "Main"))).unwrap(), Disconnected::AtTheProvider);
    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
    assert_eq!(scene.status("Own"), ("NotConfigured".to_owned(), vec!["login_missing"]));
    assert_eq!(scene.run(revoke(scene.node(), &user(&scene.alice), ("Own", "Main"))).unwrap(), Disconnected::Absent);
    let audit = scene.stage.server.audit();
    for said in ["login Own/Main of alice", "account alice-at-idp", "user:alice", "login Shared/Main", "revoked"] {
        assert!(audit.contains(said), "{said}: {audit}");
    }
}

#[test]
fn tokens_are_renewed_by_themselves_and_no_refresh_token_is_used_twice() {
    let scene = Scene::new();
    scene.provider.issue_tokens_for_seconds(2);
    scene.log_in(&OPERATOR, "Shared", "robot");
    let end = Instant::now() + Duration::from_secs(9);
    while Instant::now() < end {
        assert_eq!(scene.account_seen("Shared", &scene.alice.1), "robot");
        std::thread::sleep(Duration::from_millis(100));
    }
    let bodies: Vec<String> = scene.provider.log().into_iter().map(|request| request.body).collect();
    let tokens: Vec<&str> = bodies.iter().filter_map(|body| body.split('&').find_map(|pair| pair.strip_prefix("refresh_token="))).collect();
    assert!(tokens.len() >= 3, "{}", tokens.len());
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), tokens.len(), "each is presented once");
    // A token that the upstream refuses is renewed, too.
    scene.provider.issue_tokens_for_seconds(3600);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(scene.account_seen("Shared", &scene.alice.1), "robot");
    scene.provider.expire_all_tokens();
    assert_eq!(scene.account_seen("Shared", &scene.alice.1), "robot");
    // Somebody ends the login over there.
    scene.stage.server.assert_unmarked("the audit", scene.stage.server.audit());
}

#[test]
fn oau_02_to_11_an_answer_counts_once_for_whom_it_is_meant() {
    let scene = Scene::new();
    let (alice, bob) = (user(&scene.alice), user(&scene.bob));
    let begun = scene.begin(&alice, "Own").unwrap();
    let (query, browser) = (scene.at_provider(&begun, "alice"), begun.browser.expose());
    let without = |name: &str| query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect::<Vec<_>>().join("&");
    let evil_issuer = format!("{}&iss=https%3A%2F%2Fevil.test", without("iss"));
    let other = scene.begin(&bob, "Own").unwrap();
    for (id, person, provider, query, browser, expected) in [
        ("OAU-01", &alice, "Idp", without("state"), Some(browser), "login_malformed"),
        ("OAU-02", &alice, "Idp", query.replace("state=", "state=x"), Some(browser), "login_not_under_way"),
        ("OAU-05", &alice, "Idp", query.clone(), None, "login_other_browser"),
        ("OAU-05", &alice, "Idp", query.clone(), Some(other.browser.expose()), "login_other_browser"),
        ("OAU-06", &bob, "Idp", query.clone(), Some(browser), "login_other_user"),
        ("OAU-06", &OPERATOR, "Idp", query.clone(), Some(browser), "login_other_user"),
        ("OAU-09", &alice, "Other", query.clone(), Some(browser), "login_other_provider"),
        ("OAU-09", &alice, "idp", query.clone(), Some(browser), "login_other_provider"),
        ("OAU-10", &alice, "Idp", evil_issuer, Some(browser), "login_other_provider"),
        ("OAU-11", &alice, "Idp", without("iss"), Some(browser), "login_other_provider"),
    ] {
        assert_eq!(code(scene.returned(Some(person), provider, &query, browser)), expected, "{id}");
    }
    assert!(scene.provider.log().is_empty(), "nobody was asked for a token");
    // None of them has taken it away from whom it is meant for; and then it is good once.
    assert_eq!(scene.returned(Some(&alice), "Idp", &query, Some(browser)).unwrap(), Landing::Confirm(begun.id));
    assert_eq!(code(scene.returned(Some(&alice), "Idp", &query, Some(browser))), "login_not_under_way", "OAU-03");
    assert_eq!(scene.provider.log().len(), 1);
    // Nothing is kept without the word of who began, in the same browser.
    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
    let confirmed = |person, browser| code(scene.run(confirm(scene.node(), person, begun.id, browser)));
    assert_eq!(confirmed(&bob, Some(browser)), "login_other_user");
    assert_eq!(confirmed(&alice, None), "login_other_browser");
    assert_eq!(confirmed(&alice, Some(browser)), "ok");
    assert_eq!(confirmed(&alice, Some(browser)), "login_not_under_way");
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice");
}

#[test]
fn oau_08_whoever_has_to_sign_in_again_goes_on_as_the_same_user() {
    let scene = Scene::new();
    let (alice, bob) = (user(&scene.alice), user(&scene.bob));
    let begun = scene.begin(&alice, "Own").unwrap();
    let (query, browser) = (scene.at_provider(&begun, "alice"), Some(begun.browser.expose()));
    assert_eq!(scene.returned(None, "Idp", &query, browser).unwrap(), Landing::SignIn(begun.id));
    assert_eq!(code(scene.returned(None, "Idp", &query, browser)), "login_not_under_way");
    let resumed = |person, browser| code(scene.run(resume(scene.node(), person, begun.id, browser)));
    assert_eq!(resumed(&bob, browser), "login_other_user");
    assert_eq!(resumed(&alice, None), "login_other_browser");
    assert_eq!(resumed(&alice, browser), "ok");
    assert_eq!(code(scene.run(confirm(scene.node(), &alice, begun.id, browser))), "ok");
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice");
}

#[test]
fn oau_16_two_users_at_once_each_get_their_own() {
    let scene = Scene::new();
    let people = [user(&scene.alice), user(&scene.bob)];
    let begun: Vec<Begun> = people.iter().map(|person| scene.begin(person, "Own").unwrap()).collect();
    let queries = [scene.at_provider(&begun[0], "a-alice"), scene.at_provider(&begun[1], "a-bob")];
    // They come back in the other order.
    for index in [1, 0] {
        let browser = Some(begun[index].browser.expose());
        scene.returned(Some(&people[index]), "Idp", &queries[index], browser).unwrap();
    }
    for index in [0, 1] {
        scene.run(confirm(scene.node(), &people[index], begun[index].id, Some(begun[index].browser.expose()))).unwrap();
    }
    assert_eq!((scene.account_seen("Own", &scene.alice.1), scene.account_seen("Own", &scene.bob.1)), ("a-alice".into(), "a-bob".into()));
}

#[test]
fn oau_24_and_25_who_may_and_whose_account_it_is() {
    let scene = Scene::new();
    assert_eq!(code(scene.begin(&user(&scene.alice), "Shared")), "not_permitted");
    let permissions = SystemPermissions::from([SystemPermission::ManageNamedCredentials]);
    let manager = Person::User { user: &scene.alice.0, permissions: &permissions, by: None };
    scene.log_in(&manager, "Shared", "robot");
    // Another account over there is pointed out before it replaces the first.
    let begun = scene.begin(&manager, "Shared").unwrap();
    let (query, browser) = (scene.at_provider(&begun, "mallory"), Some(begun.browser.expose()));
    scene.returned(Some(&manager), "Idp", &query, browser).unwrap();
    let asked = scene.run(confirmation(scene.node(), &manager, begun.id, browser)).unwrap();
    assert_eq!(asked.replaces.map(|account| account.subject).as_deref(), Some("robot"));
    assert_eq!(code(scene.run(cancel(scene.node(), &manager, begun.id, browser))), "ok");
    assert_eq!(scene.account_seen("Shared", &scene.bob.1), "robot");
    // Nobody is let in without agreeing, and what the provider says is shown with what to do.
    let begun = scene.begin(&manager, "Shared").unwrap();
    let location = scene.provider.visit_and_abort(&begun.authorize_url.to_string());
    let query = location.split_once('?').unwrap().1;
    let refused = scene.returned(Some(&manager), "Idp", query, Some(begun.browser.expose())).unwrap_err();
    assert_eq!((refused.code(), refused.said().map(|said| said.error.as_str())), ("login_refused", Some("access_denied")));
    assert!(refused.next_step().contains("agree"), "{}", refused.next_step());
}

#[test]
fn a_login_ends_when_its_definition_changes_meanwhile() {
    let scene = Scene::new();
    let begun = scene.begin(&OPERATOR, "Shared").unwrap();
    let query = scene.at_provider(&begun, "robot");
    let server = &scene.stage.server;
    let now = scene.run(server.house.store().now()).unwrap();
    let (manage, name) = (Manage::of(&server.house, "operator:tester", now), ApiName::parse("Idp").unwrap());
    scene.run(sortie_server::manage::provider::set_value(&manage, &name, "client_id", &Secret::new("other"))).unwrap();
    server.settle();
    assert_eq!(code(scene.returned(Some(&OPERATOR), "Idp", &query, Some(begun.browser.expose()))), "login_definition_changed");
    assert!(scene.provider.log().is_empty());
}

#[test]
fn at_an_auth_provider_it_is_the_same_with_a_callback_of_its_own() {
    let scene = Scene::at(IdentityProviderKind::Auth);
    assert_eq!(scene.callback, "https://sortie.test/services/authcallback/Idp");
    scene.provider.issue_tokens_for_seconds(2);
    scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
    let renewals = scene.provider.log().iter().filter(|request| request.body.contains("grant_type=refresh_token")).count();
    assert!(renewals >= 1);
    // OAU-09: the callback of the other kind is another one.
    let begun = scene.begin(&user(&scene.bob), "Own").unwrap();
    let (query, browser) = (scene.at_provider(&begun, "bob"), Some(begun.browser.expose()));
    let elsewhere = returned(scene.node(), None, "/services/externalauthcallback/Idp", CallbackQuery::parse(&query).unwrap(), browser);
    assert_eq!(code(scene.run(elsewhere)), "login_other_provider");
    assert_eq!(scene.run(revoke(scene.node(), &user(&scene.alice), ("Own", "Main"))).unwrap(), Disconnected::AtTheProvider);
    assert_eq!(scene.get("Own", &scene.alice.1).code(), Some("needs_authentication"));
}

#[test]
fn a_login_for_everybody_that_is_replaced_or_revoked_is_used_no_more() {
    let scene = Scene::new();
    scene.log_in(&OPERATOR, "Shared", "robot");
    assert_eq!(scene.account_seen("Shared", &scene.alice.1), "robot");
    // The token of the first login is still good over there, and would go on being used.
    scene.log_in(&OPERATOR, "Shared", "second-robot");
    assert_eq!(scene.account_seen("Shared", &scene.alice.1), "second-robot");
    assert_eq!(scene.run(revoke(scene.node(), &OPERATOR, ("Shared", "Main"))).unwrap(), Disconnected::AtTheProvider);
    assert_eq!(scene.get("Shared", &scene.alice.1).code(), Some("needs_authentication"));
}

/// Further lines of a provider that takes pushed authorization requests from [`OidcProvider::PUSHING`].
fn pushing(issuer: &str) -> String {
    format!(", client_authentication: body, pushed_authorization_endpoint: '{issuer}/request'")
}

#[test]
fn a_login_is_pushed_to_a_provider_that_takes_no_other() {
    // RFC 9126. That the provider takes no other is what the next test sees.
    for kind in IdentityProviderKind::ALL {
        let scene = Scene::of(kind, OidcProvider::PUSHING, pushing);
        let begun = scene.begin(&user(&scene.alice), "Own").unwrap();
        let url = begun.authorize_url.to_string();
        let query = url.strip_prefix(&format!("{}/auth?", scene.provider.issuer())).unwrap();
        let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect();
        assert_eq!(names, ["client_id", "request_uri"], "{url}");
        scene.log_in(&user(&scene.alice), "Own", "alice-at-idp");
        assert_eq!(scene.account_seen("Own", &scene.alice.1), "alice-at-idp");
    }
}

#[test]
fn a_provider_that_wants_a_login_pushed_or_refuses_it_is_heard() {
    let scene = Scene::of(IdentityProviderKind::Auth, OidcProvider::PUSHING, |_| ", client_authentication: body".to_owned());
    let begun = scene.begin(&user(&scene.alice), "Own").unwrap();
    let query = scene.at_provider(&begun, "alice");
    let refused = scene.returned(Some(&user(&scene.alice)), "Idp", &query, Some(begun.browser.expose())).unwrap_err();
    assert_eq!(refused.said().map(|said| said.error.as_str()), Some("invalid_request"));

    let scene = Scene::of(IdentityProviderKind::Auth, OidcProvider::PUSHING, pushing);
    scene.provider.fault(Fault::on("/request").answer(503, "text/html", "busy"));
    assert_eq!(code(scene.begin(&user(&scene.alice), "Own")), "token_endpoint_unavailable");
    // Who begins a login with a secret that is not the client's is told, and no browser is sent anywhere.
    let server = &scene.stage.server;
    let now = scene.run(server.house.store().now()).unwrap();
    let (manage, name) = (Manage::of(&server.house, "operator:tester", now), ApiName::parse("Idp").unwrap());
    scene.run(sortie_server::manage::provider::set_value(&manage, &name, "client_secret", &Secret::new("SECRET-wrong"))).unwrap();
    server.settle();
    let refused = scene.begin(&user(&scene.alice), "Own").err().unwrap();
    assert_eq!((refused.code(), refused.said().map(|said| said.error.as_str())), ("token_refused", Some("invalid_client")));
}
