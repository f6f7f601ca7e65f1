//! What issuers publish, for providers of a definition that leave it to them. Before the change begins: nobody waits for a server with the database locked.

use sortie_metadata::{Definition, Problem};
use sortie_protocol::{Discovered, World, discover};

/// For each provider of the definition what its issuer says, where it was asked. One that says nothing usable is a problem.
pub(super) async fn ask(definition: &Definition, world: Option<&dyn World>, problems: &mut Vec<Problem>) -> Vec<Option<Discovered>> {
    let mut all = Vec::new();
    for (index, provider) in definition.external_auth_identity_providers.iter().enumerate() {
        let mut discovered = None;
        if let (None, Some(issuer)) = (&provider.token_endpoint, &provider.issuer) {
            let path = format!("external_auth_identity_providers[{index}].issuer");
            match world {
                None => {
                    problems.push(definition.problem(&path, "discovery_impossible", "cannot be asked from here: write `token_endpoint`"))
                }
                Some(world) => match discover(world, issuer).await {
                    Ok(found) => discovered = Some(found),
                    Err(error) => {
                        let message = format!("cannot be used: {error}; {}", error.next_step());
                        problems.push(definition.problem(&path, error.code(), message));
                    }
                },
            }
        }
        all.push(discovered);
    }
    all
}
