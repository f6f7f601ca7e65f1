//! `sortie audit`.

use std::time::Duration;

use clap::Subcommand;
use sortie_client::{AuditFinding, VerifiedLane};
use sortie_server::audit::Line;

use crate::failure::Failure;
use crate::printer::{Printer, Tone, harmless};
use crate::site::Site;

/// How often a followed audit is looked at, here and over HTTP.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const ASK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the last records
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
        /// Go on as records come
        #[arg(short, long)]
        follow: bool,
    },
    /// Check every record of every chain; exit status 3 if one was changed, dropped or moved
    Verify,
}

pub(crate) async fn run(command: &AuditCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    match command {
        AuditCommand::Tail { lines, follow } => tail(site, printer, *lines, *follow).await,
        AuditCommand::Verify => check(site, printer).await,
    }
}

async fn tail(site: &Site, printer: &Printer, count: usize, follow: bool) -> Result<u8, Failure> {
    let (lines, mut tail) = site.audit_tail(count).await?;
    lines.iter().for_each(|line| show(printer, line));
    if !follow {
        return Ok(0);
    }
    let pause = if let Site::Server(_) = site { ASK_AGAIN } else { LOOK_AGAIN };
    loop {
        tokio::time::sleep(pause).await;
        tail.fresh().await?.iter().for_each(|line| show(printer, line));
        if printer.is_closed() {
            return Ok(0);
        }
    }
}

/// One record a line: the JSON as it is with `--json`, else its fields without the MAC.
fn show(printer: &Printer, line: &Line) {
    let record: serde_json::Value = serde_json::from_str(&line.text).unwrap_or_default();
    let Some(record) = record.as_object().filter(|_| !printer.is_json()) else {
        return printer.line(&line.text);
    };
    let event = record.get("event").and_then(serde_json::Value::as_str).unwrap_or("?");
    let is_bad = event == "refused" || record.contains_key("code");
    let fields = record.iter().filter(|(name, _)| !matches!(name.as_str(), "at" | "event" | "mac"));
    let fields: Vec<String> =
        fields.map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect();
    let event = printer.toned(if is_bad { Tone::Bad } else { Tone::Good }, &format!("{event:<8}"));
    printer.line(&format!("{} {event} {}", printer.toned(Tone::Quiet, &line.at), harmless(&fields.join(" "))));
}

async fn check(site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let verification = site.verify_audit().await?;
    if printer.is_json() {
        printer.json(&verification);
    } else {
        verification.lanes.iter().for_each(|lane| show_lane(printer, lane));
        if verification.lanes_elsewhere > 0 {
            printer.line(&format!(
                "{} more lanes are kept elsewhere, by other nodes or in an earlier audit directory: verify them there",
                verification.lanes_elsewhere
            ));
        }
    }
    Ok(if verification.intact { 0 } else { 3 })
}

fn show_lane(printer: &Printer, verified: &VerifiedLane) {
    let what = match &verified.finding {
        None => printer.toned(Tone::Good, "intact"),
        Some(finding) => printer.toned(Tone::Bad, &describe(finding)),
    };
    printer.line(&format!("{:<12} {:>9} records  {what}", verified.lane, verified.records));
    if verified.unfinished > 0 {
        let unfinished = verified.unfinished;
        printer.line(&format!(
            "{:<12} {unfinished} more were not written to their end, as happens when a server is killed: nothing vouches for them, and the next start cuts them off",
            ""
        ));
    }
}

fn describe(finding: &AuditFinding) -> String {
    match finding {
        AuditFinding::Broken { line, last_line, .. } if line < last_line => {
            format!(
                "broken between line {line} and line {last_line}: one of the records written together there was changed, or some around it dropped or moved"
            )
        }
        AuditFinding::Broken { line, last_line: _, expected_sequence, found_sequence } => {
            let found = found_sequence.map_or("something that is no record".to_owned(), |sequence| format!("number {sequence}"));
            format!("broken at line {line}: record {expected_sequence} was changed, dropped or moved (found {found})")
        }
        AuditFinding::Truncated { last_sequence, anchored_sequence } => {
            format!("cut off behind record {last_sequence}: record {anchored_sequence} was there")
        }
        AuditFinding::Replaced { anchored_sequence } => format!("not the file that was written: record {anchored_sequence} was another"),
        AuditFinding::Missing { anchored_sequence } => format!("the file is gone: it held at least {anchored_sequence} records"),
    }
}
