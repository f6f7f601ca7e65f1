//! Looking for one text in another.

use super::SALESFORCE;
use super::build::{count, offset};
use crate::error::Fault;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;
use crate::value::Value;

/// `FIND`. Source: Salesforce Help, Formula Operators and Functions, FIND; an empty text is never found, as in Salesforce's engine.
pub(super) const FIND: Function = Function {
    name: "FIND",
    group: Group::Text,
    summary: "The position of one text in another, from 1, upper and lower case apart; 0 if it is not there. The search begins at `start`.",
    parameters: &[Parameter::text("search_text"), Parameter::text("text"), Parameter::number("start")],
    optional: 1,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("FIND('@', $User.Email)", "6"),
        ("FIND('é', 'ééé', 2)", "2"),
        ("FIND('a', 'banana', -5)", "2"),
        ("FIND('a', 'banana', 7)", "0"),
        ("FIND('A', 'banana')", "0"),
        ("FIND('', 'banana')", "0"),
        ("FIND('a', NULL)", "0"),
        ("FIND('a', 'banana', NULL)", "2"),
    ],
    evaluate: |arguments| {
        let (search, text) = (arguments.text(0)?, arguments.text(1)?);
        let start = if arguments.count() > 2 { count(arguments, 2)? } else { None };
        let from = offset(&text, start.unwrap_or(1).saturating_sub(1));
        let found = if search.is_empty() { None } else { text[from..].find(&*search) };
        let position = found.map_or(0, |found| text[..from + found].chars().count() + 1);
        Ok(Value::Number(position.into()))
    },
};

/// `CONTAINS`. Source: Salesforce Help, Formula Operators and Functions, CONTAINS; the empty text is in every text, as in Salesforce's engine.
pub(super) const CONTAINS: Function = Function {
    name: "CONTAINS",
    group: Group::Text,
    summary: "Whether one text stands in another, upper and lower case apart. The empty text stands in every text.",
    parameters: &[Parameter::text("text"), Parameter::text("compare_text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[
        ("CONTAINS($User.Department, 'nan')", "TRUE"),
        ("CONTAINS($User.Department, 'NAN')", "FALSE"),
        ("CONTAINS('a', NULL)", "TRUE"),
        ("CONTAINS(NULL, 'a')", "FALSE"),
    ],
    evaluate: |arguments| Ok(Value::Boolean(arguments.text(0)?.contains(&*arguments.text(1)?))),
};

/// `BEGINS`. Source: Salesforce Help, Formula Operators and Functions, BEGINS; every text begins with the empty text, as in Salesforce's engine.
pub(super) const BEGINS: Function = Function {
    name: "BEGINS",
    group: Group::Text,
    summary: "Whether a text begins with another, upper and lower case apart. Every text begins with the empty text.",
    parameters: &[Parameter::text("text"), Parameter::text("compare_text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[
        ("BEGINS($User.Department, 'Fin')", "TRUE"),
        ("BEGINS($User.Department, 'fin')", "FALSE"),
        ("BEGINS('a', '')", "TRUE"),
        ("BEGINS(NULL, 'a')", "FALSE"),
    ],
    evaluate: |arguments| Ok(Value::Boolean(arguments.text(0)?.starts_with(&*arguments.text(1)?))),
};

/// Bytes that a text may have to be matched: more than any name, address or token. The time that matching takes grows with the product of text and
/// pattern, and for the largest pattern that is let in this is a tenth of a second; Salesforce's engine counts what it reads instead.
const MAX_MATCHED_BYTES: usize = 2 * 1024;

/// What one byte of text may cost in the largest pattern, in bytes of work.
const STEPS_PER_BYTE: usize = 4 * 1024;

/// `REGEX`. Source: Salesforce Help, Formula Operators and Functions, REGEX. Java's look-around and back-references are refused, since no bound can
/// be given for what they cost; `\d`, `\w` and `\s` hold all of Unicode, not only ASCII: `[0-9]` is ASCII.
pub(super) const REGEX: Function = Function {
    name: "REGEX",
    group: Group::Text,
    summary: "Whether the whole text fits a regular expression; `\\d` and `\\w` hold all of Unicode, look-around and back-references are refused.",
    parameters: &[Parameter::text("text"), Parameter::text("pattern").pattern()],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[
        ("REGEX('Foo', 'F.o')", "TRUE"),
        ("REGEX('Foo', 'F\\\\.o')", "FALSE"),
        ("REGEX('Text', 'Te')", "FALSE"),
        ("REGEX('Text', '[T][e][x][t]')", "TRUE"),
        ("REGEX('abcb', 'a|abcb')", "TRUE"),
        ("REGEX(NULL, 'a+')", "FALSE"),
        ("REGEX('', NULL)", "TRUE"),
        ("REGEX('Hello', '((')", "formula_argument"),
        ("REGEX('aa', '(a)\\\\1')", "formula_argument"),
        ("REGEX('ab', 'a(?=b)')", "formula_argument"),
        ("REGEX('ab', '((' & '')", "formula_failed"),
    ],
    evaluate: |arguments| {
        let (text, pattern) = (arguments.text(0)?, arguments.pattern(1)?);
        if text.len() > MAX_MATCHED_BYTES {
            return Err(Fault::Limit { what: "the text to match" });
        }
        arguments.charge(text.len() * STEPS_PER_BYTE)?;
        Ok(Value::Boolean(pattern.is_match(&text)))
    },
};
