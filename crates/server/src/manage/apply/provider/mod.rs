//! Providers of a definition, of both kinds, before the external credentials that name them.

mod differing;
mod wanted;

use std::collections::BTreeMap;

use sortie_metadata::{Definition, ValueSource};
use sortie_model::{ApiName, ClientValues, ExternalCredential, IdentityProvider, IdentityProviderKind};
use sortie_protocol::ProviderSetting;
use sortie_store::Definitions;

use super::scene::Scene;
use crate::manage::provider::{end_tokens, goes_elsewhere, move_on, open, setting_of, store, users};
use crate::manage::{Action, Change, NotStored};

/// A provider of a definition, as far as both kinds are alike.
pub(super) struct Described<'d> {
    pub(super) kind: IdentityProviderKind,
    pub(super) index: usize,
    /// `auth_providers[0]`.
    pub(super) path: String,
    pub(super) name: &'d ApiName,
    pub(super) client_values: ClientValues,
    pub(super) values: &'d BTreeMap<String, ValueSource>,
}

/// All providers of a definition.
pub(super) fn described(definition: &Definition) -> Vec<Described<'_>> {
    let external_auth = definition.external_auth_identity_providers.iter().enumerate().map(|(index, one)| Described {
        kind: IdentityProviderKind::ExternalAuth,
        index,
        path: format!("external_auth_identity_providers[{index}]"),
        name: &one.name,
        client_values: ClientValues::Secret,
        values: &one.values,
    });
    let auth = definition.auth_providers.iter().enumerate().map(|(index, one)| Described {
        kind: IdentityProviderKind::Auth,
        index,
        path: format!("auth_providers[{index}]"),
        name: &one.name,
        client_values: one.kind.preset().client_values(),
        values: &one.values,
    });
    external_auth.chain(auth).collect()
}

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for one in described(scene.definition) {
        apply_one(scene, &one).await?;
    }
    Ok(())
}

/// Refuses a credential that names a provider that is not there, or that gives its tokens otherwise.
pub(super) fn judge(scene: &mut Scene<'_>, path: &str, credential: &ExternalCredential) {
    let Some(ProviderSetting { field, kind, flow, name }) = setting_of(credential) else { return };
    let path = format!("{path}.settings.{field}");
    let what = kind.in_words();
    match scene.stored.identity_provider(name) {
        Some(provider) if provider.kind() != kind => {
            let message = format!("names `{name}`, which is an {}: write it as `{}`", provider.kind().in_words(), provider.kind().as_str());
            scene.refuse(&path, unknown(kind), message);
        }
        Some(provider) if provider.flow() == flow => {}
        Some(provider) => {
            let message =
                format!("names the provider `{name}` of the flow {}; its flow must be {}", provider.flow().as_str(), flow.as_str());
            scene.refuse(&path, "provider_flow", message);
        }
        // What is wrong with it where it stands in this file has been said there.
        None if described(scene.definition).iter().any(|one| one.kind == kind && one.name.as_str().eq_ignore_ascii_case(name)) => {}
        None => scene.refuse(&path, unknown(kind), format!("names the {what} `{name}`, which is neither stored nor in this file")),
    }
}

const fn unknown(kind: IdentityProviderKind) -> &'static str {
    match kind {
        IdentityProviderKind::ExternalAuth => "external_auth_identity_provider_unknown",
        IdentityProviderKind::Auth => "auth_provider_unknown",
    }
}

async fn apply_one(scene: &mut Scene<'_>, one: &Described<'_>) -> Result<(), NotStored> {
    let before = scene.stored.identity_provider(one.name.as_str());
    if let Some(other) = before.as_ref().filter(|before| before.kind() != one.kind) {
        let message = format!(
            "is the name of an {} already: the two kinds share their names, so that provider:NAME means one",
            other.kind().in_words()
        );
        scene.refuse(&format!("{}.name", one.path), "provider_name_taken", message);
        return Ok(());
    }
    let Some(provider) = wanted::wanted(scene, one, before.as_ref()) else { return Ok(()) };
    let mut fields = Vec::new();
    match &before {
        None => insert(scene, &provider).await?,
        Some(before) => {
            let is_alike = scene.is_spelled_alike(&one.path, before.name().as_str(), provider.name().as_str());
            if !is_alike || !may_have_its_flow(scene, &one.path, &provider) {
                return Ok(());
            }
            fields = differing::fields(before, &provider);
            if !fields.is_empty() {
                update(scene, &provider).await?;
            }
        }
    }
    put(&mut scene.stored, &provider);
    let other_values = values(scene, one, before.as_ref().unwrap_or(&provider), &provider).await?;
    if before.as_ref().is_none_or(|before| !before.asks_like(&provider)) || !other_values.is_empty() {
        end_tokens(&mut scene.change, &scene.stored, &provider).await?;
    }
    fields.extend(other_values);
    let object = one.kind.as_str();
    scene.did(match before {
        None => Change { fields, ..Change::new(object, provider.name(), Action::Created) },
        Some(_) => Change::of_fields(object, provider.name(), fields),
    });
    Ok(())
}

async fn insert(scene: &mut Scene<'_>, provider: &IdentityProvider) -> Result<(), NotStored> {
    match provider {
        IdentityProvider::ExternalAuth(one) => scene.change.external_auth_identity_providers().insert(one).await?,
        IdentityProvider::Auth(one) => scene.change.auth_providers().insert(one).await?,
    }
    Ok(())
}

async fn update(scene: &mut Scene<'_>, provider: &IdentityProvider) -> Result<(), NotStored> {
    match provider {
        IdentityProvider::ExternalAuth(one) => scene.change.external_auth_identity_providers().update(one).await?,
        IdentityProvider::Auth(one) => scene.change.auth_providers().update(one).await?,
    }
    Ok(())
}

/// Into what is stored within the change, in the place of the one before.
fn put(stored: &mut Definitions, provider: &IdentityProvider) {
    match provider {
        IdentityProvider::ExternalAuth(one) => {
            stored.external_auth_identity_providers.retain(|known| known.id != one.id);
            stored.external_auth_identity_providers.push((**one).clone());
        }
        IdentityProvider::Auth(one) => {
            stored.auth_providers.retain(|known| known.id != one.id);
            stored.auth_providers.push((**one).clone());
        }
    }
}

/// Stored credentials that the file does not describe must be able to go on.
fn may_have_its_flow(scene: &mut Scene<'_>, path: &str, provider: &IdentityProvider) -> bool {
    let described = |credential: &ExternalCredential| scene.definition.external_credentials.iter().any(|one| one.name == credential.name);
    let stranded = users(&scene.stored, provider).filter(|credential| !described(credential)).find_map(|credential| {
        let flow = setting_of(credential)?.flow;
        (flow != provider.flow()).then(|| (credential.name.to_string(), flow))
    });
    if let Some((credential, flow)) = &stranded {
        let message = format!("must be {}: the external credential `{credential}` gets its tokens so", flow.as_str());
        scene.refuse(&format!("{path}.flow"), "provider_flow", message);
    }
    stranded.is_none()
}

/// Stores what the file gives, seals the rest anew where an endpoint moves, and names what was other.
async fn values(
    scene: &mut Scene<'_>,
    one: &Described<'_>,
    before: &IdentityProvider,
    provider: &IdentityProvider,
) -> Result<Vec<String>, NotStored> {
    let vault = scene.manage.vault;
    let moves = goes_elsewhere(before, provider);
    let rows = scene.change.provider_values().load(provider.id()).await?;
    let mut fields = Vec::new();
    for name in one.values.keys() {
        let Some(value) = scene.given.of_provider(&one.path, name) else { continue };
        let row = rows.iter().find(|row| row.head.name == *name);
        // A stored value that does not open any more is replaced: that is what mends it.
        let opened = row.and_then(|row| open(vault, before, row).ok());
        let is_same = opened.is_some_and(|plain| plain.expose() == value.expose().as_bytes());
        // Who gives the value that is there knows it, whoever has stored it.
        let is_known = scene.manage.by.is_none() || row.is_some_and(|row| row.head.stored_by == scene.manage.by);
        // Also if it is the same one: whoever guesses what others have stored is told nothing by a trial, and stands in the audit afterwards.
        if !is_same || !is_known {
            fields.push(format!("values.{name}"));
        }
        if !is_same || !is_known || moves {
            store(&mut scene.change, vault, provider, (name, row), scene.manage.new_id, value).await?;
        }
    }
    for row in rows.iter().filter(|row| moves && !one.values.contains_key(&row.head.name)) {
        move_on(&mut scene.change, vault, (before, provider), row).await?;
    }
    Ok(fields)
}
