//! A login with a browser over its pages, at npm's `oidc-provider`: by hand as far as headers and cookies matter, and in Chromium.

use std::time::Duration;

use sortie_model::{ApiName, IdentityProviderKind};
use sortie_server::connect::{callback_url, changed_callbacks};
use sortie_testkit::browser::Browser;
use sortie_testkit::peers::{Fault, OidcProvider, PluginExample};
use sortie_testkit::plain_http::{self, Answer};
use sortie_testkit::upstream::RecordingUpstream;

use super::{Office, PASSWORD, Visitor};
use crate::identity_providers::apply_to;
use crate::support::{self, TestServer};

const CALLBACK: &str = "/services/externalauthcallback/Idp";

/// An office that is reached as `localhost`, with the provider `Idp` on 127.0.0.1: two sites. alice may use `Own/Main`, and nobody may log in for `Shared/Main` but
/// carol, who manages credentials.
fn open() -> (Office, OidcProvider) {
    open_at(IdentityProviderKind::ExternalAuth, "")
}

fn open_at(kind: IdentityProviderKind, more: &str) -> (Office, OidcProvider) {
    let port = sortie_testkit::free_port();
    let origin = format!("http://localhost:{port}");
    let provider = OidcProvider::start_for_people(&[&callback_url(&origin, kind, &ApiName::parse("Idp").unwrap())]);
    let office = Office::on(TestServer::with(None, |config| {
        config.admin.listen = format!("127.0.0.1:{port}").parse().unwrap();
        config.public_url = Some(origin);
    }));
    let people = "
permission_sets: [{name: Keepers, permissions: [manage_named_credentials]}]
users: [{name: carol, permission_sets: [Callers, Keepers]}]";
    let text = format!("{people}{}", support::logins::at_idp(kind, &provider, more));
    apply_to(&office.server, &text, OidcProvider::PEOPLE.secret);
    office.server.password("carol", PASSWORD);
    (office, provider)
}

/// Where the page between us and the provider leads.
fn departure(visitor: &Visitor, place: &str) -> String {
    let page = visitor.post(&format!("/external-credentials/{place}/authenticate"), &[]);
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let url = text.split("content=\"0; url=").nth(1).unwrap_or_else(|| panic!("{text}")).split('"').next().unwrap();
    url.replace("&#38;", "&").replace("&amp;", "&")
}

/// Path and query of the way back.
fn back(office: &Office, location: &str) -> String {
    let origin = office.server.server().public_url().unwrap().origin();
    location.strip_prefix(&origin).unwrap_or_else(|| panic!("{location}")).to_owned()
}

#[track_caller]
fn code(answer: &Answer) -> String {
    let text = answer.text();
    text.split("Code: <code>").nth(1).unwrap_or_else(|| panic!("{} {text}", answer.status)).split('<').next().unwrap().to_owned()
}

fn called(office: &Office, name: &str) -> (u16, String) {
    let answer = office.server.get(&office.key, &format!("/callout/{name}/x"));
    let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, echo["account"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn somebody_authenticates_calls_and_revokes() {
    let (office, provider) = open();
    let alice = office.alice();
    let url = departure(&alice, "Own/Main");
    let location = provider.visit(&url, "alice-at-idp");
    let landed = alice.get(&back(&office, &location));
    // OAU-20: on to an address without the code, and nothing of it is kept by the browser.
    let page = landed.header("location").unwrap().to_owned();
    assert!(landed.status == 303 && page.starts_with("/logins/") && !page.contains("code"), "{page}");
    for (name, value) in [("referrer-policy", "no-referrer"), ("cache-control", "no-store")] {
        assert_eq!(landed.header(name), Some(value), "{name}");
    }
    assert_eq!(called(&office, "Own").0, 424, "nothing is kept without her word");
    assert!(alice.page(&page).contains("<strong>alice-at-idp</strong>"));
    assert_eq!(alice.post(&format!("{page}/confirm"), &[]).header("location"), Some("/?notice=authenticated"));
    assert_eq!(called(&office, "Own"), (200, "alice-at-idp".to_owned()));
    assert_eq!(code(&alice.post(&format!("{page}/confirm"), &[])), "login_not_under_way");
    assert_eq!(alice.post("/external-credentials/Own/Main/revoke", &[]).header("location"), Some("/?notice=revoked"));
    assert_eq!(called(&office, "Own").0, 424);
    assert_eq!(alice.post("/external-credentials/Own/Main/revoke", &[]).header("location"), Some("/?notice=nothing_revoked"));
    for (notice, said) in
        [("nothing_revoked", "nothing to revoke"), ("revoked_here", "no place to be told"), ("revoked_later", "for a day")]
    {
        assert!(alice.page(&format!("/?notice={notice}")).contains(said), "{notice}");
    }
    // OAU-24.
    assert_eq!(code(&alice.post("/external-credentials/Shared/Main/authenticate", &[])), "not_permitted");
    let carol = office.visitor();
    carol.sign_in("carol", PASSWORD);
    let location = provider.visit(&departure(&carol, "Shared/Main"), "robot");
    let page = carol.get(&back(&office, &location)).header("location").unwrap().to_owned();
    assert!(carol.page(&page).contains("Everybody who may use it"));
    carol.post(&format!("{page}/confirm"), &[]);
    assert_eq!(called(&office, "Shared"), (200, "robot".to_owned()));
}

#[test]
fn p12_a_login_on_its_way_back_is_redeemed_before_a_stop_ends() {
    // REL-C02: its code is good once.
    let (mut office, provider) = open();
    let alice = office.alice();
    let target = back(&office, &provider.visit(&departure(&alice, "Own/Main"), "alice-at-idp"));
    provider.fault(Fault::on("/token").delay(Duration::from_secs(2)));
    let landed = std::thread::scope(|scope| {
        let landing = scope.spawn(|| alice.get(&target));
        let begun = std::time::Instant::now();
        while provider.log().is_empty() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        office.server.stop();
        landing.join().unwrap()
    });
    let page = landed.header("location").unwrap_or_else(|| panic!("{} {}", landed.status, landed.text())).to_owned();
    office.server.start();
    assert!(alice.page(&page).contains("<strong>alice-at-idp</strong>"));
    assert_eq!(alice.post(&format!("{page}/confirm"), &[]).header("location"), Some("/?notice=authenticated"));
    assert_eq!((called(&office, "Own"), provider.log().len()), ((200, "alice-at-idp".to_owned()), 1));
}

#[test]
fn oau_what_is_not_hers_or_not_exact_is_refused_and_takes_nothing_away() {
    let (office, provider) = open();
    let alice = office.alice();
    let url = departure(&alice, "Own/Main");
    // OAU-14: whatever a request says, the address is the configured one.
    assert!(url.contains(&format!(
        "redirect_uri=http%3A%2F%2Flocalhost%3A{}",
        office.server.server().public_url().unwrap().origin().rsplit(':').next().unwrap()
    )));
    let target = back(&office, &provider.visit(&url, "alice"));
    let query = target.split_once('?').unwrap().1;
    // OAU-15.
    for path in [
        "/services/externalauthcallback/Idp/",
        "//services/externalauthcallback/Idp",
        "/services/external%61uthcallback/Idp",
        "/services/externalauthcallback/%49dp",
        "/services/externalauthcallback/idp",
        "/Services/externalauthcallback/Idp",
    ] {
        let answer = alice.get(&format!("{path}?{query}"));
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
    }
    // OAU-05, OAU-07: the address alone is worth nothing in another browser, signed in or not.
    let elsewhere = office.visitor();
    assert_eq!(code(&elsewhere.get(&target)), "login_other_browser");
    elsewhere.sign_in("alice", PASSWORD);
    assert_eq!(code(&elsewhere.get(&target)), "login_other_browser");
    // OAU-08: signed out meanwhile.
    alice.post("/sign-out", &[]);
    let landed = alice.get(&target);
    let sign_in = landed.header("location").unwrap().to_owned();
    assert!(sign_in.starts_with("/sign-in?return_to=/logins/") && !sign_in.contains("code="), "{sign_in}");
    let page = sign_in.strip_prefix("/sign-in?return_to=").unwrap().to_owned();
    let signed_in = alice.post("/sign-in", &[("name", "alice"), ("password", PASSWORD), ("return_to", &page)]);
    assert_eq!(signed_in.header("location"), Some(page.as_str()));
    assert!(alice.page(&page).contains("Go on with your authentication"));
    assert_eq!(alice.post(&format!("{page}/continue"), &[]).header("location"), Some(page.as_str()));
    alice.post(&format!("{page}/confirm"), &[]);
    assert_eq!(called(&office, "Own"), (200, "alice".to_owned()));
    // OAU-18: what the provider says is shown as text.
    let state = departure(&alice, "Own/Main");
    let state = state.split("&state=").nth(1).unwrap().split('&').next().unwrap();
    let issuer = provider.issuer().replace(':', "%3A").replace('/', "%2F");
    let said = alice
        .get(&format!("{CALLBACK}?state={state}&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E&iss={issuer}"));
    assert_eq!(code(&said), "login_refused");
    assert!(!said.text().contains("<script>") && said.text().contains("&#60;script&#62;"), "{}", said.text());
}

#[test]
fn in_a_browser_somebody_logs_in_agrees_calls_and_revokes() {
    let (office, provider) = open();
    let url = |path: &str| office.server.server().public_url().unwrap().join(path);
    let browser = Browser::open("login");
    browser.go(&url("/"));
    browser.type_into("#name", "alice");
    browser.type_into("#password", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for(|at| at == url("/"));
    browser.screenshot("before");
    browser.click("form[action='/external-credentials/Own/Main/authenticate'] button");
    browser.wait_for(|at| at.starts_with(provider.issuer()));
    browser.screenshot("provider");
    browser.type_into("#login", "alice-at-idp");
    browser.click("#ok");
    browser.wait_for(|_| browser.has("#allow"));
    browser.click("#allow");
    let at = browser.wait_for(|at| at.starts_with(&url("/logins/")));
    assert!(!at.contains("code=") && browser.text("h1").contains("alice-at-idp"), "{at}");
    browser.screenshot("confirm");
    browser.click("form[action$='/confirm'] button");
    browser.wait_for(|at| at == url("/?notice=authenticated"));
    browser.screenshot("authenticated");
    assert_eq!(called(&office, "Own"), (200, "alice-at-idp".to_owned()));
    browser.click("form[action='/external-credentials/Own/Main/revoke'] button");
    browser.wait_for(|at| at == url("/?notice=revoked"));
    browser.screenshot("revoked");
    assert_eq!(called(&office, "Own").0, 424);
    let complaints: Vec<_> = browser.complaints().into_iter().filter(|said| !said.contains(provider.issuer())).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn whoever_fails_at_an_auth_provider_is_sent_to_its_error_url() {
    let (office, provider) = open_at(IdentityProviderKind::Auth, ", error_url: 'https://help.example.com/login?from=sortie'");
    let alice = office.alice();
    let location = provider.visit_and_abort(&departure(&alice, "Own/Main"));
    let sent = alice.get(&back(&office, &location));
    assert_eq!(sent.status, 303);
    let page = sent.header("location").unwrap();
    assert!(
        page.starts_with("https://help.example.com/login?from=sortie&ErrorCode=login%5Frefused&ErrorDescription=The%20provider"),
        "{page}"
    );
    assert!(!page.contains("state"), "{page}");
    // Whoever is let in is not.
    let location = provider.visit(&departure(&alice, "Own/Main"), "alice");
    let page = alice.get(&back(&office, &location)).header("location").unwrap().to_owned();
    assert!(page.starts_with("/logins/"), "{page}");
}

#[test]
fn at_somebodys_program_it_is_the_same_although_its_login_is_no_oauth() {
    let (office, _provider) = open();
    let example = PluginExample::start();
    // The portal's sessions are no bearer tokens of anybody's here: what the upstream gets is looked at.
    let upstream = RecordingUpstream::answering("fine");
    let text = format!(
        "
auth_providers:
- {{name: Portal, type: custom, settings: {{endpoint: '{}'}}, configuration: {{portal: '{}'}}, default_scopes: read,
    values: {{plugin_secret: {{from_environment: CLIENT_SECRET}}}}}}
external_credentials:
- name: Ticket
  protocol: oauth_browser
  settings: {{auth_provider: Portal}}
  principals: [{{name: Main, identity_type: per_user, sequence_number: 1, enabled_for: {{permission_sets: [Callers]}}}}]
named_credentials: [{{name: Ticket, url: '{}', external_credential: Ticket}}]
",
        example.plugin_url(),
        example.portal_url(),
        upstream.url()
    );
    apply_to(&office.server, &text, PluginExample::SECRET);
    let alice = office.alice();
    let url = departure(&alice, "Ticket/Main");
    assert!(url.starts_with(example.portal_url()), "{url}");
    let location = plain_http::get(&url).unwrap().header("location").unwrap().to_owned();
    assert!(location.contains("/services/authcallback/Portal?"), "{location}");
    let page = alice.get(&back(&office, &location)).header("location").unwrap().to_owned();
    assert!(alice.page(&page).contains("<strong>ada</strong>"));
    alice.post(&format!("{page}/confirm"), &[]);
    let call = || office.server.get(&office.key, "/callout/Ticket/x").status;
    assert_eq!(call(), 200);
    let seen = upstream.requests().last().unwrap().header("authorization").unwrap().to_owned();
    assert!(seen.starts_with("Bearer ") && seen.len() > 30, "{seen}");
    assert_eq!(alice.post("/external-credentials/Ticket/Main/revoke", &[]).header("location"), Some("/?notice=revoked"));
    assert_eq!(call(), 424);
}

#[test]
fn another_callback_url_than_last_time_is_pointed_out_before_and_explained_after() {
    let (office, provider) = open_at(IdentityProviderKind::Auth, "");
    let alice = office.alice();
    let location = provider.visit(&departure(&alice, "Own/Main"), "alice");
    alice.get(&back(&office, &location));
    let store = office.server.house.store();
    let definitions = office.server.runtime.block_on(store.definitions()).unwrap();
    let id = definitions.identity_provider("Idp").unwrap().id();
    let accepted = office.server.runtime.block_on(store.callback_urls().of(id)).unwrap().unwrap();
    let origin = office.server.server().public_url().unwrap().origin();
    assert_eq!(accepted.url, format!("{origin}/services/authcallback/Idp"));
    // As if `public_url` had been another one then.
    let before = "https://before.example.com/services/authcallback/Idp";
    office.server.runtime.block_on(store.callback_urls().accept(id, before)).unwrap();
    let changed = office.server.runtime.block_on(changed_callbacks(store, &origin)).unwrap();
    assert_eq!((changed.len(), changed[0].before.as_str(), &changed[0].now), (1, before, &accepted.url));
    let page = alice.post("/external-credentials/Own/Main/authenticate", &[]).text();
    for shown in [before, &accepted.url, "Go on to Idp"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("http-equiv"), "it waits: {page}");
    // As GitHub does it: back to the URL that is registered, with an error.
    let state = page.split("&#38;state=").nth(1).unwrap().split('&').next().unwrap();
    let issuer = provider.issuer().replace(':', "%3A").replace('/', "%2F");
    let said = alice.get(&format!("/services/authcallback/Idp?state={state}&error=redirect_uri_mismatch&iss={issuer}"));
    assert_eq!(code(&said), "login_refused");
    for shown in [before, &accepted.url, "public_url"] {
        assert!(said.text().contains(shown), "{shown}: {}", said.text());
    }
}
