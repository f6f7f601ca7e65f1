//! Servers that depart from the standards, by the presets of their kinds: what each is sent, and what is made of its answers.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;
use sortie_model::{AuthProviderKind, AuthProviderWishes, AuthenticationFlow, AuthorizationServer, Secret, Settings, TokenRenewal};

use super::OAuthBrowser;
use crate::testing::{Scripted, now, settings};
use crate::*;

/// One kind of provider, with whatever is stored for it.
struct At {
    server: AuthorizationServer,
    settings: Settings,
    values: Values,
    client: Values,
}

impl At {
    fn kind(kind: AuthProviderKind, said: &[(&str, &str)]) -> Self {
        let said: BTreeMap<String, String> = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let server = kind.preset().server(&AuthProviderWishes { settings: said, ..AuthProviderWishes::default() }).unwrap();
        let client = [("client_id", "me/1"), ("client_secret", "SECRET-client")];
        Self {
            server,
            settings: settings(json!({ "auth_provider": "X" })),
            values: Values::new(),
            client: client.map(|(name, value)| (name.to_owned(), Secret::new(value))).into(),
        }
    }

    fn material(&self) -> Material<'_> {
        let provider = Provider { flow: AuthenticationFlow::AuthorizationCode, server: &self.server, values: &self.client };
        Material { settings: &self.settings, values: &self.values, grant: None, provider: Some(provider) }
    }

    fn authorize_url(&self) -> String {
        with_request(|request| now(OAuthBrowser.authorize_url(&Scripted::new(""), self.material(), request)).unwrap().to_string())
    }

    /// With whose account it is, as it is asked afterwards.
    fn redeem(&self, world: &Scripted) -> Result<Grant, ObtainError> {
        let brought = Brought::from([("code".to_owned(), Secret::new("SECRET-code"))]);
        let mut grant = with_request(|request| now(OAuthBrowser.redeem(world, self.material(), request, &brought)))?;
        if let Some(account) = now(OAuthBrowser.account(world, self.material(), &grant)) {
            note_account(&mut grant, account);
        }
        Ok(grant)
    }

    fn refresh(&self, world: &Scripted, before: &Grant) -> Result<Grant, ObtainError> {
        now(OAuthBrowser.obtain(world, Material { grant: Some(before), ..self.material() }))
    }

    fn revoke(&self, world: &Scripted, grant: &Grant) -> Result<Revoked, ObtainError> {
        now(OAuthBrowser.revoke(world, self.material(), grant))
    }
}

fn with_request<T>(use_it: impl FnOnce(&LoginRequest<'_>) -> T) -> T {
    let [state, code_verifier, nonce, key_seed] = ["state", "SECRET-verifier", "nonce", "SECRET-seed"].map(Secret::new);
    let redirect_uri = "https://sortie.test/services/authcallback/X";
    use_it(&LoginRequest { redirect_uri, state: &state, code_verifier: &code_verifier, nonce: &nonce, key_seed: &key_seed })
}

/// Method, address and body of the last question.
fn asked(world: &Scripted) -> (Method, String, String) {
    let ask = world.asked().unwrap();
    (ask.method, ask.url.to_string(), String::from_utf8(ask.body.expose().to_vec()).unwrap())
}

fn part<'a>(grant: &'a Grant, name: &str) -> &'a str {
    grant.parts.get(name).map_or("", Secret::expose)
}

#[test]
fn slack_gives_the_users_token_beside_the_apps() {
    let slack = At::kind(AuthProviderKind::Slack, &[]);
    let url = slack.authorize_url();
    assert!(url.contains("&user_scope=users%3Aread") && !url.contains("&scope=") && !url.contains("code_challenge"), "{url}");
    let answer = r#"{"ok":true,"access_token":"SECRET-app","token_type":"bot","user_id":"U1","user":"ada",
        "authed_user":{"id":"U1","access_token":"SECRET-user","token_type":"user","expires_in":43200,"refresh_token":"SECRET-r"}}"#;
    let world = Scripted::new(answer);
    let grant = slack.redeem(&world).unwrap();
    assert_eq!((part(&grant, "access_token"), part(&grant, "refresh_token"), part(&grant, "scope")), ("SECRET-user", "SECRET-r", ""));
    assert_eq!(account(&grant).map(|account| (account.subject, account.name)), Some(("U1".to_owned(), Some("ada".to_owned()))));
    // The app's own token alone is nobody's login.
    let app_only = r#"{"ok":true,"access_token":"SECRET-app","token_type":"bot"}"#;
    assert_eq!(slack.redeem(&Scripted::new(app_only)).unwrap_err().code(), "token_answer_malformed");
    // A renewal answers at the top.
    let renewed = r#"{"ok":true,"access_token":"SECRET-user-2","token_type":"user","expires_in":43200,"refresh_token":"SECRET-r2"}"#;
    let next = slack.refresh(&Scripted::new(renewed), &grant).unwrap();
    assert_eq!((part(&next, "access_token"), part(&next, "refresh_token")), ("SECRET-user-2", "SECRET-r2"));
    for (answer, code) in [
        (r#"{"ok":false,"error":"invalid_refresh_token"}"#, "needs_authentication"),
        (r#"{"ok":false,"error":"invalid_client_id"}"#, "token_refused"),
        (r#"{"ok":false}"#, "token_refused"),
        (r#"{"access_token":"SECRET-user-2"}"#, "token_refused"),
        (r#"{"ok":false,"error":"ratelimited"}"#, "token_endpoint_unavailable"),
    ] {
        assert_eq!(slack.refresh(&Scripted::new(answer), &grant).unwrap_err().code(), code, "{answer}");
    }
    let world = Scripted::new(r#"{"ok":true}"#);
    assert_eq!(slack.revoke(&world, &grant), Ok(Revoked::AtTheProvider));
    assert_eq!(asked(&world), (Method::POST, "https://slack.com/api/auth.revoke".to_owned(), String::new()));
    assert_eq!(world.asked().unwrap().headers["authorization"], "Bearer SECRET-user");
    // It says no in a 200 here, too.
    assert!(slack.revoke(&Scripted::new(r#"{"ok":false,"error":"token_expired"}"#), &grant).is_err());
}

#[test]
fn facebook_exchanges_a_token_while_it_is_good() {
    let facebook = At::kind(AuthProviderKind::Facebook, &[]);
    let world = Scripted::new(r#"{"access_token":"SECRET-a","token_type":"bearer","expires_in":5183944,"id":"7","name":"Ada"}"#);
    let grant = facebook.redeem(&world).unwrap();
    let (method, url, body) = asked(&world);
    assert_eq!((method, body.as_str()), (Method::GET, ""));
    assert_eq!(url, "https://graph.facebook.com/v21.0/me?fields=id,name&access_token=SECRET-a");
    assert!(!format!("{:?}", world.asked().unwrap()).contains("SECRET"), "a question shows no query");
    assert!(grant.renews() && !grant.is_irreplaceable());
    let world = Scripted::new(r#"{"access_token":"SECRET-b","expires_in":5183944}"#);
    assert_eq!(part(&facebook.refresh(&world, &grant).unwrap(), "access_token"), "SECRET-b");
    let exchange = "grant_type=fb_exchange_token&fb_exchange_token=SECRET-a&client_id=me%2F1&client_secret=SECRET-client";
    assert_eq!(asked(&world).2, exchange);
    let expired = r#"{"error":{"message":"Error validating access token: Session has expired","type":"OAuthException","code":190}}"#;
    assert_eq!(facebook.refresh(&Scripted::new(expired), &grant).unwrap_err().code(), "needs_authentication");
    let other = r#"{"error":{"message":"Invalid Client ID","type":"OAuthException","code":101}}"#;
    assert_eq!(facebook.refresh(&Scripted::new(other), &grant).unwrap_err().code(), "token_refused");
    let secret = r#"{"error":{"message":"Error validating client secret.","type":"OAuthException","code":1}}"#;
    assert_eq!(facebook.refresh(&Scripted::new(secret), &grant).unwrap_err().code(), "token_refused");
    let world = Scripted::new(r#"{"success":true}"#);
    assert_eq!(facebook.revoke(&world, &grant), Ok(Revoked::AtTheProvider));
    assert_eq!(asked(&world).0, Method::DELETE);
}

#[test]
fn github_is_told_by_the_client_itself() {
    let github = At::kind(AuthProviderKind::GitHub, &[]);
    let world = Scripted::new(r#"{"access_token":"SECRET-gho","scope":"read:user","token_type":"bearer","id":583231,"login":"octocat"}"#);
    let grant = github.redeem(&world).unwrap();
    assert_eq!(account(&grant).map(|account| account.subject).as_deref(), Some("583231"));
    assert_eq!(github.revoke(&world, &grant), Ok(Revoked::AtTheProvider));
    let (method, url, body) = asked(&world);
    assert_eq!(
        (method, url.as_str(), body.as_str()),
        (Method::DELETE, "https://api.github.com/applications/me%2F1/token", r#"{"access_token":"SECRET-gho"}"#)
    );
    // printf '%s' 'me/1:SECRET-client' | base64
    assert_eq!(world.asked().unwrap().headers["authorization"], "Basic bWUvMTpTRUNSRVQtY2xpZW50");
    for word in [r#"{"error":"bad_verification_code"}"#, r#"{"error":"bad_refresh_token"}"#] {
        assert_eq!(github.redeem(&Scripted::new(word)).unwrap_err().code(), "needs_authentication");
    }
}

#[test]
fn gitlab_wants_the_redirect_uri_again() {
    let gitlab = At::kind(AuthProviderKind::GitLab, &[]);
    assert_eq!(gitlab.server.quirks.renewal, TokenRenewal::RefreshTokenWithRedirectUri);
    let world = Scripted::new(r#"{"keys":[],"access_token":"SECRET-a","refresh_token":"SECRET-r","expires_in":7200,"sub":"1"}"#);
    let grant = Grant::from_bytes(&gitlab.redeem(&world).unwrap().to_bytes()).unwrap();
    gitlab.refresh(&world, &grant).unwrap();
    assert!(asked(&world).2.contains("&redirect_uri=https%3A%2F%2Fsortie.test%2Fservices%2Fauthcallback%2FX&"), "{}", asked(&world).2);
}

#[test]
fn linkedin_gets_no_proof_key_and_hubspot_is_asked_by_introspection() {
    let linkedin = At::kind(AuthProviderKind::LinkedIn, &[]);
    let url = linkedin.authorize_url();
    assert!(!url.contains("code_challenge") && url.contains("openid") && !url.contains("nonce="), "{url}");
    let world = Scripted::new(r#"{"keys":[],"access_token":"SECRET-a","expires_in":60}"#);
    let unasked = At { server: AuthorizationServer { user_info_endpoint: None, ..linkedin.server.clone() }, ..linkedin };
    unasked.redeem(&world).unwrap();
    assert!(!asked(&world).2.contains("code_verifier"));

    let hubspot = At::kind(AuthProviderKind::HubSpot, &[]);
    let world = Scripted::new(r#"{"access_token":"SECRET-a","refresh_token":"SECRET-r","expires_in":1800,"user_id":42,"user":"a@b.test"}"#);
    let grant = hubspot.redeem(&world).unwrap();
    let (method, url, body) = asked(&world);
    assert_eq!((method, body.as_str()), (Method::POST, "token=SECRET-a&client_id=me%2F1&client_secret=SECRET-client"));
    assert!(url.ends_with("/token/introspect"), "{url}");
    assert_eq!(account(&grant).and_then(|account| account.name).as_deref(), Some("a@b.test"));
}

#[test]
fn apple_gets_a_signed_token_in_the_place_of_a_secret_and_a_nonce_without_scopes() {
    let mut apple = At::kind(AuthProviderKind::Apple, &[("team_id", "TEAM123456"), ("key_id", "KEY1234567")]);
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    apple.client.insert("private_key".to_owned(), Secret::new(pair.serialize_pem()));
    let url = apple.authorize_url();
    assert!(url.contains("&nonce=nonce") && url.contains("&code_challenge=") && !url.contains("scope="), "{url}");
    let world = Scripted::new(r#"{"keys":[],"access_token":"SECRET-a","refresh_token":"SECRET-r","expires_in":3600}"#);
    let grant = apple.redeem(&world).unwrap();
    let (_, url, body) = asked(&world);
    assert_eq!(url, "https://appleid.apple.com/auth/token");
    let secret = body.split("client_secret=").nth(1).unwrap().split('&').next().unwrap();
    assert!(secret.starts_with("eyJ") && secret.matches('.').count() == 2 && !body.contains("SECRET-client"), "{body}");
    assert_eq!(apple.revoke(&world, &grant), Ok(Revoked::AtTheProvider));
    assert!(asked(&world).2.starts_with("token=SECRET-r&token_type_hint=refresh_token&client_id="));
}

#[test]
fn every_kind_can_be_logged_in_at() {
    // The others have no endpoints of their own.
    let is_known = |kind: &AuthProviderKind| !matches!(kind, AuthProviderKind::Custom | AuthProviderKind::OpenIdConnect);
    for kind in AuthProviderKind::ALL.into_iter().filter(is_known) {
        let said: Vec<_> =
            kind.preset().settings.iter().filter(|setting| setting.default.is_none()).map(|setting| (setting.name, "x1")).collect();
        let mut at = At::kind(kind, &said);
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        at.client.insert("private_key".to_owned(), Secret::new(pair.serialize_pem()));
        let url = at.authorize_url();
        let is_whole = ["response_type=code", "client_id=me%2F1", "redirect_uri=", "state=state"].iter().all(|one| url.contains(one));
        assert!(is_whole && url.starts_with("https://"), "{}: {url}", kind.as_str());
    }
}
