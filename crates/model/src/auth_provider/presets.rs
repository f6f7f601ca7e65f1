//! The table: one entry a kind, each with where its facts are from. Looked up in November 2026.
//!
//! A vendor moves an endpoint: change it here. Providers that are stored keep theirs until they are applied again.

use std::borrow::Cow;

use super::preset::{Preset, PresetSetting, SettingForm, SignedClientSecret};
use crate::{
    AccountFields, AuthProviderKind, ClientAuthentication, ErrorShape, Nonce, ProofKey, Quirks, RevocationRequest, ScopeParameter,
    ScopeSeparator, TokenPlace, TokenRenewal, UserInfoRequest,
};

/// A kind of which nothing is known but that it keeps to the standards.
const STANDARD: Preset = Preset {
    kind: AuthProviderKind::OpenIdConnect,
    title: "",
    settings: &[],
    authorize_endpoint: None,
    token_endpoint: None,
    user_info_endpoint: None,
    revocation_endpoint: None,
    key_set_endpoint: None,
    issuer: None,
    issuer_needs_uuid: None,
    client_authentication: ClientAuthentication::BasicHeader,
    default_scopes: "",
    refresh_token_scope: None,
    authorize_parameters: &[],
    signed_client_secret: None,
    quirks: Quirks::default,
    registration: "",
    refresh_token: "",
};

const fn host(name: &'static str, default: &'static str, help: &'static str) -> PresetSetting {
    PresetSetting { name, form: SettingForm::Host, default: Some(default), follows: None, help }
}

const fn segment(name: &'static str, help: &'static str) -> PresetSetting {
    PresetSetting { name, form: SettingForm::Segment, default: None, follows: None, help }
}

pub(super) static ALL: &[Preset] = &[
    // https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_endpoints.htm
    // https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_tokens_scopes.htm
    // https://login.salesforce.com/.well-known/openid-configuration
    Preset {
        kind: AuthProviderKind::Salesforce,
        title: "Salesforce",
        settings: &[host(
            "login_host",
            "login.salesforce.com",
            "login.salesforce.com, test.salesforce.com for a sandbox, or the My Domain host, such as example.my.salesforce.com",
        )],
        authorize_endpoint: Some("https://{login_host}/services/oauth2/authorize"),
        token_endpoint: Some("https://{login_host}/services/oauth2/token"),
        user_info_endpoint: Some("https://{login_host}/services/oauth2/userinfo"),
        revocation_endpoint: Some("https://{login_host}/services/oauth2/revoke"),
        key_set_endpoint: Some("https://{login_host}/id/keys"),
        issuer: Some("https://{login_host}"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "api openid refresh_token",
        refresh_token_scope: Some("refresh_token"),
        registration: "an external client app (or connected app) with OAuth: Setup, External Client App Manager",
        refresh_token: "the scope refresh_token (or offline_access), allowed for the app; the app's refresh token policy says how long it lives",
        ..STANDARD
    },
    // https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess: a refresh token needs the scope offline_access and prompt=consent.
    Preset {
        kind: AuthProviderKind::OpenIdConnect,
        title: "OpenID Connect",
        default_scopes: "openid offline_access",
        refresh_token_scope: Some("offline_access"),
        authorize_parameters: &[("prompt", "consent")],
        registration: "a confidential web client at the server, with the authorization code grant",
        refresh_token: "the scope offline_access with prompt=consent, where the server follows OpenID Connect Core 1.0, section 11",
        ..STANDARD
    },
    // https://developers.google.com/identity/protocols/oauth2/web-server (access_type, prompt, revoke)
    // https://accounts.google.com/.well-known/openid-configuration
    Preset {
        kind: AuthProviderKind::Google,
        title: "Google",
        authorize_endpoint: Some("https://accounts.google.com/o/oauth2/v2/auth"),
        token_endpoint: Some("https://oauth2.googleapis.com/token"),
        user_info_endpoint: Some("https://openidconnect.googleapis.com/v1/userinfo"),
        revocation_endpoint: Some("https://oauth2.googleapis.com/revoke"),
        key_set_endpoint: Some("https://www.googleapis.com/oauth2/v3/certs"),
        issuer: Some("https://accounts.google.com"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "openid email",
        // Only the first consent gives a refresh token, so that consent is asked for every time.
        authorize_parameters: &[("access_type", "offline"), ("prompt", "consent")],
        registration: "an OAuth client of the type Web application: Google Cloud console, Google Auth Platform, Clients",
        refresh_token: "access_type=offline and prompt=consent, which are sent; while the consent screen is in testing, it lives 7 days",
        ..STANDARD
    },
    // https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
    // https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc (tenants, issuer)
    // https://learn.microsoft.com/en-us/entra/identity-platform/userinfo
    // https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud
    Preset {
        kind: AuthProviderKind::Microsoft,
        title: "Microsoft",
        settings: &[
            segment(
                "tenant",
                "the directory (tenant) id, one of its domains, or organizations, consumers or common; only with the id is the issuer known",
            ),
            host("login_host", "login.microsoftonline.com", "another one in a national cloud, such as login.microsoftonline.us"),
            host("graph_host", "graph.microsoft.com", "another one in a national cloud, such as graph.microsoft.us"),
        ],
        authorize_endpoint: Some("https://{login_host}/{tenant}/oauth2/v2.0/authorize"),
        token_endpoint: Some("https://{login_host}/{tenant}/oauth2/v2.0/token"),
        // Takes tokens of Microsoft Graph only; the ID token says the same for all.
        user_info_endpoint: Some("https://{graph_host}/oidc/userinfo"),
        key_set_endpoint: Some("https://{login_host}/{tenant}/discovery/v2.0/keys"),
        issuer: Some("https://{login_host}/{tenant}/v2.0"),
        issuer_needs_uuid: Some("tenant"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "openid offline_access User.Read",
        refresh_token_scope: Some("offline_access"),
        registration: "an app registration with a Web redirect URI: Microsoft Entra admin center, App registrations",
        refresh_token: "the scope offline_access; it is another one after each renewal",
        ..STANDARD
    },
    // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
    // https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
    // https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token
    // https://github.blog/changelog/2025-07-14-pkce-support-for-oauth-and-github-app-authentication
    Preset {
        kind: AuthProviderKind::GitHub,
        title: "GitHub",
        settings: &[
            host("host", "github.com", "the host of a GitHub Enterprise Server, or SUBDOMAIN.ghe.com"),
            PresetSetting {
                follows: Some("host"),
                ..host("api", "api.github.com", "where its REST API is: HOST/api/v3 of an Enterprise Server, or api.SUBDOMAIN.ghe.com")
            },
        ],
        authorize_endpoint: Some("https://{host}/login/oauth/authorize"),
        // Refuses with status 200, which every token answer is read for.
        token_endpoint: Some("https://{host}/login/oauth/access_token"),
        user_info_endpoint: Some("https://{api}/user"),
        revocation_endpoint: Some("https://{api}/applications/{client_id}/token"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "read:user",
        quirks: || Quirks {
            account: AccountFields::at("/id", &[Cow::Borrowed("/login")]),
            revocation: RevocationRequest::DeleteAsClient,
            ..Quirks::default()
        },
        registration: "an OAuth app, or a GitHub App with a callback URL: Settings, Developer settings",
        refresh_token: "tokens of an OAuth app do not expire and have none; a GitHub App has one while \"Expire user authorization tokens\" is on",
        ..STANDARD
    },
    // https://docs.gitlab.com/api/oauth2/ (the refresh request has the redirect_uri)
    // https://docs.gitlab.com/integration/openid_connect_provider/ and https://gitlab.com/.well-known/openid-configuration
    Preset {
        kind: AuthProviderKind::GitLab,
        title: "GitLab",
        settings: &[host("host", "gitlab.com", "the host of a self-managed server, with its path if it is not at the root")],
        authorize_endpoint: Some("https://{host}/oauth/authorize"),
        token_endpoint: Some("https://{host}/oauth/token"),
        user_info_endpoint: Some("https://{host}/oauth/userinfo"),
        revocation_endpoint: Some("https://{host}/oauth/revoke"),
        key_set_endpoint: Some("https://{host}/oauth/discovery/keys"),
        issuer: Some("https://{host}"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "openid read_user",
        quirks: || Quirks { renewal: TokenRenewal::RefreshTokenWithRedirectUri, ..Quirks::default() },
        registration: "an application, marked as confidential: Preferences, Applications; or of a group, or of the whole server",
        refresh_token: "always given; it is another one after each renewal",
        ..STANDARD
    },
    // https://docs.slack.dev/authentication/installing-with-oauth
    // https://docs.slack.dev/reference/methods/oauth.v2.access, https://docs.slack.dev/authentication/using-token-rotation
    // https://docs.slack.dev/authentication/using-pkce, https://docs.slack.dev/reference/methods/auth.test, .../auth.revoke
    Preset {
        kind: AuthProviderKind::Slack,
        title: "Slack",
        authorize_endpoint: Some("https://slack.com/oauth/v2/authorize"),
        token_endpoint: Some("https://slack.com/api/oauth.v2.access"),
        user_info_endpoint: Some("https://slack.com/api/auth.test"),
        revocation_endpoint: Some("https://slack.com/api/auth.revoke"),
        default_scopes: "users:read",
        quirks: || Quirks {
            // Only an app that has been made a public client, for good, may send one: `pkce: true`.
            proof_key: ProofKey::NotSent,
            scope_parameter: ScopeParameter::UserScope,
            scope_separator: ScopeSeparator::Comma,
            token_place: TokenPlace::AuthedUser,
            error_shape: ErrorShape::OkFlag,
            account: AccountFields::at("/user_id", &[Cow::Borrowed("/user")]),
            revocation: RevocationRequest::PostAsUser,
            ..Quirks::default()
        },
        registration: "a Slack app with user token scopes: api.slack.com/apps, OAuth & Permissions",
        refresh_token: "turn token rotation on for the app, which cannot be undone; else tokens do not expire and have none",
        ..STANDARD
    },
    // https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
    // https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2
    // https://www.linkedin.com/oauth/.well-known/openid-configuration
    // It refuses a token request with a proof key: https://github.com/nextauthjs/next-auth/pull/10765
    Preset {
        kind: AuthProviderKind::LinkedIn,
        title: "LinkedIn",
        authorize_endpoint: Some("https://www.linkedin.com/oauth/v2/authorization"),
        token_endpoint: Some("https://www.linkedin.com/oauth/v2/accessToken"),
        user_info_endpoint: Some("https://api.linkedin.com/v2/userinfo"),
        key_set_endpoint: Some("https://www.linkedin.com/oauth/openid/jwks"),
        issuer: Some("https://www.linkedin.com/oauth"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "openid profile email",
        // No nonce in its ID tokens: https://github.com/linkedin-developers/linkedin-api-js-client/issues/34
        quirks: || Quirks { proof_key: ProofKey::NotSent, nonce: Nonce::Dropped, ..Quirks::default() },
        registration: "an app with the product \"Sign In with LinkedIn using OpenID Connect\": linkedin.com/developers/apps",
        refresh_token: "only for approved partners; else tokens live 60 days and people log in again",
        ..STANDARD
    },
    // https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
    // https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived
    // https://developers.facebook.com/docs/graph-api/guides/error-handling
    // https://developers.facebook.com/docs/facebook-login/guides/permissions/request-revoke (DELETE /me/permissions)
    Preset {
        kind: AuthProviderKind::Facebook,
        title: "Facebook",
        settings: &[PresetSetting {
            name: "version",
            form: SettingForm::Segment,
            default: Some("v21.0"),
            follows: None,
            help: "the version of the Graph API; each lives two years",
        }],
        authorize_endpoint: Some("https://www.facebook.com/{version}/dialog/oauth"),
        token_endpoint: Some("https://graph.facebook.com/{version}/oauth/access_token"),
        user_info_endpoint: Some("https://graph.facebook.com/{version}/me?fields=id,name"),
        revocation_endpoint: Some("https://graph.facebook.com/{version}/me/permissions"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "public_profile",
        quirks: || Quirks {
            scope_separator: ScopeSeparator::Comma,
            error_shape: ErrorShape::Nested,
            renewal: TokenRenewal::AccessToken { grant_type: "fb_exchange_token".into() },
            user_info: UserInfoRequest::TokenInQuery,
            account: AccountFields::at("/id", &[Cow::Borrowed("/name")]),
            revocation: RevocationRequest::DeleteAsUser,
            ..Quirks::default()
        },
        registration: "an app with Facebook Login for web, and the callback URL as valid OAuth redirect URI: developers.facebook.com/apps",
        refresh_token: "there is none: a token is exchanged for one of 60 days while it is good, and people log in again after that",
        ..STANDARD
    },
    // https://developer.apple.com/documentation/signinwithapplerestapi/generate-and-validate-tokens
    // https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
    // https://developer.apple.com/documentation/signinwithapplerestapi/revoke-tokens
    // https://developer.apple.com/documentation/signinwithapple/request-an-authorization-to-the-sign-in-with-apple-server
    Preset {
        kind: AuthProviderKind::Apple,
        title: "Apple",
        settings: &[
            segment("team_id", "the ten characters of the developer account's team"),
            segment("key_id", "the ten characters of the key, as in the name of its file: AuthKey_KEYID.p8"),
        ],
        authorize_endpoint: Some("https://appleid.apple.com/auth/authorize"),
        token_endpoint: Some("https://appleid.apple.com/auth/token"),
        revocation_endpoint: Some("https://appleid.apple.com/auth/revoke"),
        key_set_endpoint: Some("https://appleid.apple.com/auth/keys"),
        issuer: Some("https://appleid.apple.com"),
        client_authentication: ClientAuthentication::Body,
        // With any scope it answers by a form that a browser posts from over there, which we do not take: a session would be lost, or open to forgery.
        default_scopes: "",
        signed_client_secret: Some(SignedClientSecret {
            issuer_setting: "team_id",
            key_id_setting: "key_id",
            audience: "https://appleid.apple.com",
        }),
        registration: "a Services ID with Sign in with Apple, and a key for it: developer.apple.com/account, Identifiers and Keys",
        refresh_token: "always given, and does not expire",
        ..STANDARD
    },
    // https://developer.atlassian.com/cloud/bitbucket/oauth-2
    // https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/#api-user-get
    Preset {
        kind: AuthProviderKind::Bitbucket,
        title: "Bitbucket",
        authorize_endpoint: Some("https://bitbucket.org/site/oauth2/authorize"),
        token_endpoint: Some("https://bitbucket.org/site/oauth2/access_token"),
        user_info_endpoint: Some("https://api.bitbucket.org/2.0/user"),
        quirks: || Quirks {
            account: AccountFields::at("/uuid", &[Cow::Borrowed("/nickname"), Cow::Borrowed("/display_name")]),
            ..Quirks::default()
        },
        registration: "an OAuth consumer of a workspace, with its callback URL and its permissions: Workspace settings, OAuth consumers",
        refresh_token: "always given",
        ..STANDARD
    },
    // https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps
    // https://developer.atlassian.com/cloud/jira/platform/user-identity-api (read:me)
    Preset {
        kind: AuthProviderKind::Atlassian,
        title: "Atlassian",
        authorize_endpoint: Some("https://auth.atlassian.com/authorize"),
        token_endpoint: Some("https://auth.atlassian.com/oauth/token"),
        user_info_endpoint: Some("https://api.atlassian.com/me"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "read:me offline_access",
        refresh_token_scope: Some("offline_access"),
        authorize_parameters: &[("audience", "api.atlassian.com"), ("prompt", "consent")],
        quirks: || Quirks {
            account: AccountFields::at("/account_id", &[Cow::Borrowed("/email"), Cow::Borrowed("/name")]),
            ..Quirks::default()
        },
        registration: "an OAuth 2.0 integration: developer.atlassian.com/console/myapps, Authorization and Permissions",
        refresh_token: "the scope offline_access; it is another one after each renewal",
        ..STANDARD
    },
    // https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens
    // https://developers.hubspot.com/changelog/v1-oauth-api-deprecation (token, introspect, revoke; v1 ends on 2027-02-16)
    Preset {
        kind: AuthProviderKind::HubSpot,
        title: "HubSpot",
        settings: &[PresetSetting {
            name: "version",
            form: SettingForm::Segment,
            default: Some("2026-03"),
            follows: None,
            help: "the version of the OAuth API",
        }],
        authorize_endpoint: Some("https://app.hubspot.com/oauth/authorize"),
        token_endpoint: Some("https://api.hubapi.com/oauth/{version}/token"),
        user_info_endpoint: Some("https://api.hubapi.com/oauth/{version}/token/introspect"),
        revocation_endpoint: Some("https://api.hubapi.com/oauth/{version}/token/revoke"),
        client_authentication: ClientAuthentication::Body,
        default_scopes: "oauth",
        quirks: || Quirks {
            user_info: UserInfoRequest::Introspection,
            account: AccountFields::at("/user_id", &[Cow::Borrowed("/user")]),
            ..Quirks::default()
        },
        registration: "an app with OAuth, its redirect URL and its scopes: a developer account, or a project of the HubSpot CLI",
        refresh_token: "always given",
        ..STANDARD
    },
    // Our own contract: docs/guide/custom-auth-provider.md.
    Preset {
        kind: AuthProviderKind::Custom,
        title: "Custom",
        settings: &[PresetSetting {
            name: "endpoint",
            form: SettingForm::Url,
            default: None,
            follows: None,
            help: "where the plug-in is asked",
        }],
        token_endpoint: Some("{endpoint}"),
        registration: "a plug-in: a small web service of yours that answers five questions",
        refresh_token: "if the plug-in gives one",
        ..STANDARD
    },
];
