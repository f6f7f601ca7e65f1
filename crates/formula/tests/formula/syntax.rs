//! Reading and printing: what is a formula, what it means, and what is said of what is none.

use proptest::prelude::*;
use sortie_formula::{BinaryOperator, Expression, Kind, LegacyField, Template, UnaryOperator, Variable, parse_expression};

use crate::scope::{Examples, SECRET};

fn result(template: &str) -> String {
    match Template::parse(template) {
        Ok(template) => template.evaluate(&Examples).map_or_else(|fault| format!("! {fault}"), |result| result.expose().to_owned()),
        Err(error) => format!("{error}"),
    }
}

#[test]
fn text_outside_the_braces_stays_literal() {
    for (template, expected) in [
        ("", ""),
        ("plain { ! } text", "plain { ! } text"),
        ("{plain}", "{plain}"),
        ("Bearer {!$Credential.Billing.Key}!", "Bearer SECRET-k3y!"),
        ("{!$User.FirstName} of {!$User.Department}", "Alice of Finance"),
        // A mistake that is found in real files: the quotes stand outside, so they are text.
        ("'Authorization: Bearer '&{!$Credential.Billing.Key}", "'Authorization: Bearer '&SECRET-k3y"),
        ("{!'}'}{!\"{!\"}", "}{!"),
        ("{!/* } */'a'/* '*/}", "a"),
        ("{! 1 }", "1"),
        ("é{!'ü'}", "éü"),
    ] {
        assert_eq!(result(template), expected, "{template}");
    }
}

#[test]
fn what_is_filled_in_is_not_evaluated_again() {
    // FRM-03 of the attack catalogue.
    assert_eq!(result("{!'{' & '!$Credential.Billing.Key}'}"), "{!$Credential.Billing.Key}");
}

#[test]
fn operators_bind_as_in_salesforces_grammar() {
    // github.com/salesforce/formula-engine, Formula.g4: `^` is weaker than `*` and `/`, and groups to the left.
    for (formula, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("2 * 3 ^ 2", "36"),
        ("2 ^ 3 ^ 2", "64"),
        ("-2 ^ 2", "4"),
        ("10 - 4 - 3", "3"),
        ("24 / 4 / 2", "3"),
        ("1 + 2 & 'x'", "formula_type"),
        ("'a' & 'b' + 'c'", "abc"),
        ("1 < 2 = TRUE", "TRUE"),
        ("TRUE || FALSE && FALSE", "TRUE"),
        ("!TRUE || TRUE", "TRUE"),
        ("NOT FALSE", "TRUE"),
        ("1 = 1 && 2 <> 3 && 2 != 3 && 2 == 2", "TRUE"),
        ("- - 3", "3"),
        ("+3", "3"),
    ] {
        let found = match Template::parse_bare(formula) {
            Ok(template) => template.evaluate(&Examples).unwrap().expose().to_owned(),
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(found, expected, "{formula}");
    }
}

#[test]
fn texts_have_escapes_and_either_quote() {
    assert_eq!(result(r#"{!'it\'s' & " \"so\" " & 'a\\b\tc\N'}"#), "it's \"so\" a\\b\tc\n");
    assert_eq!(result("{!\"it's\" & 'a \"b\"'}"), "it'sa \"b\"");
}

#[test]
fn names_are_read_without_regard_to_case() {
    assert_eq!(result("{!uPPer($USER.email)}{!true}{!$credential.BILLING.key}"), "ALICE@EXAMPLE.COMTRUESECRET-k3y");
}

#[test]
fn every_mistake_is_named_with_its_place_and_a_suggestion() {
    for (template, expected, picture) in [
        ("ab{!$User.Email", "this `{!` is never closed by `}` (at character 3)", "ab{!$User.Email\n  ^^"),
        ("{!FLOR(1.5)}", "there is no function `FLOR` (at character 3); did you mean `FLOOR`?", "{!FLOR(1.5)}\n  ^^^^"),
        (
            "{!VLOOKUP('a')}",
            "there is no function `VLOOKUP` (at character 3); it reads records, and a callout has none",
            "{!VLOOKUP('a')}\n  ^^^^^^^",
        ),
        ("{!$Usr.Email}", "there is no `$Usr` (at character 3); did you mean `$User`?", "{!$Usr.Email}\n  ^^^^^^^^^^"),
        ("é{!1 +}", "found `}` where a value must stand (at character 7)", "é{!1 +}\n      ^"),
        ("{!LEFT('abc')}", "`LEFT` cannot take one argument (at character 3); it is `LEFT(text, characters)`", "{!LEFT('abc')}\n  ^^^^"),
        (
            "{!LEFT('abc', '2')}",
            "`characters` of `LEFT` takes number, and this is a text (at character 15); wrap it in `VALUE(…)`",
            "{!LEFT('abc', '2')}\n              ^^^",
        ),
        (
            "{!'Total: ' & 3}",
            "`&` does not go between a text and a number (at character 3); wrap the number in `TEXT(…)`",
            "{!'Total: ' & 3}\n  ^^^^^^^^^^^^^",
        ),
        (
            "{!BLOB('a')}",
            "this gives a blob, which has no text (at character 3); wrap it in `BASE64ENCODE(…)` or `HEX(…)`",
            "{!BLOB('a')}\n  ^^^^^^^^^",
        ),
        ("{!'abc}", "this text is never closed by ' (at character 3)", "{!'abc}\n  ^"),
        ("{!‘abc’}", "`‘` means nothing here (at character 3); use straight quotes, ' or \"", "{!‘abc’}\n  ^"),
        ("{!(1 + 2}", "this `(` is never closed by `)` (at character 3)", "{!(1 + 2}\n  ^"),
        ("{!1 /* x }", "this comment is never closed by `*/` (at character 5)", "{!1 /* x }\n    ^^"),
        (
            "{!'\\x'}",
            "this escape is not one of \\n \\r \\t \\\" \\' \\\\ (at character 4); a backslash itself is written `\\\\`",
            "{!'\\x'}\n   ^^",
        ),
        ("{!5 % 2}", "`%` means nothing here (at character 5); for a remainder write `MOD(number, divisor)`", "{!5 % 2}\n    ^"),
        (
            "{!Email}",
            "`Email` is no variable (at character 3); text stands in quotes, a variable begins with `$User`, `$Credential`, `$Profile` or `$Organization`",
            "{!Email}\n  ^^^^^",
        ),
        (
            "{!$Credential.Passwrd}",
            "`$Credential` has no field `Passwrd` of its own (at character 3); did you mean `$Credential.Password`?",
            "{!$Credential.Passwrd}\n  ^^^^^^^^^^^^^^^^^^^",
        ),
        (
            "a\nb {!x}",
            "`x` is no variable (at character 7); text stands in quotes, a variable begins with `$User`, `$Credential`, `$Profile` or `$Organization`",
            "b {!x}\n    ^",
        ),
    ] {
        let error = Template::parse(template).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.picture().as_str()), (expected, picture), "{template}");
    }
}

#[test]
fn sizes_and_depths_are_limited() {
    // FRM-06 of the attack catalogue.
    let code = |template: String| Template::parse(&template).unwrap_err().code();
    assert_eq!(code("x".repeat(3_901)), "formula_too_long");
    assert!(Template::parse(&"é".repeat(3_900)).is_ok());
    assert_eq!(code(format!("{{!{}1{}}}", "(".repeat(1_900), ")".repeat(1_900))), "formula_limit");
    assert_eq!(code(format!("{{!{}1{}}}", "ABS(".repeat(700), ")".repeat(700))), "formula_limit");
    assert_eq!(code(format!("{{!{}1}}", "-".repeat(3_000))), "formula_limit");
    assert_eq!(code(format!("{{!1{}}}", "+1".repeat(1_900))), "formula_limit");
    assert_eq!(code("{!12345678901234567890123456789012345}".to_owned()), "formula_limit");
    // A message of a caller's may be long, its formulas not, nor may there be very many.
    let long = "x".repeat(100_000) + "{!1}";
    assert!(Template::parse_message(&long).is_ok());
    assert_eq!(Template::parse_message(&"{!1}".repeat(101)).unwrap_err().code(), "formula_limit");
    assert_eq!(Template::parse_message(&format!("{{!'{}'}}", "x".repeat(3_900))).unwrap_err().code(), "formula_too_long");
}

#[test]
fn the_deepest_formula_needs_little_stack() {
    let nested = format!("{{!{}1{}}}", "ABS(1||1&&1=1<1+1^1*(".repeat(20), ")".repeat(40));
    let chain = format!("{{!'a'{}}}", "&'a'".repeat(100));
    let run = move || {
        let _ = Template::parse(&nested);
        assert_eq!(Template::parse(&chain).unwrap().evaluate(&Examples).unwrap().expose().len(), 101);
    };
    // Half of what threads have by default, and without optimisation.
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_result_that_is_made_of_a_secret_is_one_and_never_prints() {
    let template = Template::parse("Bearer {!$Credential.Billing.Key}").unwrap();
    let result = template.evaluate(&Examples).unwrap();
    assert!(result.is_secret() && template.reads().secret);
    assert!(!format!("{result:?}").contains(SECRET));
    assert!(!Template::parse("{!$User.Email}").unwrap().evaluate(&Examples).unwrap().is_secret());
}

#[test]
fn whoever_may_not_know_a_secret_may_not_look_into_it() {
    let is_discreet = |formula: &str| Template::parse_bare(formula).unwrap().check_discretion();
    for good in [
        "'Bearer ' & $Credential.Billing.Key",
        "HEX(HASH('SHA-256', BLOB($Credential.Billing.Key)))",
        "BASE64ENCODE(BLOB($Credential.Password & ':x'))",
        "IF($User.Department = 'Sales', $Credential.Billing.Key, 'none')",
        "CASE($User.Department, 'Sales', $Credential.A.B, 'x')",
        "URLENCODE($Credential.Billing.Key)",
        "LEFT($User.Email, 3) & $Credential.AuthorizationMethod",
    ] {
        assert_eq!(is_discreet(good), Ok(()), "{good}");
    }
    for bad in [
        "IF($Credential.Billing.Key = 'a', 1, 2)",
        "IF(BEGINS($Credential.Billing.Key, 'S'), 'x', 'y')",
        "TEXT(LEN($Credential.Billing.Key))",
        "TEXT(1 / (LEN($Credential.Billing.Key) - 10))",
        "LEFT($Credential.Billing.Key, 1)",
        "TEXT(VALUE($Credential.Billing.Key))",
        "TEXT($Credential.Billing.Key < 'M')",
        "LEFT('aaaa', VALUE(RIGHT($Credential.Billing.Key, 1)))",
        "IF(REGEX(BASE64ENCODE(BLOB($Credential.Billing.Key)), 'U.*'), 'x', 'y')",
        "CASE($Credential.Billing.Key, 'a', 'x', 'y')",
    ] {
        assert_eq!(is_discreet(bad).unwrap_err().code(), "formula_inspects_secret", "{bad}");
    }
    let signing = "'by ' & HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', BLOB('a'), 'Billing'))";
    assert_eq!(is_discreet(signing).unwrap_err().code(), "formula_unavailable");
}

#[test]
fn an_unresolved_variable_is_an_error_and_never_empty_text() {
    // FRM-09 of the attack catalogue.
    let template = Template::parse("role:{!$User.Title}").unwrap();
    assert_eq!(template.evaluate(&Examples).unwrap_err().to_string(), "`$User.Title` has no value");
    assert_eq!(result("role:{!BLANKVALUE($User.Title, 'none')}"), "role:none");
    // Only the variable itself may be missing, not something that is made of it.
    assert_eq!(result("{!BLANKVALUE(UPPER($User.Title), 'none')}"), "! `$User.Title` has no value");
}

#[test]
fn what_is_printed_says_the_same() {
    // `EXT(fLOORUE())` was printed in another case than it was written in.
    for (written, printed) in [
        ("left( 'a' , 1 )", "left('a', 1)"),
        ("ext(fLOORUE())", "ext(fLOORUE())"),
        ("((1)) + (2 * (3))", "1 + 2 * 3"),
        ("1 - (2 - 3)", "1 - (2 - 3)"),
        ("-(1 + 2)", "-(1 + 2)"),
        ("not true == false", "!TRUE = FALSE"),
        ("$user.Email & \"it's\"", "$User.Email & 'it\\'s'"),
    ] {
        let expression = parse_expression(written).unwrap();
        assert_eq!(expression.to_string(), printed);
        assert_eq!(parse_expression(printed).unwrap(), expression);
    }
}

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9]{0,6}(__c)?"
}

fn variables() -> impl Strategy<Value = Variable> {
    prop_oneof![
        names().prop_map(Variable::User),
        Just(Variable::ProfileName),
        prop_oneof![Just("Id"), Just("Name")].prop_map(|field| Variable::Organization(field.to_owned())),
        (names(), names())
            .prop_filter("these mean something else", |(credential, parameter)| {
                let is_url = credential.eq_ignore_ascii_case("Endpoint") && parameter.eq_ignore_ascii_case("URL");
                !(is_url || parameter.eq_ignore_ascii_case("Body"))
            })
            .prop_map(|(external_credential, parameter)| Variable::Credential { external_credential, parameter }),
        names().prop_map(|external_credential| Variable::Body { external_credential }),
        Just(Variable::EndpointUrl),
        prop::sample::select(LegacyField::ALL.to_vec()).prop_map(Variable::Legacy),
    ]
}

/// Any tree, whether its types fit or not.
fn expressions() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        Just(Kind::Null),
        any::<bool>().prop_map(Kind::Boolean),
        (0_i64..1_000_000, 0_u32..4).prop_map(|(digits, scale)| Kind::Number(rust_decimal::Decimal::new(digits, scale))),
        "[ -~\\n\\r\\té]{0,8}".prop_map(Kind::Text),
        variables().prop_map(Kind::Variable),
    ];
    leaf.prop_map(Expression::new).prop_recursive(5, 40, 4, |inner| {
        let unary = prop::sample::select(vec![UnaryOperator::Minus, UnaryOperator::Plus, UnaryOperator::Not]);
        let binary = prop::sample::select(BinaryOperator::ALL.to_vec());
        let function = prop::sample::select(sortie_formula::CATALOGUE.iter().map(|function| function.name).collect::<Vec<_>>());
        prop_oneof![
            (unary, inner.clone()).prop_map(|(operator, operand)| Kind::Unary(operator, Box::new(operand))),
            (binary, inner.clone(), inner.clone()).prop_map(|(operator, left, right)| Kind::Binary(
                operator,
                Box::new(left),
                Box::new(right)
            )),
            (function, prop::collection::vec(inner, 0..4))
                .prop_map(|(name, arguments)| Kind::Call { function: name.to_owned(), arguments }),
        ]
        .prop_map(Expression::new)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_printed_is_read_as_the_same(expression in expressions()) {
        let printed = expression.to_string();
        prop_assume!(printed.chars().count() <= 3_900);
        prop_assert_eq!(parse_expression(&printed).map_err(|error| format!("{error}\n{}", error.picture())), Ok(expression), "{}", printed);
    }

    #[test]
    fn nothing_that_is_typed_makes_it_panic(text in "\\PC{0,200}", signs in "[-+*/^&=<>!|(){},'\"$.A-Za-z0-9 \\\\]{0,200}") {
        for source in [text, signs.clone(), format!("{{!{signs}}}")] {
            for read in [Template::parse(&source), Template::parse_bare(&source), Template::parse_message(&source)] {
                match read {
                    Ok(template) => { let _ = template.evaluate(&Examples).map(|result| result.expose().len()); }
                    Err(error) => { let _ = (error.to_string(), error.picture()); }
                }
            }
        }
    }

    #[test]
    fn what_passes_the_check_evaluates_or_fails_with_a_code(expression in expressions()) {
        if let Ok(template) = Template::parse_bare(&expression.to_string()) {
            match template.evaluate(&Examples) {
                Ok(result) => prop_assert!(result.expose().len() < 5_000_000),
                Err(fault) => {
                    prop_assert!(fault.code().starts_with("formula_"));
                    prop_assert!(!fault.to_string().contains("SECRET"), "{}", fault);
                }
            }
        }
    }
}
