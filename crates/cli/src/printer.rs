//! The one place that writes: text or JSON on standard output, failures on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use comfy_table::{Cell, ContentArrangement, Table};
use serde::Serialize;
use sortie_client::{Action, Change, Fault};

use crate::arguments::Color;
use crate::failure::Failure;

/// Writes what commands have to say.
pub(crate) struct Printer {
    is_json: bool,
    is_coloured: bool,
    /// Why standard output takes nothing more.
    closed: OnceLock<io::Error>,
}

/// How a word is meant.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Quiet,
    Plain,
}

impl Printer {
    pub(crate) fn new(is_json: bool, color: Color) -> Self {
        let is_coloured = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Self { is_json, is_coloured, closed: OnceLock::new() }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// A line of text.
    pub(crate) fn line(&self, text: &str) {
        if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
            self.closed.get_or_init(|| error);
        }
    }

    /// Whether nobody reads any more: a command that goes on and on ends then.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// What is not written anywhere: a key that is shown once, the end of a chain. Whoever closed a pipe did not want more, and that is no failure.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let flushed = io::stdout().flush();
        match self.closed.get().or(flushed.as_ref().err()).filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            None => Ok(()),
            Some(error) => {
                let next = "make room, or write it elsewhere; what was to be done is done, so look before doing it twice";
                Err(Failure::new("output_unusable", format!("standard output cannot be written: {error}"), next))
            }
        }
    }

    /// A value as JSON.
    pub(crate) fn json(&self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
        self.line(&text);
    }

    /// A word in its colour.
    pub(crate) fn toned(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Tone::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
            Tone::Quiet => Style::new().dimmed(),
            Tone::Plain => Style::new(),
        };
        let text = harmless(text);
        if self.is_coloured { format!("{style}{text}{style:#}") } else { text }
    }

    /// Aligned columns without lines around them.
    pub(crate) fn table(&self, header: &[&str], rows: Vec<Vec<(Tone, String)>>) {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().map(|title| Cell::new(self.toned(Tone::Quiet, title))));
        for row in rows {
            table.add_row(row.into_iter().map(|(tone, text)| Cell::new(self.toned(tone, &text))));
        }
        for line in table.to_string().lines() {
            self.line(line.trim());
        }
    }

    /// What a command changed.
    pub(crate) fn changes(&self, changes: &[Change]) {
        if self.is_json {
            return self.json(&serde_json::json!({ "changes": changes }));
        }
        for change in changes {
            let tone = match change.action {
                Action::Created | Action::Updated => Tone::Good,
                Action::Deleted => Tone::Bad,
                Action::Unchanged | Action::LeftAlone => Tone::Quiet,
            };
            let fields = if change.fields.is_empty() { String::new() } else { format!(" ({})", change.fields.join(", ")) };
            let word = self.toned(tone, &format!("{:<10}", change.action.as_str().replace('_', " ")));
            self.line(&format!("{word} {} {}{fields}", change.object.replace('_', " "), change.name));
        }
    }

    /// A failure, and the exit status for it.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitCode {
        let Failure { code, message, next, problems, refusal } = failure;
        let text = if self.is_json {
            let mut error = serde_json::json!({ "code": code, "message": message, "next": next });
            if !problems.is_empty() {
                error["problems"] = serde_json::json!(problems);
            }
            if let Some(refusal) = refusal {
                let fault = |fault: &Fault| serde_json::json!({ "pointer": fault.pointer, "code": fault.code, "detail": fault.detail });
                error["errors"] = refusal.faults.iter().map(fault).collect();
                error["request_id"] = serde_json::json!(refusal.request_id);
            }
            serde_json::json!({ "error": error }).to_string()
        } else {
            format!("error[{code}]: {}\nnext: {}", harmless(message), harmless(next))
        };
        let _ = writeln!(std::io::stderr().lock(), "{text}");
        ExitCode::from(1)
    }
}

/// The text without anything that a terminal would obey: control characters but line ends are shown escaped. Names cannot hold any, but
/// files, arguments and other people's answers can.
pub(crate) fn harmless(text: &str) -> String {
    let show = |character: char| {
        let is_obeyed = character.is_control() && character != '\n';
        if is_obeyed { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(harmless("Köln\n\x1b]0;owned\x07\u{9b}2J"), "Köln\n\\u{1b}]0;owned\\u{7}\\u{9b}2J");
    }
}
