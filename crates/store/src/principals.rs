//! Principals: whose identity is used, in the order of their sequence numbers.

use sortie_model::{IdentityType, Label, Principal, PrincipalId};

use crate::change::{Rules, require_one};
use crate::db::{Fault, FaultKind, Row, Sql, Tx, packed};
use crate::deployment::Generation;
use crate::error::ChangeError;
use crate::external_credentials;

const RULES: Rules = Rules { what: "principal", refers_to: "external credential" };

/// Changes of principals.
pub struct PrincipalChanges<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) generation: Generation,
}

impl PrincipalChanges<'_> {
    /// Adds a principal.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if name or sequence number is taken within the credential, [`ChangeError::Missing`] if
    /// the credential does not exist.
    pub async fn insert(&mut self, principal: &Principal) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "principals",
            "INSERT INTO principals (id, external_credential_id, name, folded, identity_type, sequence_number, settings)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let Principal { id, external_credential, name, identity_type, sequence_number, settings } = principal;
        let folded = name.as_str().to_ascii_lowercase();
        let values = [
            (*id).into(),
            (*external_credential).into(),
            name.into(),
            folded.into(),
            identity_type.as_str().into(),
            (*sequence_number).into(),
            crate::json(settings),
        ];
        self.tx.execute(INSERT, values).await.map_err(|fault| translate(fault, principal))?;
        Ok(())
    }

    /// Changes what can change about a principal: its sequence number and its settings.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], [`ChangeError::Immutable`] if name, identity type or credential differ, or
    /// [`ChangeError::Conflict`] if the sequence number is taken.
    pub async fn update(&mut self, principal: &Principal) -> Result<(), ChangeError> {
        const STORED: Sql = packed!(
            "principals",
            ["id", "external_credential_id", "name", "identity_type", "sequence_number", "settings"],
            "WHERE id = $1"
        );
        const UPDATE: Sql = Sql::new("principals", "UPDATE principals SET sequence_number = $2, settings = $3 WHERE id = $1");
        let Principal { id, external_credential, name, identity_type, sequence_number, settings } = principal;
        let row = self.tx.fetch_optional(STORED, [(*id).into()]).await?.ok_or(ChangeError::Missing { what: RULES.what })?;
        let stored = read(&row)?;
        let immutable = |field| Err(ChangeError::Immutable { what: RULES.what, field });
        if stored.name != *name {
            return immutable("name");
        }
        if stored.identity_type != *identity_type {
            return immutable("identity type");
        }
        if stored.external_credential != *external_credential {
            return immutable("external credential");
        }
        let values = [(*id).into(), (*sequence_number).into(), crate::json(settings)];
        self.tx.execute(UPDATE, values).await.map_err(|fault| translate(fault, principal))?;
        if stored.settings == *settings {
            return Ok(());
        }
        // A token that was obtained with the old settings must not outlive them.
        external_credentials::touch(self.tx, *external_credential, self.generation).await
    }

    /// Removes a principal with its access, secrets, grants and health.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: PrincipalId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("principals", "DELETE FROM principals WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

fn translate(fault: Fault, principal: &Principal) -> ChangeError {
    match fault.kind() {
        FaultKind::Unique { index } if &**index == "principals_sequence_number" => {
            ChangeError::Conflict { what: "principal with sequence number", name: principal.sequence_number.to_string() }
        }
        _ => RULES.translate(fault, &principal.name),
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Principal>, Fault> {
    const ALL: Sql = packed!(
        "principals",
        ["id", "external_credential_id", "name", "identity_type", "sequence_number", "settings"],
        "ORDER BY external_credential_id, sequence_number"
    );
    tx.fetch_each(ALL, read).await
}

fn read(row: &Row) -> Result<Principal, Fault> {
    let identity_type = |text: &str| [IdentityType::Named, IdentityType::PerUser].into_iter().find(|kind| kind.as_str() == text).ok_or(());
    let mut fields = row.fields()?;
    Ok(Principal {
        id: fields.id("id")?,
        external_credential: fields.id("external_credential_id")?,
        name: fields.parsed("name", Label::parse)?,
        identity_type: fields.parsed("identity_type", identity_type)?,
        sequence_number: fields.number("sequence_number")?,
        settings: fields.json("settings")?,
    })
}
