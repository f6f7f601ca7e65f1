//! How the demo speaks: headings, what was sent beside what was received, and promises that are kept or not.

use std::io::Write as _;

use super::services::Received;

/// Width of the left column: what the caller sent.
const COLUMN: usize = 54;

/// Tells the story on standard output and counts broken promises.
#[derive(Default)]
pub(super) struct Teller {
    steps: u32,
    kept: u32,
    broken: u32,
}

impl Teller {
    /// Nobody may be reading; the demo goes on all the same.
    fn line(text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    pub(super) fn say(&self, text: &str) {
        Self::line(text);
    }

    pub(super) fn step(&mut self, title: &str) {
        self.steps += 1;
        Self::line(&format!("\n{}. {title}", self.steps));
    }

    /// A command as the reader would type it, and what it printed.
    pub(super) fn command(&self, arguments: &[&str], output: &str) {
        let words: Vec<String> =
            arguments.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() }).collect();
        Self::line(&format!("   $ sortie {}", words.join(" ")));
        for line in output.trim_end().lines() {
            Self::line(&format!("     {line}"));
        }
    }

    /// What the caller sent beside what the upstream received.
    pub(super) fn beside(&self, sent: &[String], received: Option<&Received>) {
        let received = received.map_or_else(|| vec!["(nothing)".to_owned()], shown);
        Self::line(&format!("   {:<COLUMN$} {}", "the caller sent", "the upstream received"));
        for row in 0..sent.len().max(received.len()) {
            let left = sent.get(row).map(|line| shortened(line)).unwrap_or_default();
            let right = received.get(row).map(|line| shortened(line)).unwrap_or_default();
            Self::line(&format!("     {left:<COLUMN$} {right}"));
        }
    }

    /// States what should be so, and whether it is.
    pub(super) fn promise(&mut self, what: &str, is_kept: bool) {
        if is_kept {
            self.kept += 1;
            Self::line(&format!("   ok    {what}"));
        } else {
            self.broken += 1;
            Self::line(&format!("   FAIL  {what}"));
        }
    }

    /// How many promises were broken.
    pub(super) const fn broken(&self) -> u32 {
        self.broken
    }

    /// How many promises were kept.
    pub(super) const fn kept(&self) -> u32 {
        self.kept
    }
}

fn shown(received: &Received) -> Vec<String> {
    let interesting =
        received.headers.iter().filter(|(name, _)| matches!(name.as_str(), "host" | "authorization" | "proxy-authorization" | "x-api-key"));
    std::iter::once(received.line.clone()).chain(interesting.map(|(name, value)| format!("{name}: {value}"))).collect()
}

/// Cut to the column's width, so that the columns stay columns.
fn shortened(line: &str) -> String {
    if line.chars().count() < COLUMN { line.to_owned() } else { line.chars().take(COLUMN - 2).chain("…".chars()).collect() }
}
