//! External credentials of a definition.

use sortie_model::{ExternalCredential, ExternalCredentialId};

use super::scene::Scene;
use super::{certificate, principal, provider};
use crate::manage::change::differing;
use crate::manage::{Change, NotStored};

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for index in 0..scene.definition.external_credentials.len() {
        apply_one(scene, index).await?;
    }
    Ok(())
}

async fn apply_one(scene: &mut Scene<'_>, index: usize) -> Result<(), NotStored> {
    let wanted = &scene.definition.external_credentials[index];
    let path = format!("external_credentials[{index}]");
    let before = scene.external_credential(&wanted.name).cloned();
    let id = before.as_ref().map_or_else(|| ExternalCredentialId::from_uuid((scene.manage.new_id)()), |before| before.id);
    let credential = ExternalCredential {
        id,
        name: wanted.name.clone(),
        label: wanted.label.clone(),
        description: wanted.description.clone(),
        protocol: wanted.protocol.clone(),
        settings: wanted.settings.clone(),
        additional_status_codes: wanted.additional_status_codes.clone(),
        renewal_rules: wanted.renewal_rules.clone(),
        headers: wanted.headers.clone(),
        // The store decides, by what has changed.
        revision: before.as_ref().map_or(0, |before| before.revision),
    };
    provider::judge(scene, &path, &credential);
    certificate::judge(scene, &path, &credential);
    match &before {
        None => {
            scene.change.external_credentials().insert(&credential).await?;
            scene.created("external_credential", &credential.name);
            scene.add_external_credential(credential.clone());
        }
        Some(before) => {
            if !may_become(scene, &path, before, &credential) {
                return Ok(());
            }
            let fields = differing_fields(before, &credential);
            if !fields.is_empty() {
                scene.change.external_credentials().update(&credential).await?;
            }
            scene.did(Change::of_fields("external_credential", &credential.name, fields));
        }
    }
    principal::apply(scene, index, before.as_ref().unwrap_or(&credential), &credential).await
}

fn may_become(scene: &mut Scene<'_>, path: &str, before: &ExternalCredential, wanted: &ExternalCredential) -> bool {
    if before.protocol != wanted.protocol {
        let message = format!(
            "is stored as `{}`, and a protocol never changes; to make another: sortie remove external-credential {}",
            before.protocol, before.name
        );
        scene.refuse(&format!("{path}.protocol"), "immutable", message);
        return false;
    }
    scene.is_spelled_alike(path, before.name.as_str(), wanted.name.as_str())
}

fn differing_fields(before: &ExternalCredential, wanted: &ExternalCredential) -> Vec<String> {
    let ExternalCredential {
        id: _,
        name: _,
        label,
        description,
        protocol: _,
        settings,
        additional_status_codes,
        renewal_rules,
        headers,
        revision: _,
    } = wanted;
    differing(&[
        ("label", before.label != *label),
        ("description", before.description != *description),
        ("settings", before.settings != *settings),
        ("additional_status_codes", before.additional_status_codes != *additional_status_codes),
        ("renewal_rules", before.renewal_rules != *renewal_rules),
        ("headers", before.headers != *headers),
    ])
}
