//! What the clock says of a time, and how long something takes.

use jiff::civil::Time;
use rust_decimal::Decimal;

use super::SALESFORCE;
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::operator::millis_of_day;
use crate::types::{Type, Types};
use crate::value::Value;

const TIME: Parameter = Parameter::new("time", Types::of(&[Type::Time]));

/// `FORMATDURATION`. Source: Salesforce Help, Formula Operators and Functions, FORMATDURATION; rounding and order: github.com/salesforce/formula-engine,
/// `FunctionFormatDuration`. Which second argument goes with which first one is looked at when it is evaluated.
pub(super) const FORMATDURATION: Function = Function {
    name: "FORMATDURATION",
    group: Group::Date,
    summary: "Seconds as `HH:MM:SS`, or with days if so wanted, or the time between two times, or with days between two date/times.",
    parameters: &[
        Parameter::new("seconds_or_from", Types::of(&[Type::Number, Type::DateTime, Type::Time])),
        Parameter::new("days_or_to", Types::of(&[Type::Boolean, Type::DateTime, Type::Time])),
    ],
    optional: 1,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("FORMATDURATION(1000001)", "277:46:41"),
        ("FORMATDURATION(-1)", "00:00:01"),
        ("FORMATDURATION(1000001, FALSE)", "277:46:41"),
        ("FORMATDURATION(-1000001, TRUE)", "11:13:46:41"),
        ("FORMATDURATION(DATETIMEVALUE('2005-11-15 17:00:00'), DATETIMEVALUE('2005-11-16 17:00:01'))", "1:00:00:01"),
        ("FORMATDURATION(TIMEVALUE('08:34:56.789'), TIMEVALUE('06:34:56.789'))", "02:00:00"),
        ("FORMATDURATION(NOW(), TRUE)", "formula_failed"),
        ("FORMATDURATION(NULL)", ""),
    ],
    evaluate: |arguments| {
        let first = arguments.value(0)?;
        let second = if arguments.count() > 1 { Some(arguments.value(1)?) } else { None };
        let (seconds, days) = match (first, second) {
            (Value::Null, _) | (Value::DateTime(_) | Value::Time(_), Some(Value::Null)) => return Ok(Value::Null),
            (Value::Number(seconds), Some(Value::Boolean(true))) => (whole_seconds(seconds), Days::Apart),
            (Value::Number(seconds), None | Some(Value::Boolean(false) | Value::Null)) => (whole_seconds(seconds), Days::AsHours),
            (Value::DateTime(from), Some(Value::DateTime(to))) => {
                (seconds_between(from.as_millisecond(), to.as_millisecond()), Days::Apart)
            }
            (Value::Time(from), Some(Value::Time(to))) => (seconds_between(millis_of_day(from), millis_of_day(to)), Days::AsHours),
            _ => return Err(arguments.wrong("it takes seconds, seconds and a boolean, two date/times, or two times")),
        };
        Ok(Value::text(duration(seconds, days)))
    },
};

/// `HOUR`. Source: Salesforce Help, Formula Operators and Functions, HOUR.
pub(super) const HOUR: Function = Function {
    name: "HOUR",
    group: Group::Date,
    summary: "The hour of a time, from 0 to 23.",
    parameters: &[TIME],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("HOUR(TIMEVALUE('17:30:45.125'))", "17"), ("HOUR(TIMENOW())", "6"), ("HOUR(NOW())", "formula_type"), ("HOUR(NULL)", "")],
    evaluate: |arguments| of_time(arguments, |time| time.hour().into()),
};

/// `MILLISECOND`. Source: Salesforce Help, Formula Operators and Functions, MILLISECOND.
pub(super) const MILLISECOND: Function = Function {
    name: "MILLISECOND",
    group: Group::Date,
    summary: "The milliseconds of a time, from 0 to 999.",
    parameters: &[TIME],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MILLISECOND(TIMEVALUE('17:30:45.125'))", "125"), ("MILLISECOND(TIMENOW())", "789"), ("MILLISECOND(NULL)", "")],
    evaluate: |arguments| of_time(arguments, |time| time.millisecond().into()),
};

/// `MINUTE`. Source: Salesforce Help, Formula Operators and Functions, MINUTE.
pub(super) const MINUTE: Function = Function {
    name: "MINUTE",
    group: Group::Date,
    summary: "The minute of a time, from 0 to 59.",
    parameters: &[TIME],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MINUTE(TIMEVALUE('17:30:45.125'))", "30"), ("MINUTE(TIMENOW())", "24"), ("MINUTE(NULL)", "")],
    evaluate: |arguments| of_time(arguments, |time| time.minute().into()),
};

/// `SECOND`. Source: Salesforce Help, Formula Operators and Functions, SECOND.
pub(super) const SECOND: Function = Function {
    name: "SECOND",
    group: Group::Date,
    summary: "The second of a time, from 0 to 59.",
    parameters: &[TIME],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("SECOND(TIMEVALUE('17:30:45.125'))", "45"), ("SECOND(TIMENOW())", "36"), ("SECOND(NULL)", "")],
    evaluate: |arguments| of_time(arguments, |time| time.second().into()),
};

fn of_time<'a>(arguments: &Arguments<'_, 'a>, ask: fn(Time) -> Decimal) -> Result<Value<'a>, Fault> {
    Ok(arguments.time(0)?.map_or(Value::Null, |time| Value::Number(ask(time))))
}

/// Where days are written.
#[derive(Clone, Copy)]
enum Days {
    Apart,
    AsHours,
}

fn whole_seconds(seconds: Decimal) -> u128 {
    seconds.trunc().mantissa().unsigned_abs()
}

fn seconds_between(from_millis: i64, to_millis: i64) -> u128 {
    (i128::from(to_millis) - i128::from(from_millis)).unsigned_abs() / 1_000
}

fn duration(seconds: u128, days: Days) -> String {
    let (hours, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match days {
        Days::Apart => format!("{}:{:02}:{minute:02}:{second:02}", hours / 24, hours % 24),
        Days::AsHours => format!("{hours:02}:{minute:02}:{second:02}"),
    }
}
