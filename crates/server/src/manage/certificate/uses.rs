//! Where a certificate is used: settings that name it.

use sortie_model::{ApiName, ExternalCredentialId, Settings};
use sortie_store::Definitions;

/// What uses it, in words: external credential `Billing`, principal `Billing/Service`.
pub(super) fn uses(definitions: &Definitions, name: &ApiName) -> Vec<String> {
    let credentials = definitions.external_credentials.iter().filter(|credential| names(&credential.settings, name));
    let mut found: Vec<_> = credentials.map(|credential| format!("external credential `{}`", credential.name)).collect();
    for principal in definitions.principals.iter().filter(|principal| names(&principal.settings, name)) {
        let credential = definitions.external_credentials.iter().find(|credential| credential.id == principal.external_credential);
        let credential = credential.map(|credential| credential.name.as_str()).unwrap_or_default();
        found.push(format!("principal `{credential}/{}`", principal.name));
    }
    found
}

/// The external credentials that use it, themselves or through a principal.
pub(super) fn external_credentials(definitions: &Definitions, name: &ApiName) -> Vec<ExternalCredentialId> {
    let own =
        definitions.external_credentials.iter().filter(|credential| names(&credential.settings, name)).map(|credential| credential.id);
    let through = definitions.principals.iter().filter(|principal| names(&principal.settings, name));
    let mut found: Vec<_> = own.chain(through.map(|principal| principal.external_credential)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a setting called `certificate`, or `…_certificate`, holds the name.
fn names(settings: &Settings, name: &ApiName) -> bool {
    let is_certificate = |field: &str| field == "certificate" || field.ends_with("_certificate");
    settings
        .iter()
        .any(|(field, value)| is_certificate(field) && value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(name.as_str())))
}
