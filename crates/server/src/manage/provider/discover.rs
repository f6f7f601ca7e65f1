//! Asks an issuer where its endpoints are, and makes a definition of what it says.

use serde::Serialize;
use sortie_model::{ApiName, AuthenticationFlow, ClientAuthentication, Issuer, ServiceUrl};
use sortie_protocol::{Discovered, World};
use utoipa::ToSchema;

use super::ProviderError;

/// What an issuer says, and a definition made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DiscoveredProvider)]
pub struct Suggested {
    /// What it calls itself.
    pub issuer: String,
    /// Where it says so.
    pub source: String,
    /// Where users are sent to log in.
    #[schema(required = true)]
    pub authorize_endpoint: Option<String>,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where it says who a user is.
    #[schema(required = true)]
    pub user_info_endpoint: Option<String>,
    /// Where it takes the parameters of a login from us.
    #[schema(required = true)]
    pub pushed_authorization_endpoint: Option<String>,
    /// Whether it takes them in no other way.
    pub requires_pushed_authorization: bool,
    /// Whether it binds tokens to keys: `token_binding: dpop` of an external credential.
    pub binds_tokens: bool,
    /// Where it is told that a token is not needed any more.
    #[schema(required = true)]
    pub revocation_endpoint: Option<String>,
    /// Where its public keys are.
    #[schema(required = true)]
    pub key_set_endpoint: Option<String>,
    /// Whether it says who it is when it sends a browser back.
    pub issuer_in_response: bool,
    /// How it takes client id and secret; `null`: not in a header, and not in a body.
    #[schema(required = true)]
    pub client_authentication: Option<&'static str>,
    /// Whether it takes a proof key.
    pub pkce: bool,
    /// The grants that it says it gives.
    #[schema(required = true)]
    pub grant_types: Option<Vec<String>>,
    /// The scopes that it says it knows.
    #[schema(required = true)]
    pub scopes: Option<String>,
    /// YAML, to be applied as it is or edited.
    pub definition: String,
}

/// Asks, and changes nothing. The definition is called `name`, or after the issuer's host.
///
/// # Errors
/// [`ProviderError::Discovery`].
pub async fn discover(
    world: &dyn World,
    issuer: &Issuer,
    name: Option<ApiName>,
    flow: Option<AuthenticationFlow>,
) -> Result<Suggested, ProviderError> {
    let found = sortie_protocol::discover(world, issuer).await?;
    let name = name.unwrap_or_else(|| name_of(&found.token_endpoint, issuer));
    let definition = definition(&found, &name, flow.unwrap_or_else(|| flow_of(&found)));
    let text = |url: &Option<ServiceUrl>| url.as_ref().map(ToString::to_string);
    Ok(Suggested {
        issuer: found.issuer.to_string(),
        source: found.source.to_string(),
        authorize_endpoint: text(&found.authorize_endpoint),
        token_endpoint: found.token_endpoint.to_string(),
        user_info_endpoint: text(&found.user_info_endpoint),
        pushed_authorization_endpoint: text(&found.pushed_authorization_endpoint),
        requires_pushed_authorization: found.requires_pushed_authorization,
        binds_tokens: found.binds_tokens,
        revocation_endpoint: text(&found.revocation_endpoint),
        key_set_endpoint: text(&found.key_set_endpoint),
        issuer_in_response: found.issuer_in_response,
        client_authentication: found.client_authentication.map(ClientAuthentication::as_str),
        pkce: found.supports_pkce,
        grant_types: found.grant_types,
        scopes: found.scopes.and_then(|scopes| scopes.as_text().map(str::to_owned)),
        definition,
    })
}

/// A login where there is a place to log in, unless the server says that it gives tokens to clients as themselves.
fn flow_of(found: &Discovered) -> AuthenticationFlow {
    let gives_to_clients = found.grant_types.as_ref().is_some_and(|grants| grants.iter().any(|grant| grant == "client_credentials"));
    if found.authorize_endpoint.is_none() || gives_to_clients {
        AuthenticationFlow::ClientCredentials
    } else {
        AuthenticationFlow::AuthorizationCode
    }
}

/// `https://login.example.com/x` is `login_example_com`.
fn name_of(fallback: &ServiceUrl, issuer: &Issuer) -> ApiName {
    let url = ServiceUrl::parse(issuer.as_str()).unwrap_or_else(|_| fallback.clone());
    let host = url.origin().host().to_string();
    let words: Vec<&str> = host.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let joined: String = words.join("_").chars().take(60).collect();
    let joined = joined.trim_end_matches('_');
    let is_name = joined.starts_with(|first: char| first.is_ascii_alphabetic());
    ApiName::parse(&if is_name { joined.to_owned() } else { format!("Provider_{joined}") }).unwrap_or_else(|_| provider())
}

fn provider() -> ApiName {
    ApiName::parse("Provider").expect("a letter and letters")
}

/// Texts are written as JSON, which is YAML too: what a server says never becomes anything else.
fn definition(found: &Discovered, name: &ApiName, flow: AuthenticationFlow) -> String {
    let mut lines = vec![
        "external_auth_identity_providers:".to_owned(),
        format!("  - name: {name}"),
        format!("    flow: {}", flow.as_str()),
        format!("    issuer: {}", quoted(found.issuer.as_str())),
    ];
    let mut endpoint =
        |name: &str, url: Option<&ServiceUrl>| lines.extend(url.map(|url| format!("    {name}: {}", quoted(&url.to_string()))));
    endpoint("authorize_endpoint", found.authorize_endpoint.as_ref());
    endpoint("token_endpoint", Some(&found.token_endpoint));
    if flow == AuthenticationFlow::AuthorizationCode {
        endpoint("user_info_endpoint", found.user_info_endpoint.as_ref());
        endpoint("pushed_authorization_endpoint", found.pushed_authorization_endpoint.as_ref());
        endpoint("revocation_endpoint", found.revocation_endpoint.as_ref());
        endpoint("key_set_endpoint", found.key_set_endpoint.as_ref());
    }
    if flow == AuthenticationFlow::AuthorizationCode && found.requires_pushed_authorization {
        let note = match found.pushed_authorization_endpoint {
            Some(_) => "takes logins only by way of the `pushed_authorization_endpoint`",
            None => "takes logins only by way of a `pushed_authorization_endpoint`, and does not say where that is: write it here",
        };
        lines.push(format!("    # The server says that it {note}."));
    }
    if flow == AuthenticationFlow::AuthorizationCode && found.binds_tokens {
        lines.push("    # The server can bind tokens to keys: `token_binding: dpop` in the settings of an external credential whose upstream knows DPoP.".to_owned());
    }
    match found.client_authentication {
        Some(authentication) => lines.push(format!("    client_authentication: {}", authentication.as_str())),
        None => lines.push("    # The server says that it takes a client secret neither in a header nor in a body.".to_owned()),
    }
    match found.supports_pkce {
        _ if flow != AuthenticationFlow::AuthorizationCode => {}
        true => lines.push("    pkce: true".to_owned()),
        // RFC 9700, section 2.1.1: a client has to know that the server takes part. OAU-13.
        false => lines.push(
            "    # The server does not say that it checks proof keys (PKCE, S256). Each login sends one all the same; where it is not checked, whoever gets hold of a code can use it."
                .to_owned(),
        ),
    }
    if flow == AuthenticationFlow::AuthorizationCode && found.issuer_in_response {
        lines.push("    issuer_in_response: true".to_owned());
    }
    if let Some(scopes) = found.scopes.as_ref().and_then(|scopes| scopes.as_text()) {
        lines.push(format!("    # default_scopes: some of {}", quoted(scopes)));
    }
    lines.push("    # values: {client_id: …, client_secret: {from_environment: …}}".to_owned());
    lines.join("\n") + "\n"
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_called_after_the_host_of_its_issuer() {
        let name = |issuer| name_of(&ServiceUrl::parse("https://x.test").unwrap(), &Issuer::parse(issuer).unwrap()).to_string();
        assert_eq!(name("https://login.example-site.com/tenant"), "login_example_site_com");
        assert_eq!(name("http://127.0.0.1:8080"), "Provider_127_0_0_1");
        assert_eq!(name("https://[::1]"), "Provider_1");
        let long = format!("https://{}.test", "a.".repeat(60) + "b");
        assert!(name(&long).len() <= 80);
    }
}
