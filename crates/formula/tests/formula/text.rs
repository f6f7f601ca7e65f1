//! Texts of any kind: characters of several bytes, sizes beyond all bounds, and texts that try to break out of where they are put.

use proptest::prelude::*;
use sortie_formula::{Fault, Scope, SignFault, Template, Value, Variable};

/// A user's attribute, which anybody may have written.
struct Attribute(String);

impl Scope for Attribute {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(matches!(variable, Variable::User(_)).then_some(Value::borrowed(&self.0)))
    }

    fn now_millis(&self) -> i64 {
        0
    }

    fn sign_with_certificate(&self, _algorithm: &str, _input: &[u8], _certificate: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoStore)
    }
}

/// The result of an expression in which `x` stands for the attribute.
fn with(attribute: &str, expression: &str) -> Result<String, Fault> {
    let expression = expression.replace('x', "$User.Title");
    let template = Template::parse_bare(&expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    template.evaluate(&Attribute(attribute.to_owned())).map(|result| result.expose().to_owned())
}

fn code(attribute: &str, expression: &str) -> &'static str {
    with(attribute, expression).map_or_else(|fault| fault.code(), |_| "ok")
}

#[test]
fn parts_are_cut_between_characters_and_never_inside() {
    let text = "aé€🔥z";
    for (expression, expected) in [
        ("LEN(x)", "5"),
        ("LEFT(x, 2)", "aé"),
        ("RIGHT(x, 2)", "🔥z"),
        ("MID(x, 3, 2)", "€🔥"),
        ("FIND('🔥', x)", "4"),
        ("FIND('z', x, 5)", "5"),
        ("FIND('é', x, 3)", "0"),
        ("SUBSTITUTE(x, '€', 'é€')", "aéé€🔥z"),
        ("LPAD(x, 8, '€🔥')", "€🔥€aé€🔥z"),
        ("RPAD(x, 4, '-')", "aé€🔥"),
        ("REVERSE(x)", "z🔥€éa"),
        ("UPPER(x)", "AÉ€🔥Z"),
        ("REGEX(x, 'a.€.z')", "TRUE"),
        ("HEX(BLOB(MID(x, 2, 1)))", "c3a9"),
    ] {
        assert_eq!(with(text, expression).unwrap(), expected, "{expression}");
    }
}

#[test]
fn letters_that_change_their_number_are_changed_whole() {
    assert_eq!(with("ŉ ﬃ ΐ ß", "UPPER(x)").unwrap(), "ʼN FFI Ι\u{308}\u{301} SS");
    assert_eq!(with("İI", "LOWER(x)").unwrap(), "i̇i");
    assert_eq!(with("I\u{307}I", "LOWER(x, 'az')").unwrap(), "iı");
    assert_eq!(with("ΟΔΟΣ ΣΑΣ Σ", "LOWER(x)").unwrap(), "οδος σας σ");
    assert_eq!(with("éCOLE d'été", "INITCAP(x)").unwrap(), "École D'Été");
}

#[test]
fn counts_beyond_all_bounds_are_the_whole_text_or_none_of_it() {
    let huge = "9999999999999999999999999999";
    for (expression, expected) in [
        ("LEFT(x, #)", "text"),
        ("RIGHT(x, #)", "text"),
        ("MID(x, 2, #)", "ext"),
        ("MID(x, #, #)", ""),
        ("FIND('t', x, #)", "0"),
        ("FIND('t', x, -#)", "1"),
        ("LEFT(x, -#)", ""),
        ("LPAD(x, -#)", ""),
        ("RPAD(x, -#)", ""),
    ] {
        assert_eq!(with("text", &expression.replace('#', huge)).unwrap(), expected, "{expression}");
    }
    for expression in ["LPAD(x, #)", "RPAD(x, #, '🔥')", "CHR(#)", "CHR(-#)"] {
        assert_ne!(code("text", &expression.replace('#', huge)), "ok", "{expression}");
    }
}

#[test]
fn nothing_grows_beyond_the_limit() {
    let pad = "#".repeat(512);
    for (expression, expected) in [
        ("LEN(LPAD(x, 4194304, @))", "ok"),
        ("LEN(LPAD(x, 4194305, @))", "formula_limit"),
        ("LEN(RPAD(x, 1048577, '🔥'))", "formula_limit"),
        ("LEN(SUBSTITUTE(LPAD(x, 90000, @), '#', @))", "formula_limit"),
        ("LEN(HEX(BLOB(LPAD(x, 2097153, @))))", "formula_limit"),
        ("LEN(BASE64ENCODE(BLOB(LPAD(x, 3145729, @))))", "formula_limit"),
        ("LEN(URLENCODE(RPAD(x, 1398103, @)))", "formula_limit"),
        ("LEN(HTMLENCODE(SUBSTITUTE(RPAD(x, 840000, @), '#', '&')))", "formula_limit"),
        ("LEN(JSINHTMLENCODE(SUBSTITUTE(RPAD(x, 1000, @), '#', '&')))", "ok"),
        ("IF(REGEX(RPAD(x, 2048), 'a *'), 1, 0)", "ok"),
        ("IF(REGEX(RPAD(x, 2049), 'a *'), 1, 0)", "formula_limit"),
    ] {
        assert_eq!(code("a", &expression.replace('@', &format!("'{pad}'"))), expected, "{expression}");
    }
}

#[test]
fn a_value_never_stands_in_an_error() {
    let secret = "SECRET-k3y";
    for expression in [
        "VALUE(x)",
        "UPPER('a', x)",
        "LOWER('a', x)",
        "LPAD(x, 99999999)",
        "HEX(BASE64DECODE(x))",
        "HEX(BASE64URLDECODE(x & '='))",
        "REGEX('a', x & '((')",
        "SUBSTITUTE(x, '' & '', 'a')",
        "CHR(0 - LEN(x))",
    ] {
        let fault = with(secret, expression).err().unwrap_or_else(|| panic!("{expression} has a result"));
        assert!(!format!("{fault} {fault:?}").contains("SECRET"), "{fault}");
    }
}

#[test]
fn markup_cannot_be_smuggled_through_htmlencode() {
    for attack in [
        "</script><script>alert(1)</script>",
        "\" onload=\"x",
        "' onload='x",
        "&lt;b&gt;",
        "<!-- --><![CDATA[",
        "\u{2028}<\u{2029}",
        "＜b＞",
    ] {
        let encoded = with(attack, "HTMLENCODE(x)").unwrap();
        assert!(!encoded.contains(['<', '>', '"', '\'', '\u{2028}', '\u{2029}']), "{encoded}");
        assert_eq!(read_references(&encoded), attack);
    }
}

/// What a browser makes of references.
fn read_references(html: &str) -> String {
    let mut text = html.to_owned();
    for (reference, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#8232;", "\u{2028}"), ("&#8233;", "\u{2029}")]
    {
        text = text.replace(reference, character);
    }
    text.replace("&amp;", "&")
}

#[test]
fn literals_cannot_be_ended_through_jsencode() {
    for attack in
        ["';alert(1)//", "\";alert(1)//", "\\';alert(1)//", "\\", "</script>", "<!--", "a\nb\rc", "\u{2028}';", "*/alert(1)/*", "\0'"]
    {
        let encoded = with(attack, "JSENCODE(x)").unwrap();
        assert!(!encoded.contains(['\n', '\r', '\0', '<', '>', '\u{2028}']), "{encoded:?}");
        assert_eq!(read_literal(&encoded).unwrap(), attack, "{encoded:?}");
    }
}

#[test]
fn literals_inside_attributes_cannot_be_ended_through_jsinhtmlencode() {
    for attack in ["');alert(1)//", "\");alert(1)//", "\\');alert(1)//", "&#39;);alert(1)//", "&quot;);alert(1)//", "</a>\n"] {
        let attribute = with(attack, "JSINHTMLENCODE(x)").unwrap();
        assert!(!attribute.replace("\\&#39;", "").replace("\\&quot;", "").contains(['"', '\'', '<', '>', '\n']), "{attribute}");
        // First the browser reads the attribute, then the script in it.
        assert!(read_literal(&read_references(&attribute)).is_some(), "{attribute}");
    }
}

/// What JavaScript reads in a literal; nothing if a quote or a line break ends it early.
fn read_literal(literal: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' | '\n' | '\r' => return None,
            '\\' => match characters.next()? {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                'u' => text.push(char::from_u32(u32::from_str_radix(&characters.by_ref().take(4).collect::<String>(), 16).ok()?)?),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    Some(text)
}

#[test]
fn parameters_cannot_be_added_through_urlencode() {
    let encoded = with("a&role=admin#/../?x=%26\r\nHost: evil;é\0", "URLENCODE(x)").unwrap();
    assert_eq!(encoded, "a%26role%3Dadmin%23%2F..%2F%3Fx%3D%2526%0D%0AHost%3A+evil%3B%C3%A9%00");
}

#[test]
fn numbers_are_read_as_strictly_as_they_are_tested() {
    for text in [
        "0",
        "-0",
        "00012",
        "1.",
        ".5",
        "+7",
        "-1.5E-3",
        "1e28",
        "0e999",
        "79228162514264337593543950335",
        "0.1234567890123456789012345678901234567890",
    ] {
        assert_eq!(with(text, "ISNUMBER(x)").unwrap(), "TRUE", "{text}");
        assert_eq!(code(text, "VALUE(x)"), "ok", "{text}");
    }
    for text in [
        " 1",
        "1 ",
        "1,5",
        "1_0",
        "--1",
        "1e",
        "e5",
        ".",
        "-",
        "1e5.0",
        "0x10",
        "٣",
        "NaN",
        "Infinity",
        "1e29",
        "1e-99",
        "1e99999999999",
        "79228162514264337593543950336",
    ] {
        assert_eq!(with(text, "ISNUMBER(x)").unwrap(), "FALSE", "{text}");
        assert_eq!(code(text, "VALUE(x)"), "formula_failed", "{text}");
    }
    for (text, expected) in [("-0", "0"), ("00012", "12"), ("-1.5E-3", "-0.0015"), ("+7", "7"), ("12e-1", "1.2"), ("0e999", "0")] {
        assert_eq!(with(text, "VALUE(x)").unwrap(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_from_its_halves_its_mirror_and_its_bytes(text in any::<String>(), at in -3_i64..40) {
        let first = at.max(0);
        for expression in [
            format!("LEFT(x, ({at})) & MID(x, {first} + 1, LEN(x))"),
            format!("REVERSE(RIGHT(REVERSE(x), ({at}))) & RIGHT(x, LEN(x) - {first})"),
            "SUBSTITUTE(x, 'e', 'e')".to_owned(),
        ] {
            prop_assert_eq!(with(&text, &expression).unwrap(), text.clone(), "{}", expression);
        }
        for expression in [
            format!("BEGINS(x, LEFT(x, ({at})))"),
            format!("CONTAINS(x, MID(x, ({at}), 3))"),
            format!("FIND(MID(x, 2, 1), x) <= 2 && FIND(x & 'e', x, ({at})) = 0"),
            "BLOB(x) = BASE64DECODE(BASE64ENCODE(BLOB(x)))".to_owned(),
            "BLOB(x) = BASE64URLDECODE(BASE64URLENCODE(BLOB(x)))".to_owned(),
            "LEN(x) = 0 || LEN(LPAD(x, 50, 'é🔥')) = 50 && LEN(RPAD(x, 50, 'é🔥')) = 50".to_owned(),
        ] {
            prop_assert_eq!(with(&text, &expression).unwrap(), "TRUE", "{}", expression);
        }
    }

    #[test]
    fn any_text_is_encoded_so_that_it_can_be_read_back(text in any::<String>()) {
        let literal = with(&text, "JSENCODE(x)").unwrap();
        prop_assert_eq!(read_literal(&literal).unwrap(), text.clone());
        let html = with(&text, "HTMLENCODE(x)").unwrap();
        prop_assert!(!html.contains(['<', '>', '"', '\'']));
        let url = with(&text, "URLENCODE(x)").unwrap();
        prop_assert!(url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.*%+".contains(&byte)));
    }

    #[test]
    fn any_text_has_an_upper_and_a_lower_case(text in any::<String>()) {
        prop_assert_eq!(with(&text, "UPPER(x)").unwrap(), text.to_uppercase());
        for expression in ["LOWER(x)", "LOWER(x, 'tr')", "UPPER(x, 'az_AZ')", "INITCAP(x)"] {
            prop_assert!(with(&text, expression).is_ok(), "{}", expression);
        }
    }

    #[test]
    fn any_text_is_a_number_or_an_error(text in "[-+]?[0-9.]{0,40}([eE][-+]?[0-9]{0,12})?") {
        let is_number = with(&text, "ISNUMBER(x)").unwrap() == "TRUE";
        prop_assert_eq!(is_number || text.is_empty(), with(&text, "VALUE(x)").is_ok());
    }
}
