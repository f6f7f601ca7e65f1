//! A browser is sent to the provider.

use sortie_callout::{LoginPlace, place};
use sortie_model::{Secret, ServiceUrl};
use sortie_store::{Identity, LoginStage, NewLogin};
use uuid::Uuid;

use super::attempt::Attempt;
use super::{CallbackChange, ConnectError, LIFETIME, MOST, Person, callback_url, chance, hash};
use crate::house::new_id;
use crate::node::Node;

/// A login that has begun.
pub struct Begun {
    /// Names it to our own pages.
    pub id: Uuid,
    /// Where the browser goes.
    pub authorize_url: ServiceUrl,
    /// What only this browser may hold: it must be there when it comes back.
    pub browser: Secret,
    /// Where it comes back to.
    pub redirect_uri: String,
    /// What it brings back.
    pub state: Secret,
    /// The provider, by name.
    pub provider: String,
    /// What the last login came back to, if it was somewhere else.
    pub callback_change: Option<CallbackChange>,
}

/// Where a browser is sent off from.
pub struct Departure<'a> {
    /// External credential and principal.
    pub names: (&'a str, &'a str),
    /// What the provider sends the browser back to: `https://sortie.example.com`.
    pub base: &'a str,
    /// A path of our own pages for afterwards.
    pub return_to: &'a str,
    /// What this browser holds already from another login.
    pub browser: Option<Secret>,
}

/// Whether a text can be what [`begin`] gives a browser to hold.
pub fn is_browser_secret(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Begins a login.
///
/// # Errors
/// A [`ConnectError`].
pub async fn begin(node: &Node, person: &Person<'_>, departure: Departure<'_>) -> Result<Begun, ConnectError> {
    let Departure { names, base, return_to, browser } = departure;
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), names)?;
    let provider = place.credential().provider().ok_or_else(|| unusable(&place))?;
    let (state, code_verifier, nonce, key_seed) = (chance()?, chance()?, chance()?, chance()?);
    let browser = browser.map_or_else(chance, Ok)?;
    let attempt = Attempt {
        credential: place.credential().name.to_string(),
        principal: place.identity().principal().name.to_string(),
        revision: place.identity().key().revision,
        variant: place.identity().key().variant,
        provider: provider.name().to_string(),
        redirect_uri: callback_url(base, provider.kind(), provider.name()),
        state,
        code_verifier,
        nonce,
        key_seed,
        return_to: return_path(return_to).to_owned(),
        brought: None,
        redeemed: None,
    };
    let authorize_url = node.grants().authorize_url(&place, &attempt.request()).await?;
    let id = new_id();
    let login = NewLogin {
        id,
        state_hash: hash(attempt.state.expose()),
        browser_hash: hash(browser.expose()),
        user: person.user(),
        identity: Identity { principal: place.identity().key().principal, owner: place.identity().user() },
        sealed: attempt.seal(node.house().vault(), id, LoginStage::Started)?,
        lifetime: LIFETIME,
    };
    node.house().store().logins().start(login, MOST).await?;
    let callback_change = match person {
        Person::User { .. } => CallbackChange::of(node.house().store(), provider, base).await.unwrap_or_else(|error| {
            // It is for a warning alone.
            tracing::warn!(code = error.code(), "the callback URL of a provider cannot be compared: {error}");
            None
        }),
        Person::Operator { .. } => None,
    };
    Ok(Begun {
        id,
        authorize_url,
        browser,
        redirect_uri: attempt.redirect_uri,
        state: attempt.state,
        provider: attempt.provider,
        callback_change,
    })
}

/// The settings name no provider that is there: the protocol says so in its own words.
fn unusable(place: &LoginPlace<'_>) -> ConnectError {
    let field = sortie_protocol::provider_fields(place.credential().protocol).next().map_or("auth_provider", |first| first.field.name);
    ConnectError::Provider(sortie_protocol::ObtainError::NotConfigured { field }.into())
}

/// A path of our own pages, or the first of them: never another host, however it is written (OAU-19).
pub(super) fn return_path(text: &str) -> &str {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%?=&".contains(&byte));
    if text.starts_with('/') && !text.starts_with("//") && is_plain && text.len() <= 500 { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oau_19_nobody_is_sent_elsewhere() {
        for good in ["/", "/external-credentials", "/external-credentials?done=Cal"] {
            assert_eq!(return_path(good), good);
        }
        for bad in [
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "javascript:alert(1)",
            "/\tevil",
            "",
            "/a b",
            "/\r\nx",
            "/@:",
        ] {
            assert_eq!(return_path(bad), "/", "{bad:?}");
        }
    }
}
