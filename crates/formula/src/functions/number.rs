//! Numbers: rounding, remainders, the largest and the smallest. Decimal, with 28 digits; a result that is too large is an error and never wrong.

use rust_decimal::{Decimal, RoundingStrategy};

use super::SALESFORCE;
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;
use crate::value::Value;

/// `ABS`. Source: Salesforce Help, Formula Operators and Functions, ABS.
pub(super) const ABS: Function = Function {
    name: "ABS",
    group: Group::Number,
    summary: "A number without its sign.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("ABS(-12.5)", "12.5"), ("ABS(0)", "0"), ("ABS(NULL)", "")],
    evaluate: |arguments| of_one(arguments, |number| Ok(number.abs())),
};

/// `CEILING`. Source: Salesforce Help, Formula Operators and Functions, CEILING; what counts as whole: [`settle`].
pub(super) const CEILING: Function = Function {
    name: "CEILING",
    group: Group::Number,
    summary: "The next whole number, away from zero: negative numbers become smaller.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("CEILING(1.3)", "2"), ("CEILING(-1.3)", "-2"), ("CEILING(6 / 11 * 11)", "6"), ("CEILING(0)", "0"), ("CEILING(NULL)", "")],
    evaluate: |arguments| of_one(arguments, |number| Ok(whole(number, TO_HALF_DOWN, RoundingStrategy::AwayFromZero))),
};

/// `FLOOR`. Source: Salesforce Help, Formula Operators and Functions, FLOOR; what counts as whole: [`settle`].
pub(super) const FLOOR: Function = Function {
    name: "FLOOR",
    group: Group::Number,
    summary: "The next whole number, towards zero: negative numbers become larger.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("FLOOR(1.7)", "1"),
        ("FLOOR(-1.7)", "-1"),
        ("FLOOR(6 / 11 * 11)", "6"),
        ("FLOOR((NOW() - DATETIMEVALUE('1970-01-01 00:00:00')) * 86400 + 120)", "1795328796"),
        ("FLOOR(NULL)", ""),
    ],
    evaluate: |arguments| of_one(arguments, |number| Ok(whole(number, TO_HALF_UP, RoundingStrategy::ToZero))),
};

/// `MAX`. Source: Salesforce Help, Formula Operators and Functions, MAX. Only numbers, as there.
pub(super) const MAX: Function = Function {
    name: "MAX",
    group: Group::Number,
    summary: "The largest of some numbers, or null if one of them is null.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: Some((0, 1)),
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MAX(1, 12.5, -3)", "12.5"), ("MAX(7)", "7"), ("MAX(1, NULL)", ""), ("MAX('a', 'b')", "formula_type")],
    evaluate: |arguments| chosen(arguments, Decimal::max),
};

/// `MCEILING`. Source: Salesforce Help, Formula Operators and Functions, MCEILING; what counts as whole: [`settle`].
pub(super) const MCEILING: Function = Function {
    name: "MCEILING",
    group: Group::Number,
    summary: "The smallest whole number that is not below a number.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MCEILING(1.3)", "2"), ("MCEILING(-1.7)", "-1"), ("MCEILING(6 / 11 * 11)", "6"), ("MCEILING(NULL)", "")],
    evaluate: |arguments| of_one(arguments, |number| Ok(whole(number, TO_HALF_DOWN, RoundingStrategy::ToPositiveInfinity))),
};

/// `MFLOOR`. Source: Salesforce Help, Formula Operators and Functions, MFLOOR; what counts as whole: [`settle`].
pub(super) const MFLOOR: Function = Function {
    name: "MFLOOR",
    group: Group::Number,
    summary: "The largest whole number that is not above a number.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MFLOOR(1.7)", "1"), ("MFLOOR(-0.07)", "-1"), ("MFLOOR(6 / 11 * 11)", "6"), ("MFLOOR(NULL)", "")],
    evaluate: |arguments| of_one(arguments, |number| Ok(whole(number, TO_HALF_UP, RoundingStrategy::ToNegativeInfinity))),
};

/// `MIN`. Source: Salesforce Help, Formula Operators and Functions, MIN. Only numbers, as there.
pub(super) const MIN: Function = Function {
    name: "MIN",
    group: Group::Number,
    summary: "The smallest of some numbers, or null if one of them is null.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: Some((0, 1)),
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MIN(1, 12.5, -3)", "-3"), ("MIN(7)", "7"), ("MIN(NULL, 1)", ""), ("MIN()", "formula_argument_count")],
    evaluate: |arguments| chosen(arguments, Decimal::min),
};

/// `MOD`. Source: Salesforce Help, Formula Operators and Functions, MOD; the sign: github.com/salesforce/formula-engine, `FunctionMod`.
pub(super) const MOD: Function = Function {
    name: "MOD",
    group: Group::Number,
    summary: "What is left of a number after division, with the sign of the number.",
    parameters: &[Parameter::number("number"), Parameter::number("divisor")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("MOD(100, 10)", "0"),
        ("MOD(-101, 10)", "-1"),
        ("MOD(100.5, -10)", "0.5"),
        ("MOD(1, 0)", "formula_failed"),
        ("MOD(NULL, 10)", ""),
    ],
    evaluate: |arguments| {
        let (Some(number), Some(divisor)) = (arguments.number(0)?, arguments.number(1)?) else { return Ok(Value::Null) };
        if divisor.is_zero() {
            return Err(arguments.wrong("the divisor is zero"));
        }
        Ok(Value::Number(remainder(number, divisor)))
    },
};

/// `ROUND`. Source: Salesforce Help, Formula Operators and Functions, ROUND. In front of the point as Salesforce's SQL does it: its Java engine makes
/// `ROUND(60, -2)` 0 and not 100.
pub(super) const ROUND: Function = Function {
    name: "ROUND",
    group: Group::Number,
    summary: "A number to so many digits behind the point, or in front of it if negative; a half goes away from zero.",
    parameters: &[Parameter::number("number"), Parameter::number("digits")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("ROUND(225.495, 2)", "225.5"),
        ("ROUND(1.5, 0)", "2"),
        ("ROUND(-1.5, 0)", "-2"),
        ("ROUND(-123456.3335, -2)", "-123500"),
        ("ROUND(60, -2)", "100"),
        ("ROUND(0.0006, 3)", "0.001"),
        ("ROUND(12.5, 99)", "12.5"),
        ("ROUND(1.5, NULL)", ""),
    ],
    evaluate: |arguments| to_digits(arguments, Excess::Rounded),
};

/// `TRUNC`. Source: Salesforce Help, Formula Operators and Functions, TRUNC.
pub(super) const TRUNC: Function = Function {
    name: "TRUNC",
    group: Group::Number,
    summary: "A number cut after so many digits behind the point, or in front of it if negative.",
    parameters: &[Parameter::number("number"), Parameter::number("digits")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("TRUNC(1.78, 1)", "1.7"), ("TRUNC(-1.78, 0)", "-1"), ("TRUNC(1999, -3)", "1000"), ("TRUNC(NULL, 1)", "")],
    evaluate: |arguments| to_digits(arguments, Excess::Cut),
};

/// Applies to the one argument; null gives null.
pub(super) fn of_one<'a>(
    arguments: &Arguments<'_, 'a>,
    calculate: impl FnOnce(Decimal) -> Result<Decimal, Fault>,
) -> Result<Value<'a>, Fault> {
    let Some(number) = arguments.number(0)? else { return Ok(Value::Null) };
    calculate(number).map(Value::Number)
}

fn chosen<'a>(arguments: &Arguments<'_, 'a>, choose: fn(Decimal, Decimal) -> Decimal) -> Result<Value<'a>, Fault> {
    let Some(mut best) = arguments.number(0)? else { return Ok(Value::Null) };
    for index in 1..arguments.count() {
        let Some(next) = arguments.number(index)? else { return Ok(Value::Null) };
        best = choose(best, next);
    }
    Ok(Value::Number(best))
}

/// How a half at the last digit that counts is decided before a number is made whole.
const TO_HALF_UP: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;
const TO_HALF_DOWN: RoundingStrategy = RoundingStrategy::MidpointTowardZero;

fn whole(number: Decimal, at_half: RoundingStrategy, direction: RoundingStrategy) -> Decimal {
    settle(number, at_half).round_dp_with_strategy(0, direction)
}

/// The digits that count when a number is made whole: all but the last six of 28.
const SETTLED_DIGITS: u32 = 22;

/// Takes off what 28 digits got wrong. Days between two moments are a fraction that rarely ends, so that times 86,400 the seconds may come out as
/// 86400.999…; without this a second would be lost. Six digits are enough for a factor of 864,000. Salesforce's engine does the same with 33 of its 39
/// digits (`BigDecimalHelper.MC_PRECISION_EXTERNAL`). Unlike there, digits are counted from the units on and none in front of the point is touched.
fn settle(number: Decimal, at_half: RoundingStrategy) -> Decimal {
    let digits_in_front = number.trunc().mantissa().unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
    if digits_in_front >= SETTLED_DIGITS { number } else { number.round_dp_with_strategy(SETTLED_DIGITS - digits_in_front, at_half) }
}

/// Exact for all digits; the sign of the divisor does not matter.
fn remainder(number: Decimal, divisor: Decimal) -> Decimal {
    let modulus = divisor.mantissa().abs();
    let (rest, scale) = if number.scale() >= divisor.scale() {
        // A modulus that does not fit is larger than the number.
        let modulus = power_of_ten(number.scale() - divisor.scale()).and_then(|power| modulus.checked_mul(power));
        (modulus.map_or(number.mantissa(), |modulus| number.mantissa() % modulus), number.scale())
    } else {
        // Digit by digit, since the whole would not fit.
        let more_digits = divisor.scale() - number.scale();
        ((0..more_digits).fold(number.mantissa() % modulus, |rest, _| rest * 10 % modulus), divisor.scale())
    };
    Decimal::from_i128_with_scale(rest, scale)
}

/// What happens to the digits that are too many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Excess {
    Rounded,
    Cut,
}

/// Rounding at places farther away changes nothing, or leaves nothing: numbers are below 10^29 and have at most 28 digits behind the point.
const FAR_PLACE: i128 = 30;

fn to_digits<'a>(arguments: &Arguments<'_, 'a>, excess: Excess) -> Result<Value<'a>, Fault> {
    let (Some(number), Some(digits)) = (arguments.number(0)?, arguments.number(1)?) else { return Ok(Value::Null) };
    let digits = digits.trunc().mantissa().clamp(-FAR_PLACE, FAR_PLACE);
    let surplus = i128::from(number.scale()) - digits;
    let Some(unit) = u32::try_from(surplus).ok().and_then(power_of_ten) else {
        // Either nothing has to go, or all of it: 10^39 and more is beyond every number.
        return Ok(Value::Number(if surplus <= 0 { number } else { Decimal::ZERO }));
    };
    let half = if excess == Excess::Rounded { unit / 2 * number.mantissa().signum() } else { 0 };
    let units = (number.mantissa() + half) / unit;
    let rounded = match u32::try_from(digits) {
        Ok(scale) => Decimal::try_from_i128_with_scale(units, scale).ok(),
        Err(_) => power_of_ten(u32::try_from(-digits).unwrap_or(u32::MAX))
            .and_then(|power| units.checked_mul(power))
            .and_then(|whole| Decimal::try_from_i128_with_scale(whole, 0).ok()),
    };
    rounded.map(Value::Number).ok_or(Fault::Limit { what: "a number" })
}

fn power_of_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}
