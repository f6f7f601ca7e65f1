//! Principals of a definition's external credentials.

use std::collections::BTreeSet;

use sortie_model::{ExternalCredential, Principal, PrincipalId};

use super::scene::Scene;
use super::{Unlisted, principal_access, value};
use crate::manage::change::differing;
use crate::manage::find::is_same_label;
use crate::manage::{Action, Change, NotStored};

/// A principal as it is and as it shall be.
pub(super) struct Planned {
    /// Where it stands in the file's list.
    pub(super) index: usize,
    before: Option<Principal>,
    pub(super) wanted: Principal,
}

/// Brings the principals of one credential to what the file says, then who may use them and what they know.
pub(super) async fn apply(
    scene: &mut Scene<'_>,
    credential_index: usize,
    before: &ExternalCredential,
    wanted: &ExternalCredential,
) -> Result<(), NotStored> {
    let stored: Vec<Principal> = scene.principals(wanted.id).cloned().collect();
    let Some(planned) = plan(scene, credential_index, wanted, &stored) else { return Ok(()) };
    let unlisted = stored.iter().filter(|stored| !planned.iter().any(|planned| planned.wanted.id == stored.id));
    match scene.unlisted {
        Unlisted::Prune => prune(scene, wanted, unlisted).await?,
        Unlisted::Leave => {
            if !leave(scene, credential_index, wanted, unlisted, &planned) {
                return Ok(());
            }
        }
    }
    store(scene, &stored, &planned).await?;
    let mut values = value::Values::open(scene, credential_index, before, wanted).await?;
    for planned in &planned {
        let mut fields = match &planned.before {
            Some(before) => differing(&[
                ("sequence_number", before.sequence_number != planned.wanted.sequence_number),
                ("settings", before.settings != planned.wanted.settings),
            ]),
            None => Vec::new(),
        };
        fields.extend(principal_access::apply(scene, credential_index, planned).await?);
        fields.extend(values.apply(scene, planned).await?);
        let name = format!("{}/{}", wanted.name, planned.wanted.name);
        scene.did(match planned.before {
            None => Change { fields, ..Change::new("principal", name, Action::Created) },
            Some(_) => Change::of_fields("principal", name, fields),
        });
    }
    values.move_the_others(scene).await
}

/// What each listed principal shall be; `None` if one of them cannot.
fn plan(scene: &mut Scene<'_>, credential_index: usize, credential: &ExternalCredential, stored: &[Principal]) -> Option<Vec<Planned>> {
    let mut planned = Some(Vec::new());
    for (index, wanted) in scene.definition.external_credentials[credential_index].principals.iter().enumerate() {
        let before = stored.iter().find(|stored| is_same_label(&stored.name, &wanted.name)).cloned();
        let principal = Principal {
            id: before.as_ref().map_or_else(|| PrincipalId::from_uuid((scene.manage.new_id)()), |before| before.id),
            external_credential: credential.id,
            name: wanted.name.clone(),
            identity_type: wanted.identity_type,
            sequence_number: wanted.sequence_number,
            settings: wanted.settings.clone(),
        };
        let path = format!("external_credentials[{credential_index}].principals[{index}]");
        if before.as_ref().is_some_and(|before| !may_become(scene, &path, before, &principal)) {
            planned = None;
        }
        if let Some(planned) = &mut planned {
            planned.push(Planned { index, before, wanted: principal });
        }
    }
    planned
}

fn may_become(scene: &mut Scene<'_>, path: &str, before: &Principal, wanted: &Principal) -> bool {
    if before.identity_type != wanted.identity_type {
        let message = format!(
            "is stored as {}, and an identity type never changes; to make another principal, remove this one first: sortie remove principal",
            before.identity_type.as_str()
        );
        scene.refuse(&format!("{path}.identity_type"), "immutable", message);
        return false;
    }
    scene.is_spelled_alike(path, before.name.as_str(), wanted.name.as_str())
}

async fn prune(
    scene: &mut Scene<'_>,
    credential: &ExternalCredential,
    unlisted: impl Iterator<Item = &Principal>,
) -> Result<(), NotStored> {
    for principal in unlisted {
        scene.change.principals().delete(principal.id).await?;
        scene.did(Change::new("principal", format!("{}/{}", credential.name, principal.name), Action::Deleted));
    }
    Ok(())
}

/// Names those that stay; `false` if one of them holds a sequence number that the file gives to another.
fn leave<'p>(
    scene: &mut Scene<'_>,
    credential_index: usize,
    credential: &ExternalCredential,
    unlisted: impl Iterator<Item = &'p Principal>,
    planned: &[Planned],
) -> bool {
    let mut is_free = true;
    for principal in unlisted {
        if let Some(taker) = planned.iter().find(|planned| planned.wanted.sequence_number == principal.sequence_number) {
            let path = format!("external_credentials[{credential_index}].principals[{}].sequence_number", taker.index);
            let message = format!(
                "is taken by the stored principal `{}`, which the file does not list: choose another, list it, or apply with --prune",
                principal.name
            );
            scene.refuse(&path, "duplicate_sequence_number", message);
            is_free = false;
        }
        scene.did(Change::new("principal", format!("{}/{}", credential.name, principal.name), Action::LeftAlone));
    }
    is_free
}

/// Renumbers and adds. Sequence numbers are unique at every moment, so those that move step aside first: two can swap theirs.
async fn store(scene: &mut Scene<'_>, stored: &[Principal], planned: &[Planned]) -> Result<(), NotStored> {
    let numbers = stored.iter().chain(planned.iter().map(|planned| &planned.wanted)).map(|principal| principal.sequence_number);
    let taken: BTreeSet<u32> = numbers.collect();
    let mut free = (0..=u32::MAX).rev().filter(|number| !taken.contains(number));
    let moves = |planned: &&Planned| planned.before.as_ref().is_some_and(|before| before.sequence_number != planned.wanted.sequence_number);
    for planned in planned.iter().filter(moves) {
        let aside = free.next().expect("there are four billion numbers");
        scene.change.principals().update(&Principal { sequence_number: aside, ..planned.wanted.clone() }).await?;
    }
    for planned in planned.iter().filter(|planned| planned.before.as_ref().is_some_and(|before| *before != planned.wanted)) {
        scene.change.principals().update(&planned.wanted).await?;
    }
    for planned in planned.iter().filter(|planned| planned.before.is_none()) {
        scene.change.principals().insert(&planned.wanted).await?;
    }
    Ok(())
}
