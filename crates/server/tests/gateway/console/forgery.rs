//! What other sites do in a signed-in browser: UI-04 to UI-07, UI-14.

use super::{Office, form};

#[test]
fn ui_04_and_05_a_form_of_another_site_does_nothing() {
    let office = Office::open();
    let alice = office.alice();
    let body = form(&[("username", "mallory"), ("password", "SECRET-evil")]);
    let own = alice.base.clone();
    for headers in [
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.test")][..],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", own.as_str())],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "https://evil.test")],
        &[("Origin", "null")],
        &[("Origin", "http://127.0.0.1")],
        &[],
    ] {
        for path in
            ["/external-credentials/Mail/Own%20box/values", "/external-credentials/Mail/Own%20box/values/remove", "/sign-out", "/sign-in"]
        {
            let answer = alice.send("POST", path, headers, &body);
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.text().contains("request_forged") && answer.header("set-cookie").is_none());
        }
    }
    assert!(alice.page("/").contains("not stored"), "still signed in, and nothing stored");
    // A browser that says nothing but the right origin is an old one.
    assert_eq!(alice.send("POST", "/external-credentials/Mail/Own%20box/values", &[("Origin", &own)], &body).status, 303);
}

#[test]
fn ui_06_no_link_changes_anything() {
    let office = Office::open();
    let alice = office.alice();
    alice.post("/external-credentials/Mail/Own%20box/values", &[("username", "alice"), ("password", "SECRET-box")]);
    let generation = || office.server.runtime.block_on(office.server.house.store().generation()).unwrap();
    let before = generation();
    let mut seen = vec!["/".to_owned()];
    let mut next = 0;
    while next < seen.len() {
        let text = alice.get(&seen[next]).text();
        // Links, and forms as if they were links.
        for attribute in ["href=\"", "action=\""] {
            for rest in text.split(attribute).skip(1) {
                let path = rest.split('"').next().unwrap().split('#').next().unwrap().to_owned();
                if path.starts_with('/') && !seen.contains(&path) {
                    seen.push(path);
                }
            }
        }
        next += 1;
    }
    assert!(seen.iter().any(|path| path == "/sign-out") && seen.iter().any(|path| path.ends_with("/values/remove")), "{seen:?}");
    assert_eq!(generation(), before);
    assert!(alice.page("/").contains("Ready"));
}

#[test]
fn ui_07_no_other_origin_reads_anything() {
    let office = Office::open();
    let alice = office.alice();
    for origin in ["https://evil.test", "null", "https://ui.test.evil.test"] {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")];
        for (method, path) in [("OPTIONS", "/"), ("OPTIONS", "/external-credentials/Mail/Own%20box/values"), ("GET", "/")] {
            let answer = alice.send(method, path, &headers, "");
            let allows = answer.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"));
            assert!(!allows && (method == "GET" || answer.status >= 400), "{method} {path} {origin}: {answer:?}");
        }
    }
}

#[test]
fn ui_14_and_oau_21_no_page_can_be_framed() {
    let office = Office::open();
    let alice = office.alice();
    for path in ["/", "/sign-in", "/external-credentials/Mail/Own%20box", "/nothing"] {
        let answer = alice.get(path);
        assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
}
