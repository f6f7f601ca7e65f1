//! The console in Chromium: what only a browser can judge. Screenshots are in `target/screenshots/`.

use sortie_testkit::browser::{Browser, Key};
use sortie_testkit::peers::OidcProvider;

use super::openid::with_provider;
use super::{Office, PASSWORD};

fn url(office: &Office, path: &str) -> String {
    office.server.server().public_url().unwrap().join(path)
}

fn sign_in(browser: &Browser, office: &Office) {
    browser.go(&url(office, "/"));
    browser.type_into("#name", "alice");
    browser.type_into("#password", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for(|at| at == url(office, "/"));
}

/// No script or style was blocked, nothing failed to load. A page that was refused on purpose is said too, by its status.
fn assert_content(browser: &Browser) {
    let complaints: Vec<_> =
        browser.complaints().into_iter().filter(|message| !message.contains("the server responded with a status of 4")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn somebody_stores_a_password_calls_with_it_and_signs_out() {
    let office = Office::open();
    let browser = Browser::open("console");
    browser.go(&url(&office, "/"));
    assert_eq!(browser.title(), "Sign in · Sortie");
    assert_eq!((browser.label("#name"), browser.label("#password")), ("User name".to_owned(), "Password".to_owned()));
    browser.screenshot("sign-in");
    browser.type_into("#name", "alice");
    browser.type_into("#password", "SECRET-wrong password");
    browser.click("button[type=submit]");
    assert_eq!(
        (browser.title().as_str(), browser.text(".problem p").as_str()),
        ("Error: Sign in · Sortie", "The user name or the password is wrong.")
    );
    assert_eq!(browser.focused(), "Password");
    browser.screenshot("wrong-password");
    browser.type_into("#password", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for(|at| at == url(&office, "/"));
    assert!(browser.text("main").contains("Needs your credentials"));
    browser.screenshot("external-credentials");

    browser.click("a.action");
    browser.type_into("#username", "alice@mail.test");
    browser.type_into("#password", "SECRET-box");
    browser.screenshot("values");
    browser.click("form.card button[type=submit]");
    browser.wait_for(|at| at == url(&office, "/?notice=values_stored"));
    assert!(browser.text(".notice").contains("Your credentials are stored.") && browser.text("main").contains("Ready"));
    // UI-12: nothing of it is on any page any more.
    assert!(!browser.source().contains("SECRET") && !browser.source().contains("alice@mail.test"));
    browser.screenshot("stored");
    office.server.settle();
    assert_eq!(office.server.get(&office.key, "/callout/Mail/inbox").verdict(), (200, None));
    let sent = office.upstream.requests().last().unwrap().header("authorization").map(str::to_owned);
    assert_eq!(sent.as_deref(), Some("Basic YWxpY2VAbWFpbC50ZXN0OlNFQ1JFVC1ib3g="));

    // UI-13: what was seen is not seen again after the sign-out, not even with "Back".
    browser.click(".who button");
    browser.wait_for(|at| at == url(&office, "/sign-in?notice=signed_out"));
    browser.screenshot("signed-out");
    browser.back();
    browser.wait_for(|at| at.contains("/sign-in"));
    assert!(!browser.source().contains("Own box"), "{}", browser.source());
    browser.screenshot("back");
    assert_content(&browser);
}

#[test]
fn the_keyboard_is_enough() {
    let office = Office::open();
    let browser = Browser::open("console-keyboard");
    browser.go(&url(&office, "/sign-in"));
    assert_eq!(browser.focused(), "User name", "the first field has the focus");
    browser.type_here("alice");
    browser.press(Key::Tab);
    browser.type_here(PASSWORD);
    browser.press(Key::Enter);
    browser.wait_for(|at| at == url(&office, "/"));
    // In this order: past the head to the content, the brand, the one page, sign out, and what can be done.
    let names: Vec<String> = (0..5)
        .map(|_| {
            browser.press(Key::Tab);
            browser.focused()
        })
        .collect();
    assert_eq!(names, ["Skip to the content", "Sortie", "External Credentials", "Sign out", "Enter credentials of Own box for Mail"]);
    browser.screenshot("focus");
    browser.press(Key::Enter);
    browser.wait_for(|at| at.ends_with("/external-credentials/Mail/Own%20box"));
    // A form that is not complete: the browser says so, and so do we if it does not.
    assert_eq!(browser.label("#username"), "Username");
    assert_content(&browser);
}

#[test]
fn what_a_page_of_another_site_does_is_refused() {
    // UI-04 and UI-14 by a browser's own means: the other site is `localhost`, ours is 127.0.0.1.
    let office = Office::open();
    let own = url(&office, "");
    let evil = sortie_testkit::upstream::RecordingUpstream::start(move |_| {
        let page = format!(
            "<!DOCTYPE html><title>Win</title><form method=post action=\"{own}/external-credentials/Mail/Own%20box/values\">\
             <input name=username value=mallory><input name=password value=SECRET-evil><button id=go>Win</button></form>\
             <iframe src=\"{own}/\" width=600 height=300></iframe>"
        );
        sortie_testkit::upstream::Reply::new(200).header("Content-Type", "text/html").body(page)
    });
    let browser = Browser::open("console-forgery");
    sign_in(&browser, &office);
    browser.go(&evil.url().replace("127.0.0.1", "localhost"));
    let framed = browser.complaints();
    assert!(
        framed
            .iter()
            .any(|message| message.contains("frame-ancestors") || message.contains("Refused to frame") || message.contains("Framing")),
        "{framed:?}"
    );
    browser.click("#go");
    browser.wait_for(|at| at.starts_with(&url(&office, "/external-credentials/")));
    assert!(browser.text("main").contains("request_forged"), "{}", browser.source());
    browser.screenshot("refused");
    browser.go(&url(&office, "/"));
    assert!(browser.text("main").contains("Needs your credentials"), "nothing was stored");
}

/// From our sign-in to the question whether to allow it, as somebody of this name.
fn at_the_provider(browser: &Browser, office: &Office, provider: &OidcProvider, name: &str) {
    browser.go(&url(office, "/sign-in"));
    browser.click("form[action='/sign-in/openid'] button");
    browser.wait_for(|at| at.starts_with(provider.issuer()));
    browser.type_into("#login", name);
    browser.click("#ok");
    assert_eq!(browser.text("#allow"), "Allow");
}

#[test]
fn somebody_signs_in_at_a_provider() {
    let (office, provider) = with_provider();
    let browser = Browser::open("console-openid");
    browser.go(&url(&office, "/sign-in"));
    browser.screenshot("sign-in");
    at_the_provider(&browser, &office, &provider, "alice");
    browser.screenshot("provider-consent");
    browser.click("#allow");
    // An address without code and state (OAU-20).
    browser.wait_for(|at| at == url(&office, "/"));
    assert!(browser.text(".who").contains("Signed in as alice"));
    browser.screenshot("signed-in");
    office.server.wait_for_record("change", |record| record["action"] == "linked" && record["object"] == "user alice");
    office.server.wait_for_record("change", |record| record["action"] == "signed_in" && record["fields"] == "openid");
    assert!(!office.server.audit().contains("SECRET"));
    assert_content(&browser);

    // Somebody whom the provider knows and Sortie does not.
    let stranger = Browser::open("console-openid-stranger");
    at_the_provider(&stranger, &office, &provider, "mallory");
    stranger.click("#allow");
    stranger.wait_for(|at| at.contains("/sign-in/openid/callback"));
    assert!(stranger.text("main").contains("user_unknown"), "{}", stranger.source());
    stranger.screenshot("unknown");

    // Somebody who says no.
    let nobody = Browser::open("console-openid-denied");
    at_the_provider(&nobody, &office, &provider, "alice");
    nobody.click("#deny");
    nobody.wait_for(|at| at.contains("/sign-in/openid/callback"));
    assert!(nobody.text("main").contains("sign_in_refused_by_provider"), "{}", nobody.source());
    nobody.screenshot("denied");
}
