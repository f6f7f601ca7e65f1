//! External credentials: settings, status codes and headers are JSON, so that a new protocol changes no table.

use sortie_model::{ApiName, ExternalCredential, ExternalCredentialId, Label};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx, packed};
use crate::deployment::Generation;
use crate::error::ChangeError;

const RULES: Rules = Rules { what: "external credential", refers_to: "external credential" };

/// Changes of external credentials.
pub struct ExternalCredentialChanges<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) generation: Generation,
}

impl ExternalCredentialChanges<'_> {
    /// Adds a credential. Its revision is this change's generation, whatever the argument says.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken.
    pub async fn insert(&mut self, credential: &ExternalCredential) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "external_credentials",
            "INSERT INTO external_credentials
                 (id, name, folded, label, description, protocol, settings, additional_status_codes, renewal_rules, headers, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        );
        let ExternalCredential {
            id, name, label, description, protocol, settings, additional_status_codes, renewal_rules, headers, ..
        } = credential;
        let values = [
            (*id).into(),
            name.into(),
            name.folded().into(),
            label.into(),
            description.as_str().into(),
            protocol.as_str().into(),
            crate::json(settings),
            crate::json(additional_status_codes),
            crate::json(renewal_rules),
            crate::json(headers),
            self.generation.as_i64().into(),
        ];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        Ok(())
    }

    /// Replaces all fields of a credential but its protocol. Where the settings differ, the revision becomes this
    /// change's generation, so that no token of the old settings is used with the new ones; else it stays.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], [`ChangeError::Immutable`] for another protocol, [`ChangeError::Conflict`] if the name is taken.
    pub async fn update(&mut self, credential: &ExternalCredential) -> Result<(), ChangeError> {
        const PROTOCOL: Sql = Sql::new("external_credentials", "SELECT protocol FROM external_credentials WHERE id = $1");
        const UPDATE: Sql = Sql::new(
            "external_credentials",
            "UPDATE external_credentials SET name = $2, folded = $3, label = $4, description = $5,
                 revision = CASE WHEN settings = $6 THEN revision ELSE $10 END,
                 settings = $6, additional_status_codes = $7, renewal_rules = $8, headers = $9
             WHERE id = $1",
        );
        let ExternalCredential {
            id, name, label, description, protocol, settings, additional_status_codes, renewal_rules, headers, ..
        } = credential;
        let row = self.tx.fetch_optional(PROTOCOL, [(*id).into()]).await?.ok_or(ChangeError::Missing { what: RULES.what })?;
        if row.text("protocol")? != *protocol {
            return Err(ChangeError::Immutable { what: RULES.what, field: "protocol" });
        }
        let values = [
            (*id).into(),
            name.into(),
            name.folded().into(),
            label.into(),
            description.as_str().into(),
            crate::json(settings),
            crate::json(additional_status_codes),
            crate::json(renewal_rules),
            crate::json(headers),
            self.generation.as_i64().into(),
        ];
        let changed = self.tx.execute(UPDATE, values).await.map_err(|fault| RULES.translate(fault, name))?;
        require_one(changed, RULES.what)
    }

    /// Removes a credential with its principals, their access, secrets and grants.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::InUse`] while named credentials point to it.
    pub async fn delete(&mut self, id: ExternalCredentialId) -> Result<(), ChangeError> {
        const NAMED: Sql = Sql::new(
            "named_credentials",
            "SELECT named_credentials.name AS user_name, external_credentials.name AS credential_name
             FROM named_credentials JOIN external_credentials ON external_credentials.id = external_credential_id
             WHERE external_credential_id = $1 ORDER BY named_credentials.folded LIMIT 5",
        );
        const DELETE: Sql = Sql::new("external_credentials", "DELETE FROM external_credentials WHERE id = $1");
        let named = self.tx.fetch(NAMED, [id.into()]).await?;
        if let Some(first) = named.first() {
            let used_by =
                named.iter().map(|row| Ok(format!("named credential `{}`", row.text("user_name")?))).collect::<Result<_, Fault>>()?;
            return Err(ChangeError::InUse { what: RULES.what, name: first.text("credential_name")?, used_by });
        }
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

pub(crate) async fn touch(tx: &mut Tx, id: ExternalCredentialId, generation: Generation) -> Result<(), ChangeError> {
    const TOUCH: Sql = Sql::new("external_credentials", "UPDATE external_credentials SET revision = $2 WHERE id = $1");
    require_one(tx.execute(TOUCH, [id.into(), generation.as_i64().into()]).await?, RULES.what)
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<ExternalCredential>, Fault> {
    const ALL: Sql = packed!(
        "external_credentials",
        ["id", "name", "label", "protocol", "settings", "additional_status_codes", "renewal_rules", "headers", "revision", "description"],
        "ORDER BY folded"
    );
    tx.fetch_each(ALL, read).await
}

fn read(row: &Row) -> Result<ExternalCredential, Fault> {
    let mut fields = row.fields()?;
    Ok(ExternalCredential {
        id: fields.id("id")?,
        name: fields.parsed("name", ApiName::parse)?,
        label: fields.parsed("label", Label::parse)?,
        protocol: fields.text("protocol")?.to_owned(),
        settings: fields.json("settings")?,
        additional_status_codes: fields.json("additional_status_codes")?,
        renewal_rules: fields.json("renewal_rules")?,
        headers: fields.json("headers")?,
        revision: fields.number("revision")?,
        description: fields.rest("description")?,
    })
}
