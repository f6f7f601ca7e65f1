//! Brings the stored values of a provider to what somebody wants, at once.

use sortie_model::{ApiName, Secret};

use super::{ProviderError, check_value, end_tokens, find, open, store};
use crate::manage::{Action, Change, Manage};

/// Whether something may be stored already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// Nothing is.
    First,
    /// What is there and is not named goes.
    Replacing,
}

/// Stores the values; those that are not named go. Tokens that were obtained with the ones before are not used any more.
///
/// # Errors
/// A [`ProviderError`]; it never holds a value.
pub async fn put_values(
    manage: &Manage<'_>,
    provider: &ApiName,
    values: &[(&str, &Secret)],
    filling: Filling,
) -> Result<Change, ProviderError> {
    let mut change = manage.change().await?;
    let definitions = change.definitions().await?;
    let provider = find(&definitions, provider)?;
    for (name, value) in values {
        check_value(provider.server().client_values(), name, value)?;
    }
    let rows = change.provider_values().load(provider.id()).await?;
    if filling == Filling::First && !rows.is_empty() {
        return Err(ProviderError::AlreadyThere { provider: provider.name().to_string() });
    }
    let mut fields = Vec::new();
    for (name, value) in values {
        let row = rows.iter().find(|row| row.head.name == *name);
        let is_same =
            row.and_then(|row| open(manage.vault, &provider, row).ok()).is_some_and(|plain| plain.expose() == value.expose().as_bytes());
        // Who gives the value that is there knows it, whoever has stored it.
        let is_known = manage.by.is_none() || row.is_some_and(|row| row.head.stored_by == manage.by);
        if !is_same || !is_known {
            store(&mut change, manage.vault, &provider, (name, row), manage.new_id, value).await?;
            fields.push((*name).to_owned());
        }
    }
    for row in rows.iter().filter(|row| !values.iter().any(|(name, _)| *name == row.head.name)) {
        change.provider_values().delete(provider.id(), &row.head.name).await?;
        fields.push(row.head.name.clone());
    }
    let action = match (fields.is_empty(), rows.is_empty()) {
        (true, _) => Action::Unchanged,
        (false, true) => Action::Created,
        (false, false) => Action::Updated,
    };
    let done = Change { fields, ..Change::new("secret", format!("provider:{}", provider.name()), action) };
    if action.is_made() {
        end_tokens(&mut change, &definitions, &provider).await?;
        manage.commit(change, std::slice::from_ref(&done)).await?;
    }
    Ok(done)
}
