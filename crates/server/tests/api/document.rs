//! The OpenAPI document.

use crate::office::Office;

#[test]
fn whoever_reaches_the_server_reads_the_document_and_learns_nothing_of_the_server() {
    let office = Office::open();
    let answer = office.send(None, "GET", "/api/v1/openapi.json", None, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.text(), sortie_server::api::document_text());
    let document = answer.json();
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&"3.1.0".into(), &"1".into()), "the program's version is not in it");
    // The other mount speaks of other things.
    assert_eq!(office.send(None, "GET", "/services/data/v67.0/openapi.json", None, &[]).status, 404);
}
