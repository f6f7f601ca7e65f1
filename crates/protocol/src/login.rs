//! Protocols whose grant begins with a person who logs in at a provider with a browser.

use std::collections::{BTreeMap, BTreeSet};

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

    /// Whose account a grant is for, if the provider says so when it is asked. Nothing depends on it but what people are shown.
    fn account<'a>(&'a self, world: &'a dyn World, material: Material<'a>, grant: &'a Grant) -> Pending<'a, Option<Account>>;

    /// Whether the grant of an earlier login is still what these settings mean.
    ///
    /// # Errors
    /// Why somebody has to log in again.
    fn still_fits(&self, material: Material<'_>, grant: &Grant) -> Result<(), NoLogin>;

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

/// What the grant of a login was asked for with, where that is scopes.
pub(crate) const SCOPE_ASKED: &str = "login_scope";

/// The scopes that were asked for, if the provider says that it has granted others (RFC 6749, section 3.3; TOK-09). The one that asks for a refresh token is
/// not counted where there is one: few servers repeat it.
pub fn scope_asked_for(grant: &Grant) -> Option<&str> {
    let asked = grant.parts.get(SCOPE_ASKED)?.expose();
    let granted = grant.parts.get("scope")?.expose();
    let is_had = |scope: &&str| matches!(*scope, "offline_access" | "refresh_token") && grant.is_irreplaceable();
    // Some servers put commas between them.
    let of = |text| -> BTreeSet<&str> { str::split(text, [' ', ',']).filter(|scope| !scope.is_empty() && !is_had(scope)).collect() };
    (of(asked) != of(granted)).then_some(asked)
}

const SUBJECT: &str = "subject";
const ACCOUNT_NAME: &str = "account_name";

/// Notes what the provider says when it is asked whose account a grant is for. What it has signed counts more: then a name is all that may be added, and only
/// if it speaks of the same person (OpenID Connect Core 1.0, section 5.3.2: else it "MUST NOT be used").
pub fn note_account(grant: &mut Grant, said: Account) {
    let account = match account(grant) {
        None => said,
        Some(signed) if signed.subject == said.subject => Account { name: signed.name.or(said.name), ..signed },
        Some(signed) => signed,
    };
    grant.parts.insert(SUBJECT.to_owned(), Secret::new(account.subject));
    grant.parts.extend(account.name.map(|name| (ACCOUNT_NAME.to_owned(), Secret::new(name))));
}

/// Whose account a grant is for, if the provider said so at the login.
pub fn account(grant: &Grant) -> Option<Account> {
    let part = |name: &str| grant.parts.get(name).map(|part| part.expose().to_owned());
    Some(Account { subject: part(SUBJECT)?, name: part(ACCOUNT_NAME) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tok_09_other_scopes_than_were_asked_for_are_noticed() {
        let other = |asked: &str, granted: Option<&str>, refresh_token: bool| {
            let mut parts = BTreeMap::from([(SCOPE_ASKED.to_owned(), Secret::new(asked))]);
            parts.extend(granted.map(|granted| ("scope".to_owned(), Secret::new(granted))));
            parts.extend(refresh_token.then(|| ("refresh_token".to_owned(), Secret::new("SECRET-r"))));
            scope_asked_for(&Grant { parts, lifetime: None }).map(str::to_owned)
        };
        // Section 5.1: left out, it is what was asked for.
        assert_eq!(other("read write", None, false), None);
        assert_eq!(other("read write", Some("write read"), false), None);
        assert_eq!(other("read write", Some("write,read"), false), None);
        assert_eq!(other("read offline_access", Some("read"), true), None);
        assert_eq!(other("read offline_access", Some("read"), false), Some("read offline_access".to_owned()));
        assert_eq!(other("read write", Some("read"), false), Some("read write".to_owned()));
        assert_eq!(other("", Some("read"), false), Some(String::new()));
    }
}
