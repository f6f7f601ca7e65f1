//! Definitions for logins at npm's `oidc-provider`.

use sortie_model::IdentityProviderKind;
use sortie_testkit::peers::OidcProvider;

/// The provider `Idp` of this kind; the credentials `Shared` (Named) and `Own` (Per User) at it, each with the principal `Main` and a named credential of its
/// name, for the permission set `Callers`. `more` are further lines of the provider.
pub(crate) fn at_idp(kind: IdentityProviderKind, provider: &OidcProvider, more: &str) -> String {
    let of_kind = match kind {
        IdentityProviderKind::ExternalAuth => "external_auth_identity_providers: [{name: Idp, flow: authorization_code, ",
        IdentityProviderKind::Auth => "auth_providers: [{name: Idp, type: openid_connect, ",
    };
    format!(
        "
{of_kind}issuer: '{issuer}', authorize_endpoint: '{issuer}/auth', token_endpoint: '{issuer}/token', user_info_endpoint: '{issuer}/me',
    revocation_endpoint: '{issuer}/token/revocation', key_set_endpoint: '{issuer}/jwks', issuer_in_response: true,
    default_scopes: openid offline_access profile read, request_parameters: [{{request: authorize, place: query, name: prompt, value: consent}}],
    values: {{client_id: '{id}', client_secret: {{from_environment: CLIENT_SECRET}}}}{more}}}]
external_credentials:
- name: Shared
  protocol: oauth_browser
  settings: {{{setting}: Idp}}
  principals: [{{name: Main, sequence_number: 1, enabled_for: {{permission_sets: [Callers]}}}}]
- name: Own
  protocol: oauth_browser
  settings: {{{setting}: Idp}}
  principals: [{{name: Main, identity_type: per_user, sequence_number: 1, enabled_for: {{permission_sets: [Callers]}}}}]
named_credentials:
- {{name: Shared, url: '{api}', external_credential: Shared}}
- {{name: Own, url: '{api}', external_credential: Own}}
",
        issuer = provider.issuer(),
        id = OidcProvider::PEOPLE.id,
        api = provider.api_url(),
        setting = kind.as_str(),
    )
}

/// The same with tokens that are bound to a key, and an upstream that checks proofs: the provider's own user info endpoint, as the path `me`.
pub(crate) fn bound(text: &str, provider: &OidcProvider) -> String {
    let (before, after) = (format!("url: '{}'", provider.api_url()), format!("url: '{}'", provider.issuer()));
    text.replace(": Idp}\n", ": Idp, token_binding: dpop}\n").replace(&before, &after)
}
