//! A user's own values: UI-12, and that they are used.

use super::{Office, PASSWORD};

const OWN: &str = "/external-credentials/Mail/Own%20box";

#[test]
fn what_a_user_stores_is_used_for_their_calls_and_for_nobody_elses() {
    let office = Office::open();
    let alice = office.alice();
    assert_eq!(office.server.get(&office.key, "/callout/Mail/inbox").status, 424, "nothing is stored yet");
    let stored = alice.post(&format!("{OWN}/values"), &[("username", "alice@mail.test"), ("password", "SECRET-box")]);
    assert_eq!((stored.status, stored.header("location")), (303, Some("/?notice=values_stored")));
    let page = alice.page("/?notice=values_stored");
    assert!(page.contains("Your credentials are stored.") && page.contains("Ready") && page.contains("stored at"), "{page}");

    office.server.settle();
    assert_eq!(office.server.get(&office.key, "/callout/Mail/inbox").verdict(), (200, None));
    // As the base64 of `alice@mail.test:SECRET-box`.
    let expected = "Basic YWxpY2VAbWFpbC50ZXN0OlNFQ1JFVC1ib3g=";
    assert_eq!(office.upstream.requests().last().unwrap().header("authorization"), Some(expected));

    let removed = alice.post(&format!("{OWN}/values/remove"), &[]);
    assert_eq!(removed.header("location"), Some("/?notice=values_removed"));
    assert!(alice.page("/").contains("Needs your credentials"));
    assert_ne!(office.server.get(&office.key, "/callout/Mail/inbox").status, 200, "the next call is refused");
    let records: Vec<_> = office.server.records().into_iter().filter(|record| record["actor"] == "user:alice").collect();
    let did: Vec<_> = records.iter().map(|record| format!("{} {}", record["action"], record["fields"])).collect();
    assert_eq!(did, [r#""signed_in" "password""#, r#""created" "username, password""#, r#""deleted" "password, username""#]);
}

#[test]
fn ui_12_a_secret_goes_in_and_never_comes_out() {
    let office = Office::open();
    let alice = office.alice();
    alice.post(&format!("{OWN}/values"), &[("username", "alice@mail.test"), ("password", "SECRET-box")]);
    let page = alice.page(OWN);
    assert!(page.contains(r#"<input id="password" name="password" type="password" autocomplete="new-password""#), "{page}");
    assert!(page.contains(r#"<input id="username" name="username" type="text" autocomplete="off""#), "{page}");
    for text in [page, alice.page("/"), alice.page("/?notice=values_stored")] {
        assert!(!text.contains("SECRET") && !text.contains("alice@mail.test") && !text.contains(" value=\"\""), "{text}");
    }
    // Not even when it comes back to be corrected.
    let refused = alice.post(&format!("{OWN}/values"), &[("username", ""), ("password", "SECRET-typed")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains(r##"<a href="#username">"##) && !refused.text().contains("SECRET"), "{}", refused.text());
    assert!(!office.server.audit().contains("SECRET"));
}

#[test]
fn a_user_name_never_stands_beside_an_older_password() {
    let office = Office::open();
    let alice = office.alice();
    alice.post(&format!("{OWN}/values"), &[("username", "alice"), ("password", "SECRET-box")]);
    // A colon ends the user name in Basic (RFC 7617, section 2): refused by the protocol's own rule, and with it the whole form.
    for fields in [&[("username", "bob")][..], &[("username", "bo:b"), ("password", "SECRET-other")], &[("password", "SECRET-other")]] {
        assert_eq!(alice.post(&format!("{OWN}/values"), fields).status, 422, "{fields:?}");
    }
    office.server.settle();
    office.server.get(&office.key, "/callout/Mail/inbox");
    assert_eq!(office.upstream.requests().last().unwrap().header("authorization"), Some("Basic YWxpY2U6U0VDUkVULWJveA=="));
}

#[test]
fn nobody_stores_what_is_not_theirs() {
    let office = Office::open();
    let bob = office.visitor();
    bob.sign_in("bob", PASSWORD);
    let alice = office.alice();
    let fields = [("username", "mallory"), ("password", "SECRET-evil")];
    for (visitor, path) in [
        (&bob, OWN),
        (&alice, "/external-credentials/Mail/Hidden"),
        (&alice, "/external-credentials/Pay/Main"),
        (&alice, "/external-credentials/Mail/own%20box%2F"),
        (&alice, "/external-credentials/None/None"),
    ] {
        assert_eq!(visitor.get(path).status, 404, "{path}");
        assert_eq!(visitor.post(&format!("{path}/values"), &fields).status, 404, "{path}");
        assert_eq!(visitor.post(&format!("{path}/values/remove"), &[]).status, 404, "{path}");
    }
    // What the form does not have is not stored.
    let more = [("username", "alice"), ("password", "SECRET-box"), ("Key", "SECRET-x"), ("scope", "all")];
    assert_eq!(alice.post(&format!("{OWN}/values"), &more).status, 303);
    office.server.wait_for_record("change", |record| record["fields"] == "username, password");
}
