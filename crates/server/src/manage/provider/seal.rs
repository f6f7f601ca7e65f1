//! Sealing: what the stored values of a provider are bound to, beside their rows: where they may be sent.

use aws_lc_rs::digest;
use sortie_model::{IdentityProvider, IdentityProviderKind, Secret, SecretBytes};
use sortie_store::{Change, StoredValue, ValueHead};
use sortie_vault::{OpenError, SealContext, Vault};
use uuid::Uuid;

use crate::manage::NotStored;

/// The endpoints that are told a secret; an empty one where there is none.
pub(in crate::manage) fn told_secrets(provider: &IdentityProvider) -> Vec<String> {
    let server = provider.server();
    let mut texts = vec![server.token_endpoint.to_string()];
    let others = [&server.revocation_endpoint, &server.user_info_endpoint];
    texts.extend(others.map(|url| url.as_ref().map(ToString::to_string).unwrap_or_default()));
    // Only where there is one: it was not known yet when the others were first sealed for.
    texts.extend(server.pushed_authorization_endpoint.as_ref().map(ToString::to_string));
    texts
}

/// SHA-256 over the endpoints that are told a secret, each with its length in front. A value that was sealed for some does not open for others: editing a
/// token endpoint in the database sends no client secret there.
fn destination(provider: &IdentityProvider) -> [u8; 32] {
    let mut texts = vec![provider.kind().as_str().to_owned()];
    texts.extend(told_secrets(provider));
    let mut context = digest::Context::new(&digest::SHA256);
    for text in &texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    let mut destination = [0; 32];
    destination.copy_from_slice(context.finish().as_ref());
    destination
}

/// The context of a stored value of a provider.
fn context<'a>(provider: &IdentityProvider, row: Uuid, field: &'a str, version: i64) -> SealContext<'a> {
    let table = match provider.kind() {
        IdentityProviderKind::ExternalAuth => "external_auth_identity_provider_values",
        IdentityProviderKind::Auth => "auth_provider_values",
    };
    let destination = destination(provider);
    SealContext { table, row, field, owner: None, version, destination }
}

/// Whether what is stored for the one must be sealed anew to be good for the other.
pub(in crate::manage) fn goes_elsewhere(before: &IdentityProvider, wanted: &IdentityProvider) -> bool {
    destination(before) != destination(wanted)
}

/// Opens a stored value of a provider, for whoever has the vault and asks a token with it.
///
/// # Errors
/// It was changed, or sealed for another place.
pub fn open(vault: &Vault, provider: &IdentityProvider, row: &StoredValue) -> Result<SecretBytes, OpenError> {
    let ValueHead { id, name, version, updated_at: _, stored_by: _ } = &row.head;
    vault.open(&context(provider, *id, name, *version), &row.sealed)
}

/// Stores a value, in the place of the one that is there.
pub(in crate::manage) async fn store(
    change: &mut Change<'_>,
    vault: &Vault,
    provider: &IdentityProvider,
    (name, row): (&str, Option<&StoredValue>),
    new_id: fn() -> Uuid,
    value: &Secret,
) -> Result<(), NotStored> {
    let plain = SecretBytes::new(value.expose().as_bytes());
    match row {
        None => {
            let id = new_id();
            let sealed = vault.seal(&context(provider, id, name, 1), &plain)?;
            change.provider_values().insert(provider.id(), id, name, &sealed).await?;
        }
        Some(row) => {
            let sealed = sealed_anew(vault, provider, row, &plain)?;
            change.provider_values().replace(&row.head, &sealed).await?;
        }
    }
    Ok(())
}

/// Seals a stored value anew where the provider's endpoints have moved.
pub(in crate::manage) async fn move_on(
    change: &mut Change<'_>,
    vault: &Vault,
    (before, wanted): (&IdentityProvider, &IdentityProvider),
    row: &StoredValue,
) -> Result<(), NotStored> {
    let holder = format!("provider:{}", wanted.name());
    let open_error = |source| NotStored::Open { field: row.head.name.clone(), principal: holder, source };
    // A row whose provider somebody moved in the database still opens if this change moves it back.
    let plain = open(vault, before, row).or_else(|error| open(vault, wanted, row).map_err(|_| error)).map_err(open_error)?;
    let sealed = sealed_anew(vault, wanted, row, &plain)?;
    Ok(change.provider_values().reseal(&row.head, &sealed).await?)
}

fn sealed_anew(vault: &Vault, provider: &IdentityProvider, row: &StoredValue, plain: &SecretBytes) -> Result<Vec<u8>, NotStored> {
    let head = &row.head;
    Ok(vault.seal(&context(provider, head.id, &head.name, head.version + 1), plain)?)
}
