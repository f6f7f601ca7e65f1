#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::{ClientSecret, ClientValues, ParameterKind, ProofKey, RequestParameter, Scopes, TokenPlace};

/// What a kind needs at least.
fn least(kind: AuthProviderKind) -> AuthProviderWishes {
    let url = |text: &str| Some(ServiceUrl::parse(text).unwrap());
    let (mut wishes, mut settings) = (AuthProviderWishes::default(), BTreeMap::new());
    for setting in kind.preset().settings.iter().filter(|setting| setting.default.is_none()) {
        let value = if setting.form == SettingForm::Url { "https://plugin.test/ask" } else { "ABC123" };
        settings.insert(setting.name.to_owned(), value.to_owned());
    }
    wishes.settings = settings;
    if kind == AuthProviderKind::OpenIdConnect {
        (wishes.authorize_endpoint, wishes.token_endpoint) = (url("https://idp.test/authorize"), url("https://idp.test/token"));
    }
    wishes
}

fn fields(found: Result<AuthorizationServer, Violations>) -> Vec<String> {
    found.unwrap_err().0.into_iter().map(|violation| format!("{} {}", violation.field, violation.rule)).collect()
}

fn parameters(server: &AuthorizationServer) -> Vec<(&str, &str)> {
    server.parameters.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect()
}

#[test]
fn every_kind_has_one_preset_that_makes_a_server() {
    assert_eq!(presets::ALL.len(), AuthProviderKind::ALL.len());
    for kind in AuthProviderKind::ALL {
        assert_eq!(AuthProviderKind::parse(kind.as_str()), Some(kind));
        let preset = kind.preset();
        assert!(!preset.title.is_empty() && !preset.registration.is_empty() && !preset.refresh_token.is_empty(), "{kind:?}");
        let server = preset.server(&least(kind)).unwrap_or_else(|violations| panic!("{kind:?}: {violations}"));
        assert!(server.authorize_endpoint.is_some() || server.plugin.is_some(), "{kind:?}");
        server.check().unwrap();
        assert_eq!(server.client_values(), preset.client_values());
        // Whoever keeps to the defaults gets a token that can be renewed.
        let asked = server.default_scopes.clone();
        assert!(server.refresh_token_scope.as_ref().and_then(Scopes::as_text).is_none_or(|scope| asked.holds(scope)), "{kind:?}");
        let stored = serde_json::to_string(&server).unwrap();
        assert_eq!(serde_json::from_str::<AuthorizationServer>(&stored).unwrap(), server);
        let urls = [&server.authorize_endpoint, &server.user_info_endpoint, &server.revocation_endpoint, &server.key_set_endpoint];
        for url in urls.into_iter().flatten().chain([&server.token_endpoint]) {
            let rest = url.to_string().replace("{client_id}", "");
            assert!(rest.starts_with("https://") && !rest.contains(['{', '}']), "{url}");
        }
    }
    assert!(AuthProviderKind::parse("Google").is_none());
}

#[test]
fn settings_choose_the_server() {
    let server = |kind: AuthProviderKind, settings: &[(&str, &str)]| {
        let mut wishes = least(kind);
        wishes.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        kind.preset().server(&wishes).unwrap()
    };
    let salesforce = server(AuthProviderKind::Salesforce, &[("login_host", "example.my.salesforce.com")]);
    assert_eq!(salesforce.token_endpoint.to_string(), "https://example.my.salesforce.com/services/oauth2/token");
    assert_eq!(salesforce.issuer.unwrap().as_str(), "https://example.my.salesforce.com");
    let gitlab = server(AuthProviderKind::GitLab, &[("host", "code.test:8443/gitlab")]);
    assert_eq!(gitlab.token_endpoint.to_string(), "https://code.test:8443/gitlab/oauth/token");
    let common = server(AuthProviderKind::Microsoft, &[("tenant", "common")]);
    assert_eq!((common.token_endpoint.path_and_query(), common.issuer), ("/common/oauth2/v2.0/token", None));
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let known = server(AuthProviderKind::Microsoft, &[("tenant", tenant)]);
    assert_eq!(known.issuer.unwrap().as_str(), format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    let apple = server(AuthProviderKind::Apple, &[("team_id", "TEAM123456"), ("key_id", "KEY1234567")]);
    let ClientSecret::SignedToken { issuer, key_id, audience } = apple.quirks.client_secret else { unreachable!() };
    assert_eq!((&*issuer, &*key_id, &*audience), ("TEAM123456", "KEY1234567", "https://appleid.apple.com"));
    let custom = server(AuthProviderKind::Custom, &[]);
    assert_eq!((custom.token_endpoint.to_string(), custom.client_values()), ("https://plugin.test/ask".to_owned(), ClientValues::Plugin));
}

#[test]
fn settings_that_no_address_can_be_made_of_are_refused() {
    let refused = |kind: AuthProviderKind, settings: &[(&str, &str)]| {
        let mut wishes = least(kind);
        wishes.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields(kind.preset().server(&wishes))
    };
    for bad in ["https://x.test", "x.test/", "x.test?a", "user@x.test", "x y", "", "x.test/{api}", "x.test#"] {
        assert_eq!(refused(AuthProviderKind::GitLab, &[("host", bad)]), ["settings.host setting_format"], "{bad}");
    }
    for bad in ["", "a/b", "..", "a b", "{x}", "a%2fb"] {
        assert_eq!(refused(AuthProviderKind::Microsoft, &[("tenant", bad)]), ["settings.tenant setting_format"], "{bad}");
    }
    assert_eq!(refused(AuthProviderKind::GitHub, &[("host", "git.test")]), ["settings.api required"]);
    assert_eq!(refused(AuthProviderKind::Google, &[("tenant", "a")]), ["settings.tenant setting_unknown"]);
    let nothing = AuthProviderWishes::default();
    assert_eq!(fields(AuthProviderKind::Microsoft.preset().server(&nothing)), ["settings.tenant required"]);
    assert_eq!(fields(AuthProviderKind::OpenIdConnect.preset().server(&nothing)), ["token_endpoint required"]);
}

#[test]
fn what_is_written_counts() {
    let url = |text: &str| Some(ServiceUrl::parse(text).unwrap());
    let mut wishes = least(AuthProviderKind::Google);
    let preset = AuthProviderKind::Google.preset();
    assert_eq!(parameters(&preset.server(&wishes).unwrap()), [("access_type", "offline"), ("prompt", "consent")]);
    wishes.authorize_endpoint = url("https://accounts.google.com/o/oauth2/auth?access_type=offline");
    wishes.parameters = vec![RequestParameter::parse(ParameterKind::AuthorizeQuery, "prompt", "select_account consent", 1, "").unwrap()];
    let server = preset.server(&wishes).unwrap();
    assert_eq!(parameters(&server), [("prompt", "select_account consent")]);
    server.check().unwrap();
    let bare = AuthProviderWishes { leaves_preset_parameters_out: true, ..least(AuthProviderKind::Google) };
    assert!(preset.server(&bare).unwrap().parameters.is_empty());
    let slack = |pkce| AuthProviderKind::Slack.preset().server(&AuthProviderWishes { pkce, ..AuthProviderWishes::default() }).unwrap();
    assert_eq!((slack(None).quirks.proof_key, slack(Some(true)).quirks.proof_key), (ProofKey::NotSent, ProofKey::Sent));
    assert_eq!((slack(None).uses_pkce, slack(None).quirks.token_place), (false, TokenPlace::AuthedUser));
}

#[test]
fn a_plug_in_knows_its_own_endpoints() {
    let mut wishes = least(AuthProviderKind::Custom);
    wishes.configuration.insert("region".to_owned(), "eu".to_owned());
    assert_eq!(AuthProviderKind::Custom.preset().server(&wishes).unwrap().plugin.unwrap().configuration["region"], "eu");
    wishes.token_endpoint = Some(ServiceUrl::parse("https://idp.test/token").unwrap());
    assert_eq!(fields(AuthProviderKind::Custom.preset().server(&wishes)), ["token_endpoint not_for_custom"]);
    let google = AuthProviderWishes { configuration: wishes.configuration, ..least(AuthProviderKind::Google) };
    assert_eq!(fields(AuthProviderKind::Google.preset().server(&google)), ["configuration only_for_custom"]);
}
