//! What the calendar says of a date.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::SALESFORCE;
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::operator::{in_calendar, moment_in_calendar};
use crate::types::{Type, Types};
use crate::value::Value;

const DATE: Parameter = Parameter::new("date", Types::of(&[Type::Date]));
const DATED: Parameter = Parameter::new("date", Types::of(&[Type::Date, Type::DateTime]));

/// `ADDMONTHS`. Source: Salesforce Help, Formula Operators and Functions, ADDMONTHS; the end of the month: github.com/salesforce/formula-engine,
/// `FunctionAddMonths`.
pub(super) const ADDMONTHS: Function = Function {
    name: "ADDMONTHS",
    group: Group::Date,
    summary: "A date so many whole months later; the last day of a month stays the last day.",
    parameters: &[DATED.result(), Parameter::number("months")],
    optional: 0,
    repeating: None,
    gives: Gives::Common,
    source: SALESFORCE,
    examples: &[
        ("ADDMONTHS(DATE(2020, 1, 31), 1)", "2020-02-29"),
        ("ADDMONTHS(DATE(2020, 4, 30), 3)", "2020-07-31"),
        ("ADDMONTHS(DATE(2020, 5, 30), -3)", "2020-02-29"),
        ("ADDMONTHS(DATE(2020, 2, 29), -0.8)", "2020-02-29"),
        ("ADDMONTHS(NOW(), 12)", "2027-11-22 06:24:36Z"),
        ("ADDMONTHS(TODAY(), 999999)", "formula_limit"),
        ("ADDMONTHS(TODAY(), NULL)", ""),
    ],
    evaluate: |arguments| {
        let (value, Some(months)) = (arguments.value(0)?, arguments.number(1)?) else { return Ok(Value::Null) };
        match value {
            Value::Date(date) => in_calendar(add_months(date, months)),
            Value::DateTime(moment) => moment_in_calendar(add_months_to_moment(moment, months)),
            _ => Ok(Value::Null),
        }
    },
};

/// `DAY`. Source: Salesforce Help, Formula Operators and Functions, DAY.
pub(super) const DAY: Function = Function {
    name: "DAY",
    group: Group::Date,
    summary: "The day of the month, from 1 to 31.",
    parameters: &[DATE],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("DAY(DATE(1958, 1, 15))", "15"), ("DAY(TODAY())", "22"), ("DAY(NOW())", "formula_type"), ("DAY(NULL)", "")],
    evaluate: |arguments| of_date(arguments, |date| date.day().into()),
};

/// `DAYOFYEAR`. Source: github.com/salesforce/formula-engine, `FunctionDayOfYear`.
pub(super) const DAYOFYEAR: Function = Function {
    name: "DAYOFYEAR",
    group: Group::Date,
    summary: "The day of the year, from 1 to 366.",
    parameters: &[DATE],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("DAYOFYEAR(DATE(2005, 4, 5))", "95"), ("DAYOFYEAR(DATE(2008, 12, 31))", "366"), ("DAYOFYEAR(NULL)", "")],
    evaluate: |arguments| of_date(arguments, |date| date.day_of_year().into()),
};

/// `ISOWEEK`. Source: github.com/salesforce/formula-engine, `FunctionIsoWeek`; the weeks: ISO 8601.
pub(super) const ISOWEEK: Function = Function {
    name: "ISOWEEK",
    group: Group::Date,
    summary: "The number of the week, from 1 to 53; weeks begin on Monday, and the first one has the year's first Thursday.",
    parameters: &[DATED],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("ISOWEEK(DATE(2005, 4, 5))", "14"),
        ("ISOWEEK(DATE(2006, 1, 1))", "52"),
        ("ISOWEEK(DATETIMEVALUE('2010-01-01 00:00:00'))", "53"),
        ("ISOWEEK(NULL)", ""),
    ],
    evaluate: |arguments| of_date(arguments, |date| date.iso_week_date().week().into()),
};

/// `ISOYEAR`. Source: github.com/salesforce/formula-engine, `FunctionIsoYear`; the weeks: ISO 8601.
pub(super) const ISOYEAR: Function = Function {
    name: "ISOYEAR",
    group: Group::Date,
    summary: "The year that the week of a date belongs to.",
    parameters: &[DATED],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[
        ("ISOYEAR(DATE(2005, 4, 5))", "2005"),
        ("ISOYEAR(DATE(2006, 1, 1))", "2005"),
        ("ISOYEAR(DATETIMEVALUE('2010-01-01 00:00:00'))", "2009"),
        ("ISOYEAR(NULL)", ""),
    ],
    evaluate: |arguments| of_date(arguments, |date| date.iso_week_date().year().into()),
};

/// `MONTH`. Source: Salesforce Help, Formula Operators and Functions, MONTH.
pub(super) const MONTH: Function = Function {
    name: "MONTH",
    group: Group::Date,
    summary: "The month, from 1 to 12.",
    parameters: &[DATE],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("MONTH(DATE(1958, 1, 15))", "1"), ("MONTH(TODAY())", "11"), ("MONTH(NULL)", "")],
    evaluate: |arguments| of_date(arguments, |date| date.month().into()),
};

/// `WEEKDAY`. Source: Salesforce Help, Formula Operators and Functions, WEEKDAY.
pub(super) const WEEKDAY: Function = Function {
    name: "WEEKDAY",
    group: Group::Date,
    summary: "The day of the week, from 1 for Sunday to 7 for Saturday.",
    parameters: &[DATE],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("WEEKDAY(DATE(2016, 11, 3))", "5"), ("WEEKDAY(TODAY())", "1"), ("WEEKDAY(DATE(1969, 2, 12))", "4"), ("WEEKDAY(NULL)", "")],
    evaluate: |arguments| of_date(arguments, |date| date.weekday().to_sunday_one_offset().into()),
};

/// `YEAR`. Source: Salesforce Help, Formula Operators and Functions, YEAR.
pub(super) const YEAR: Function = Function {
    name: "YEAR",
    group: Group::Date,
    summary: "The year.",
    parameters: &[DATE],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Number),
    source: SALESFORCE,
    examples: &[("YEAR(DATE(1958, 1, 15))", "1958"), ("YEAR(TODAY())", "2026"), ("YEAR(NULL)", "")],
    evaluate: |arguments| of_date(arguments, |date| date.year().into()),
};

fn of_date<'a>(arguments: &Arguments<'_, 'a>, ask: fn(Date) -> Decimal) -> Result<Value<'a>, Fault> {
    Ok(match arguments.value(0)? {
        Value::Date(date) => Value::Number(ask(date)),
        Value::DateTime(moment) => Value::Number(ask(TimeZone::UTC.to_datetime(moment).date())),
        _ => Value::Null,
    })
}

fn add_months(date: Date, months: Decimal) -> Option<Date> {
    let months = Span::new().try_months(months.to_i64()?).ok()?;
    if date != date.last_of_month() {
        return date.checked_add(months).ok();
    }
    date.first_of_month().checked_add(months).ok().map(Date::last_of_month)
}

fn add_months_to_moment(moment: Timestamp, months: Decimal) -> Option<Timestamp> {
    let moment = TimeZone::UTC.to_datetime(moment);
    let date = add_months(moment.date(), months)?;
    TimeZone::UTC.to_timestamp(date.to_datetime(moment.time())).ok()
}
