//! Profiles of a definition.

use sortie_model::{Profile, ProfileId};

use super::scene::Scene;
use crate::manage::change::differing;
use crate::manage::{Change, NotStored};

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for (index, wanted) in scene.definition.profiles.iter().enumerate() {
        let before = scene.profile(&wanted.name).cloned();
        let id = before.as_ref().map_or_else(|| ProfileId::from_uuid((scene.manage.new_id)()), |before| before.id);
        let permissions = wanted.permissions.clone();
        let profile =
            Profile { id, name: wanted.name.clone(), label: wanted.label.clone(), description: wanted.description.clone(), permissions };
        match before {
            None => {
                scene.change.profiles().insert(&profile).await?;
                scene.created("profile", &profile.name);
                scene.add_profile(profile);
            }
            Some(before) => {
                if !scene.is_spelled_alike(&format!("profiles[{index}]"), before.name.as_str(), profile.name.as_str()) {
                    continue;
                }
                let fields = differing(&[
                    ("label", before.label != profile.label),
                    ("description", before.description != profile.description),
                    ("permissions", before.permissions != profile.permissions),
                ]);
                if !fields.is_empty() {
                    scene.change.profiles().update(&profile).await?;
                }
                scene.did(Change::of_fields("profile", &profile.name, fields));
            }
        }
    }
    Ok(())
}
