#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use sortie_model::{
    ApiName, AuthenticationFlow, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId,
    Label, ParameterKind, RequestParameter, Scopes, Secret, ServiceUrl,
};
use uuid::Uuid;

use super::OAuthBrowser;
use crate::testing::{Scripted, now, settings};
use crate::*;

const ANSWER: &str =
    r#"{"access_token":"SECRET-token","token_type":"Bearer","expires_in":60,"refresh_token":"SECRET-next","scope":"read"}"#;

fn provider() -> ExternalAuthIdentityProvider {
    let url = |text: &str| ServiceUrl::parse(text).unwrap();
    let parameter = |kind, name, value, number| RequestParameter::parse(kind, name, value, number, "").unwrap();
    ExternalAuthIdentityProvider {
        id: ExternalAuthIdentityProviderId::from_uuid(Uuid::nil()),
        name: ApiName::parse("Okta").unwrap(),
        label: Label::parse("Okta").unwrap(),
        description: String::new(),
        flow: AuthenticationFlow::AuthorizationCode,
        server: AuthorizationServer {
            client_authentication: ClientAuthentication::Body,
            authorize_endpoint: Some(url("https://idp.test/authorize?tenant=a%2Fb")),
            revocation_endpoint: Some(url("https://idp.test/revoke")),
            default_scopes: Scopes::parse("openid read").unwrap(),
            parameters: vec![
                parameter(ParameterKind::AuthorizeQuery, "prompt", "consent", 1),
                parameter(ParameterKind::TokenBody, "audience", "a & b", 2),
                parameter(ParameterKind::RefreshBody, "resource", "r", 3),
                parameter(ParameterKind::RefreshQuery, "trace", "1", 4),
                parameter(ParameterKind::RefreshHeader, "X-Tenant", "t", 5),
            ],
            ..AuthorizationServer::at(url("https://idp.test/token"))
        },
    }
}

fn client() -> Values {
    Values::from([("client_id".to_owned(), Secret::new("me")), ("client_secret".to_owned(), Secret::new("SECRET-client"))])
}

/// Everything that one login and its renewals need.
pub(super) struct Scene {
    settings: sortie_model::Settings,
    values: Values,
    pub(super) client: Values,
    pub(super) provider: ExternalAuthIdentityProvider,
}

impl Scene {
    pub(super) fn new(more: Value) -> Self {
        let mut settings = settings(json!({ "external_auth_identity_provider": "okta" }));
        settings.extend(more.as_object().unwrap().clone());
        Self { settings, values: Values::new(), client: client(), provider: provider() }
    }

    pub(super) fn material<'a>(&'a self, grant: Option<&'a Grant>) -> Material<'a> {
        Material { settings: &self.settings, values: &self.values, grant, provider: Some(Provider::new(&self.provider, &self.client)) }
    }

    pub(super) fn authorize_url(&self) -> String {
        self.try_authorize_url(&Scripted::new("")).unwrap()
    }

    pub(super) fn try_authorize_url(&self, world: &Scripted) -> Result<String, ObtainError> {
        let (state, code_verifier, nonce) = secrets();
        let request = request(&state, &code_verifier, &nonce);
        now(OAuthBrowser.authorize_url(world, self.material(None), &request)).map(|url| url.to_string())
    }

    pub(super) fn redeem(&self, world: &Scripted) -> Result<Grant, ObtainError> {
        let (state, code_verifier, nonce) = secrets();
        let brought = Brought::from([("code".to_owned(), Secret::new("SECRET-code")), ("state".to_owned(), state.clone())]);
        now(OAuthBrowser.redeem(world, self.material(None), &request(&state, &code_verifier, &nonce), &brought))
    }

    pub(super) fn refresh(&self, world: &Scripted, grant: Option<&Grant>) -> Result<Grant, ObtainError> {
        now(OAuthBrowser.obtain(world, self.material(grant)))
    }
}

/// RFC 7636, appendix B has the verifier and its challenge.
fn secrets() -> (Secret, Secret, Secret) {
    (Secret::new("SECRET-state"), Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), Secret::new("SECRET-nonce"))
}

pub(super) const SEED: &str = "SECRET-seed-0123456789-0123456789-0123456789";

fn request<'a>(state: &'a Secret, code_verifier: &'a Secret, nonce: &'a Secret) -> LoginRequest<'a> {
    static KEY_SEED: std::sync::LazyLock<Secret> = std::sync::LazyLock::new(|| Secret::new(SEED));
    let redirect_uri = "https://sortie.test/services/externalauthcallback/Okta";
    LoginRequest { redirect_uri, state, code_verifier, nonce, key_seed: &KEY_SEED }
}

fn asked(world: &Scripted) -> (String, String) {
    let ask = world.asked().unwrap();
    (ask.url.to_string(), String::from_utf8(ask.body.expose().to_vec()).unwrap())
}

fn part<'a>(grant: &'a Grant, name: &str) -> Option<&'a str> {
    grant.parts.get(name).map(Secret::expose)
}

#[test]
fn the_browser_is_sent_with_what_the_rfcs_ask_for() {
    // OAU-12: state, S256, the exact redirect URI, a nonce for OpenID Connect, and no secret of the client.
    assert_eq!(
        Scene::new(json!({})).authorize_url(),
        "https://idp.test/authorize?tenant=a%2Fb&response_type=code&client_id=me\
         &redirect_uri=https%3A%2F%2Fsortie.test%2Fservices%2Fexternalauthcallback%2FOkta&state=SECRET-state\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
         &scope=openid+read&nonce=SECRET-nonce&prompt=consent"
    );
}

#[test]
fn a_scope_replaces_the_default_scopes_and_openid_brings_a_nonce() {
    let with = |scope: &str| Scene::new(json!({ "scope": scope })).authorize_url();
    assert!(with("write").contains("&scope=write&prompt"), "{}", with("write"));
    assert!(with("write openid").contains("&nonce="));
    assert!(!with("").contains("scope="));
    assert!(!with("openid2").contains("&nonce="));
}

#[test]
fn a_code_becomes_a_grant() {
    let (world, scene) = (Scripted::new(ANSWER), Scene::new(json!({})));
    let grant = scene.redeem(&world).unwrap();
    assert_eq!(
        asked(&world),
        (
            "https://idp.test/token".to_owned(),
            "grant_type=authorization_code&code=SECRET-code&redirect_uri=https%3A%2F%2Fsortie.test%2Fservices%2Fexternalauthcallback%2FOkta\
             &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=me&client_secret=SECRET-client&audience=a+%26+b"
                .to_owned()
        )
    );
    assert_eq!((part(&grant, "access_token"), part(&grant, "refresh_token")), (Some("SECRET-token"), Some("SECRET-next")));
    assert_eq!(grant.lifetime, Some(Duration::from_secs(60)));
    // It survives storage with all that a renewal needs.
    let stored = Grant::from_bytes(&grant.to_bytes()).unwrap();
    assert_eq!(OAuthBrowser.still_fits(scene.material(None), &stored), Ok(()));
}

#[test]
fn a_refresh_token_becomes_the_next_grant() {
    let (world, scene) = (Scripted::new(ANSWER), Scene::new(json!({ "client_authentication": "basic" })));
    let first = scene.redeem(&world).unwrap();
    let second = scene.refresh(&world, Some(&first)).unwrap();
    assert_eq!(
        asked(&world),
        ("https://idp.test/token?trace=1".to_owned(), "grant_type=refresh_token&refresh_token=SECRET-next&resource=r".to_owned())
    );
    let headers = world.asked().unwrap().headers;
    assert_eq!(headers["x-tenant"], "t");
    assert!(headers["authorization"].is_sensitive());
    assert_eq!(OAuthBrowser.still_fits(scene.material(None), &second), Ok(()));
}

#[test]
fn tok_10_and_11_a_refresh_token_is_kept_until_another_one_comes() {
    let scene = Scene::new(json!({}));
    let first = scene.redeem(&Scripted::new(ANSWER)).unwrap();
    let without = scene.refresh(&Scripted::new(r#"{"access_token":"SECRET-2","expires_in":60}"#), Some(&first)).unwrap();
    assert_eq!((part(&without, "access_token"), part(&without, "refresh_token")), (Some("SECRET-2"), Some("SECRET-next")));
    assert_eq!(part(&without, "scope"), Some("read"));
    let rotated = scene.refresh(&Scripted::new(r#"{"access_token":"SECRET-3","refresh_token":"SECRET-third"}"#), Some(&without)).unwrap();
    assert_eq!((part(&rotated, "refresh_token"), rotated.lifetime), (Some("SECRET-third"), None));
}

#[test]
fn a_token_without_end_and_without_successor_serves_until_it_is_refused() {
    let (world, scene) = (Scripted::new(r#"{"access_token":"SECRET-gho","token_type":"bearer"}"#), Scene::new(json!({})));
    let grant = scene.redeem(&world).unwrap();
    assert!(grant.lifetime.unwrap() > Duration::from_secs(9 * 365 * 86_400));
    assert_eq!(scene.refresh(&world, Some(&grant)), Err(ObtainError::NotLoggedIn(NoLogin::NoRefreshToken)));
}

#[test]
fn another_provider_client_or_scope_needs_another_login_and_nobody_is_asked() {
    let scene = Scene::new(json!({}));
    let grant = scene.redeem(&Scripted::new(ANSWER)).unwrap();
    let unasked = Scripted::new(ANSWER);
    let refresh = |scene: &Scene| {
        assert_eq!(
            OAuthBrowser.still_fits(scene.material(None), &grant).map_err(ObtainError::NotLoggedIn),
            scene.refresh(&unasked, Some(&grant)).map(drop)
        );
        scene.refresh(&unasked, Some(&grant)).unwrap_err()
    };
    assert_eq!(scene.refresh(&unasked, None), Err(ObtainError::NotLoggedIn(NoLogin::Never)));
    let mut moved = Scene::new(json!({}));
    moved.provider.server.token_endpoint = ServiceUrl::parse("https://evil.test/token").unwrap();
    assert_eq!(refresh(&moved), ObtainError::NotLoggedIn(NoLogin::OtherProvider));
    let mut other = Scene::new(json!({}));
    other.client.insert("client_id".to_owned(), Secret::new("you"));
    assert_eq!(refresh(&other), ObtainError::NotLoggedIn(NoLogin::OtherProvider));
    assert_eq!(refresh(&Scene::new(json!({ "scope": "more" }))), ObtainError::NotLoggedIn(NoLogin::OtherScope));
    assert!(unasked.asked().is_none());
    // A new secret of the same client is no reason.
    let mut renewed = Scene::new(json!({}));
    renewed.client.insert("client_secret".to_owned(), Secret::new("SECRET-client-2"));
    assert!(renewed.refresh(&unasked, Some(&grant)).is_ok());
}

#[test]
fn the_account_is_what_the_user_info_endpoint_says() {
    let account_of = |answer: &'static str| {
        let mut scene = Scene::new(json!({}));
        scene.provider.server.user_info_endpoint = Some(ServiceUrl::parse("https://idp.test/me").unwrap());
        let world = Scripted::new(answer);
        let mut grant = scene.redeem(&world).unwrap();
        if let Some(said) = now(OAuthBrowser.account(&world, scene.material(None), &grant)) {
            note_account(&mut grant, said);
        }
        assert_eq!(world.asked().unwrap().headers["authorization"], "Bearer SECRET-token");
        account(&grant).map(|account| (account.subject, account.name))
    };
    // The scripted world gives one answer to both questions.
    let with =
        |more: &str| -> &'static str { Box::leak(format!(r#"{{"access_token":"SECRET-token","expires_in":60,{more}}}"#).into_boxed_str()) };
    assert_eq!(account_of(with(r#""sub":"u-1","email":"a@b.test""#)), Some(("u-1".to_owned(), Some("a@b.test".to_owned()))));
    assert_eq!(account_of(with(r#""id":583231,"login":"octocat""#)), Some(("583231".to_owned(), Some("octocat".to_owned()))));
    assert_eq!(account_of(with(r#""hello":1"#)), None);
}

#[test]
fn a_grant_is_revoked_where_it_came_from_and_nowhere_else() {
    let (world, mut scene) = (Scripted::new(ANSWER), Scene::new(json!({})));
    let grant = scene.redeem(&world).unwrap();
    assert_eq!(now(OAuthBrowser.revoke(&world, scene.material(None), &grant)), Ok(Revoked::AtTheProvider));
    assert_eq!(
        asked(&world),
        (
            "https://idp.test/revoke".to_owned(),
            "token=SECRET-next&token_type_hint=refresh_token&client_id=me&client_secret=SECRET-client".to_owned()
        )
    );
    scene.provider.server.revocation_endpoint = None;
    assert_eq!(now(OAuthBrowser.revoke(&world, scene.material(None), &grant)), Ok(Revoked::NotOffered));
    let unasked = Scripted::new(ANSWER);
    scene.provider = provider();
    scene.provider.server.token_endpoint = ServiceUrl::parse("https://evil.test/token").unwrap();
    assert!(now(OAuthBrowser.revoke(&unasked, scene.material(None), &grant)).is_err());
    assert!(unasked.asked().is_none());
}

#[test]
fn nothing_of_a_login_prints() {
    let ((state, code_verifier, nonce), scene) = (secrets(), Scene::new(json!({})));
    let grant = scene.redeem(&Scripted::new(ANSWER)).unwrap();
    let shown = format!("{:?} {:?} {:?}", request(&state, &code_verifier, &nonce), grant, scene.material(Some(&grant)));
    assert!(!shown.contains("SECRET") && !shown.contains("dBjft"), "{shown}");
}

#[test]
fn an_id_token_that_is_not_for_this_login_ends_it() {
    let mut scene = Scene::new(json!({}));
    scene.provider.server.issuer = Some(sortie_model::Issuer::parse("https://idp.test").unwrap());
    scene.provider.server.key_set_endpoint = Some(ServiceUrl::parse("https://idp.test/keys").unwrap());
    // The scripted world gives one answer to both questions: tokens and keys.
    let forged = r#"{"access_token":"SECRET-a","id_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5In0.","keys":[]}"#;
    let refused = scene.redeem(&Scripted::new(forged)).unwrap_err();
    assert_eq!(refused.code(), "id_token_refused");
    assert!(!refused.to_string().contains("mallory"), "{refused}");
}
