//! Brings all that is stored for a principal, or for one user of it, to what somebody wants, at once.

use sortie_model::{Secret, Settings, UserName};
use sortie_store::{Change as StoreChange, Identity, ValueHead};

use super::set::object_name;
use super::{Sealer, SecretError, Slot, check, destination, identity};
use crate::manage::{Action, Change, Manage, PrincipalReference};

/// What becomes of one value.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// It is stored, in place of the one before.
    Store(&'a Secret),
    /// It stays as it is; it must be there.
    Keep,
    /// It goes; it need not be there.
    Remove,
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug)]
pub enum SettingWish<'a> {
    /// It is this one.
    Is(&'a serde_json::Value),
    /// There is none.
    IsNot,
}

impl SettingWish<'_> {
    /// The settings with it.
    pub fn applied_to(self, name: &str, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        match self {
            Self::Is(value) => drop(settings.insert(name.to_owned(), value.clone())),
            Self::IsNot => drop(settings.remove(name)),
        }
        settings
    }
}

/// What becomes of the values that are not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Stay,
    /// They go.
    Go,
    /// There must be none: nothing is stored yet.
    MustNotBe,
}

/// What somebody wants.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// Values by name.
    pub values: &'a [(&'a str, Wish<'a>)],
    /// What becomes of one of the principal's own settings.
    pub setting: Option<(&'a str, SettingWish<'a>)>,
    /// What becomes of other values.
    pub others: Others,
}

/// Stores, keeps and removes. All of it happens, or nothing.
///
/// # Errors
/// A [`SecretError`]; it never holds a value.
pub async fn put(
    manage: &Manage<'_>,
    reference: &PrincipalReference,
    user: Option<&UserName>,
    put: Put<'_>,
) -> Result<Change, SecretError> {
    let mut change = manage.change().await?;
    let definitions = change.definitions().await?;
    let (credential, principal) = reference.find(&definitions)?;
    let unknown_protocol = || SecretError::UnknownProtocol { protocol: credential.protocol.clone() };
    let protocol = sortie_protocol::find(&credential.protocol).ok_or_else(unknown_protocol)?;
    for (name, wish) in put.values {
        if let Wish::Store(value) = wish {
            check(protocol, name, value)?;
        }
    }
    let identity = identity(&mut change, reference, principal, user).await??;
    let heads = change.credential_values().heads(identity).await?;
    // As it is within the change, whatever somebody else has made of the others meanwhile.
    let settings = put.setting.map(|(name, wish)| (name, wish.applied_to(name, &principal.settings)));
    let settings = settings.filter(|(_, settings)| *settings != principal.settings);
    let is_other = settings.as_ref().is_some_and(|(name, _)| principal.settings.contains_key(*name));
    // Nothing to store is nothing to be in the way of.
    let is_in_the_way = !put.values.is_empty() && !heads.is_empty();
    if put.others == Others::MustNotBe && (is_in_the_way || is_other) {
        return Err(SecretError::AlreadyThere { principal: object_name(reference, user) });
    }
    let destination = destination(&credential.protocol, &credential.settings);
    let sealer = Sealer { vault: manage.vault, stored: destination, wanted: destination };
    let mut fields = put_values(manage, &mut change, (&sealer, identity), &heads, &put).await?;
    if let Some((_, settings)) = settings {
        sortie_protocol::check_principal_settings(protocol, &settings).map_err(|violations| {
            let first = violations.0.into_iter().next();
            first.map_or_else(unknown_protocol, SecretError::Invalid)
        })?;
        change.principals().update(&sortie_model::Principal { settings, ..principal.clone() }).await?;
        fields.push("settings".to_owned());
    }
    let action = match (fields.is_empty(), heads.is_empty()) {
        (true, _) => Action::Unchanged,
        (false, true) => Action::Created,
        (false, false) => Action::Updated,
    };
    let done = Change { fields, ..Change::new("secret", object_name(reference, user), action) };
    if action.is_made() {
        manage.commit(change, std::slice::from_ref(&done)).await?;
    }
    Ok(done)
}

async fn put_values(
    manage: &Manage<'_>,
    change: &mut StoreChange<'_>,
    (sealer, identity): (&Sealer<'_>, Identity),
    heads: &[ValueHead],
    put: &Put<'_>,
) -> Result<Vec<String>, SecretError> {
    let mut fields = Vec::new();
    for (name, wish) in put.values {
        let head = heads.iter().find(|head| head.name == *name);
        match (wish, head) {
            (Wish::Store(value), _) => sealer.store(change, &Slot { identity, name, head }, manage.new_id, value).await?,
            (Wish::Keep, Some(_)) | (Wish::Remove, None) => continue,
            (Wish::Keep, None) => {
                let message = "has no value, and none is stored that could stay";
                return Err(sortie_model::Violation::new(*name, "value_missing", message).into());
            }
            (Wish::Remove, Some(_)) => change.credential_values().delete(identity, name).await?,
        }
        fields.push((*name).to_owned());
    }
    let is_named = |head: &&ValueHead| put.values.iter().any(|(name, _)| *name == head.name);
    for head in heads.iter().filter(|head| put.others == Others::Go && !is_named(head)) {
        change.credential_values().delete(identity, &head.name).await?;
        fields.push(head.name.clone());
    }
    Ok(fields)
}
