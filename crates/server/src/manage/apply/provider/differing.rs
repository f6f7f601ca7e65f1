//! What is other than before, by the names that definitions have for it.

use sortie_model::{AuthProvider, AuthorizationServer, ExternalAuthIdentityProvider, IdentityProvider};

use crate::manage::change::differing;

pub(super) fn fields(before: &IdentityProvider, wanted: &IdentityProvider) -> Vec<String> {
    let mut fields = match (before, wanted) {
        (IdentityProvider::ExternalAuth(before), IdentityProvider::ExternalAuth(wanted)) => {
            let ExternalAuthIdentityProvider { id: _, name: _, label, description, flow, server: _ } = &**wanted;
            differing(&[
                ("label", before.label != *label),
                ("description", before.description != *description),
                ("flow", before.flow != *flow),
            ])
        }
        (IdentityProvider::Auth(before), IdentityProvider::Auth(wanted)) => {
            let AuthProvider { id: _, name: _, label, description, kind, settings, error_url, logout_url, icon_url, salesforce, server: _ } =
                &**wanted;
            differing(&[
                ("label", before.label != *label),
                ("description", before.description != *description),
                ("type", before.kind != *kind),
                ("settings", before.settings != *settings),
                ("error_url", before.error_url != *error_url),
                ("logout_url", before.logout_url != *logout_url),
                ("icon_url", before.icon_url != *icon_url),
                ("salesforce", before.salesforce != *salesforce),
            ])
        }
        // A provider never changes its kind.
        _ => Vec::new(),
    };
    fields.extend(of_server(before.server(), wanted.server()));
    fields
}

fn of_server(known: &AuthorizationServer, wanted: &AuthorizationServer) -> Vec<String> {
    let AuthorizationServer {
        client_authentication,
        authorize_endpoint,
        token_endpoint,
        user_info_endpoint,
        pushed_authorization_endpoint,
        revocation_endpoint,
        key_set_endpoint,
        uses_pkce,
        issuer_in_response,
        issuer,
        default_scopes,
        refresh_token_scope,
        parameters,
        quirks,
        plugin,
    } = wanted;
    differing(&[
        ("client_authentication", known.client_authentication != *client_authentication),
        ("authorize_endpoint", known.authorize_endpoint != *authorize_endpoint),
        ("token_endpoint", known.token_endpoint != *token_endpoint),
        ("user_info_endpoint", known.user_info_endpoint != *user_info_endpoint),
        ("pushed_authorization_endpoint", known.pushed_authorization_endpoint != *pushed_authorization_endpoint),
        ("revocation_endpoint", known.revocation_endpoint != *revocation_endpoint),
        ("key_set_endpoint", known.key_set_endpoint != *key_set_endpoint),
        ("pkce", known.uses_pkce != *uses_pkce),
        ("issuer_in_response", known.issuer_in_response != *issuer_in_response),
        ("issuer", known.issuer != *issuer),
        ("default_scopes", known.default_scopes != *default_scopes),
        ("request_parameters", known.parameters != *parameters),
        ("configuration", known.plugin != *plugin),
        // What the table of presets says of its kind.
        ("preset", known.quirks != *quirks || known.refresh_token_scope != *refresh_token_scope),
    ])
}
