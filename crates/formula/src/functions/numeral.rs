//! Texts that are numbers.

use rust_decimal::Decimal;

use super::SALESFORCE;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;
use crate::value::Value;

/// `ISNUMBER`. Source: Salesforce Help, Formula Operators and Functions, ISNUMBER; what is true here, `VALUE` accepts.
pub(super) const ISNUMBER: Function = Function {
    name: "ISNUMBER",
    group: Group::Text,
    summary: "Whether `VALUE` makes a number of a text.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Boolean),
    source: SALESFORCE,
    examples: &[
        ("ISNUMBER('-12.50')", "TRUE"),
        ("ISNUMBER('2E2')", "TRUE"),
        ("ISNUMBER('123,12')", "FALSE"),
        ("ISNUMBER('1 000')", "FALSE"),
        ("ISNUMBER('')", "FALSE"),
        ("ISNUMBER(NULL)", "FALSE"),
    ],
    evaluate: |arguments| Ok(Value::Boolean(number(&arguments.text(0)?).is_some())),
};

/// `VALUE`. Source: Salesforce Help, Formula Operators and Functions, VALUE: digits, a point, a sign, and an exponent as in Salesforce's engine.
/// A text that is no number is an error here and blank there.
pub(super) const VALUE: Function = Function {
    name: "VALUE",
    group: Group::Text,
    summary: "The number that a text writes: digits with a decimal point, a sign and an exponent at most. An empty text gives null.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("1 + VALUE('123')", "124"),
        ("VALUE('-0.50')", "-0.5"),
        ("VALUE('1.5e3')", "1500"),
        ("VALUE('+.5')", "0.5"),
        ("ISNULL(VALUE(''))", "TRUE"),
        ("VALUE('$123')", "formula_failed"),
        ("VALUE(' 1')", "formula_failed"),
        ("VALUE('1_000')", "formula_failed"),
        ("VALUE('1e99')", "formula_failed"),
    ],
    evaluate: |arguments| {
        let text = arguments.text(0)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        number(&text).map(Value::Number).ok_or_else(|| arguments.wrong("the text is no number of at most 28 digits"))
    },
};

/// `-12.5e3`, with ASCII digits, and at least one of them before the exponent. Decimals beyond what can be kept are rounded, but never to zero.
fn number(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (is_negative, digits) = match mantissa.as_bytes() {
        [b'-', ..] => (true, &mantissa[1..]),
        [b'+', ..] => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut number = if is_zero { Decimal::ZERO } else { digits.parse().ok()? };
    if let Some(exponent) = exponent {
        number = shift(number, exponent.parse().ok()?)?;
    }
    if number.is_zero() && !is_zero {
        return None;
    }
    number.set_sign_negative(is_negative && !is_zero);
    Some(number)
}

/// A number times a power of ten.
fn shift(number: Decimal, exponent: i32) -> Option<Decimal> {
    if number.is_zero() {
        return Some(number);
    }
    // More zeros than a number has digits lead out of what can be kept, whatever the number is.
    if exponent.unsigned_abs() > 56 {
        return None;
    }
    let ten = if exponent < 0 { Decimal::new(1, 1) } else { Decimal::TEN };
    (0..exponent.unsigned_abs()).try_fold(number, |number, _| number.checked_mul(ten))
}
