//! Texts that are dates or times. What is left over behind one is an error: Salesforce's engine passes over it, and so over `+01:00`.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// `2026-11-22`, and `2026-3-1` as Salesforce's engine reads it. A time behind it must be right and is not used.
pub(super) fn date(text: &str) -> Option<Date> {
    let mut rest = Rest(text.trim_end_matches(' ').as_bytes());
    let date = rest.date()?;
    (rest.is_empty() || rest.time_behind_date().is_some()).then_some(date)
}

/// `2026-11-22 06:24:36`; also with `T` between the two, a fraction of a second, and `Z`. Always in UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.trim_end_matches(' ').as_bytes());
    let date = rest.date()?;
    let time = rest.time_behind_date()?;
    TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()
}

/// `06:24:36.789`, and `06:24:36`.
pub(super) fn time(text: &str) -> Option<Time> {
    let mut rest = Rest(text.trim_end_matches(' ').as_bytes());
    let time = rest.time()?;
    rest.is_empty().then_some(time)
}

// The same for texts that are written out, when the formula is saved. The empty text stands for null.

pub(super) fn check_date(text: &str) -> Result<(), String> {
    expect(text.is_empty() || date(text).is_some(), "is no date; it is written `YYYY-MM-DD`")
}

pub(super) fn check_moment(text: &str) -> Result<(), String> {
    expect(text.is_empty() || moment(text).is_some(), "is no date/time in UTC; it is written `YYYY-MM-DD HH:MM:SS`")
}

pub(super) fn check_time(text: &str) -> Result<(), String> {
    expect(text.is_empty() || time(text).is_some(), "is no time; it is written `HH:MM:SS.MS` with three digits of milliseconds")
}

fn expect(is_right: bool, otherwise: &str) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// What of a text is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4, 4)?;
        self.sign(b"-")?;
        let month = self.number(1, 2)?;
        self.sign(b"-")?;
        let day = self.number(1, 2)?;
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|date| date.year() >= 1)
    }

    fn time_behind_date(&mut self) -> Option<Time> {
        self.sign(b" T")?;
        let time = self.time()?;
        let _utc = self.sign(b"Z");
        self.is_empty().then_some(time)
    }

    /// A fraction has three digits or more, so that nobody has to guess whether `.5` is half a second or 5 ms; those behind the third do not count.
    fn time(&mut self) -> Option<Time> {
        let hour = self.number(1, 2)?;
        self.sign(b":")?;
        let minute = self.number(1, 2)?;
        self.sign(b":")?;
        let second = self.number(1, 2)?;
        let mut millisecond = 0;
        if self.sign(b".").is_some() {
            millisecond = self.number(3, 3)?;
            while self.number(1, 1).is_some() {}
        }
        let [hour, minute, second] = [hour, minute, second].map(|part| i8::try_from(part).unwrap_or(i8::MAX));
        Time::new(hour, minute, second, i32::from(millisecond) * 1_000_000).ok()
    }

    /// A number of at least and at most so many digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i16> {
        let length = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        (length >= least).then(|| digits.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0')))
    }

    fn sign(&mut self, signs: &[u8]) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        signs.contains(first).then(|| self.0 = rest)
    }
}
