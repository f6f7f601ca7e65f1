//! Letters: upper and lower case, and characters as numbers.

use rust_decimal::Decimal;

use super::SALESFORCE;
use super::build::{Sink, put, text};
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;
use crate::value::Value;

/// `LOWER`. Source: Salesforce Help, Formula Operators and Functions, LOWER.
pub(super) const LOWER: Function = Function {
    name: "LOWER",
    group: Group::Text,
    summary: "A text with all its letters in lower case, by the rules of a locale such as `tr` or `tr_TR` if one is given.",
    parameters: &[Parameter::text("text"), Parameter::text("locale").checked(is_locale)],
    optional: 1,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("LOWER('MYCOMPANY.COM 123')", "mycompany.com 123"),
        ("LOWER('ÉCOLE ΣΟΦΟΣ')", "école σοφος"),
        ("LOWER('IİI', 'tr')", "ıiı"),
        ("LOWER('I', NULL)", "i"),
        ("LOWER(NULL)", ""),
        ("LOWER('I', 'Turkish')", "formula_argument"),
    ],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        let casing = locale(arguments)?;
        text(arguments, |sink| lower(&whole, &casing, sink))
    },
};

/// `UPPER`. Source: Salesforce Help, Formula Operators and Functions, UPPER.
pub(super) const UPPER: Function = Function {
    name: "UPPER",
    group: Group::Text,
    summary: "A text with all its letters in upper case, by the rules of a locale such as `tr` or `tr_TR` if one is given.",
    parameters: &[Parameter::text("text"), Parameter::text("locale").checked(is_locale)],
    optional: 1,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("UPPER('mycompany.com')", "MYCOMPANY.COM"),
        ("UPPER('Mycompany.com 123')", "MYCOMPANY.COM 123"),
        ("UPPER('straße')", "STRASSE"),
        ("UPPER('ıi', 'tr_TR')", "Iİ"),
        ("UPPER(NULL)", ""),
        ("UPPER('i', 'lt')", "formula_argument"),
    ],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        let casing = locale(arguments)?;
        text(arguments, |sink| {
            for character in whole.chars() {
                match (character, &casing) {
                    ('i', Casing::Turkic) => sink("İ"),
                    _ => character.to_uppercase().for_each(|upper| put(sink, upper)),
                }
            }
        })
    },
};

/// Which rules turn letters into upper and lower case (Unicode, `SpecialCasing.txt`).
enum Casing {
    /// Those of all languages but a few.
    General,
    /// Turkish and Azerbaijani have an i with and one without a dot.
    Turkic,
}

/// The second argument, if there is one; nothing stands for no language in particular.
fn locale(arguments: &Arguments<'_, '_>) -> Result<Casing, Fault> {
    if arguments.count() < 2 {
        return Ok(Casing::General);
    }
    casing(&arguments.text(1)?).map_err(|problem| arguments.wrong(problem))
}

/// Two letters of language, and behind `_` or `-` two of country.
fn casing(locale: &str) -> Result<Casing, &'static str> {
    let bytes = locale.as_bytes();
    let is_letters = |part: &[u8]| part.len() == 2 && part.iter().all(u8::is_ascii_alphabetic);
    let language = match bytes {
        [] => return Ok(Casing::General),
        [language @ .., b'_' | b'-', first, second] if is_letters(&[*first, *second]) => language,
        language => language,
    };
    if !is_letters(language) {
        return Err("the locale is neither two letters, as in tr, nor five characters, as in tr_TR");
    }
    match language.to_ascii_lowercase().as_slice() {
        b"tr" | b"az" => Ok(Casing::Turkic),
        b"lt" => Err("the rules of Lithuanian for dots below accents are not built in; leave the locale out"),
        _ => Ok(Casing::General),
    }
}

fn is_locale(text: &str) -> Result<(), String> {
    casing(text).map(|_| ()).map_err(|problem| format!("is not accepted: {problem}"))
}

fn lower(text: &str, casing: &Casing, sink: &mut Sink<'_>) {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (character, casing) {
            ('İ', Casing::Turkic) => sink("i"),
            // The dot that follows is the dot of the i.
            ('I', Casing::Turkic) if characters.next_if(|(_, next)| *next == '\u{307}').is_some() => sink("i"),
            ('I', Casing::Turkic) => sink("ı"),
            ('Σ', _) if ends_word(text, at) => sink("ς"),
            _ => character.to_lowercase().for_each(|lower| put(sink, lower)),
        }
    }
}

/// Whether a letter stands before this sigma and none behind it; the last sigma of a Greek word has a form of its own.
fn ends_word(text: &str, at: usize) -> bool {
    let (before, behind) = (&text[..at], &text[at + 'Σ'.len_utf8()..]);
    before.chars().next_back().is_some_and(char::is_alphabetic) && !behind.chars().next().is_some_and(char::is_alphabetic)
}

/// `INITCAP`. Source: github.com/salesforce/formula-engine, `FunctionInitCap`: a word ends at whatever is neither letter nor digit.
pub(super) const INITCAP: Function = Function {
    name: "INITCAP",
    group: Group::Text,
    summary: "A text in lower case but for the first letter of each word; whatever is neither letter nor digit ends a word.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[("INITCAP('hELLO wORLD')", "Hello World"), ("INITCAP('x-request-id 2nd')", "X-Request-Id 2nd"), ("INITCAP(NULL)", "")],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        text(arguments, |sink| {
            let mut is_first = true;
            for character in whole.chars() {
                let is_cased = character.is_lowercase() || character.is_uppercase();
                match (is_cased, is_first) {
                    (true, true) => character.to_uppercase().for_each(|upper| put(sink, upper)),
                    (true, false) => character.to_lowercase().for_each(|lower| put(sink, lower)),
                    (false, _) => put(sink, character),
                }
                is_first = !is_cased && !character.is_numeric();
            }
        })
    },
};

/// `CHR`. Source: Salesforce Help, Formula Operators and Functions, CHR. A number of no character is an error here and nothing there.
pub(super) const CHR: Function = Function {
    name: "CHR",
    group: Group::Text,
    summary: "The character with this Unicode number.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("CHR(65)", "A"),
        ("CHR(128293)", "🔥"),
        ("CHR(65.9)", "A"),
        ("CHR(NULL)", ""),
        ("CHR(0)", "formula_failed"),
        ("CHR(55296)", "formula_failed"),
        ("CHR(-1)", "formula_failed"),
    ],
    evaluate: |arguments| {
        let Some(number) = arguments.number(0)? else { return Ok(Value::Null) };
        let character = u32::try_from(number.trunc()).ok().filter(|number| *number > 0).and_then(char::from_u32);
        character.map(Value::text).ok_or_else(|| arguments.wrong("no character has this number"))
    },
};

/// `ASCII`. Source: Salesforce Help, Formula Operators and Functions, ASCII.
pub(super) const ASCII: Function = Function {
    name: "ASCII",
    group: Group::Text,
    summary: "The Unicode number of the first character of a text.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("ASCII('Abc')", "65"), ("ASCII('🔥')", "128293"), ("ISNULL(ASCII(''))", "TRUE")],
    evaluate: |arguments| {
        let first = arguments.text(0)?.chars().next();
        Ok(first.map_or(Value::Null, |first| Value::Number(Decimal::from(u32::from(first)))))
    },
};
