//! Auth providers. What is stored for their clients is in [`crate::provider_values`].

use sortie_model::{ApiName, AuthProvider, AuthProviderId, AuthProviderKind, Label, ServiceUrl};

use crate::change::{Rules, require_one};
use crate::db::{Fault, Row, Sql, Tx, Value};
use crate::error::ChangeError;

const RULES: Rules = Rules { what: "auth provider", refers_to: "auth provider" };

/// Changes of auth providers. What it means for the tokens of external credentials is for who knows which of them name the provider:
/// [`crate::Change::touch_credential`].
pub struct AuthProviderChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl AuthProviderChanges<'_> {
    /// Adds a provider.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken.
    pub async fn insert(&mut self, provider: &AuthProvider) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "auth_providers",
            "INSERT INTO auth_providers (id, name, folded, label, description, kind, settings, error_url, logout_url, icon_url, salesforce, server)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        );
        self.tx.execute(INSERT, columns(provider)).await.map_err(|fault| RULES.translate(fault, &provider.name))?;
        Ok(())
    }

    /// Replaces all fields of a provider but its name, which is part of an address that is registered elsewhere.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::Immutable`] for another name.
    pub async fn update(&mut self, provider: &AuthProvider) -> Result<(), ChangeError> {
        const NAME: Sql = Sql::new("auth_providers", "SELECT name FROM auth_providers WHERE id = $1");
        const UPDATE: Sql = Sql::new(
            "auth_providers",
            "UPDATE auth_providers SET name = $2, folded = $3, label = $4, description = $5, kind = $6, settings = $7, error_url = $8,
                 logout_url = $9, icon_url = $10, salesforce = $11, server = $12
             WHERE id = $1",
        );
        let row = self.tx.fetch_optional(NAME, [provider.id.into()]).await?.ok_or(ChangeError::Missing { what: RULES.what })?;
        if row.text("name")? != provider.name.as_str() {
            return Err(ChangeError::Immutable { what: RULES.what, field: "name" });
        }
        require_one(self.tx.execute(UPDATE, columns(provider)).await?, RULES.what)
    }

    /// Removes a provider with its values.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: AuthProviderId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("auth_providers", "DELETE FROM auth_providers WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

/// In the order of the statements.
fn columns(provider: &AuthProvider) -> [Value; 12] {
    let AuthProvider { id, name, label, description, kind, settings, error_url, logout_url, icon_url, salesforce, server } = provider;
    let url = |url: &Option<ServiceUrl>| url.as_ref().map(ToString::to_string).into();
    [
        (*id).into(),
        name.into(),
        name.folded().into(),
        label.into(),
        description.as_str().into(),
        kind.as_str().into(),
        crate::json(settings),
        url(error_url),
        url(logout_url),
        url(icon_url),
        crate::json(salesforce),
        crate::json(server),
    ]
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<AuthProvider>, Fault> {
    const ALL: Sql = Sql::new(
        "auth_providers",
        "SELECT id, name, label, description, kind, settings, error_url, logout_url, icon_url, salesforce, server
         FROM auth_providers ORDER BY folded",
    );
    tx.fetch(ALL, []).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuthProvider, Fault> {
    let url = |column| {
        let broken = |_| row.unreadable(column, "breaks the rule of its type");
        row.optional_text(column)?.map(|text| ServiceUrl::parse(&text).map_err(broken)).transpose()
    };
    Ok(AuthProvider {
        id: row.id("id")?,
        name: row.parsed("name", ApiName::parse)?,
        label: row.parsed("label", Label::parse)?,
        description: row.text("description")?,
        kind: row.parsed("kind", |text| AuthProviderKind::parse(text).ok_or(()))?,
        settings: row.json("settings")?,
        error_url: url("error_url")?,
        logout_url: url("logout_url")?,
        icon_url: url("icon_url")?,
        salesforce: row.json("salesforce")?,
        server: row.json("server")?,
    })
}
