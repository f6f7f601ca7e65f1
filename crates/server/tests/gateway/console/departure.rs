//! The page to which the API's `auth-url` leads.

use super::Office;

#[test]
fn a_login_begins_with_the_button_of_the_page_in_the_browser_that_shows_it() {
    let office = Office::open();
    let visitor = office.visitor();
    let path = "/external-credentials/Mail/Own%20box/authenticate";
    let stranger = visitor.get(path);
    assert_eq!(
        (stranger.status, stranger.header("location")),
        (303, Some("/sign-in?return_to=/external-credentials/Mail/Own%2520box/authenticate"))
    );
    let alice = office.alice();
    let page = alice.page(path);
    assert!(page.contains(&format!("action=\"{path}\"")) && page.contains("method=\"post\"") && page.contains("Own box"), "{page}");
    // Nothing has begun yet; and the button finds out that nobody logs in there with a browser.
    assert!(alice.get(path).header("set-cookie").is_none());
    let answer = alice.post(path, &[]);
    assert!(answer.status == 403 && answer.text().contains("no_login"), "{} {}", answer.status, answer.text());
    // UI-01: what stands in the address is text.
    let page = alice.page("/external-credentials/%3Cimg%20src=x%3E/%3Cscript%3E/authenticate");
    assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
}
