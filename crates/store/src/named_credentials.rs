//! Named credentials: where callouts go.

use sortie_model::{ApiName, CallerFormulas, Endpoint, Label, NamedCredential, NamedCredentialId};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx, packed};
use crate::error::ChangeError;

const RULES: Rules = Rules { what: "named credential", refers_to: "external credential" };

/// The database does not say which of the two is not there.
const RULES_WITH_CERTIFICATE: Rules = Rules { what: "named credential", refers_to: "external credential or certificate" };

/// Changes of named credentials.
pub struct NamedCredentialChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl NamedCredentialChanges<'_> {
    /// Adds a named credential.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken, [`ChangeError::Missing`] if the external credential or the certificate does not exist.
    pub async fn insert(&mut self, credential: &NamedCredential) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "named_credentials",
            "INSERT INTO named_credentials (id, name, folded, label, description, url, external_credential_id, is_enabled,
                 generate_authorization_header, formulas_in_header, formulas_in_body, forwarded_headers, headers, timeouts,
                 client_certificate_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        );
        self.write(INSERT, credential).await.map(drop)
    }

    /// Replaces all fields of a named credential but its name.
    ///
    /// # Errors
    /// [`ChangeError::Missing`] if it, the external credential or the certificate does not exist, [`ChangeError::Immutable`] for another name.
    pub async fn update(&mut self, credential: &NamedCredential) -> Result<(), ChangeError> {
        const NAME: Sql = Sql::new("named_credentials", "SELECT name FROM named_credentials WHERE id = $1");
        const UPDATE: Sql = Sql::new(
            "named_credentials",
            "UPDATE named_credentials SET name = $2, folded = $3, label = $4, description = $5, url = $6,
                 external_credential_id = $7, is_enabled = $8, generate_authorization_header = $9,
                 formulas_in_header = $10, formulas_in_body = $11, forwarded_headers = $12,
                 headers = $13, timeouts = $14, client_certificate_id = $15
             WHERE id = $1",
        );
        let stored = self.tx.fetch_optional(NAME, [credential.id.into()]).await?.ok_or(ChangeError::Missing { what: RULES.what })?;
        if stored.text("name")? != credential.name.as_str() {
            return Err(ChangeError::Immutable { what: RULES.what, field: "name" });
        }
        self.write(UPDATE, credential).await.map(drop)
    }

    /// Both statements name all columns in the same order.
    async fn write(&mut self, sql: Sql, credential: &NamedCredential) -> Result<u64, ChangeError> {
        let NamedCredential {
            id,
            name,
            label,
            description,
            url,
            external_credential,
            client_certificate,
            is_enabled,
            generate_authorization_header,
            allow_formulas_in_header,
            allow_formulas_in_body,
            forwarded_headers,
            headers,
            timeouts,
        } = credential;
        let values = [
            (*id).into(),
            name.into(),
            name.folded().into(),
            label.into(),
            description.as_str().into(),
            url.to_string().into(),
            (*external_credential).into(),
            (*is_enabled).into(),
            (*generate_authorization_header).into(),
            allow_formulas_in_header.as_str().into(),
            allow_formulas_in_body.as_str().into(),
            crate::json(forwarded_headers),
            crate::json(headers),
            crate::json(timeouts),
            (*client_certificate).into(),
        ];
        let rules = if client_certificate.is_some() { RULES_WITH_CERTIFICATE } else { RULES };
        self.tx.execute(sql, values).await.map_err(|fault| rules.translate(fault, name))
    }

    /// Removes a named credential.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: NamedCredentialId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("named_credentials", "DELETE FROM named_credentials WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<NamedCredential>, Fault> {
    const ALL: Sql = packed!(
        "named_credentials",
        [
            "id",
            "name",
            "label",
            "url",
            "external_credential_id",
            "is_enabled",
            "generate_authorization_header",
            "formulas_in_header",
            "formulas_in_body",
            "forwarded_headers",
            "headers",
            "timeouts",
            "COALESCE(client_certificate_id, '')",
            "description",
        ],
        "ORDER BY folded"
    );
    tx.fetch_each(ALL, read).await
}

fn read(row: &Row) -> Result<NamedCredential, Fault> {
    let formulas = |text: &str| CallerFormulas::parse(text).ok_or(());
    let mut fields = row.fields()?;
    Ok(NamedCredential {
        id: fields.id("id")?,
        name: fields.parsed("name", ApiName::parse)?,
        label: fields.parsed("label", Label::parse)?,
        url: fields.parsed("url", Endpoint::parse)?,
        external_credential: fields.id("external_credential_id")?,
        is_enabled: fields.boolean("is_enabled")?,
        generate_authorization_header: fields.boolean("generate_authorization_header")?,
        allow_formulas_in_header: fields.parsed("formulas_in_header", formulas)?,
        allow_formulas_in_body: fields.parsed("formulas_in_body", formulas)?,
        forwarded_headers: fields.json("forwarded_headers")?,
        headers: fields.json("headers")?,
        timeouts: fields.json("timeouts")?,
        client_certificate: fields.optional_id("client_certificate_id")?,
        description: fields.rest("description")?,
    })
}
