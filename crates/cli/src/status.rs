//! `sortie status`.

use clap::Args;
use sortie_client::{CredentialReport, ManagerReport, PrincipalReport, SpoolReport, UnrevokedReport};
use sortie_model::{ApiName, AuthenticationStatus};

use crate::failure::Failure;
use crate::printer::{Printer, Tone, harmless};
use crate::site::{Site, Spool};

/// Show which credentials are complete, what is missing, and how they did lately
#[derive(Debug, Args)]
#[command(
    after_long_help = "The status says whether a definition is complete, not whether the other side accepts it; that is what health is for.\n\nExit status: 0; with --check 3 if something is Not Configured, or a client certificate cannot be presented."
)]
pub(crate) struct StatusArguments {
    /// Only this external credential
    name: Option<String>,
    /// End with status 3 if something is Not Configured, or a client certificate cannot be presented
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(arguments: &StatusArguments, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let name = arguments.name.as_deref().map(ApiName::parse).transpose()?;
    let overview = site.status(name.as_ref()).await?;
    let reports = &overview.external_credentials;
    if printer.is_json() {
        printer.json(&overview);
    } else {
        if reports.is_empty() {
            printer.line("nothing is defined yet; begin with: sortie apply -f FILE");
        }
        reports.iter().for_each(|report| show(printer, report));
        show_spool(printer, &overview.spool);
    }
    let is_incomplete = reports.iter().any(|report| report.status == AuthenticationStatus::NotConfigured || lacks_certificate(report));
    Ok(if arguments.check && is_incomplete { 3 } else { 0 })
}

fn show(printer: &Printer, report: &CredentialReport) {
    printer.line(&format!("{}  {}  {}", report.name, toned(printer, report.status), printer.toned(Tone::Quiet, &report.protocol_title)));
    for step in &report.missing {
        printer.line(&format!("  next: {}", step.message));
    }
    for place in &report.named_credentials {
        let off = if place.enabled { "" } else { "  (switched off)" };
        let presents = place.client_certificate.as_ref().map_or(String::new(), |presented| match &presented.expires_at {
            Some(until) => format!("  (presents the certificate {}, good until {until})", presented.name),
            None => format!("  (presents the certificate {})", presented.name),
        });
        printer.line(&format!("  callout:{} -> {}{off}{presents}", place.name, place.url));
        for step in place.client_certificate.iter().flat_map(|presented| &presented.missing) {
            printer.line(&format!("     next: {}", step.message));
        }
    }
    if let Some(ManagerReport { kind: _, name, values }) = &report.managed_by {
        printer.line(&format!("  {} come from the provider {name}", values.join(" and ")));
    }
    report.principals.iter().for_each(|principal| show_principal(printer, report, principal));
}

/// Whether a name that is switched on presents a certificate that cannot be presented.
fn lacks_certificate(report: &CredentialReport) -> bool {
    let mut presented = report.named_credentials.iter().filter(|place| place.enabled).flat_map(|place| &place.client_certificate);
    presented.any(|presented| !presented.missing.is_empty())
}

/// Nothing, as long as all is well.
fn show_spool(printer: &Printer, spool: &Spool) {
    let Spool { directory, report: SpoolReport { waiting, problem } } = spool;
    let place = directory.as_ref().map_or_else(|| "the server's spool".to_owned(), |directory| directory.display().to_string());
    if *waiting > 0 {
        printer.line(&format!("{waiting} renewed logins wait in {place} for the database; a running server brings them there"));
    }
    if let Some(problem) = problem {
        let told = format!("cannot write to {place}: {}", harmless(problem));
        printer.line(&printer.toned(Tone::Bad, &told));
        printer.line("  next: give the data directory room and its owner the right to write, or a login that is renewed at a bad moment has to be made anew");
    }
}

fn show_principal(printer: &Printer, report: &CredentialReport, principal: &PrincipalReport) {
    printer.line(&format!("  {}. {}/{}  {}", principal.sequence_number, report.name, principal.name, toned(printer, principal.status)));
    let enabled_for: Vec<&str> = principal.permission_sets.iter().chain(&principal.profiles).map(String::as_str).collect();
    printer.line(&format!("     enabled for {}", if enabled_for.is_empty() { "nobody".to_owned() } else { enabled_for.join(", ") }));
    // What the credential lacks is said once, above.
    for step in principal.missing.iter().filter(|step| !report.missing.contains(step)) {
        printer.line(&format!("     next: {}", step.message));
    }
    let health = &principal.health;
    if let Some(success) = &health.last_success {
        printer.line(&format!("     last success {success}"));
    }
    if let Some(failure) = &health.last_failure {
        let code = health.last_failure_code.as_deref().unwrap_or("unknown");
        printer.line(&format!("     last failure {failure} {}", printer.toned(Tone::Bad, code)));
    }
    if let Some(expiry) = &health.token_expires_at {
        printer.line(&format!("     token expires {expiry}"));
    }
    if let Some(UnrevokedReport { waiting, given_up }) = principal.unrevoked {
        if waiting > 0 {
            printer.line(&format!("     {waiting} taken away here, not yet revoked at the provider; a running server tells it again"));
        }
        if given_up > 0 {
            let told = "taken away here, never revoked at the provider: withdraw the access over there";
            printer.line(&format!("     {}", printer.toned(Tone::Bad, &format!("{given_up} {told}"))));
        }
    }
}

fn toned(printer: &Printer, status: AuthenticationStatus) -> String {
    let tone = match status {
        AuthenticationStatus::Configured => Tone::Good,
        AuthenticationStatus::NotConfigured => Tone::Bad,
        AuthenticationStatus::Unknown => Tone::Quiet,
    };
    printer.toned(tone, status.as_str())
}
