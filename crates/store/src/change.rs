//! Changes of definitions, users and secrets: one transaction, one step of the generation.

use sortie_model::{ExternalCredentialId, UserId};

use crate::api_keys::ApiKeyChanges;
use crate::auth_providers::AuthProviderChanges;
use crate::certificates::CertificateChanges;
use crate::credential_values::CredentialValueChanges;
use crate::db::{Db, Fault, FaultKind, Tx};
use crate::definitions::{self, Definitions};
use crate::deployment::{self, Generation};
use crate::error::ChangeError;
use crate::external_auth_identity_providers::ExternalAuthIdentityProviderChanges;
use crate::external_credentials::{self, ExternalCredentialChanges};
use crate::feed::Feed;
use crate::grants;
use crate::named_credentials::NamedCredentialChanges;
use crate::openid_identities::OpenIdIdentityChanges;
use crate::passwords::PasswordChanges;
use crate::permission_sets::PermissionSetChanges;
use crate::principal_access::PrincipalAccessChanges;
use crate::principals::PrincipalChanges;
use crate::profiles::ProfileChanges;
use crate::provider_values::ProviderValueChanges;
use crate::users::UserChanges;

/// A change that is being made. Nothing of it is seen by anybody until [`Change::commit`]; dropped, it never happened.
///
/// Changes happen one after the other in the whole cluster, so decide first and change then: no network, no prompt in
/// between. On SQLite everything else that writes waits for it too. After an error, drop it and begin anew.
#[must_use = "a change that is not committed never happened"]
pub struct Change<'a> {
    tx: Tx,
    generation: Generation,
    feed: &'a Feed,
    /// Which user makes it; `None`: an operator.
    by: Option<UserId>,
    /// Whether nodes must read the definitions anew.
    touches_definitions: bool,
}

impl<'a> Change<'a> {
    pub(crate) async fn begin(db: &Db, feed: &'a Feed, by: Option<UserId>) -> Result<Self, ChangeError> {
        let mut tx = db.begin_write().await?;
        let generation = deployment::advance(&mut tx).await?;
        Ok(Self { tx, generation, feed, by, touches_definitions: false })
    }

    /// The generation that committing this change will make.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// All definitions as they are within this change.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn definitions(&mut self) -> Result<Definitions, ChangeError> {
        Ok(definitions::read(&mut self.tx).await?)
    }

    /// Users and their permission sets.
    pub const fn users(&mut self) -> UserChanges<'_> {
        UserChanges { tx: &mut self.tx }
    }

    /// Passwords of people.
    pub const fn passwords(&mut self) -> PasswordChanges<'_> {
        PasswordChanges { tx: &mut self.tx }
    }

    /// Who somebody is at an OpenID provider.
    pub const fn openid_identities(&mut self) -> OpenIdIdentityChanges<'_> {
        OpenIdIdentityChanges { tx: &mut self.tx }
    }

    /// API keys.
    pub const fn api_keys(&mut self) -> ApiKeyChanges<'_> {
        ApiKeyChanges { tx: &mut self.tx }
    }

    /// Profiles.
    pub const fn profiles(&mut self) -> ProfileChanges<'_> {
        self.touches_definitions = true;
        ProfileChanges { tx: &mut self.tx }
    }

    /// Permission sets.
    pub const fn permission_sets(&mut self) -> PermissionSetChanges<'_> {
        self.touches_definitions = true;
        PermissionSetChanges { tx: &mut self.tx }
    }

    /// External auth identity providers.
    pub const fn external_auth_identity_providers(&mut self) -> ExternalAuthIdentityProviderChanges<'_> {
        self.touches_definitions = true;
        ExternalAuthIdentityProviderChanges { tx: &mut self.tx }
    }

    /// Auth providers.
    pub const fn auth_providers(&mut self) -> AuthProviderChanges<'_> {
        self.touches_definitions = true;
        AuthProviderChanges { tx: &mut self.tx }
    }

    /// Stored values of providers of both kinds.
    pub const fn provider_values(&mut self) -> ProviderValueChanges<'_> {
        self.touches_definitions = true;
        ProviderValueChanges { tx: &mut self.tx, by: self.by }
    }

    /// External credentials.
    pub const fn external_credentials(&mut self) -> ExternalCredentialChanges<'_> {
        self.touches_definitions = true;
        ExternalCredentialChanges { tx: &mut self.tx, generation: self.generation }
    }

    /// Principals.
    pub const fn principals(&mut self) -> PrincipalChanges<'_> {
        self.touches_definitions = true;
        PrincipalChanges { tx: &mut self.tx, generation: self.generation }
    }

    /// Who may use which principal.
    pub const fn principal_access(&mut self) -> PrincipalAccessChanges<'_> {
        self.touches_definitions = true;
        PrincipalAccessChanges { tx: &mut self.tx }
    }

    /// Named credentials.
    pub const fn named_credentials(&mut self) -> NamedCredentialChanges<'_> {
        self.touches_definitions = true;
        NamedCredentialChanges { tx: &mut self.tx }
    }

    /// Certificates.
    pub const fn certificates(&mut self) -> CertificateChanges<'_> {
        self.touches_definitions = true;
        CertificateChanges { tx: &mut self.tx }
    }

    /// Stored secrets. A shared one counts as a change of its external credential; of a user's own, nodes hear as of one that was [taken away](crate::Announced).
    pub const fn credential_values(&mut self) -> CredentialValueChanges<'_> {
        CredentialValueChanges {
            tx: &mut self.tx,
            generation: self.generation,
            by: self.by,
            touches_definitions: &mut self.touches_definitions,
        }
    }

    /// Says that something changed that the tokens of this credential depend on: its revision becomes this change's
    /// generation, and no grant made before is used any more. Settings and shared secrets do so by themselves.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or one of the database.
    pub async fn touch_credential(&mut self, id: ExternalCredentialId) -> Result<(), ChangeError> {
        self.touches_definitions = true;
        external_credentials::touch(&mut self.tx, id, self.generation).await
    }

    /// Whether anybody but this user has a grant of a principal of this credential.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database.
    pub async fn has_grants_of_others(&mut self, credential: ExternalCredentialId, user: UserId) -> Result<bool, ChangeError> {
        Ok(grants::are_there_of_others(&mut self.tx, credential, user).await?)
    }

    /// Makes the whole change durable, and tells every node.
    ///
    /// # Errors
    /// A [`ChangeError`]; nothing was stored, unless it is [`ChangeError::OutcomeUnknown`].
    pub async fn commit(mut self) -> Result<Generation, ChangeError> {
        if !self.touches_definitions {
            deployment::note_users_only(&mut self.tx).await?;
        }
        self.tx.announce(self.generation.as_i64()).await?;
        self.tx.commit().await?;
        self.feed.raise(self.generation);
        Ok(self.generation)
    }
}

/// What a broken rule of a table means to whoever makes the change: a name or number that is taken, or an object that
/// is referred to and does not exist.
pub(crate) struct Rules {
    /// Kind of object, in words.
    pub(crate) what: &'static str,
    /// What the foreign keys of the row refer to, in words.
    pub(crate) refers_to: &'static str,
}

impl Rules {
    pub(crate) fn translate(&self, fault: Fault, name: impl ToString) -> ChangeError {
        match fault.kind() {
            FaultKind::Unique { .. } => ChangeError::Conflict { what: self.what, name: name.to_string() },
            FaultKind::ForeignKey => ChangeError::Missing { what: self.refers_to },
            _ => fault.into(),
        }
    }
}

/// No row was changed: there is none of this identity.
pub(crate) const fn require_one(changed: u64, what: &'static str) -> Result<(), ChangeError> {
    if changed == 0 { Err(ChangeError::Missing { what }) } else { Ok(()) }
}
