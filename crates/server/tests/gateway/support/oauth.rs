//! Names whose token comes from a real token server.

use sortie_model::{IdentityType, PermissionSetId, Secret};
use sortie_store::Identity;
use sortie_testkit::peers::{OidcClient, OidcProvider};

use super::definitions::{Credential, Pay};
use super::{Answer, TestServer};

/// A name that authenticates as a client of an [`OidcProvider`].
pub(crate) struct OAuthName<'a> {
    pub(crate) name: &'a str,
    pub(crate) token_endpoint: String,
    pub(crate) client: OidcClient,
    /// Where callouts go.
    pub(crate) url: String,
    pub(crate) scope: Option<&'a str>,
    pub(crate) additional_status_codes: &'a [u16],
}

impl<'a> OAuthName<'a> {
    /// At the provider's own resource, as the client that passes its secret in the header.
    pub(crate) fn at(provider: &OidcProvider, name: &'a str) -> Self {
        Self {
            name,
            token_endpoint: provider.token_endpoint(),
            client: OidcProvider::BASIC,
            url: provider.api_url(),
            scope: None,
            additional_status_codes: &[],
        }
    }

    /// Stores it, for the users of these permission sets.
    pub(crate) fn store(self, server: &TestServer, sets: &[PermissionSetId]) -> Pay {
        let place = if self.client.authentication == "client_secret_post" { "body" } else { "basic" };
        let mut settings = vec![("token_endpoint", self.token_endpoint.as_str()), ("client_authentication", place)];
        settings.extend(self.scope.map(|scope| ("scope", scope)));
        let (settings, additional_status_codes) = (settings.as_slice(), self.additional_status_codes);
        let external = server.external_credential(&Credential {
            settings,
            additional_status_codes,
            ..Credential::new(self.name, "oauth_client_credentials")
        });
        let principal = server.principal(&external, "Main", 1, IdentityType::Named, sets);
        server.value(&external, Identity::shared(principal), "client_id", self.client.id);
        server.value(&external, Identity::shared(principal), "client_secret", self.client.secret);
        let named = server.named_credential(self.name, &self.url, &external);
        Pay { external, principal, named }
    }
}

/// A running server with one caller and nothing to call yet.
pub(crate) struct Stage {
    pub(crate) server: TestServer,
    pub(crate) key: Secret,
    pub(crate) callers: PermissionSetId,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::on(TestServer::with(None, |config| config.gateway.cores = 2))
    }

    pub(crate) fn on(mut server: TestServer) -> Self {
        let callers = server.permission_set("Callers");
        let (_, key) = server.user("alice", &[callers]);
        server.start();
        Self { server, key, callers }
    }

    pub(crate) fn add(&self, name: OAuthName<'_>) -> Pay {
        let pay = name.store(&self.server, &[self.callers]);
        self.server.settle();
        pay
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.server.get(&self.key, target)
    }
}
