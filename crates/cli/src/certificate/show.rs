//! What is shown of certificates.

use sortie_client::{Certificate, CertificateSummary, CertificateVersion, Change, VersionStanding};

use crate::printer::{Printer, Tone};

/// From here on an expiry is shown as something to look at: Salesforce's first reminder comes 60 days before, its second 30.
const SOON_DAYS: i64 = 30;

/// Alone on standard output, so that it can be redirected into a file.
pub(super) fn print_pem(printer: &Printer, pem: &str) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "pem": pem }));
    }
    printer.line(pem.trim_end());
}

pub(super) fn print_request(printer: &Printer, request: &str, change: &Change) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "pem": request, "changes": [change] }));
    }
    print_pem(printer, request);
}

pub(super) fn list(printer: &Printer, certificates: &[CertificateSummary]) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "certificates": certificates }));
    }
    let row = |one: &CertificateSummary| {
        vec![
            (Tone::Plain, one.name.clone()),
            (tone_of(one.state), one.state.as_str().to_owned()),
            (Tone::Plain, one.kid.clone().unwrap_or_default()),
            (Tone::Plain, one.key_algorithm.clone()),
            (Tone::Plain, one.not_after.clone().unwrap_or_default()),
            left(one.days_left),
        ]
    };
    printer.table(&["certificate", "newest version", "signs as", "key", "expires", "days left"], certificates.iter().map(row).collect());
}

pub(super) fn show(printer: &Printer, view: &Certificate) {
    if printer.is_json() {
        return printer.json(view);
    }
    printer.line(&format!("{}  {}", view.name, printer.toned(Tone::Quiet, &view.label)));
    if !view.description.is_empty() {
        printer.line(&format!("  {}", printer.toned(Tone::Plain, &view.description)));
    }
    printer.line(&format!("  used by {}", if view.used_by.is_empty() { "nothing".to_owned() } else { view.used_by.join(", ") }));
    view.versions.iter().for_each(|version| show_version(printer, version));
}

fn show_version(printer: &Printer, version: &CertificateVersion) {
    let state = printer.toned(tone_of(version.state), version.state.as_str());
    printer.line(&format!(
        "  {}. {state}  kid {}  {}  {}",
        version.number,
        version.kid,
        version.key_algorithm,
        version.origin.replace('_', " ")
    ));
    let fact = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            printer.line(&format!("     {name} {}", printer.toned(Tone::Plain, value)));
        }
    };
    fact("signs from", &version.signs_from);
    fact("retires at", &version.retires_at);
    fact("subject", &version.subject);
    fact("issuer", &version.issuer);
    fact("SHA-256", &version.fingerprint);
    if let Some(not_after) = &version.not_after {
        let (tone, days) = left(version.days_left);
        printer.line(&format!("     expires {not_after}, {} days left", printer.toned(tone, &days)));
    }
    let tone = if version.private_key == "matches" { Tone::Good } else { Tone::Bad };
    printer.line(&format!("     private key {}", printer.toned(tone, &version.private_key)));
}

const fn tone_of(state: VersionStanding) -> Tone {
    match state {
        VersionStanding::Signing => Tone::Good,
        VersionStanding::Pending => Tone::Bad,
        VersionStanding::Published | VersionStanding::Retiring => Tone::Plain,
        VersionStanding::Retired => Tone::Quiet,
    }
}

fn left(days: Option<i64>) -> (Tone, String) {
    let tone = if days.is_some_and(|days| days <= SOON_DAYS) { Tone::Bad } else { Tone::Plain };
    (tone, days.map(|days| days.to_string()).unwrap_or_default())
}
