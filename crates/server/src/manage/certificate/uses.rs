//! Where a certificate is used: settings that name it, custom headers whose formulas sign with it, and named credentials that present it.

use std::collections::BTreeMap;

use sortie_model::{
    ApiName, CustomHeader, ExternalCredential, ExternalCredentialId, KeyAlgorithm, NamedCredential, Principal, Settings, SigningAlgorithm,
};
use sortie_protocol::{CertificateSetting, certificate_settings};
use sortie_store::Definitions;

/// What uses it, in words: external credential `Billing`, principal `Billing/Service`, named credential `Pay`.
pub(super) fn uses(definitions: &Definitions, name: &ApiName) -> Vec<String> {
    let credentials = definitions.external_credentials.iter().filter(|credential| uses_itself(credential, name));
    let mut found: Vec<_> = credentials.map(|credential| format!("external credential `{}`", credential.name)).collect();
    for (credential, principal) in principals(definitions, name) {
        found.push(format!("principal `{}/{}`", credential.name, principal.name));
    }
    let id = definitions.certificates.iter().find(|known| known.name == *name).map(|certificate| certificate.id);
    let presents = |named: &NamedCredential| named.client_certificate.is_some() && named.client_certificate == id;
    let named = definitions.named_credentials.iter().filter(|named| presents(named) || sign(&named.headers, name));
    found.extend(named.map(|named| format!("named credential `{}`", named.name)));
    found
}

/// The external credentials whose tokens it may have signed, themselves or through a principal.
pub(super) fn external_credentials(definitions: &Definitions, name: &ApiName) -> Vec<ExternalCredentialId> {
    let own = definitions.external_credentials.iter().filter(|credential| uses_itself(credential, name));
    let through = principals(definitions, name).map(|(credential, _)| credential);
    let mut found: Vec<_> = own.chain(through).map(|credential| credential.id).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn principals<'a>(definitions: &'a Definitions, name: &ApiName) -> impl Iterator<Item = (&'a ExternalCredential, &'a Principal)> {
    let credentials: BTreeMap<_, _> = definitions.external_credentials.iter().map(|credential| (credential.id, credential)).collect();
    let belonging = definitions.principals.iter().filter_map(move |principal| {
        let credential = credentials.get(&principal.external_credential).copied();
        Some((credential?, principal))
    });
    belonging.filter(|(credential, principal)| names(&credential.protocol, &principal.settings, name))
}

fn uses_itself(credential: &ExternalCredential, name: &ApiName) -> bool {
    names(&credential.protocol, &credential.settings, name) || sign(&credential.headers, name)
}

/// Whether one of the protocol's settings that hold a certificate holds this one.
fn names(protocol: &str, settings: &Settings, name: &ApiName) -> bool {
    settings_naming(protocol, settings, name).next().is_some()
}

fn settings_naming<'a>(protocol: &str, settings: &'a Settings, name: &ApiName) -> impl Iterator<Item = CertificateSetting<'a>> {
    let protocol = sortie_protocol::find(protocol).into_iter();
    let named = protocol.flat_map(|protocol| certificate_settings(protocol, settings));
    named.filter(|setting| setting.name.eq_ignore_ascii_case(name.as_str()))
}

/// The first external credential whose algorithm a key of this kind does not fit.
pub(super) fn misfit(definitions: &Definitions, name: &ApiName, key: KeyAlgorithm) -> Option<(ApiName, SigningAlgorithm)> {
    definitions.external_credentials.iter().find_map(|credential| {
        let mut algorithms = settings_naming(&credential.protocol, &credential.settings, name).filter_map(|setting| setting.algorithm);
        algorithms.find(|algorithm| !algorithm.fits(key)).map(|algorithm| (credential.name.clone(), algorithm))
    })
}

fn sign(headers: &[CustomHeader], name: &ApiName) -> bool {
    headers.iter().flat_map(|header| header.value.certificates()).any(|written| written.eq_ignore_ascii_case(name.as_str()))
}
