//! Texts: their parts and their length. Positions and lengths are counted in characters (Unicode scalar values), from 1; Salesforce counts units of
//! UTF-16, so that the two differ for characters beyond U+FFFF.

use super::SALESFORCE;
use super::build::{count, offset, part, put, text};
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::{Type, Types};
use crate::value::Value;

/// `TEXT`. Source: Salesforce Help, Formula Operators and Functions, TEXT. Texts and booleans, which Salesforce does not take, stay what they are.
pub(super) const TEXT: Function = Function {
    name: "TEXT",
    group: Group::Text,
    summary: "A value as text: numbers without grouping, dates as `2026-11-22`, date/times as `2026-11-22 06:24:36Z`.",
    parameters: &[Parameter::new("value", Types::PRINTABLE)],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("TEXT(1234.50)", "1234.5"),
        ("TEXT(-0)", "0"),
        ("TEXT(NOW())", "2026-11-22 06:24:36Z"),
        ("TEXT(TODAY())", "2026-11-22"),
        ("TEXT(1 = 1)", "TRUE"),
        ("TEXT(NULL)", ""),
    ],
    evaluate: |arguments| arguments.text(0).map(Value::Text),
};

/// `LEN`. Source: Salesforce Help, Formula Operators and Functions, LEN.
pub(super) const LEN: Function = Function {
    name: "LEN",
    group: Group::Text,
    summary: "How many characters a text has.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("LEN('Sortie')", "6"), ("LEN('Zoë 🔥')", "5"), ("LEN('')", "0"), ("LEN(NULL)", "0")],
    evaluate: |arguments| Ok(Value::Number(arguments.text(0)?.chars().count().into())),
};

/// `LEFT`. Source: Salesforce Help, Formula Operators and Functions, LEFT.
pub(super) const LEFT: Function = Function {
    name: "LEFT",
    group: Group::Text,
    summary: "The first characters of a text.",
    parameters: &[Parameter::text("text"), Parameter::number("characters")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("LEFT('Sortie', 3)", "Sor"),
        ("LEFT('Sortie', 2.9)", "So"),
        ("LEFT('Sortie', 99)", "Sortie"),
        ("LEFT('Sortie', -1)", ""),
        ("LEFT('Sortie', NULL)", ""),
    ],
    evaluate: |arguments| {
        let text = arguments.text(0)?;
        let Some(count) = count(arguments, 1)? else { return Ok(Value::Null) };
        Ok(part(&text, 0..offset(&text, count)))
    },
};

/// `RIGHT`. Source: Salesforce Help, Formula Operators and Functions, RIGHT.
pub(super) const RIGHT: Function = Function {
    name: "RIGHT",
    group: Group::Text,
    summary: "The last characters of a text.",
    parameters: &[Parameter::text("text"), Parameter::number("characters")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("RIGHT('Sortie', 3)", "tie"),
        ("RIGHT('Sortie', 99)", "Sortie"),
        ("RIGHT('Sortie', 0)", ""),
        ("RIGHT('Sortie', NULL)", ""),
    ],
    evaluate: |arguments| {
        let text = arguments.text(0)?;
        let Some(count) = count(arguments, 1)? else { return Ok(Value::Null) };
        let start = match count.checked_sub(1) {
            Some(others) => text.char_indices().rev().nth(others).map_or(0, |(offset, _)| offset),
            None => text.len(),
        };
        Ok(part(&text, start..text.len()))
    },
};

/// `MID`. Source: Salesforce Help, Formula Operators and Functions, MID.
pub(super) const MID: Function = Function {
    name: "MID",
    group: Group::Text,
    summary: "Characters out of the middle of a text, from a position counted from 1; a smaller position is taken as 1.",
    parameters: &[Parameter::text("text"), Parameter::number("start"), Parameter::number("characters")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("MID('session:role:Admin', 9, 4)", "role"),
        ("MID('Sortie', 5, 99)", "ie"),
        ("MID('Sortie', 0, 2)", "So"),
        ("MID('Sortie', 7, 1)", ""),
        ("MID('Sortie', NULL, 1)", ""),
    ],
    evaluate: |arguments| {
        let text = arguments.text(0)?;
        let (Some(start), Some(count)) = (count(arguments, 1)?, count(arguments, 2)?) else { return Ok(Value::Null) };
        let start = offset(&text, start.saturating_sub(1));
        let end = start + offset(&text[start..], count);
        Ok(part(&text, start..end))
    },
};

/// `TRIM`. Source: Salesforce Help, Formula Operators and Functions, TRIM: spaces and tabs, at both ends only.
pub(super) const TRIM: Function = Function {
    name: "TRIM",
    group: Group::Text,
    summary: "A text without the spaces and tabs before and behind it. Those between words stay.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[("TRIM('  Crm  API ')", "Crm  API"), ("TRIM('\\t x \\n')", "x \n"), ("TRIM('   ')", ""), ("TRIM(NULL)", "")],
    evaluate: |arguments| {
        let text = arguments.text(0)?;
        let kept = text.trim_start_matches(BLANKS);
        let start = text.len() - kept.len();
        Ok(part(&text, start..start + kept.trim_end_matches(BLANKS).len()))
    },
};

/// What `TRIM` removes.
const BLANKS: [char; 2] = [' ', '\t'];

/// `SUBSTITUTE`. Source: Salesforce Help, Formula Operators and Functions, SUBSTITUTE. Salesforce's engine fails over an empty text to replace, or
/// gives nothing at all; here it is an error in words.
pub(super) const SUBSTITUTE: Function = Function {
    name: "SUBSTITUTE",
    group: Group::Text,
    summary: "A text with one text in it replaced by another wherever it stands, upper and lower case apart.",
    parameters: &[Parameter::text("text"), Parameter::text("old_text").checked(not_empty), Parameter::text("new_text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("SUBSTITUTE('a-b-c', '-', '::')", "a::b::c"),
        ("SUBSTITUTE('aaa', 'aa', 'b')", "ba"),
        ("SUBSTITUTE('Finance', 'f', 'x')", "Finance"),
        ("SUBSTITUTE('a b', ' ', NULL)", "ab"),
        ("SUBSTITUTE(NULL, 'a', 'b')", ""),
        ("SUBSTITUTE('a', NULL, 'b')", "formula_failed"),
        ("SUBSTITUTE('a', '', 'b')", "formula_argument"),
    ],
    evaluate: |arguments| {
        let (whole, old, new) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
        if old.is_empty() {
            return Err(arguments.wrong("the text to be replaced is empty"));
        }
        text(arguments, |sink| {
            let mut done = 0;
            for (start, found) in whole.match_indices(&*old) {
                sink(&whole[done..start]);
                sink(&new);
                done = start + found.len();
            }
            sink(&whole[done..]);
        })
    },
};

/// `LPAD`. Source: Salesforce Help, Formula Operators and Functions, LPAD; an empty text stays empty, as in Salesforce's engine.
pub(super) const LPAD: Function = Function {
    name: "LPAD",
    group: Group::Text,
    summary: "A text of exactly this length: filled on the left with blanks or the pad, or cut off on the right. An empty text stays empty.",
    parameters: &[Parameter::text("text"), Parameter::number("length"), Parameter::text("pad").checked(not_empty)],
    optional: 1,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("LPAD('mycompany.com', 15, 'z')", "zzmycompany.com"),
        ("LPAD('my_company.com', 14, 'z')", "my_company.com"),
        ("LPAD('mycompany.com', 2)", "my"),
        ("LPAD('7', 6, 'ab')", "ababa7"),
        ("LPAD('7', 3)", "  7"),
        ("LPAD('', 3, '0')", ""),
        ("LPAD('7', NULL)", ""),
        ("LPAD('7', 3, '')", "formula_argument"),
        ("LPAD('7', 99999999)", "formula_limit"),
    ],
    evaluate: |arguments| pad(arguments, Side::Left),
};

/// `RPAD`. Source: Salesforce Help, Formula Operators and Functions, RPAD; an empty text stays empty, as in Salesforce's engine.
pub(super) const RPAD: Function = Function {
    name: "RPAD",
    group: Group::Text,
    summary: "A text of exactly this length: filled on the right with blanks or the pad, or cut off. An empty text stays empty.",
    parameters: &[Parameter::text("text"), Parameter::number("length"), Parameter::text("pad").checked(not_empty)],
    optional: 1,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("RPAD('mycompany.com', 15, 'z')", "mycompany.comzz"),
        ("RPAD('mycompany.com', 2)", "my"),
        ("RPAD('7', 6, 'ab')", "7ababa"),
        ("RPAD('', 3, '0')", ""),
        ("RPAD('7', -3)", ""),
        ("RPAD('7', 3, NULL)", "formula_failed"),
    ],
    evaluate: |arguments| pad(arguments, Side::Right),
};

#[derive(PartialEq)]
enum Side {
    Left,
    Right,
}

fn pad<'a>(arguments: &Arguments<'_, 'a>, side: Side) -> Result<Value<'a>, Fault> {
    let whole = arguments.text(0)?;
    let Some(wanted) = count(arguments, 1)? else { return Ok(Value::Null) };
    let pad = if arguments.count() > 2 { arguments.text(2)? } else { crate::value::Text::Borrowed(" ") };
    if pad.is_empty() {
        return Err(arguments.wrong("the pad is empty"));
    }
    let missing = wanted.saturating_sub(whole.chars().count());
    if whole.is_empty() || missing == 0 {
        return Ok(part(&whole, 0..offset(&whole, wanted)));
    }
    // Each of them has a byte at least; what they have in all is measured below.
    arguments.reserve(missing)?;
    let pad_length = pad.chars().count();
    let rest = offset(&pad, missing % pad_length);
    text(arguments, |sink| {
        if side == Side::Right {
            sink(&whole);
        }
        (0..missing / pad_length).for_each(|_| sink(&pad));
        sink(&pad[..rest]);
        if side == Side::Left {
            sink(&whole);
        }
    })
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(()) }
}

/// `REVERSE`. Source: github.com/salesforce/formula-engine, `FunctionReverse`.
pub(super) const REVERSE: Function = Function {
    name: "REVERSE",
    group: Group::Text,
    summary: "The characters of a text in the opposite order.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[("REVERSE('Sortie')", "eitroS"), ("REVERSE('aé🔥')", "🔥éa"), ("REVERSE(NULL)", "")],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        text(arguments, |sink| whole.chars().rev().for_each(|character| put(sink, character)))
    },
};
