//! Every function gives what its entry in the reference says.

use sortie_formula::{CATALOGUE, Template};

use crate::scope::Examples;

/// The result of an expression as text, or the code of the error.
fn result(expression: &str) -> String {
    match Template::parse_bare(expression) {
        Ok(template) => template.evaluate(&Examples).map_or_else(|fault| fault.code().to_owned(), |result| result.expose().to_owned()),
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn every_example_of_the_reference_holds() {
    let wrong: Vec<String> = CATALOGUE
        .iter()
        .flat_map(|function| function.examples)
        .filter_map(|(expression, expected)| {
            let found = result(expression);
            (found != *expected).then(|| format!("{expression} gives {found:?} and not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_is_described_once() {
    let mut names: Vec<_> = CATALOGUE.iter().map(|function| function.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CATALOGUE.len());
    for function in CATALOGUE {
        assert!(function.examples.len() >= 2, "{} has too few examples", function.name);
        assert!(function.summary.ends_with('.'), "{}", function.name);
        assert!(function.name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'), "{}", function.name);
        assert!(function.examples.iter().any(|(expression, _)| expression.contains(function.name)), "{}", function.name);
    }
}
