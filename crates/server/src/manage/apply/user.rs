//! Users of a definition.

use sortie_metadata::UserDefinition;
use sortie_model::{PermissionSetId, User, UserId};

use super::scene::Scene;
use crate::manage::change::differing;
use crate::manage::{Change, NotStored};

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for (index, wanted) in scene.definition.users.iter().enumerate() {
        apply_one(scene, &format!("users[{index}]"), wanted).await?;
    }
    Ok(())
}

async fn apply_one(scene: &mut Scene<'_>, path: &str, wanted: &UserDefinition) -> Result<(), NotStored> {
    let profile_path = format!("{path}.profile");
    let profile = wanted.profile.as_ref().map(|name| name.as_ref().and_then(|name| scene.profile_named(&profile_path, name)));
    let sets_path = format!("{path}.permission_sets");
    let permission_sets = wanted.permission_sets.as_ref().map(|names| scene.permission_sets_named(&sets_path, names));
    let Some(before) = scene.change.users().find(&wanted.name).await? else {
        let user = User {
            id: UserId::from_uuid((scene.manage.new_id)()),
            name: wanted.name.clone(),
            profile: profile.flatten(),
            is_active: wanted.is_active.unwrap_or(true),
            attributes: wanted.attributes.clone().unwrap_or_default(),
        };
        scene.change.users().insert(&user).await?;
        assign(scene, user.id, &[], &permission_sets.unwrap_or_default()).await?;
        scene.created("user", &user.name);
        return Ok(());
    };
    if !scene.is_spelled_alike(path, before.name.as_str(), wanted.name.as_str()) {
        return Ok(());
    }
    // What the file does not state stays: above all, nobody is switched on again by accident.
    let user = User {
        id: before.id,
        name: before.name.clone(),
        profile: profile.unwrap_or(before.profile),
        is_active: wanted.is_active.unwrap_or(before.is_active),
        attributes: wanted.attributes.clone().unwrap_or_else(|| before.attributes.clone()),
    };
    let mut fields = differing(&[
        ("profile", user.profile != before.profile),
        ("active", user.is_active != before.is_active),
        ("attributes", user.attributes != before.attributes),
    ]);
    if !fields.is_empty() {
        scene.change.users().update(&user).await?;
    }
    if let Some(permission_sets) = permission_sets {
        let assigned = scene.change.users().permission_sets(user.id).await?;
        if assign(scene, user.id, &assigned, &permission_sets).await? == Assigned::Otherwise {
            fields.push("permission_sets".to_owned());
        }
    }
    scene.did(Change::of_fields("user", &user.name, fields));
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Assigned {
    AsBefore,
    Otherwise,
}

async fn assign(
    scene: &mut Scene<'_>,
    user: UserId,
    before: &[PermissionSetId],
    wanted: &[PermissionSetId],
) -> Result<Assigned, NotStored> {
    let mut outcome = Assigned::AsBefore;
    for set in wanted.iter().filter(|set| !before.contains(set)) {
        scene.change.users().assign(user, *set).await?;
        outcome = Assigned::Otherwise;
    }
    for set in before.iter().filter(|set| !wanted.contains(set)) {
        scene.change.users().unassign(user, *set).await?;
        outcome = Assigned::Otherwise;
    }
    Ok(outcome)
}
