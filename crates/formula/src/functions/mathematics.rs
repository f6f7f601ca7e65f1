//! Roots, exponentials and logarithms.

use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use rust_decimal::{Decimal, MathematicalOps as _, RoundingStrategy};

use super::SALESFORCE;
use super::number::of_one;
use crate::error::Fault;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;
use crate::value::Value;

/// `EXP`. Source: Salesforce Help, Formula Operators and Functions, EXP. Salesforce computes it in binary, to about 15 digits; here [`trusted`].
pub(super) const EXP: Function = Function {
    name: "EXP",
    group: Group::Number,
    summary: "The number e raised to a power.",
    parameters: &[Parameter::number("exponent")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("EXP(0)", "1"), ("ROUND(EXP(LN(36)), 20)", "36"), ("EXP(-100)", "0"), ("EXP(100)", "formula_limit"), ("EXP(NULL)", "")],
    evaluate: |arguments| {
        of_one(arguments, |exponent| match exponent.checked_exp() {
            Some(power) => Ok(trusted(power)),
            // Too small for 28 digits behind the point.
            None if exponent.is_sign_negative() => Ok(Decimal::ZERO),
            None => Err(Fault::Limit { what: "a number" }),
        })
    },
};

/// `LN`. Source: Salesforce Help, Formula Operators and Functions, LN. Salesforce computes it in binary, to about 15 digits; here [`trusted_logarithm`].
pub(super) const LN: Function = Function {
    name: "LN",
    group: Group::Number,
    summary: "The natural logarithm of a number above zero.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("LN(EXP(3))", "3"), ("LN(1)", "0"), ("LN(0)", "formula_failed"), ("LN(-1)", "formula_failed"), ("LN(NULL)", "")],
    evaluate: |arguments| {
        of_one(arguments, |number| {
            number.checked_ln().map(trusted_logarithm).ok_or_else(|| arguments.wrong("only a number above zero has a logarithm"))
        })
    },
};

/// `LOG`. Source: Salesforce Help, Formula Operators and Functions, LOG. Salesforce computes it in binary, to about 15 digits; here [`trusted_logarithm`].
pub(super) const LOG: Function = Function {
    name: "LOG",
    group: Group::Number,
    summary: "The logarithm to the base 10 of a number above zero.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("LOG(100)", "2"), ("LOG(SQRT(9000 + 1000))", "2"), ("LOG(0.001)", "-3"), ("LOG(0)", "formula_failed"), ("LOG(NULL)", "")],
    evaluate: |arguments| {
        of_one(arguments, |number| {
            number.checked_log10().map(trusted_logarithm).ok_or_else(|| arguments.wrong("only a number above zero has a logarithm"))
        })
    },
};

/// `PI`. Source: github.com/salesforce/formula-engine, `FunctionPi`, which has 21 digits.
pub(super) const PI: Function = Function {
    name: "PI",
    group: Group::Number,
    summary: "The number π, with 29 digits.",
    parameters: &[],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("ROUND(PI(), 7)", "3.1415927"), ("PI()", "3.1415926535897932384626433833"), ("PI(1)", "formula_argument_count")],
    evaluate: |_| Ok(Value::Number(Decimal::PI)),
};

/// `SQRT`. Source: Salesforce Help, Formula Operators and Functions, SQRT. Salesforce computes it in binary, to about 15 digits; here 28.
pub(super) const SQRT: Function = Function {
    name: "SQRT",
    group: Group::Number,
    summary: "The positive square root of a number that is not negative.",
    parameters: &[Parameter::number("number")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("SQRT(16)", "4"), ("SQRT(0.25)", "0.5"), ("SQRT(0)", "0"), ("SQRT(-1)", "formula_failed"), ("SQRT(NULL)", "")],
    evaluate: |arguments| {
        of_one(arguments, |number| {
            if number.is_zero() {
                return Ok(Decimal::ZERO);
            }
            if number.is_sign_negative() {
                return Err(arguments.wrong("a negative number has no square root"));
            }
            square_root(number).ok_or(Fault::Limit { what: "a number" })
        })
    },
};

/// Newton's method from a guess of 15 digits, which each step doubles. Not `Decimal::sqrt`, which panics if its steps do not settle.
fn square_root(number: Decimal) -> Option<Decimal> {
    const STEPS: usize = 4;
    let guess = number.to_f64().map(f64::sqrt).and_then(Decimal::from_f64).filter(|guess| !guess.is_zero())?;
    (0..STEPS).try_fold(guess, |root, _| number.checked_div(root)?.checked_add(root)?.checked_div(Decimal::TWO))
}

/// The digits that are right after a series has been summed up (`tests/formula/numbers.rs` holds them against computed ones); those behind are taken off.
const TRUSTED_DIGITS: u32 = 24;

fn trusted(number: Decimal) -> Decimal {
    number.round_sf_with_strategy(TRUSTED_DIGITS, RoundingStrategy::MidpointAwayFromZero).unwrap_or(number)
}

/// Near 1 a logarithm is small, and its last two digits behind the point are wrong.
const TRUSTED_PLACES: u32 = 26;

fn trusted_logarithm(number: Decimal) -> Decimal {
    trusted(number.round_dp_with_strategy(TRUSTED_PLACES, RoundingStrategy::MidpointAwayFromZero))
}
