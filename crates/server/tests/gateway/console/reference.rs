//! The reference of the API: every operation of the document has a page, which whoever reaches the console reads.

use sortie_server::api::document;
use sortie_testkit::browser::{Browser, Key};

use super::Office;

/// Ids, methods and paths as the document has them, but for those that are another place of one.
fn operations() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            all.push((id.trim_end_matches("OfVersion").to_owned(), method.to_uppercase(), path.clone()));
        }
    }
    all
}

#[test]
fn every_operation_of_the_document_has_a_page_without_signing_in() {
    let office = Office::open();
    let visitor = office.visitor();
    let list = visitor.page("/reference");
    assert!(operations().len() > 90);
    for (id, method, path) in operations() {
        assert!(list.contains(&format!("<a href=\"/reference/{id}\">")), "{id}");
        let page = visitor.page(&format!("/reference/{id}"));
        assert!(page.contains(&format!("<code>{method} {path}</code>")), "{id}: {method} {path}");
        let headings: Vec<&str> = page.split("<h").skip(1).filter_map(|rest| rest.get(..1)).filter(|level| *level == "1").collect();
        assert_eq!(headings.len(), 1, "{id}: one heading of the first order");
        assert!(!page.contains("<script") && !page.contains("://cdn") && !page.contains("$ref"), "{id}");
    }
    for nothing in ["/reference/nothing", "/reference/listUsersOfVersion", "/reference/"] {
        assert_eq!(visitor.get(nothing).status, 404, "{nothing}");
    }
    // What is read here is the same whoever reads it, and says nothing of the server.
    assert_eq!(office.alice().page("/reference"), list);
}

#[test]
fn a_page_says_what_goes_in_and_what_comes_out() {
    let office = Office::open();
    let page = office.visitor().page("/reference/createExternalCredential");
    for words in [
        "POST /services/data/v{version}/named-credentials/external-credentials",
        "principals[].principalType",
        "one of AwsStsPrincipal, NamedPrincipal, PerUserPrincipal",
        "Needs the permission",
        "<code>manage_named_credentials</code>",
        "Idempotency-Key",
        "Answer 201",
        "relatedNamedCredentials[].developerName",
        "A permission is missing.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn in_a_browser_it_is_read_with_the_keyboard() {
    let office = Office::open();
    let browser = Browser::open("reference");
    let url = |path: &str| office.server.server().public_url().unwrap().join(path);
    browser.go(&url("/reference"));
    assert_eq!(browser.title(), "API reference · Sortie");
    browser.screenshot("list");
    browser.press(Key::Tab);
    assert_eq!(browser.focused(), "Skip to the content");
    browser.go(&url("/reference/createExternalCredential"));
    assert_eq!(browser.title(), "Create an external credential · API reference · Sortie");
    browser.screenshot("operation");
    browser.click("main a");
    browser.wait_for(|at| at == url("/reference"));
    browser.go(&url("/reference/createExternalCredential#body"));
    browser.screenshot("body");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}
