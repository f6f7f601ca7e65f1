//! What is known of stored values: their names, how often each was stored, and those that are nothing secret.

use sortie_model::{ExternalCredential, Principal};
use sortie_protocol::Secrecy;
use sortie_store::Identity;

use super::{Sealer, destination};
use crate::manage::{Manage, NotStored};

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// How often it was stored.
    pub version: i64,
    /// The value itself, where the protocol declares it as public: a user name, a client id. `None` for everything else, and where it does not open.
    pub public: Option<String>,
}

/// Shows what is stored for an identity.
///
/// # Errors
/// The database cannot be read.
pub async fn show(
    manage: &Manage<'_>,
    credential: &ExternalCredential,
    principal: &Principal,
    identity: Identity,
) -> Result<Vec<Shown>, NotStored> {
    debug_assert_eq!(principal.id, identity.principal);
    let destination = destination(&credential.protocol, &credential.settings);
    let sealer = Sealer { vault: manage.vault, stored: destination, wanted: destination };
    let fields = sortie_protocol::find(&credential.protocol).map(|protocol| protocol.fields()).unwrap_or_default();
    let rows = manage.store.credential_values().load(identity).await?;
    let shown = rows.into_iter().map(|row| {
        let is_public = fields.iter().any(|field| field.name == row.head.name && field.secrecy == Secrecy::Public);
        let opened = if is_public { sealer.open(identity, &row).ok() } else { None };
        let public = opened.and_then(|plain| String::from_utf8(plain.expose().to_vec()).ok());
        Shown { name: row.head.name, version: row.head.version, public }
    });
    Ok(shown.collect())
}
