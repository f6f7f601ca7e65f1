//! Records as text. Written by hand into a buffer that is used again and again: two of these are on the way of every callout.

use sortie_callout::{Intent, Outcome, Refusal};
use sortie_model::Timestamp;

/// Begins a record: `{"lane":"core-0","sequence":7,"at":"2026-11-22T06:24:36.000Z","event":"intent"`.
fn begin(line: &mut Vec<u8>, lane: &str, sequence: u64, at: Timestamp, event: &str) {
    line.extend_from_slice(b"{\"lane\":\"");
    line.extend_from_slice(lane.as_bytes());
    line.extend_from_slice(b"\",\"sequence\":");
    number(line, sequence);
    line.extend_from_slice(b",\"at\":\"");
    line.extend_from_slice(&at.to_rfc_3339());
    line.extend_from_slice(b"\",\"event\":\"");
    line.extend_from_slice(event.as_bytes());
    line.push(b'"');
}

pub(super) fn intent(line: &mut Vec<u8>, lane: &str, sequence: u64, intent: &Intent<'_>) {
    let chosen = intent.chosen;
    begin(line, lane, sequence, intent.at, "intent");
    text(line, "user", chosen.caller().name.as_str());
    if let Some(key) = &chosen.caller().key {
        text(line, "key", key.as_str());
    }
    text(line, "named_credential", chosen.named().name.as_str());
    text(line, "external_credential", chosen.named().credential.name.as_str());
    text(line, "principal", &chosen.principal().name);
    text(line, "method", intent.method.as_str());
    text(line, "path", intent.path);
}

pub(super) fn result(line: &mut Vec<u8>, lane: &str, sequence: u64, at: Timestamp, intent: u64, outcome: &Outcome) {
    begin(line, lane, sequence, at, "result");
    count(line, "intent", intent);
    if let Some(status) = outcome.status {
        count(line, "status", u64::from(status));
    }
    if let Some(code) = outcome.code {
        text(line, "code", code);
    }
    count(line, "sent_bytes", outcome.sent_bytes);
    count(line, "received_bytes", outcome.received_bytes);
    count(line, "duration_us", u64::try_from(outcome.duration.as_micros()).unwrap_or(u64::MAX));
    text(line, "ending", outcome.completeness.as_str());
    if outcome.renewed {
        line.extend_from_slice(b",\"renewed\":true");
    }
}

pub(super) fn refusal(line: &mut Vec<u8>, lane: &str, sequence: u64, refusal: &Refusal<'_>, unrecorded: u64) {
    begin(line, lane, sequence, refusal.at, "refused");
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

pub(super) fn note(line: &mut Vec<u8>, lane: &str, sequence: u64, at: Timestamp, event: &str, fields: &[(&str, &str)]) {
    begin(line, lane, sequence, at, event);
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

/// RFC 8259, section 7. Everything above ASCII is escaped too: U+2028 ends a line for some readers (AUD-03).
fn escape(line: &mut Vec<u8>, value: &str) {
    if value.bytes().all(|byte| matches!(byte, 0x20..=0x7E) && byte != b'"' && byte != b'\\') {
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
pub(crate) fn number(line: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[start..]);
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
        note(&mut line, "core-0", u64::MAX, Timestamp::from_millis(0), "test", &[("value", hostile), ("plain", "x")]);
        line.push(b'}');
        assert!(line.is_ascii() && !line.iter().any(u8::is_ascii_control));
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["value"], hostile);
        assert_eq!(read["sequence"], u64::MAX);
        assert_eq!(read["at"], "1970-01-01T00:00:00.000Z");
    }
}
