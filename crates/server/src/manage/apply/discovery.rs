//! What issuers publish, for providers of a definition that leave it to them. Before the change begins: nobody waits for a server with the database locked.

use sortie_metadata::{Definition, Problem};
use sortie_model::Issuer;
use sortie_protocol::{Discovered, DiscoveryError, FromAfar, World, discover};

use super::Asker;

/// For each provider of the definition what its issuer says, where it was asked.
#[derive(Default)]
pub(super) struct Answers {
    external_auth: Vec<Option<Discovered>>,
    auth: Vec<Option<Discovered>>,
}

impl Answers {
    /// Of an external auth identity provider.
    pub(super) fn of_external_auth(&self, index: usize) -> Option<&Discovered> {
        self.external_auth.get(index)?.as_ref()
    }

    /// Of an auth provider.
    pub(super) fn of_auth(&self, index: usize) -> Option<&Discovered> {
        self.auth.get(index)?.as_ref()
    }
}

/// Asks. An issuer that says nothing usable is a problem.
pub(super) async fn ask(definition: &Definition, world: Option<&dyn World>, asker: Option<Asker>, problems: &mut Vec<Problem>) -> Answers {
    let asking = Asking { definition, world, asker };
    let mut answers = Answers::default();
    for (index, provider) in definition.external_auth_identity_providers.iter().enumerate() {
        let issuer = provider.issuer.as_ref().filter(|_| provider.token_endpoint.is_none());
        let path = format!("external_auth_identity_providers[{index}].issuer");
        answers.external_auth.push(asking.one(&path, issuer, problems).await);
    }
    for (index, provider) in definition.auth_providers.iter().enumerate() {
        let issuer = provider.wishes.issuer.as_ref().filter(|_| provider.needs_discovery());
        let path = format!("auth_providers[{index}].issuer");
        answers.auth.push(asking.one(&path, issuer, problems).await);
    }
    answers
}

/// For which definition, in which world, and for whom.
struct Asking<'a> {
    definition: &'a Definition,
    world: Option<&'a dyn World>,
    asker: Option<Asker>,
}

impl Asking<'_> {
    async fn one(&self, path: &str, issuer: Option<&Issuer>, problems: &mut Vec<Problem>) -> Option<Discovered> {
        let issuer = issuer?;
        let Some(world) = self.world else {
            let message = "cannot be asked from here: write `token_endpoint`";
            problems.push(self.definition.problem(path, "discovery_impossible", message));
            return None;
        };
        match discover(world, issuer).await {
            Ok(found) => Some(found),
            Err(error) => {
                let (code, message) = self.words(&error);
                problems.push(self.definition.problem(path, code, message));
                None
            }
        }
    }

    /// Who asks over HTTP learns no more of an address than whether it publishes what can be used.
    fn words(&self, error: &DiscoveryError) -> (&'static str, String) {
        if self.asker.is_none() {
            return (error.code(), format!("cannot be used: {error}; {}", error.next_step()));
        }
        tracing::warn!(code = error.code(), "an issuer could not be asked for a definition: {error}");
        let FromAfar { code, detail, next_step } = error.from_afar();
        (code, format!("cannot be used: {detail}; {next_step}"))
    }
}
