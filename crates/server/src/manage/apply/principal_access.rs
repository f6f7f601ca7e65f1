//! Who may use the principals of a definition.

use sortie_model::{Grantee, PrincipalAccess};

use super::principal::Planned;
use super::scene::Scene;
use crate::manage::NotStored;

/// Brings the lists that the file states to what it says, and names those that were other.
pub(super) async fn apply(scene: &mut Scene<'_>, credential_index: usize, planned: &Planned) -> Result<Vec<String>, NotStored> {
    let definition = &scene.definition.external_credentials[credential_index].principals[planned.index];
    let path = format!("external_credentials[{credential_index}].principals[{}].enabled_for", planned.index);
    let mut fields = Vec::new();
    if let Some(names) = &definition.permission_sets {
        let wanted = scene.permission_sets_named(&format!("{path}.permission_sets"), names);
        let wanted: Vec<Grantee> = wanted.into_iter().map(Grantee::PermissionSet).collect();
        let is_of_kind = |grantee: Grantee| matches!(grantee, Grantee::PermissionSet(_));
        fields.extend(put(scene, planned, &wanted, is_of_kind).await?.then(|| "enabled_for.permission_sets".to_owned()));
    }
    if let Some(names) = &definition.profiles {
        let wanted: Vec<Grantee> = scene.profiles_named(&format!("{path}.profiles"), names).into_iter().map(Grantee::Profile).collect();
        let is_of_kind = |grantee: Grantee| matches!(grantee, Grantee::Profile(_));
        fields.extend(put(scene, planned, &wanted, is_of_kind).await?.then(|| "enabled_for.profiles".to_owned()));
    }
    Ok(fields)
}

/// Whether anything was other.
async fn put(
    scene: &mut Scene<'_>,
    planned: &Planned,
    wanted: &[Grantee],
    is_of_kind: impl Fn(Grantee) -> bool,
) -> Result<bool, NotStored> {
    let principal = planned.wanted.id;
    let stored: Vec<Grantee> = scene.grantees(principal).filter(|grantee| is_of_kind(*grantee)).collect();
    let given: Vec<Grantee> = wanted.iter().copied().filter(|grantee| !stored.contains(grantee)).collect();
    let taken: Vec<Grantee> = stored.iter().copied().filter(|grantee| !wanted.contains(grantee)).collect();
    for grantee in &given {
        scene.change.principal_access().insert(PrincipalAccess { principal, grantee: *grantee }).await?;
    }
    for grantee in &taken {
        scene.change.principal_access().delete(PrincipalAccess { principal, grantee: *grantee }).await?;
    }
    Ok(!given.is_empty() || !taken.is_empty())
}
