//! Records as text. Written by hand into a buffer that is used again and again: two of these are on the way of every callout.

use sortie_callout::{Intent, Outcome, Refusal};
use sortie_model::Timestamp;

/// How the records of one lane begin.
pub(super) struct Opening {
    /// `{"lane":"core-0","sequence":`
    lane: Box<[u8]>,
    /// The last moment written and its text: records of one millisecond share it.
    at: Timestamp,
    moment: [u8; 24],
}

impl Opening {
    pub(super) fn new(lane: &str) -> Self {
        let at = Timestamp::from_millis(0);
        Self { lane: format!("{{\"lane\":\"{lane}\",\"sequence\":").into_bytes().into(), at, moment: at.to_rfc_3339() }
    }

    /// `{"lane":"core-0","sequence":7,"at":"2026-11-22T06:24:36.000Z","event":"intent"`
    pub(super) fn write(&mut self, line: &mut Vec<u8>, sequence: u64, at: Timestamp, event: &str) {
        if self.at != at {
            (self.at, self.moment) = (at, at.to_rfc_3339());
        }
        line.extend_from_slice(&self.lane);
        number(line, sequence);
        line.extend_from_slice(br#","at":""#);
        line.extend_from_slice(&self.moment);
        line.extend_from_slice(br#"","event":""#);
        line.extend_from_slice(event.as_bytes());
        line.push(b'"');
    }
}

pub(super) fn intent(line: &mut Vec<u8>, intent: &Intent<'_>) {
    let (caller, named) = (intent.chosen.identity().caller(), intent.chosen.named());
    line.extend_from_slice(br#","user":""#);
    escape(line, caller.name.as_str());
    if let Some(key) = &caller.key {
        line.extend_from_slice(br#"","key":""#);
        plain(line, key.as_str());
    }
    line.extend_from_slice(br#"","named_credential":""#);
    plain(line, named.name.as_str());
    line.extend_from_slice(br#"","external_credential":""#);
    plain(line, named.credential.name.as_str());
    line.extend_from_slice(br#"","principal":""#);
    escape(line, &intent.chosen.identity().principal().name);
    line.extend_from_slice(br#"","method":""#);
    plain(line, intent.method.as_str());
    line.extend_from_slice(br#"","path":""#);
    escape(line, intent.path);
    line.push(b'"');
}

pub(super) fn result(line: &mut Vec<u8>, intent: u64, outcome: &Outcome) {
    line.extend_from_slice(br#","intent":"#);
    number(line, intent);
    if let Some(status) = outcome.status {
        line.extend_from_slice(br#","status":"#);
        number(line, u64::from(status));
    }
    if let Some(code) = outcome.code {
        line.extend_from_slice(br#","code":""#);
        plain(line, code);
        line.push(b'"');
    }
    line.extend_from_slice(br#","sent_bytes":"#);
    number(line, outcome.sent_bytes);
    line.extend_from_slice(br#","received_bytes":"#);
    number(line, outcome.received_bytes);
    line.extend_from_slice(br#","duration_us":"#);
    number(line, u64::try_from(outcome.duration.as_micros()).unwrap_or(u64::MAX));
    line.extend_from_slice(br#","ending":""#);
    plain(line, outcome.completeness.as_str());
    line.push(b'"');
    if outcome.renewed {
        line.extend_from_slice(br#","renewed":true"#);
    }
}

pub(super) fn refusal(line: &mut Vec<u8>, refusal: &Refusal<'_>, unrecorded: u64) {
    if let Some(user) = refusal.user {
        text(line, "user", user);
    }
    if let Some(reference) = refusal.reference {
        text(line, "named_credential", reference.name());
        text(line, "path", reference.path());
    }
    text(line, "code", refusal.code);
    text(line, "reason", refusal.reason);
    if unrecorded > 0 {
        count(line, "unrecorded_before", unrecorded);
    }
}

pub(super) fn note(line: &mut Vec<u8>, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        text(line, name, value);
    }
}

fn count(line: &mut Vec<u8>, name: &str, value: u64) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
    number(line, value);
}

fn text(line: &mut Vec<u8>, name: &str, value: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":\"");
    escape(line, value);
    line.push(b'"');
}

/// A text that holds nothing to be escaped by what it is: a developer name, an id, an HTTP method, a word of ours.
fn plain(line: &mut Vec<u8>, value: &str) {
    debug_assert!(is_plain(value), "`{value}` must not need escaping");
    line.extend_from_slice(value.as_bytes());
}

/// 32: up to here, looking at one byte after the other is quicker.
const SHORT: usize = 32;

/// Whether it stands for itself within a JSON string.
fn is_plain(value: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, 0x20..=0x7E) & (byte != b'"') & (byte != b'\\');
    if value.len() < SHORT {
        return value.bytes().all(is_plain);
    }
    // Without an early end, so that several bytes are looked at together.
    value.bytes().fold(true, |all, byte| all & is_plain(byte))
}

/// RFC 8259, section 7. Everything above ASCII is escaped too: U+2028 ends a line for some readers (AUD-03).
fn escape(line: &mut Vec<u8>, value: &str) {
    if is_plain(value) {
        line.extend_from_slice(value.as_bytes());
        return;
    }
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b'"' | b'\\')) => line.extend_from_slice(&[b'\\', byte]),
            Ok(byte @ 0x20..=0x7E) => line.push(byte),
            _ => line.extend_from_slice(format!("\\u{unit:04x}").as_bytes()),
        }
    }
}

/// Decimal digits.
pub(crate) fn number(line: &mut Vec<u8>, value: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_one_line_of_json() {
        // AUD-03 of the attack catalogue.
        let hostile = "a\"b\\c\r\n\u{2028}\u{1b}[31m é 🦀";
        let mut line = Vec::new();
        Opening::new("core-0").write(&mut line, u64::MAX, Timestamp::from_millis(0), "test");
        note(&mut line, &[("value", hostile), ("plain", "x")]);
        line.push(b'}');
        assert!(line.is_ascii() && !line.iter().any(u8::is_ascii_control));
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["value"], hostile);
        assert_eq!(read["sequence"], u64::MAX);
        assert_eq!(read["at"], "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_record_says_its_own_moment() {
        let mut opening = Opening::new("core-0");
        for (millis, moment) in
            [(1, "00:00:00.001"), (1, "00:00:00.001"), (2, "00:00:00.002"), (61_002, "00:01:01.002"), (1, "00:00:00.001")]
        {
            let mut line = Vec::new();
            opening.write(&mut line, 7, Timestamp::from_millis(millis), "test");
            let expected = format!(r#"{{"lane":"core-0","sequence":7,"at":"1970-01-01T{moment}Z","event":"test""#);
            assert_eq!(String::from_utf8(line).unwrap(), expected);
        }
    }
}
