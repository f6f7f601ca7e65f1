#![allow(clippy::unwrap_used, reason = "tests")]

use sortie_model::{Secret, Settings};

use super::Basic;
use crate::{Material, Proof, Protocol as _, ProveError, Values};

fn prove(username: &str, password: &str) -> Result<Proof, ProveError> {
    let values = Values::from([("username".to_owned(), Secret::new(username)), ("password".to_owned(), Secret::new(password))]);
    Basic.prove(Material { settings: &Settings::new(), values: &values, grant: None, provider: None })
}

#[test]
fn sends_the_examples_of_rfc_7617() {
    // Section 2 and, with UTF-8, section 2.1.
    for (username, password, header) in
        [("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test", "123£", "Basic dGVzdDoxMjPCow==")]
    {
        let proof = prove(username, password).unwrap();
        let headers = proof.placed();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[0].0, "authorization");
        assert_eq!(headers[0].1, header);
        assert!(headers[0].1.is_sensitive());
    }
}

#[test]
fn a_missing_password_is_named() {
    assert_eq!(prove("alice", "").unwrap_err(), ProveError::Missing { field: "password" });
}

#[test]
fn a_user_name_with_a_colon_is_refused() {
    assert!(Basic.check_value("username", &Secret::new("a:b")).is_err());
    assert!(Basic.check_value("password", &Secret::new("a:b")).is_ok());
}
