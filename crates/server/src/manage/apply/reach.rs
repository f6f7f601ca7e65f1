//! Where secrets go: a change that sends one somewhere new is for whoever knows it (P21).
//!
//! Whoever may change definitions may not read what is stored; with a name of their own for it they could have it sent to a place of their own. So what each secret
//! reaches is compared before and after a change, by whatever way the change does it. An operator, who could read everything anyway, is the second approval.

use std::collections::{BTreeMap, BTreeSet};

use sortie_model::{CustomHeader, ExternalCredential, ExternalCredentialId, IdentityProviderId, NamedCredential, Settings, UserId};
use sortie_protocol::{Kind, certificate_settings};
use sortie_store::Definitions;

use super::ApplyError;
use super::scene::Scene;
use crate::manage::provider::{provider_of, told_secrets};

/// Who asks for a change, and whom nothing of others may be sent elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Whoever has stored a value knows it.
    pub user: UserId,
    /// Whether they manage certificates: what a private key signs is theirs to use.
    pub manages_certificates: bool,
}

/// What holds secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Credential(ExternalCredentialId),
    Provider(IdentityProviderId),
    /// By its name in lower case.
    Certificate(String),
}

/// Every place that something of each holder may be sent to.
type Reach = BTreeMap<Holder, BTreeSet<String>>;

/// Refuses a change that sends a secret somewhere new, unless the asker has stored it.
pub(super) async fn judge(scene: &mut Scene<'_>, asker: Asker, before: &Definitions) -> Result<(), ApplyError> {
    let after = scene.change.definitions().await?;
    let known = reach(before);
    for (holder, places) in reach(&after) {
        let new = places.iter().find(|place| !known.get(&holder).is_some_and(|known| known.contains(*place)));
        let Some(place) = new else { continue };
        if let Some(what) = of_others(scene, asker, &after, &holder).await? {
            return Err(ApplyError::OthersSecrets { what, place: place.clone() });
        }
    }
    Ok(())
}

/// What it is called, if it holds anything that the asker has not stored.
async fn of_others(scene: &mut Scene<'_>, asker: Asker, definitions: &Definitions, holder: &Holder) -> Result<Option<String>, ApplyError> {
    let is_others = |stored_by: Option<UserId>| stored_by != Some(asker.user);
    Ok(match holder {
        Holder::Credential(id) => {
            let Some(credential) = definitions.external_credentials.iter().find(|credential| credential.id == *id) else { return Ok(None) };
            let rows = scene.change.credential_values().of_credential(*id).await?;
            let is_held = rows.iter().any(|(_, row)| is_others(row.head.stored_by))
                || (needs_a_login(credential) && scene.change.has_grants_of_others(*id, asker.user).await?);
            is_held.then(|| format!("external credential `{}`", credential.name))
        }
        Holder::Provider(id) => {
            let rows = scene.change.provider_values().load(*id).await?;
            let provider = definitions.identity_providers().into_iter().find(|provider| provider.id() == *id);
            let is_held = rows.iter().any(|row| is_others(row.head.stored_by));
            provider.filter(|_| is_held).map(|provider| format!("provider `{}`", provider.name()))
        }
        Holder::Certificate(name) => (!asker.manages_certificates).then(|| format!("certificate `{name}`")),
    })
}

fn reach(definitions: &Definitions) -> Reach {
    let mut reach = Reach::new();
    let mut add = |holder, place: &str| {
        // An endpoint that there is none of is no place.
        if !place.is_empty() {
            reach.entry(holder).or_default().insert(place.to_owned());
        }
    };
    let credentials: BTreeMap<_, _> = definitions.external_credentials.iter().map(|credential| (credential.id, credential)).collect();
    for credential in credentials.values() {
        for url in urls(credential) {
            add(Holder::Credential(credential.id), url);
            certificates(definitions, credential).for_each(|certificate| add(certificate, url));
        }
        // People's logins go to the endpoints of whoever gave them: there they are renewed, asked whose they are, and taken back.
        if let Some(provider) = provider_of(definitions, credential).filter(|_| needs_a_login(credential)) {
            told_secrets(&provider).iter().for_each(|url| add(Holder::Credential(credential.id), url));
        }
    }
    for named in &definitions.named_credentials {
        let origin = format!("{}://{}", named.url.scheme().as_str(), named.url.authority());
        add(Holder::Credential(named.external_credential), &origin);
        in_headers(&named.headers).for_each(|certificate| add(certificate, &origin));
        if let Some(certificate) = presented(definitions, named) {
            add(certificate, &format!("{origin} as its client certificate"));
        }
        let Some(credential) = credentials.get(&named.external_credential) else { continue };
        // What a key is good for arrives there by way of this credential and no other: it says what is signed.
        let through = format!("{origin} through the external credential `{}`", credential.name);
        certificates(definitions, credential).for_each(|certificate| add(certificate, &through));
        if let Some(provider) = provider_of(definitions, credential).filter(|_| !needs_a_login(credential)) {
            add(Holder::Provider(provider.id()), &origin);
        }
    }
    for provider in definitions.identity_providers() {
        told_secrets(&provider).iter().for_each(|url| add(Holder::Provider(provider.id()), url));
    }
    reach
}

/// The settings that say where values and tokens are asked for.
fn urls(credential: &ExternalCredential) -> impl Iterator<Item = &str> {
    let fields = sortie_protocol::find(&credential.protocol).map(|protocol| protocol.fields()).unwrap_or_default();
    let urls = fields.iter().filter(|field| field.place.is_setting() && field.kind == Kind::Url);
    urls.filter_map(|field| credential.settings.get(field.name)?.as_str())
}

/// Whether its tokens are those of people, whom the provider's client secret alone gives none.
fn needs_a_login(credential: &ExternalCredential) -> bool {
    sortie_protocol::find(&credential.protocol).is_some_and(|protocol| protocol.login().is_some())
}

/// The certificates whose keys sign for it.
fn certificates<'d>(definitions: &'d Definitions, credential: &'d ExternalCredential) -> impl Iterator<Item = Holder> + 'd {
    let principals = definitions.principals.iter().filter(|principal| principal.external_credential == credential.id);
    let settings = principals.map(|principal| &principal.settings).chain([&credential.settings]);
    settings.flat_map(|settings| in_settings(&credential.protocol, settings)).chain(in_headers(&credential.headers))
}

fn in_settings<'d>(protocol: &str, settings: &'d Settings) -> impl Iterator<Item = Holder> + 'd {
    let protocol = sortie_protocol::find(protocol);
    protocol.into_iter().flat_map(|protocol| certificate_settings(protocol, settings)).map(|setting| holder(setting.name))
}

fn in_headers(headers: &[CustomHeader]) -> impl Iterator<Item = Holder> {
    headers.iter().flat_map(|header| header.value.certificates()).map(|name| holder(name))
}

/// The certificate that is presented to the upstream.
///
/// That sends nothing away that could be used elsewhere: what is signed is this one handshake with this one server (RFC 8446, section 4.4.3). But it makes the
/// upstream take whoever calls for the certificate's owner. So a certificate at a new place, be it that a name begins to present it or that a name which
/// does leads elsewhere, is for those who manage certificates, like one that begins to sign there. To present none any more is nothing new: the values and
/// tokens of the external credential go where they went, to a server that shows its own certificate as before. One certificate in the place of another is a new place of that other.
fn presented(definitions: &Definitions, named: &NamedCredential) -> Option<Holder> {
    let id = named.client_certificate?;
    let certificate = definitions.certificates.iter().find(|certificate| certificate.id == id)?;
    Some(holder(certificate.name.as_str()))
}

fn holder(certificate: &str) -> Holder {
    Holder::Certificate(certificate.to_ascii_lowercase())
}
