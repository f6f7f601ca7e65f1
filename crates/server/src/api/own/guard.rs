//! Nobody gives what they do not have (API-20): otherwise whoever manages users could make themselves everything else.

use http::StatusCode;
use sortie_model::{ApiName, SystemPermission, SystemPermissions, UserName};
use sortie_store::Definitions;

use crate::api::caller::{ApiCaller, unavailable};
use crate::api::{Api, Problem};
use crate::manage::UnknownName;

/// Refuses to give permissions that the caller has not.
pub(super) fn may_give(caller: &ApiCaller, given: &SystemPermissions) -> Result<(), Problem> {
    let missing: Vec<&str> = given.difference(&caller.permissions).map(|permission| SystemPermission::as_str(*permission)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("this would give permissions that you do not have: {}", missing.join(", "));
    Err(Problem::new(StatusCode::FORBIDDEN, "permission_beyond_own", detail, "ask somebody who has them"))
}

/// Refuses to act on somebody who may more than the caller: with a key or a password of theirs the caller could do what they can.
pub(super) async fn may_change(api: &Api, caller: &ApiCaller, user: &UserName) -> Result<(), Problem> {
    let store = api.node.house().store();
    let found = store.users().find(user).await.map_err(|error| unavailable(&error))?;
    let found = found.ok_or_else(|| UnknownName::new("user", user))?;
    let held = store.users().system_permissions(found.id).await.map_err(|error| unavailable(&error))?;
    may_give(caller, &held)
}

/// What comes with these permission sets and this profile. One that does not exist gives nothing, and is refused later.
pub(super) fn of(definitions: &Definitions, permission_sets: &[ApiName], profile: Option<&ApiName>) -> SystemPermissions {
    let sets = definitions.permission_sets.iter().filter(|set| permission_sets.contains(&set.name)).flat_map(|set| &set.permissions);
    let profiles = definitions.profiles.iter().filter(|known| Some(&known.name) == profile).flat_map(|profile| &profile.permissions);
    sets.chain(profiles).copied().collect()
}
