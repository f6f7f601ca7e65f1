//! Permission sets of a definition.

use sortie_model::{PermissionSet, PermissionSetId};

use super::scene::Scene;
use crate::manage::change::differing;
use crate::manage::{Change, NotStored};

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for (index, wanted) in scene.definition.permission_sets.iter().enumerate() {
        let before = scene.permission_set(&wanted.name).cloned();
        let id = before.as_ref().map_or_else(|| PermissionSetId::from_uuid((scene.manage.new_id)()), |before| before.id);
        let permissions = wanted.permissions.clone();
        let permission_set = PermissionSet {
            id,
            name: wanted.name.clone(),
            label: wanted.label.clone(),
            description: wanted.description.clone(),
            permissions,
        };
        match before {
            None => {
                scene.change.permission_sets().insert(&permission_set).await?;
                scene.created("permission_set", &permission_set.name);
                scene.add_permission_set(permission_set);
            }
            Some(before) => {
                if !scene.is_spelled_alike(&format!("permission_sets[{index}]"), before.name.as_str(), permission_set.name.as_str()) {
                    continue;
                }
                let fields = differing(&[
                    ("label", before.label != permission_set.label),
                    ("description", before.description != permission_set.description),
                    ("permissions", before.permissions != permission_set.permissions),
                ]);
                if !fields.is_empty() {
                    scene.change.permission_sets().update(&permission_set).await?;
                }
                scene.did(Change::of_fields("permission_set", &permission_set.name, fields));
            }
        }
    }
    Ok(())
}
