//! `sortie explain`.

use clap::Args;
use sortie_client::{Plan, PlannedCertificate, TokenState};
use sortie_model::UserName;

use crate::auth::in_words;
use crate::failure::Failure;
use crate::printer::{Printer, Tone, harmless};
use crate::site::Site;

/// Show what a callout would do, without sending anything
///
/// Follows the same steps as a callout: the named credential, each principal in order and why it is or is not the one, the token, the headers by name only, the
/// destination, what would be signed, and, where it would fail, the same stable code with the next step.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  sortie explain callout:Billing/invoices?open=true --as alice\n\nExit status: 0 if the callout would be sent, 1 if it would be refused."
)]
pub(crate) struct ExplainArguments {
    /// What would be called: callout:Name/path?query
    target: String,
    /// Who would call
    #[arg(long = "as", value_name = "USER")]
    user: String,
}

pub(crate) async fn run(arguments: &ExplainArguments, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let plan = site.explain(&arguments.target, &UserName::parse(&arguments.user)?).await?;
    if printer.is_json() {
        printer.json(&plan);
    } else {
        show(printer, &plan);
        for unrevoked in &plan.unrevoked {
            printer.line(&format!("{:<20} {}", "not revoked", in_words(unrevoked)));
            printer.line(&format!("{:<20} {}", "next", unrevoked.next_step));
        }
    }
    Ok(u8::from(plan.refusal.is_some()))
}

fn show(printer: &Printer, plan: &Plan) {
    let fact = |name: &str, value: &str| printer.line(&format!("{name:<20} {value}"));
    fact("callout", &format!("{} as {}", harmless(&plan.target), plan.user));
    if let (Some(named), Some(destination)) = (&plan.named_credential, &plan.destination) {
        fact("named credential", named);
        fact("destination", destination);
    }
    if let (Some(credential), Some(protocol)) = (&plan.external_credential, &plan.protocol) {
        fact("external credential", &format!("{credential} ({protocol})"));
    }
    if let Some(provider) = &plan.identity_provider {
        fact("provider", provider);
    }
    if let Some(PlannedCertificate { name, version, expires_at }) = &plan.client_certificate {
        let version = version.map_or_else(|| ", of which no version is in force".to_owned(), |number| format!(", version {number}"));
        let until = expires_at.as_ref().map_or_else(String::new, |until| format!(", good until {until}"));
        fact("client certificate", &format!("{name}{version}{until}"));
    }
    for principal in &plan.principals {
        let tone = if principal.verdict == "chosen" { Tone::Good } else { Tone::Quiet };
        let verdict = printer.toned(tone, &principal.verdict.replace('_', " "));
        fact("principal", &format!("{}. {}: {verdict}, {}", principal.sequence_number, principal.name, principal.why));
    }
    match &plan.token {
        None | Some(TokenState::NotNeeded) => {}
        Some(TokenState::Good { expires_at }) => fact("token", &format!("kept, good until {expires_at}")),
        Some(TokenState::WouldBeFetched) => fact("token", "none is kept; the callout would fetch one first"),
        Some(TokenState::BackingOff { code, retry_not_before }) => {
            fact("token", &format!("the last attempt failed ({code}); the next is due at {retry_not_before}"))
        }
    }
    if !plan.headers.is_empty() {
        fact("headers added", &plan.headers.join(", "));
    }
    if let Some(signature) = &plan.signature {
        for (name, text) in [("canonical request", &signature.canonical_request), ("string to sign", &signature.string_to_sign)] {
            // The first line beside the name, the others below it.
            text.split('\n').zip(std::iter::once(name).chain(std::iter::repeat(""))).for_each(|(line, name)| fact(name, &harmless(line)));
        }
    }
    if let Some(failure) = plan.last_failure.as_ref().filter(|_| plan.refusal.is_none()) {
        fact("last failure", &format!("{} at {}: {}", failure.code, failure.at, harmless(&failure.message)));
        if let Some(cause) = &failure.cause {
            fact("cause", cause);
        }
        fact("if it fails again", &failure.next_step);
    }
    match &plan.refusal {
        None => fact("verdict", &printer.toned(Tone::Good, "it would be sent")),
        Some(refusal) => {
            fact("verdict", &printer.toned(Tone::Bad, &format!("it would be refused: {}", refusal.code)));
            fact("why", &harmless(&refusal.message));
            if let Some(cause) = &refusal.cause {
                fact("cause", cause);
            }
            fact("whose turn", &refusal.turn);
            fact("next", &refusal.next_step);
        }
    }
}
