//! A secret in the wrong place is not repeated.

use sortie_metadata::{Definition, ValueSource};

/// A definition whose `client_secret` is this.
fn with_secret(written: &str) -> String {
    format!(
        "external_credentials:\n- name: A\n  protocol: oauth_client_credentials\n  principals:\n  - name: P\n    sequence_number: 1\n    values:\n      client_secret: {written}\n"
    )
}

#[test]
fn no_problem_repeats_a_value() {
    // API-03 of the attack catalogue, for files.
    for written in [
        "{a: SECRET-x}",
        "[SECRET-x]",
        "{from_environment: SECRET-x}",
        "{from_environment: SECRET_x, from_file: SECRET-x}",
        "{from_environment: [SECRET-x]}",
        "{from_file: \"SECRET-x\\n\"}",
        "!SECRET-x",
        "*SECRET-x",
        "&SECRET-x",
        "!!int SECRET-x",
        "'SECRET-x",
        "\"SECRET-x\\q\"",
        "SECRET-x: SECRET-y",
        "%SECRET-x",
        "@SECRET-x",
        "`SECRET-x",
        "{SECRET-x",
        "|SECRET-x",
        "12345678987654321",
        "true",
    ] {
        let problems = Definition::parse("x.yaml", &with_secret(written)).unwrap_err();
        let shown = format!("{problems:?} {}", problems.iter().map(ToString::to_string).collect::<String>());
        assert!(!shown.contains("SECRET-") && !shown.contains("12345678"), "{written}: {shown}");
        assert_eq!(problems[0].place.line, if written.starts_with(['\'', '{', '&']) { problems[0].place.line } else { 8 }, "{written}");
    }
}

#[test]
fn a_literal_is_kept_as_something_that_does_not_print() {
    let definition = Definition::parse("x.yaml", &with_secret("SECRET-x")).unwrap();
    assert!(matches!(definition.external_credentials[0].principals[0].values["client_secret"], ValueSource::Literal(_)));
    assert!(!format!("{definition:?}").contains("SECRET-"));
}
