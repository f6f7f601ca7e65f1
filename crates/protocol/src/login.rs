//! Protocols whose grant begins with a person who logs in at a provider with a browser.

use std::collections::BTreeMap;

use sortie_model::{Secret, ServiceUrl};

use crate::{Grant, Material, NoLogin, ObtainError, Pending, World};

/// What a protocol of [`crate::Protocol::login`] does beyond obtaining and proving. The login itself happens between the person and the provider: we only send
/// the browser there, and get it back.
pub trait Login: Send + Sync {
    /// Where the browser is sent. Nothing in it is secret but what `request` is bound to.
    ///
    /// # Errors
    /// The provider cannot be asked.
    fn authorize_url<'a>(
        &'a self,
        world: &'a dyn World,
        material: Material<'a>,
        request: &'a LoginRequest<'a>,
    ) -> Pending<'a, Result<ServiceUrl, ObtainError>>;

    /// Turns what the browser brought back into a grant. A code is good once, so this is never repeated.
    fn redeem<'a>(
        &'a self,
        world: &'a dyn World,
        material: Material<'a>,
        request: &'a LoginRequest<'a>,
        brought: &'a Brought,
    ) -> Pending<'a, Result<Grant, ObtainError>>;

    /// Whether the grant of an earlier login is still what these settings mean.
    ///
    /// # Errors
    /// Why somebody has to log in again.
    fn still_fits(&self, material: Material<'_>, grant: &Grant) -> Result<(), NoLogin>;

    /// Whether another grant can be had with this one, and nobody has to log in for it.
    fn can_renew(&self, grant: &Grant) -> bool;

    /// Tells the provider that the grant is not needed any more.
    fn revoke<'a>(&'a self, world: &'a dyn World, material: Material<'a>, grant: &'a Grant) -> Pending<'a, Result<Revoked, ObtainError>>;
}

/// All that a browser brought back from the provider in the query, by name, decoded. Nothing is in it twice.
pub type Brought = BTreeMap<String, Secret>;

/// What one login is bound to, from the moment that the browser is sent to the moment that it comes back.
#[derive(Clone, Copy, Debug)]
pub struct LoginRequest<'a> {
    /// Where the provider sends the browser back, exactly as it is registered there.
    pub redirect_uri: &'a str,
    /// Recognises the login when the browser comes back (RFC 6749, section 10.12).
    pub state: &'a Secret,
    /// Proves that whoever redeems the code is who asked for it (RFC 7636).
    pub code_verifier: &'a Secret,
    /// Comes back in the provider's statement of who the user is (OpenID Connect Core 1.0, section 3.1.2.1).
    pub nonce: &'a Secret,
    /// What the login's own key is made of, if its tokens are to be bound to one: 256 bits of chance that nobody is ever told.
    pub key_seed: &'a Secret,
}

/// What came of telling a provider that a grant is not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It knows.
    AtTheProvider,
    /// It has no place to be told. The grant is forgotten here, and lives there until it expires.
    NotOffered,
}

/// Whose account a grant is for, as far as the provider said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What the provider knows the person by; compared exactly.
    pub subject: String,
    /// What the person is called there; for people.
    pub name: Option<String>,
}

pub(crate) const SUBJECT: &str = "subject";
pub(crate) const ACCOUNT_NAME: &str = "account_name";

/// Whose account a grant is for, if the provider said so at the login.
pub fn account(grant: &Grant) -> Option<Account> {
    let part = |name: &str| grant.parts.get(name).map(|part| part.expose().to_owned());
    Some(Account { subject: part(SUBJECT)?, name: part(ACCOUNT_NAME) })
}
