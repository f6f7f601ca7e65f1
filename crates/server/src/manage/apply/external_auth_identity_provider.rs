//! External auth identity providers of a definition, before the external credentials that name them.

use sortie_model::{AuthorizationServer, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId, ExternalCredential};
use sortie_protocol::{Discovered, ProviderSetting};

use super::scene::Scene;
use crate::manage::change::differing;
use crate::manage::external_auth_identity_provider::{end_tokens, move_on, open, provider_of, setting_of, store, users};
use crate::manage::{Change, NotStored};

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for index in 0..scene.definition.external_auth_identity_providers.len() {
        apply_one(scene, index).await?;
    }
    Ok(())
}

/// Refuses a credential that names a provider that is not there, or that gives its tokens otherwise.
pub(super) fn judge(scene: &mut Scene<'_>, path: &str, credential: &ExternalCredential) {
    let Some(ProviderSetting { field, flow, name }) = setting_of(credential) else { return };
    let path = format!("{path}.settings.{field}");
    match provider_of(&scene.stored, credential).map(|provider| provider.flow) {
        Some(has) if has == flow => {}
        Some(has) => {
            let message = format!("names the provider `{name}` of the flow {}; its flow must be {}", has.as_str(), flow.as_str());
            scene.refuse(&path, "provider_flow", message);
        }
        // What is wrong with it where it stands in this file has been said there.
        None if scene.definition.external_auth_identity_providers.iter().any(|wanted| wanted.name.as_str().eq_ignore_ascii_case(name)) => {}
        None => {
            let message = format!("names the external auth identity provider `{name}`, which is neither stored nor in this file");
            scene.refuse(&path, "external_auth_identity_provider_unknown", message);
        }
    }
}

async fn apply_one(scene: &mut Scene<'_>, index: usize) -> Result<(), NotStored> {
    let path = format!("external_auth_identity_providers[{index}]");
    let name = &scene.definition.external_auth_identity_providers[index].name;
    let before = scene.stored.external_auth_identity_providers.iter().find(|stored| stored.name == *name).cloned();
    let Some(provider) = wanted(scene, index, &path, before.as_ref()) else { return Ok(()) };
    let mut fields = Vec::new();
    match &before {
        None => {
            scene.change.external_auth_identity_providers().insert(&provider).await?;
            scene.stored.external_auth_identity_providers.push(provider.clone());
        }
        Some(before) => {
            if !scene.is_spelled_alike(&path, before.name.as_str(), provider.name.as_str()) || !may_have_its_flow(scene, &path, &provider) {
                return Ok(());
            }
            fields = differing_fields(before, &provider);
            if !fields.is_empty() {
                scene.change.external_auth_identity_providers().update(&provider).await?;
            }
            let stored = scene.stored.external_auth_identity_providers.iter_mut().filter(|stored| stored.id == provider.id);
            stored.for_each(|stored| *stored = provider.clone());
        }
    }
    let other_values = values(scene, index, before.as_ref().unwrap_or(&provider), &provider).await?;
    if before.as_ref().is_none_or(|before| !before.asks_like(&provider)) || !other_values.is_empty() {
        end_tokens(&mut scene.change, &scene.stored, &provider.name).await?;
    }
    fields.extend(other_values);
    scene.did(match before {
        None => Change { fields, ..Change::new("external_auth_identity_provider", &provider.name, crate::manage::Action::Created) },
        Some(_) => Change::of_fields("external_auth_identity_provider", &provider.name, fields),
    });
    Ok(())
}

/// What the file says, with what the issuer says where the file does not; `None` if that cannot be.
fn wanted(
    scene: &mut Scene<'_>,
    index: usize,
    path: &str,
    before: Option<&ExternalAuthIdentityProvider>,
) -> Option<ExternalAuthIdentityProvider> {
    let wanted = &scene.definition.external_auth_identity_providers[index];
    let discovered: Option<&Discovered> = scene.discovered.get(index).and_then(Option::as_ref);
    let found = |of: fn(&Discovered) -> Option<&sortie_model::ServiceUrl>| discovered.and_then(of).cloned();
    let mut provider = ExternalAuthIdentityProvider {
        id: before.map_or_else(|| ExternalAuthIdentityProviderId::from_uuid((scene.manage.new_id)()), |before| before.id),
        name: wanted.name.clone(),
        label: wanted.label.clone(),
        description: wanted.description.clone(),
        flow: wanted.flow,
        server: AuthorizationServer {
            client_authentication: wanted.client_authentication,
            authorize_endpoint: wanted.authorize_endpoint.clone().or_else(|| found(|found| found.authorize_endpoint.as_ref())),
            token_endpoint: wanted.token_endpoint.clone().or_else(|| found(|found| Some(&found.token_endpoint)))?,
            user_info_endpoint: wanted.user_info_endpoint.clone().or_else(|| found(|found| found.user_info_endpoint.as_ref())),
            revocation_endpoint: wanted.revocation_endpoint.clone().or_else(|| found(|found| found.revocation_endpoint.as_ref())),
            key_set_endpoint: wanted.key_set_endpoint.clone().or_else(|| found(|found| found.key_set_endpoint.as_ref())),
            uses_pkce: wanted.uses_pkce,
            issuer_in_response: wanted.issuer_in_response.or(discovered.map(|found| found.issuer_in_response)).unwrap_or_default(),
            issuer: wanted.issuer.clone(),
            default_scopes: wanted.default_scopes.clone(),
            parameters: wanted.parameters.clone(),
        },
    };
    if let Err(violations) = provider.check() {
        for violation in violations.0 {
            let violation = violation.within(path);
            scene.refuse(&violation.field, violation.rule, violation.message);
        }
        return None;
    }
    // The order that counts, so that two spellings of the same definition are equal.
    provider.server.parameters.sort_by_key(|parameter| parameter.sequence_number);
    Some(provider)
}

/// Stored credentials that the file does not describe must be able to go on.
fn may_have_its_flow(scene: &mut Scene<'_>, path: &str, provider: &ExternalAuthIdentityProvider) -> bool {
    let described = |credential: &ExternalCredential| scene.definition.external_credentials.iter().any(|one| one.name == credential.name);
    let stranded = users(&scene.stored, &provider.name).filter(|credential| !described(credential)).find_map(|credential| {
        let flow = setting_of(credential)?.flow;
        (flow != provider.flow).then(|| (credential.name.to_string(), flow))
    });
    if let Some((credential, flow)) = &stranded {
        let message = format!("must be {}: the external credential `{credential}` gets its tokens so", flow.as_str());
        scene.refuse(&format!("{path}.flow"), "provider_flow", message);
    }
    stranded.is_none()
}

/// Stores what the file gives, seals the rest anew where the token endpoint moves, and names what was other.
async fn values(
    scene: &mut Scene<'_>,
    index: usize,
    before: &ExternalAuthIdentityProvider,
    provider: &ExternalAuthIdentityProvider,
) -> Result<Vec<String>, NotStored> {
    let vault = scene.manage.vault;
    let moves = before.server.token_endpoint != provider.server.token_endpoint;
    let rows = scene.change.external_auth_identity_providers().values(provider.id).await?;
    let mut fields = Vec::new();
    for name in scene.definition.external_auth_identity_providers[index].values.keys() {
        let Some(value) = scene.given.of_provider(index, name) else { continue };
        let row = rows.iter().find(|row| row.head.name == *name);
        // A stored value that does not open any more is replaced: that is what mends it.
        let opened = row.and_then(|row| open(vault, before, row).ok());
        let is_same = opened.is_some_and(|plain| plain.expose() == value.expose().as_bytes());
        if !is_same {
            fields.push(format!("values.{name}"));
        }
        if !is_same || moves {
            store(&mut scene.change, vault, provider, (name, row), scene.manage.new_id, value).await?;
        }
    }
    let given = &scene.definition.external_auth_identity_providers[index].values;
    for row in rows.iter().filter(|row| moves && !given.contains_key(&row.head.name)) {
        move_on(&mut scene.change, vault, (before, provider), row).await?;
    }
    Ok(fields)
}

fn differing_fields(before: &ExternalAuthIdentityProvider, wanted: &ExternalAuthIdentityProvider) -> Vec<String> {
    let ExternalAuthIdentityProvider { id: _, name: _, label, description, flow, server } = wanted;
    let AuthorizationServer {
        client_authentication,
        authorize_endpoint,
        token_endpoint,
        user_info_endpoint,
        revocation_endpoint,
        key_set_endpoint,
        uses_pkce,
        issuer_in_response,
        issuer,
        default_scopes,
        parameters,
    } = server;
    let known = &before.server;
    differing(&[
        ("label", before.label != *label),
        ("description", before.description != *description),
        ("flow", before.flow != *flow),
        ("client_authentication", known.client_authentication != *client_authentication),
        ("authorize_endpoint", known.authorize_endpoint != *authorize_endpoint),
        ("token_endpoint", known.token_endpoint != *token_endpoint),
        ("user_info_endpoint", known.user_info_endpoint != *user_info_endpoint),
        ("revocation_endpoint", known.revocation_endpoint != *revocation_endpoint),
        ("key_set_endpoint", known.key_set_endpoint != *key_set_endpoint),
        ("pkce", known.uses_pkce != *uses_pkce),
        ("issuer_in_response", known.issuer_in_response != *issuer_in_response),
        ("issuer", known.issuer != *issuer),
        ("default_scopes", known.default_scopes != *default_scopes),
        ("request_parameters", known.parameters != *parameters),
    ])
}
