//! Stored values of providers: client ids, client secrets, keys. They go in and never come out.

use sortie_model::{ApiName, ClientValues, Secret, Violation};
use sortie_protocol::{Need, check_provider_value, provider_values};
use sortie_store::{ChangeError, ValueHead};

use super::{ProviderError, end_tokens, find, store};
use crate::manage::secret::{ValueView, check_size, shown};
use crate::manage::{Action, Change, Manage};

/// Checks name and value.
///
/// # Errors
/// A [`Violation`] of the value's name; it never repeats the value.
pub(in crate::manage) fn check_value(values: ClientValues, name: &str, value: &Secret) -> Result<(), Violation> {
    let fields = provider_values(values);
    if !fields.iter().any(|field| field.name == name) {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let message = format!("is no value of this provider; it has {}", known.join(", "));
        return Err(Violation::new(shown(name), "value_unknown", message));
    }
    check_size(name, value)?;
    check_provider_value(name, value)
}

/// Stores a value for a provider, in place of the one before. Tokens that were obtained with the one before are not used any more.
///
/// # Errors
/// A [`ProviderError`]; it never holds the value.
pub async fn set_value(manage: &Manage<'_>, provider: &ApiName, name: &str, value: &Secret) -> Result<Change, ProviderError> {
    let mut change = manage.change().await?;
    let definitions = change.definitions().await?;
    let provider = find(&definitions, provider)?;
    check_value(provider.server().client_values(), name, value)?;
    let rows = change.provider_values().load(provider.id()).await?;
    let row = rows.iter().find(|row| row.head.name == name);
    store(&mut change, manage.vault, &provider, (name, row), manage.new_id, value).await?;
    end_tokens(&mut change, &definitions, &provider).await?;
    let action = if row.is_some() { Action::Updated } else { Action::Created };
    let done = Change { fields: vec![name.to_owned()], ..Change::new("secret", format!("provider:{}", provider.name()), action) };
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

/// Removes a value. Tokens that were obtained with it are not used any more.
///
/// # Errors
/// A [`ProviderError`]: there is none of this name.
pub async fn remove_value(manage: &Manage<'_>, provider: &ApiName, name: &str) -> Result<Change, ProviderError> {
    let mut change = manage.change().await?;
    let definitions = change.definitions().await?;
    let provider = find(&definitions, provider)?;
    match change.provider_values().delete(provider.id(), name).await {
        Err(ChangeError::Missing { .. }) => {
            return Err(ProviderError::NotThere { field: shown(name), provider: provider.name().to_string() });
        }
        other => other?,
    }
    end_tokens(&mut change, &definitions, &provider).await?;
    let done = Change { fields: vec![name.to_owned()], ..Change::new("secret", format!("provider:{}", provider.name()), Action::Deleted) };
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}

/// Which values of a provider are stored, and which are missing. Never the values.
///
/// # Errors
/// A [`ProviderError`]: there is no such provider.
pub async fn list_values(manage: &Manage<'_>, provider: &ApiName) -> Result<Vec<ValueView>, ProviderError> {
    let definitions = manage.store.definitions().await?;
    let provider = find(&definitions, provider)?;
    Ok(views(provider.server().client_values(), &manage.store.provider_values().heads(provider.id()).await?))
}

/// All values that a provider can have, with what is known of those that are stored.
pub(in crate::manage) fn views(values: ClientValues, heads: &[ValueHead]) -> Vec<ValueView> {
    let view = |field: &sortie_protocol::Field| {
        let head = heads.iter().find(|head| head.name == field.name);
        ValueView {
            name: field.name.to_owned(),
            label: Some(field.label),
            required: field.need == Need::Required,
            set: head.is_some(),
            version: head.map(|head| head.version),
            updated_at: head.map(|head| head.updated_at.to_string()),
            from: None,
        }
    };
    provider_values(values).iter().map(view).collect()
}
