//! A provider that is a program of somebody's ([`sortie_model::Plugin`]): five questions, as `docs/guide/custom-auth-provider.md` has them.
//!
//! Each is a `POST` of JSON to one address, signed with a secret that both sides know (Standard Webhooks). A signature, and no bearer key: the secret never leaves
//! either side, so that no log or proxy on the way can learn it, and a request that somebody caught is good for minutes and for nothing else.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sortie_model::{Plugin, Secret, SecretBytes, ServiceUrl};

use super::token_endpoint::{self, Tokens};
use super::{form, standard_webhooks};
use crate::{Account, ObtainError, Provider, World};

/// The version of the contract. A plug-in refuses one that it does not know.
const VERSION: u32 = 1;

/// 4 KiB: what a browser brings back is in one request line.
const MAX_PARAMETER_BYTES: usize = 4 * 1024;

/// The plug-in that a provider is.
#[derive(Clone, Copy)]
pub struct PluginClient<'a> {
    world: &'a dyn World,
    endpoint: &'a ServiceUrl,
    plugin: &'a Plugin,
    secret: &'a Secret,
}

/// A login that begins.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Where the browser has to come back to.
    pub redirect_uri: &'a str,
    /// Recognises the login; must stand in the query of the address that the plug-in gives, as `state`.
    pub state: &'a Secret,
    /// What is asked for.
    pub scope: Option<&'a str>,
    /// Of the proof key, with SHA-256 (RFC 7636, section 4.2).
    pub code_challenge: &'a str,
    /// For an ID token, if there will be one.
    pub nonce: &'a Secret,
}

/// A browser that came back.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// Where it came back to.
    pub redirect_uri: &'a str,
    /// Everything that it brought in the query, by name. What stands twice is refused before.
    pub parameters: &'a BTreeMap<String, Secret>,
    /// What was asked for.
    pub scope: Option<&'a str>,
    /// The proof key (RFC 7636, section 4.1).
    pub code_verifier: &'a Secret,
    /// For an ID token, if there is one.
    pub nonce: &'a Secret,
}

/// A question, as it is sent.
#[derive(Serialize)]
struct Question<'a> {
    version: u32,
    step: &'static str,
    configuration: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    of_step: BTreeMap<&'static str, Member<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(Option<&'a str>),
    Texts(BTreeMap<&'a str, &'a str>),
}

impl<'a> PluginClient<'a> {
    /// The plug-in of a provider that is one.
    ///
    /// # Errors
    /// It is none, or its secret is not stored.
    pub fn of(world: &'a dyn World, provider: Provider<'a>) -> Result<Self, ObtainError> {
        let none = || ObtainError::WrongConfiguration { field: "auth_provider", problem: "names no plug-in".to_owned() };
        let plugin = provider.server.plugin.as_ref().ok_or_else(none)?;
        Ok(Self { world, endpoint: &provider.server.token_endpoint, plugin, secret: provider.value("plugin_secret")? })
    }

    /// Where the browser is sent.
    ///
    /// # Errors
    /// Any [`ObtainError`]; [`ObtainError::Malformed`] for an address that the login would not come back from.
    pub async fn start(self, start: Start<'_>) -> Result<ServiceUrl, ObtainError> {
        let of_step = BTreeMap::from([
            ("redirect_uri", Member::Text(Some(start.redirect_uri))),
            ("state", Member::Text(Some(start.state.expose()))),
            ("scope", Member::Text(start.scope)),
            ("code_challenge", Member::Text(Some(start.code_challenge))),
            ("code_challenge_method", Member::Text(Some("S256"))),
            ("nonce", Member::Text(Some(start.nonce.expose()))),
        ]);
        let answer = self.ask("start", of_step, &[]).await?;
        let malformed = |what| ObtainError::Malformed { what };
        let url =
            answer.get("authorize_url").and_then(Value::as_str).ok_or_else(|| malformed("`authorize_url` in the plug-in's answer"))?;
        let url = ServiceUrl::parse(url).map_err(|_| malformed("an address as `authorize_url` in the plug-in's answer"))?;
        // Whatever comes back without it could be anybody's login.
        let state = format!("state={}", form::encode(start.state.expose()).as_str());
        let query = url.path_and_query().split_once('?').map(|(_, query)| query).unwrap_or_default();
        if query.split('&').filter(|pair| *pair == state).count() != 1 {
            return Err(malformed("the `state` that it was given, once, in the plug-in's `authorize_url`"));
        }
        Ok(url)
    }

    /// The tokens for what the browser brought back. It is asked once for each login, and never again.
    ///
    /// # Errors
    /// Any [`ObtainError`].
    pub async fn callback(self, callback: Callback<'_>) -> Result<Tokens, ObtainError> {
        if callback.parameters.iter().map(|(name, value)| name.len() + value.expose().len()).sum::<usize>() > MAX_PARAMETER_BYTES {
            return Err(ObtainError::Malformed { what: "a browser that comes back with at most 4 KiB" });
        }
        let parameters = callback.parameters.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let of_step = BTreeMap::from([
            ("redirect_uri", Member::Text(Some(callback.redirect_uri))),
            ("parameters", Member::Texts(parameters)),
            ("scope", Member::Text(callback.scope)),
            ("code_verifier", Member::Text(Some(callback.code_verifier.expose()))),
            ("nonce", Member::Text(Some(callback.nonce.expose()))),
        ]);
        let mut confidential: Vec<&Secret> = callback.parameters.values().collect();
        confidential.push(callback.code_verifier);
        token_endpoint::tokens(&self.ask("callback", of_step, &confidential).await?)
    }

    /// Whose account a token is for; `None` if the plug-in does not say.
    ///
    /// # Errors
    /// Any [`ObtainError`].
    pub async fn user_info(self, access_token: &Secret) -> Result<Option<Account>, ObtainError> {
        let of_step = BTreeMap::from([("access_token", Member::Text(Some(access_token.expose())))]);
        let answer = self.ask("user_info", of_step, &[access_token]).await?;
        let fields = sortie_model::AccountFields::at("/id", &[std::borrow::Cow::Borrowed("/name")]);
        Ok(fields.of(&answer).map(|(subject, name)| Account { subject, name }))
    }

    /// New tokens in the place of old ones. Without a new refresh token the old one stays good.
    ///
    /// # Errors
    /// Any [`ObtainError`]; [`ObtainError::InvalidGrant`] means that somebody has to log in again.
    pub async fn refresh(
        self,
        refresh_token: Option<&Secret>,
        access_token: Option<&Secret>,
        scope: Option<&str>,
    ) -> Result<Tokens, ObtainError> {
        let of_step = BTreeMap::from([
            ("refresh_token", Member::Text(refresh_token.map(Secret::expose))),
            ("access_token", Member::Text(access_token.map(Secret::expose))),
            ("scope", Member::Text(scope)),
        ]);
        let confidential: Vec<&Secret> = refresh_token.into_iter().chain(access_token).collect();
        token_endpoint::tokens(&self.ask("refresh", of_step, &confidential).await?)
    }

    /// Says that tokens are not needed any more.
    ///
    /// # Errors
    /// Any [`ObtainError`].
    pub async fn revoke(self, refresh_token: Option<&Secret>, access_token: Option<&Secret>) -> Result<(), ObtainError> {
        let of_step = BTreeMap::from([
            ("refresh_token", Member::Text(refresh_token.map(Secret::expose))),
            ("access_token", Member::Text(access_token.map(Secret::expose))),
        ]);
        let confidential: Vec<&Secret> = refresh_token.into_iter().chain(access_token).collect();
        self.ask("revoke", of_step, &confidential).await.map(drop)
    }

    async fn ask(
        self,
        step: &'static str,
        of_step: BTreeMap<&'static str, Member<'_>>,
        confidential: &[&Secret],
    ) -> Result<Value, ObtainError> {
        let question = Question { version: VERSION, step, configuration: &self.plugin.configuration, of_step };
        let body = SecretBytes::new(serde_json::to_vec(&question).expect("texts are JSON"));
        let headers = standard_webhooks::sign(self.secret, self.world.nonce(), self.world.now(), body.expose());
        let wrong = || ObtainError::WrongConfiguration { field: "plugin_secret of the provider", problem: "cannot sign".to_owned() };
        let mut confidential = confidential.to_vec();
        confidential.push(self.secret);
        let answer = token_endpoint::ask_json(self.world, self.endpoint.clone(), headers.ok_or_else(wrong)?, body, &confidential).await?;
        if answer.is_object() { Ok(answer) } else { Err(ObtainError::Malformed { what: "a JSON object as the plug-in's answer" }) }
    }
}

#[cfg(test)]
#[path = "plugin_tests.rs"]
mod tests;
