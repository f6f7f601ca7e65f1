//! How authorization servers depart from the standards: facts for the protocol that asks them, so that it needs to know no server by its name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is other than in the standards. The default is a server that keeps to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Whether a login carries a proof key.
    pub proof_key: ProofKey,
    /// Under which name the login asks for scopes.
    pub scope_parameter: ScopeParameter,
    /// What stands between scopes on the way to it. Everywhere else it is a space.
    pub scope_separator: ScopeSeparator,
    /// What its client secret is.
    pub client_secret: ClientSecret,
    /// Whether its ID tokens repeat the nonce of the login.
    pub nonce: Nonce,
    /// Where the tokens stand in the answer to a code.
    pub token_place: TokenPlace,
    /// How it says that it refuses.
    pub error_shape: ErrorShape,
    /// How a token is renewed.
    pub renewal: TokenRenewal,
    /// How it is asked who a user is.
    pub user_info: UserInfoRequest,
    /// Where what it answers to that names the account.
    pub account: AccountFields,
    /// How it is told that a token is not needed any more.
    pub revocation: RevocationRequest,
}

/// Whether a login carries a proof key (RFC 7636).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKey {
    /// `code_challenge` and `code_verifier` are sent. A server that knows none ignores them, as RFC 6749, section 3.1 and 3.2 demand.
    #[default]
    Sent,
    /// They are not: this server refuses requests that have them.
    NotSent,
}

/// Under which name a login asks for scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeParameter {
    /// `scope` (RFC 6749, section 3.3).
    #[default]
    Scope,
    /// `user_scope`; `scope` would ask for a token that is not the user's.
    UserScope,
}

impl ScopeParameter {
    /// As sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::UserScope => "user_scope",
        }
    }
}

/// What stands between scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeSeparator {
    /// A space (RFC 6749, section 3.3).
    #[default]
    Space,
    /// A comma.
    Comma,
}

impl ScopeSeparator {
    /// Scopes with single spaces between them, as this server wants them.
    pub fn join(self, scopes: &str) -> Cow<'_, str> {
        match self {
            Self::Space => Cow::Borrowed(scopes),
            Self::Comma => Cow::Owned(scopes.replace(' ', ",")),
        }
    }
}

/// What a client secret is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSecret {
    /// The stored value `client_secret`.
    #[default]
    Stored,
    /// A token that is signed with ES256 by the stored value `private_key` and sent in the place of the secret. Its subject is the client id.
    SignedToken {
        /// `iss`.
        issuer: Box<str>,
        /// `kid`.
        key_id: Box<str>,
        /// `aud`.
        audience: Box<str>,
    },
}

/// Whether ID tokens repeat the nonce of the login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonce {
    /// They do (OpenID Connect Core 1.0, section 3.1.3.7).
    #[default]
    Repeated,
    /// They do not, although it was sent: it is not sent. What ties a token to its login is then the code alone.
    Dropped,
}

/// Where the tokens stand in the answer to a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPlace {
    /// At the top (RFC 6749, section 5.1).
    #[default]
    Top,
    /// In the member `authed_user`. What stands at the top is another token, and is not used. In the answer to a refresh token they stand at the top.
    AuthedUser,
}

/// How a server says that it refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// `{"error": "code", "error_description": "words"}` (RFC 6749, section 5.2), whatever the status: some answer 200.
    #[default]
    Standard,
    /// `{"ok": false, "error": "code"}` with status 200; without `"ok": true` it is a refusal, also without a code.
    OkFlag,
    /// `{"error": {"type": "code", "message": "words"}}`.
    Nested,
}

/// How a token is renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRenewal {
    /// With its refresh token (RFC 6749, section 6).
    #[default]
    RefreshToken,
    /// The same; the request also has the `redirect_uri` of the login.
    RefreshTokenWithRedirectUri,
    /// There is no refresh token: while it is still good, the access token itself is exchanged for one that lives longer.
    AccessToken {
        /// The `grant_type` of the exchange, and the name of the parameter that holds the token.
        grant_type: Box<str>,
    },
}

/// How a server is asked who a user is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserInfoRequest {
    /// `GET` with the token in `Authorization: Bearer` (RFC 6750, section 2.1).
    #[default]
    TokenInHeader,
    /// `GET` with the token in the query as `access_token` (section 2.3).
    TokenInQuery,
    /// `POST` of the token as `token`, with client id and secret as in a token request (RFC 7662, section 2.1).
    Introspection,
}

/// Which members of what a server says of a user name the account. A server that gives an ID token need not be asked: `sub` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFields {
    /// JSON pointer (RFC 6901) to what never changes and is nobody else's: a text or a number.
    pub id: Cow<'static, str>,
    /// JSON pointers to what people call the account; the first that is there counts.
    pub names: Cow<'static, [Cow<'static, str>]>,
}

impl Default for AccountFields {
    fn default() -> Self {
        Self::OPENID
    }
}

impl AccountFields {
    /// OpenID Connect Core 1.0, section 5.1.
    pub const OPENID: Self = Self::at("/sub", &[Cow::Borrowed("/preferred_username"), Cow::Borrowed("/email"), Cow::Borrowed("/name")]);

    /// At these places.
    pub const fn at(id: &'static str, names: &'static [Cow<'static, str>]) -> Self {
        Self { id: Cow::Borrowed(id), names: Cow::Borrowed(names) }
    }

    /// The account's id and what it is called, of what a server says of a user. `None`: there is no id.
    pub fn of(&self, said: &serde_json::Value) -> Option<(String, Option<String>)> {
        let text = |pointer: &str| match said.pointer(pointer)? {
            serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Some((text(&self.id)?, self.names.iter().find_map(|pointer| text(pointer))))
    }
}

/// How a server is told that a token is not needed any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationRequest {
    /// `POST` of the token with client id and secret as in a token request (RFC 7009, section 2.1).
    #[default]
    Standard,
    /// `DELETE` with client id and secret in `Authorization: Basic` and `{"access_token": "…"}` as body. `{client_id}` in the path of the endpoint is the
    /// client id.
    DeleteAsClient,
    /// `DELETE` with the access token in `Authorization: Bearer`.
    DeleteAsUser,
    /// `POST` without a body, with the access token in `Authorization: Bearer`.
    PostAsUser,
}

/// A provider that is no authorization server: a program that is asked, step by step, what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// What it is told with every step, for it to tell one provider from another: nothing secret.
    pub configuration: BTreeMap<String, String>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quirks_survive_storage() {
        let quirks = Quirks {
            client_secret: ClientSecret::SignedToken { issuer: "team".into(), key_id: "key".into(), audience: "https://a.test".into() },
            renewal: TokenRenewal::AccessToken { grant_type: "exchange".into() },
            account: AccountFields::at("/id", &[Cow::Borrowed("/login")]),
            user_info: UserInfoRequest::Introspection,
            ..Quirks::default()
        };
        let stored = serde_json::to_string(&quirks).unwrap();
        assert_eq!(serde_json::from_str::<Quirks>(&stored).unwrap(), quirks);
        assert_eq!(serde_json::from_str::<Quirks>("{}").unwrap(), Quirks::default());
        assert!(serde_json::from_str::<Quirks>(r#"{"proof_keys": "sent"}"#).is_err());
    }

    #[test]
    fn an_account_is_named_by_a_text_or_a_number() {
        let github = AccountFields::at("/id", &[Cow::Borrowed("/name"), Cow::Borrowed("/login")]);
        assert_eq!(github.of(&json!({ "id": 7, "login": "octo", "name": null })), Some(("7".to_owned(), Some("octo".to_owned()))));
        assert_eq!(github.of(&json!({ "id": "u-1" })), Some(("u-1".to_owned(), None)));
        for nobody in [json!({ "login": "octo" }), json!({ "id": null }), json!({ "id": "" }), json!({ "id": {} }), json!("7")] {
            assert_eq!(github.of(&nobody), None, "{nobody}");
        }
        assert_eq!(
            AccountFields::default().of(&json!({ "sub": "s", "email": "a@b.test" })),
            Some(("s".to_owned(), Some("a@b.test".to_owned())))
        );
    }

    #[test]
    fn scopes_are_joined_as_the_server_wants_them() {
        assert_eq!(ScopeSeparator::Comma.join("a b c"), "a,b,c");
        assert_eq!(ScopeSeparator::Space.join("a b c"), "a b c");
    }
}
