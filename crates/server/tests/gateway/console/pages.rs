//! Pages: what they say, to whom, and with which headers. UI-01 to UI-03, UI-13, UI-15, OAU-14, OAU-22.

use sortie_model::{ApiName, Endpoint, IdentityType, KeyAlgorithm, Label};
use sortie_server::PublicUrl;
use sortie_server::manage::Manage;
use sortie_server::manage::certificate::{self, NewCertificate, Subject};

use super::Office;
use crate::support::{Credential, TestServer};

#[test]
fn a_person_sees_what_they_may_use_and_nothing_else() {
    let office = Office::open();
    let alice = office.alice();
    let page = alice.page("/");
    assert!(page.contains("Mail") && page.contains("Own box") && page.contains("Needs your credentials"), "{page}");
    assert!(page.contains("callout:Pay") && page.contains("Shared by everybody"), "{page}");
    assert!(!page.contains("Hidden"), "a principal that she may not use: {page}");
    let bob = office.visitor();
    bob.sign_in("bob", super::PASSWORD);
    let page = bob.page("/");
    assert!(page.contains("There are none.") && !page.contains("Mail") && !page.contains("Pay"), "{page}");
    // What exists and what does not look the same (AZ-02).
    let answers = ["/external-credentials/Mail/Own%20box", "/external-credentials/None/None"].map(|path| bob.get(path));
    assert_eq!((answers[0].status, answers[0].text()), (404, answers[1].text()));
}

#[test]
fn a_name_that_cannot_present_its_certificate_is_told_to_wait_for_an_administrator() {
    let office = Office::open();
    let now = office.server.runtime.block_on(office.server.house.store().now()).unwrap();
    let manage = Manage::of(&office.server.house, "operator:tester", now);
    let new = NewCertificate::named(ApiName::parse("Bank").unwrap());
    let subject = Subject::named("Bank");
    let request = certificate::request(&manage, new, KeyAlgorithm::P256, &subject);
    office.server.runtime.block_on(request).unwrap();
    let definitions = office.server.runtime.block_on(office.server.house.store().definitions()).unwrap();
    let mut pay = definitions.named_credentials.into_iter().find(|named| named.name.as_str() == "Pay").unwrap();
    pay.url = Endpoint::parse("https://pay.test").unwrap();
    pay.client_certificate = Some(definitions.certificates[0].id);
    office.server.change(async |change| change.named_credentials().update(&pay).await.unwrap());
    let page = office.alice().page("/");
    assert!(page.contains("<code>callout:Pay</code> with the certificate Bank"), "{page}");
    assert!(page.contains("<code>callout:Pay</code> are refused until an administrator has put its certificate in order"), "{page}");
}

#[test]
fn ui_01_a_label_is_text_wherever_it_stands() {
    let mut server = TestServer::new();
    let evil = r#"<img src=x onerror="alert(1)">"#;
    let set = server.permission_set("Callers");
    server.user("alice", &[set]);
    server.password("alice", super::PASSWORD);
    let mut external = server.external_credential(&Credential::new("Evil", "basic"));
    server.principal(&external, "<script>alert(2)</script>'\"", 1, IdentityType::PerUser, &[set]);
    external.label = Label::parse(evil).unwrap();
    server.change(async |change| change.external_credentials().update(&external).await.unwrap());
    server.start();
    let base = server.server().public_url().unwrap().origin();
    let alice = super::Visitor { base, cookies: Default::default() };
    alice.sign_in("alice", super::PASSWORD);
    let page = alice.page("/");
    let link =
        page.split("href=\"").find_map(|rest| rest.split('"').next().filter(|path| path.starts_with("/external-credentials/"))).unwrap();
    for text in
        [page.clone(), alice.page(link), alice.sign_in(evil, "x").text(), alice.get(&format!("/sign-in?notice={}", "%3Cimg")).text()]
    {
        assert!(!text.contains("<img") && !text.contains("<script"), "{text}");
    }
    assert!(page.contains("&#60;img src=x"), "{page}");
}

#[test]
fn ui_02_and_03_every_answer_is_protected_and_no_page_has_a_script_or_style_of_its_own() {
    let office = Office::open();
    let alice = office.alice();
    alice.post("/external-credentials/Mail/Own%20box/values", &[("username", "alice"), ("password", "SECRET-box")]);
    let answers = [
        alice.get("/"),
        alice.get("/external-credentials/Mail/Own%20box"),
        alice.get("/nothing"),
        alice.send("DELETE", "/", &[("Sec-Fetch-Site", "same-origin")], ""),
        alice.send("POST", "/sign-in", &[], ""),
        alice.send("POST", "/sign-in", &[("Sec-Fetch-Site", "same-origin"), ("Content-Type", "application/json")], "{}"),
        alice.send("POST", "/sign-in", &[("Sec-Fetch-Site", "same-origin")], &"x".repeat(100_000)),
        office.visitor().get("/sign-in"),
        office.visitor().get("/reference"),
        office.visitor().get("/reference/createUser"),
        office.visitor().get("/"),
    ];
    for answer in answers {
        let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name} in {answer:?}"));
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (header("x-content-type-options"), header("referrer-policy"), header("cache-control")),
            ("nosniff", "no-referrer", "no-store")
        );
        assert_eq!((header("cross-origin-opener-policy"), header("cross-origin-resource-policy")), ("same-origin", "same-origin"));
        assert!(header("permissions-policy").contains("camera=()") && answer.header("strict-transport-security").is_none());
        let text = answer.text();
        let lower = text.to_ascii_lowercase();
        assert!(!lower.contains("<script") && !lower.contains("style=") && !lower.contains("javascript:"), "{text}");
        assert!(!lower.split('<').any(|tag| tag.split('>').next().unwrap_or_default().contains(" on")), "{text}");
        assert!(
            answer.status == 303 || text.contains(r#"<html lang="en">"#) && text.contains("<main id=\"main\""),
            "{} {text}",
            answer.status
        );
    }
    let statuses =
        [("/nothing", 404), ("/external-credentials/Mail", 404), ("/external-credentials/Mail/Own%20box/", 404), ("//sign-in", 404)];
    for (path, status) in statuses {
        assert_eq!(alice.get(path).status, status, "{path}");
    }
}

#[test]
fn behind_tls_browsers_are_told_to_stay_there() {
    let office = Office::on(TestServer::with(None, |config| config.public_url = Some("https://sortie.test".to_owned())));
    let visitor = super::Visitor { base: format!("http://{}", office.server.server().admin()), cookies: Default::default() };
    assert_eq!(visitor.get("/sign-in").header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));
    assert_eq!(office.server.server().public_url().map(PublicUrl::origin).as_deref(), Some("https://sortie.test"));
}

#[test]
fn ui_15_there_is_one_asset_and_no_file_of_the_machine() {
    let office = Office::open();
    let visitor = office.visitor();
    let style = visitor.get("/assets/console.css");
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    for path in [
        "/assets/../../etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/config.toml",
        "/assets/%2e%2e%2fsortie.toml",
        "/assets/",
        "/assets/console.css/",
        "/assets//console.css",
        "/.git/config",
        "/sortie.sqlite",
    ] {
        let answer = visitor.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("root:"), "{path}");
    }
}

#[test]
fn oau_14_no_address_is_made_from_what_a_request_says() {
    let office = Office::open();
    let visitor = office.visitor();
    let headers =
        [("Host", "evil.test"), ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "https"), ("Forwarded", "host=evil.test")];
    for path in ["/", "/sign-in", "/nothing", "/external-credentials/Mail/Own%20box"] {
        let answer = visitor.send("GET", path, &headers, "");
        assert!(!format!("{answer:?}{}", answer.text()).contains("evil.test"), "{path}");
    }
}

#[test]
fn a_listener_for_others_has_no_console_until_somebody_says_how_it_is_reached() {
    let mut open = TestServer::with(None, |config| config.admin.listen = "0.0.0.0:0".parse().unwrap());
    open.start();
    let port = open.server().admin().port();
    let get = |path: &str| sortie_testkit::plain_http::get(&format!("http://127.0.0.1:{port}{path}")).unwrap().status;
    assert_eq!((get("/healthz"), get("/"), get("/sign-in")), (200, 404, 404));
    assert!(open.server().public_url().is_none());
}
