//! Dates, date/times and times: where they come from. Everything is in UTC, to the millisecond; Salesforce uses the user's time zone for `TODAY` and
//! for the date of a date/time, and a callout has no time zone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{SALESFORCE, date_text};
use crate::function::{Function, Gives, Group, Parameter};
use crate::operator::{in_calendar, millis_of_day, moment_in_calendar};
use crate::types::{Type, Types};
use crate::value::Value;

/// `DATE`. Source: Salesforce Help, Formula Operators and Functions, DATE; years 1 to 9999 and whole parts: github.com/salesforce/formula-engine,
/// `FunctionDate`.
pub(super) const DATE: Function = Function {
    name: "DATE",
    group: Group::Date,
    summary: "The date of a year, month and day.",
    parameters: &[Parameter::number("year"), Parameter::number("month"), Parameter::number("day")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Date),
    source: SALESFORCE,
    examples: &[
        ("DATE(2026, 11, 22)", "2026-11-22"),
        ("DATE(2024, 2, 29)", "2024-02-29"),
        ("DATE(2025, 2, 29)", "formula_failed"),
        ("DATE(0, 1, 1)", "formula_failed"),
        ("DATE(2026, NULL, 22)", ""),
    ],
    evaluate: |arguments| {
        let (Some(year), Some(month), Some(day)) = (arguments.number(0)?, arguments.number(1)?, arguments.number(2)?) else {
            return Ok(Value::Null);
        };
        let Some(year) = year.to_i16().filter(|year| (1..=9999).contains(year)) else {
            return Err(arguments.wrong("the year is not between 1 and 9999"));
        };
        let date = month.to_i8().zip(day.to_i8()).and_then(|(month, day)| Date::new(year, month, day).ok());
        date.map(Value::Date).ok_or_else(|| arguments.wrong("there is no such month or day"))
    },
};

/// `DATETIMEVALUE`. Source: Salesforce Help, Formula Operators and Functions, DATETIMEVALUE. Beyond it: `T`, `Z` and fractions, which Salesforce's engine
/// refuses or passes over.
pub(super) const DATETIMEVALUE: Function = Function {
    name: "DATETIMEVALUE",
    group: Group::Date,
    summary: "The date/time of a text such as `2026-11-22 06:24:36`, or midnight of a date, in UTC.",
    parameters: &[Parameter::new("expression", Types::of(&[Type::Text, Type::DateTime, Type::Date])).checked(date_text::check_moment)],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::DateTime),
    source: SALESFORCE,
    examples: &[
        ("DATETIMEVALUE('2005-11-15 17:00:00')", "2005-11-15 17:00:00Z"),
        ("DATETIMEVALUE('2016-3-1 13:15:10')", "2016-03-01 13:15:10Z"),
        ("DATETIMEVALUE('2026-11-22T06:24:36.789Z') = NOW()", "TRUE"),
        ("DATETIMEVALUE(DATE(2026, 11, 22))", "2026-11-22 00:00:00Z"),
        ("DATETIMEVALUE('2026-11-22')", "formula_argument"),
        ("DATETIMEVALUE('2026-11-22 06:24:36+01:00')", "formula_argument"),
        ("DATETIMEVALUE($User.Department)", "formula_failed"),
        ("DATETIMEVALUE(NULL)", ""),
    ],
    evaluate: |arguments| match arguments.value(0)? {
        Value::Text(text) if text.is_empty() => Ok(Value::Null),
        Value::Text(text) => {
            let moment = date_text::moment(&text);
            moment.map(Value::DateTime).ok_or_else(|| arguments.wrong("the text is no date/time in UTC, such as 2026-11-22 06:24:36"))
        }
        Value::Date(date) => moment_in_calendar(TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok()),
        same @ Value::DateTime(_) => Ok(same),
        _ => Ok(Value::Null),
    },
};

/// `DATEVALUE`. Source: Salesforce Help, Formula Operators and Functions, DATEVALUE.
pub(super) const DATEVALUE: Function = Function {
    name: "DATEVALUE",
    group: Group::Date,
    summary: "The date of a text such as `2026-11-22`, or of a date/time in UTC.",
    parameters: &[Parameter::new("expression", Types::of(&[Type::Text, Type::DateTime, Type::Date])).checked(date_text::check_date)],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Date),
    source: SALESFORCE,
    examples: &[
        ("DATEVALUE('2005-11-15')", "2005-11-15"),
        ("DATEVALUE(NOW())", "2026-11-22"),
        ("DATEVALUE(DATETIMEVALUE('2004-12-31 11:32:10') + 3.60)", "2005-01-04"),
        ("DATEVALUE('2025-02-29')", "formula_argument"),
        ("DATEVALUE('22.11.2026')", "formula_argument"),
        ("DATEVALUE($User.Department)", "formula_failed"),
        ("DATEVALUE('')", ""),
    ],
    evaluate: |arguments| match arguments.value(0)? {
        Value::Text(text) if text.is_empty() => Ok(Value::Null),
        Value::Text(text) => {
            date_text::date(&text).map(Value::Date).ok_or_else(|| arguments.wrong("the text is no date such as 2026-11-22"))
        }
        Value::DateTime(moment) => in_calendar(Some(TimeZone::UTC.to_datetime(moment).date())),
        same @ Value::Date(_) => Ok(same),
        _ => Ok(Value::Null),
    },
};

/// `FROMUNIXTIME`. Source: github.com/salesforce/formula-engine, `FunctionFromUnixTime`.
pub(super) const FROMUNIXTIME: Function = Function {
    name: "FROMUNIXTIME",
    group: Group::Date,
    summary: "The date/time so many seconds after 1970-01-01 00:00:00 UTC; less than a millisecond does not count.",
    parameters: &[Parameter::number("seconds")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::DateTime),
    source: SALESFORCE,
    examples: &[
        ("FROMUNIXTIME(1132074000)", "2005-11-15 17:00:00Z"),
        ("FROMUNIXTIME(-1)", "1969-12-31 23:59:59Z"),
        ("FROMUNIXTIME(1795328676.789) = NOW()", "TRUE"),
        ("FROMUNIXTIME(1000000000000)", "formula_limit"),
        ("FROMUNIXTIME(NULL)", ""),
    ],
    evaluate: |arguments| {
        let Some(seconds) = arguments.number(0)? else { return Ok(Value::Null) };
        let millis = seconds.checked_mul(Decimal::ONE_THOUSAND).and_then(|millis| millis.to_i64());
        moment_in_calendar(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    },
};

/// `NOW`. Source: Salesforce Help, Formula Operators and Functions, NOW.
pub(super) const NOW: Function = Function {
    name: "NOW",
    group: Group::Date,
    summary: "This moment, the same wherever a formula asks for it.",
    parameters: &[],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::DateTime),
    source: SALESFORCE,
    examples: &[("NOW()", "2026-11-22 06:24:36Z"), ("NOW() - NOW()", "0"), ("NOW() + 1", "2026-11-23 06:24:36Z")],
    evaluate: |arguments| moment_in_calendar(Timestamp::from_millisecond(arguments.now().as_millisecond()).ok()),
};

/// `TIMENOW`. Source: Salesforce Help, Formula Operators and Functions, TIMENOW.
pub(super) const TIMENOW: Function = Function {
    name: "TIMENOW",
    group: Group::Date,
    summary: "The time of day in UTC.",
    parameters: &[],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Time),
    source: SALESFORCE,
    examples: &[("TIMENOW()", "06:24:36.789"), ("TIMENOW() + 3600000", "07:24:36.789"), ("TIMENOW() = TIMEVALUE(NOW())", "TRUE")],
    evaluate: |arguments| Ok(Value::Time(time_of(arguments.now()))),
};

/// `TIMEVALUE`. Source: Salesforce Help, Formula Operators and Functions, TIMEVALUE. Milliseconds may be left out here.
pub(super) const TIMEVALUE: Function = Function {
    name: "TIMEVALUE",
    group: Group::Date,
    summary: "The time of a text such as `06:24:36.789`, or the time of day of a date/time in UTC.",
    parameters: &[Parameter::new("value", Types::of(&[Type::Text, Type::DateTime, Type::Time])).checked(date_text::check_time)],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Time),
    source: SALESFORCE,
    examples: &[
        ("TIMEVALUE('17:30:45.125')", "17:30:45.125"),
        ("TIMEVALUE(NOW())", "06:24:36.789"),
        ("TIMEVALUE('06:24:36')", "06:24:36.000"),
        ("TIMEVALUE('12:34:56.789') + 93600000", "14:34:56.789"),
        ("TIMEVALUE('12:34:56.789Z')", "formula_argument"),
        ("TIMEVALUE('24:00:00.000')", "formula_argument"),
        ("TIMEVALUE($User.Department)", "formula_failed"),
        ("TIMEVALUE(NULL)", ""),
    ],
    evaluate: |arguments| match arguments.value(0)? {
        Value::Text(text) if text.is_empty() => Ok(Value::Null),
        Value::Text(text) => {
            date_text::time(&text).map(Value::Time).ok_or_else(|| arguments.wrong("the text is no time such as 06:24:36.789"))
        }
        Value::DateTime(moment) => Ok(Value::Time(time_of(moment))),
        same @ Value::Time(_) => Ok(same),
        _ => Ok(Value::Null),
    },
};

/// `TODAY`. Source: Salesforce Help, Formula Operators and Functions, TODAY.
pub(super) const TODAY: Function = Function {
    name: "TODAY",
    group: Group::Date,
    summary: "The date of today in UTC.",
    parameters: &[],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Date),
    source: SALESFORCE,
    examples: &[
        ("TODAY()", "2026-11-22"),
        ("TODAY() - 22", "2026-10-31"),
        ("TODAY() + 0.9", "2026-11-22"),
        ("TODAY() = DATEVALUE(NOW())", "TRUE"),
    ],
    evaluate: |arguments| in_calendar(Some(TimeZone::UTC.to_datetime(arguments.now()).date())),
};

/// `UNIXTIMESTAMP`. Source: github.com/salesforce/formula-engine, `FunctionUnixTimestamp`.
pub(super) const UNIXTIMESTAMP: Function = Function {
    name: "UNIXTIMESTAMP",
    group: Group::Date,
    summary: "The whole seconds from 1970-01-01 00:00:00 UTC to a date or date/time, or from midnight to a time.",
    parameters: &[Parameter::new("value", Types::of(&[Type::Date, Type::DateTime, Type::Time]))],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("UNIXTIMESTAMP(DATE(2005, 4, 5))", "1112659200"),
        ("UNIXTIMESTAMP(NOW())", "1795328676"),
        ("UNIXTIMESTAMP(TIMEVALUE('00:01:00.999'))", "60"),
        ("UNIXTIMESTAMP(NULL)", ""),
    ],
    evaluate: |arguments| {
        let seconds = match arguments.value(0)? {
            Value::DateTime(moment) => moment.as_second(),
            Value::Date(date) => date.duration_since(UNIX_EPOCH).as_secs(),
            Value::Time(time) => SignedDuration::from_millis(millis_of_day(time)).as_secs(),
            _ => return Ok(Value::Null),
        };
        Ok(Value::Number(seconds.into()))
    },
};

const UNIX_EPOCH: Date = Date::constant(1970, 1, 1);

/// To the millisecond.
fn time_of(moment: Timestamp) -> Time {
    let time = TimeZone::UTC.to_datetime(moment).time();
    time.with().microsecond(0).nanosecond(0).build().unwrap_or(time)
}
