//! Which principal is meant.

use sortie_callout::{Credential, Standing};
use sortie_model::{IdentityType, UserName};
use sortie_server::{Node, StoredUser};

use crate::failure::Failure;

/// A principal, named as it is written in its definition.
pub(crate) struct Place {
    pub(super) credential: String,
    pub(super) principal: String,
    /// Whose own login it is.
    pub(super) user: Option<UserName>,
}

impl Place {
    pub(crate) fn names(&self) -> (&str, &str) {
        (&self.credential, &self.principal)
    }
}

/// `Credential/Principal`, or `callout:Name`: the principal that a callout of the user would use; without a user the first Named one.
pub(super) fn find(node: &Node, target: &str, user: Option<&StoredUser>) -> Result<Place, Failure> {
    let snapshot = node.snapshot();
    let unknown = || Failure::new("name_unknown", format!("there is no `{target}`"), "check the spelling with `sortie status`");
    let (credential, principal) = match (target.strip_prefix("callout:"), target.split_once('/')) {
        (Some(name), _) => {
            let named = snapshot.named(name.split(['/', '?']).next().unwrap_or_default()).ok_or_else(unknown)?;
            (&*named.credential, chosen(node, named, user))
        }
        (None, Some((credential, principal))) => {
            let credential = &**snapshot.credential(credential).ok_or_else(unknown)?;
            (credential, credential.principals.iter().position(|known| known.name.eq_ignore_ascii_case(principal)))
        }
        (None, None) => {
            return Err(Failure::new(
                "target_invalid",
                format!("`{target}` names no principal"),
                "write CREDENTIAL/PRINCIPAL or callout:Name",
            ));
        }
    };
    let principal = principal.and_then(|index| credential.principals.get(index)).ok_or_else(|| nobody(credential, target, user))?;
    let user = match (principal.identity_type, user) {
        (IdentityType::PerUser, Some(user)) => Some(user.user.name.clone()),
        (IdentityType::Named, None) => None,
        (IdentityType::PerUser, None) => {
            let problem = format!("`{}/{}` is Per User: each user logs in for themselves", credential.name, principal.name);
            return Err(Failure::new("user_required", problem, "say for whom: --user USER"));
        }
        (IdentityType::Named, Some(_)) => {
            let problem = format!("`{}/{}` is Named: its login is everybody's", credential.name, principal.name);
            return Err(Failure::new("user_not_wanted", problem, "leave --user out"));
        }
    };
    Ok(Place { credential: credential.name.to_string(), principal: principal.name.to_string(), user })
}

/// The position of the principal.
fn chosen(node: &Node, named: &sortie_callout::Named, user: Option<&StoredUser>) -> Option<usize> {
    let Some(user) = user else {
        return named.credential.principals.iter().position(|principal| principal.identity_type == IdentityType::Named);
    };
    let caller = node.caller(user.clone());
    sortie_callout::consider(named, &caller).position(|(_, standing)| standing == Standing::Enabled)
}

fn nobody(credential: &Credential, target: &str, user: Option<&StoredUser>) -> Failure {
    let (problem, next_step) = match user {
        Some(user) => (
            format!("`{target}` has no principal that is enabled for `{}`", user.user.name),
            format!("sortie grant add {}/PRINCIPAL --permission-set NAME", credential.name),
        ),
        None => (format!("`{target}` has no such principal"), format!("sortie status {}", credential.name)),
    };
    Failure::new("principal_unknown", problem, next_step)
}
