//! Operators: which types they go between, and what they give.

use std::cmp::Ordering;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Span, Timestamp};
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, MathematicalOps as _, RoundingStrategy};

use crate::error::Fault;
use crate::expression::{BinaryOperator, UnaryOperator};
use crate::types::Type;
use crate::value::Value;

/// The type of what an operator gives between two types; `None` if it does not go there.
pub(crate) fn result_type(operator: BinaryOperator, left: Type, right: Type) -> Option<Type> {
    use BinaryOperator as Op;
    use Type::{Blob, Boolean, Date, DateTime, Null, Number, Text, Time};
    let same = left == right || left == Null || right == Null;
    match operator {
        Op::Or | Op::And => both(left, right, Boolean),
        Op::Equal | Op::NotEqual => same.then_some(Boolean),
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
            (same && ![left, right].iter().any(|side| matches!(side, Boolean | Blob))).then_some(Boolean)
        }
        Op::Multiply | Op::Divide | Op::Power => both(left, right, Number),
        Op::Concatenate => both(left, right, Text),
        Op::Add => match (left, right) {
            (Text, Text | Null) | (Null, Text) => Some(Text),
            (Number | Null, Number | Null) => Some(Number),
            // A number in front of a time is refused by Salesforce's engine, though not in front of a date; here it goes in front of both.
            (dated @ (Date | DateTime | Time), Number | Null) | (Number | Null, dated @ (Date | DateTime | Time)) => Some(dated),
            _ => None,
        },
        Op::Subtract => match (left, right) {
            (Number | Null, Number | Null) | (Date, Date) | (DateTime, DateTime) | (Time, Time) => Some(Number),
            (dated @ (Date | DateTime | Time), Number | Null) => Some(dated),
            _ => None,
        },
    }
}

fn both(left: Type, right: Type, wanted: Type) -> Option<Type> {
    [left, right].iter().all(|side| *side == wanted || *side == Type::Null).then_some(wanted)
}

/// `-x`, `+x`, `!x`. Null stays null; `!NULL` is true, since null counts as false. (In Salesforce's Java engine it is null, and holds nowhere.)
pub(crate) fn unary(operator: UnaryOperator, operand: &Value<'_>) -> Value<'static> {
    match (operator, operand) {
        (UnaryOperator::Minus, Value::Number(number)) => Value::Number(-*number),
        (UnaryOperator::Plus, Value::Number(number)) => Value::Number(*number),
        (UnaryOperator::Not, operand) => Value::Boolean(!is_true(operand)),
        (UnaryOperator::Minus | UnaryOperator::Plus, _) => Value::Null,
    }
}

/// Whether a condition holds; null does not.
pub(crate) const fn is_true(value: &Value<'_>) -> bool {
    matches!(value, Value::Boolean(true))
}

/// All operators between two operands but `&`, `&&` and `||`, which do not need both.
pub(crate) fn binary(operator: BinaryOperator, left: &Value<'_>, right: &Value<'_>) -> Result<Value<'static>, Fault> {
    use BinaryOperator as Op;
    match operator {
        Op::Equal => Ok(Value::Boolean(equal(left, right))),
        Op::NotEqual => Ok(Value::Boolean(!equal(left, right))),
        Op::Less => Ok(Value::Boolean(compare(left, right) == Some(Ordering::Less))),
        Op::Greater => Ok(Value::Boolean(compare(left, right) == Some(Ordering::Greater))),
        Op::LessOrEqual => Ok(Value::Boolean(matches!(compare(left, right), Some(Ordering::Less | Ordering::Equal)))),
        Op::GreaterOrEqual => Ok(Value::Boolean(matches!(compare(left, right), Some(Ordering::Greater | Ordering::Equal)))),
        Op::And => Ok(Value::Boolean(is_true(left) && is_true(right))),
        Op::Or => Ok(Value::Boolean(is_true(left) || is_true(right))),
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Power | Op::Concatenate => calculate(operator, left, right),
    }
}

/// Null is equal to null and to the empty text (null is empty text), and to nothing else, as in Salesforce's engine where a result must be true or false
/// (`OperatorEquality.comparePointwise`, `returnNonNull`). Numbers are equal whatever zeros stand behind their point. Texts are compared exactly, upper
/// and lower case apart.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Text(text)) | (Value::Text(text), Value::Null) => text.is_empty(),
        // A blob may be a signature or a digest: how long the comparison takes must not tell where they differ.
        (Value::Blob(left), Value::Blob(right)) => aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok(),
        (left, right) => left == right,
    }
}

/// The order of two values of the same type. Null has none, not even as a text: every comparison with it is false (SQL says the same, and so does the
/// JavaScript of Salesforce's engine; its Java gives null).
pub(crate) fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::DateTime(left), Value::DateTime(right)) => left.cmp(right),
        (Value::Time(left), Value::Time(right)) => left.cmp(right),
        _ => return None,
    })
}

fn calculate(operator: BinaryOperator, left: &Value<'_>, right: &Value<'_>) -> Result<Value<'static>, Fault> {
    use BinaryOperator as Op;
    match (operator, left, right) {
        (_, Value::Number(left), Value::Number(right)) => arithmetic(operator, *left, *right).map(Value::Number),
        (Op::Add, Value::Date(date), Value::Number(days)) | (Op::Add, Value::Number(days), Value::Date(date)) => add_days(*date, *days),
        (Op::Subtract, Value::Date(date), Value::Number(days)) => add_days(*date, -*days),
        (Op::Add, Value::DateTime(moment), Value::Number(days)) | (Op::Add, Value::Number(days), Value::DateTime(moment)) => {
            move_moment(*moment, *days)
        }
        (Op::Subtract, Value::DateTime(moment), Value::Number(days)) => move_moment(*moment, -*days),
        (Op::Add, Value::Time(time), Value::Number(millis)) | (Op::Add, Value::Number(millis), Value::Time(time)) => {
            turn_clock(*time, *millis)
        }
        (Op::Subtract, Value::Time(time), Value::Number(millis)) => turn_clock(*time, -*millis),
        (Op::Subtract, Value::Date(left), Value::Date(right)) => {
            let days = left.duration_since(*right).as_secs() / 86_400;
            Ok(Value::Number(days.into()))
        }
        (Op::Subtract, Value::DateTime(left), Value::DateTime(right)) => {
            let millis = left.as_millisecond() - right.as_millisecond();
            arithmetic(Op::Divide, millis.into(), MILLIS_PER_DAY.into()).map(Value::Number)
        }
        // A time is reached by going forward, over midnight if need be.
        (Op::Subtract, Value::Time(left), Value::Time(right)) => {
            let millis = millis_of_day(*left) - millis_of_day(*right);
            Ok(Value::Number(millis.rem_euclid(MILLIS_PER_DAY).into()))
        }
        // What is left is null on one side: nothing comes of it.
        _ => Ok(Value::Null),
    }
}

/// Milliseconds of a day.
const MILLIS_PER_DAY: i64 = 86_400_000;

pub(crate) fn millis_of_day(time: Time) -> i64 {
    time.duration_since(Time::midnight()).as_millis().try_into().unwrap_or(0)
}

/// Time of day `millis` milliseconds after midnight, around the clock.
pub(crate) fn time_of_millis(millis: i64) -> Time {
    Time::midnight().wrapping_add(SignedDuration::from_millis(millis.rem_euclid(MILLIS_PER_DAY)))
}

/// A fraction of a day does not count (Salesforce's formula engine, `OperatorAddOrSubtract`).
fn add_days(date: Date, days: Decimal) -> Result<Value<'static>, Fault> {
    in_calendar(days.to_i64().and_then(|days| Span::new().try_days(days).ok()).and_then(|span| date.checked_add(span).ok()))
}

/// By days to the nearest second, so that a third of a day is 8 hours (Salesforce's formula engine, `OperatorAddOrSubtract`).
fn move_moment(moment: Timestamp, days: Decimal) -> Result<Value<'static>, Fault> {
    let seconds = days.checked_mul(86_400.into()).map(|seconds| seconds.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero));
    moment_in_calendar(
        seconds.and_then(|seconds| seconds.to_i64()).and_then(|seconds| moment.checked_add(SignedDuration::from_secs(seconds)).ok()),
    )
}

/// The date, if it could be computed and its year has a place in `YYYY-MM-DD`: 1 to 9999, as Salesforce's `DATE` takes them.
pub(crate) fn in_calendar<'a>(date: Option<Date>) -> Result<Value<'a>, Fault> {
    date.filter(|date| date.year() >= 1).map(Value::Date).ok_or(Fault::Limit { what: "a date" })
}

/// The moment, if it could be computed and its year is not below 1. The last one is in the evening of 9999-12-30, which is as far as jiff goes.
pub(crate) fn moment_in_calendar<'a>(moment: Option<Timestamp>) -> Result<Value<'a>, Fault> {
    const FIRST_SECOND: i64 = -62_135_596_800;
    moment.filter(|moment| moment.as_second() >= FIRST_SECOND).map(Value::DateTime).ok_or(Fault::Limit { what: "a date" })
}

fn turn_clock(time: Time, millis: Decimal) -> Result<Value<'static>, Fault> {
    let within_a_day = (millis.trunc() % Decimal::from(MILLIS_PER_DAY)).to_i64().unwrap_or(0);
    Ok(Value::Time(time_of_millis(millis_of_day(time) + within_a_day)))
}

/// Decimal arithmetic with 28 digits; a remainder that does not fit is rounded to the nearest.
fn arithmetic(operator: BinaryOperator, left: Decimal, right: Decimal) -> Result<Decimal, Fault> {
    use BinaryOperator as Op;
    let result = match operator {
        Op::Add => left.checked_add(right),
        Op::Subtract => left.checked_sub(right),
        Op::Multiply => left.checked_mul(right),
        Op::Divide if right.is_zero() => return Err(Fault::Value { function: "/", problem: "the divisor is zero" }),
        Op::Divide => left.checked_div(right),
        Op::Power => return power(left, right),
        _ => None,
    };
    result.ok_or(Fault::Limit { what: "a number" })
}

/// Exponents are whole numbers (Salesforce's formula engine, `BigDecimalHelper.formulaPower`), and so large ones as there. Negative ones divide. What is
/// too small for 28 digits behind the point is 0.
fn power(base: Decimal, exponent: Decimal) -> Result<Decimal, Fault> {
    const LARGEST_EXPONENT: i64 = 999_999_999;
    let wrong = |problem| Fault::Value { function: "^", problem };
    if !exponent.is_integer() {
        return Err(wrong("the exponent is not a whole number"));
    }
    let Some(exponent) = exponent.to_i64().filter(|exponent| exponent.abs() <= LARGEST_EXPONENT) else {
        return Err(Fault::Limit { what: "a number" });
    };
    if base.is_zero() && exponent < 0 {
        return Err(wrong("zero has no negative power"));
    }
    let times = exponent.unsigned_abs();
    let result = if exponent >= 0 {
        base.checked_powu(times)
    } else if base.abs() < Decimal::ONE {
        // Divided first: the power of a small number would have few digits left.
        Decimal::ONE.checked_div(base).and_then(|inverse| inverse.checked_powu(times))
    } else {
        base.checked_powu(times).map_or(Some(Decimal::ZERO), |power| Decimal::ONE.checked_div(power))
    };
    result.ok_or(Fault::Limit { what: "a number" })
}
