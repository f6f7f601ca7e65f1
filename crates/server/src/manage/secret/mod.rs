//! Stored values of principals: user names, passwords, client secrets. They go in and never come out.

mod destination;
mod error;
mod list;
mod put;
mod remove;
mod rules;
mod seal;
mod set;
mod show;

pub use destination::destination;
pub use error::SecretError;
pub use list::{ValueView, list};
pub use put::{Others, Put, SettingWish, Wish, put};
pub use remove::{remove, remove_all};
pub(super) use rules::{check, check_size};
pub(super) use seal::{Sealer, Slot};
pub use set::{set, set_all};
pub use show::{Shown, show};

use sortie_model::{IdentityType, Principal, UserName};
use sortie_store::{Change, ChangeError, Identity};

use crate::manage::{PrincipalReference, find};

/// Whose value it is: everybody's for a Named principal, one user's for a Per User principal.
async fn identity(
    change: &mut Change<'_>,
    reference: &PrincipalReference,
    principal: &Principal,
    user: Option<&UserName>,
) -> Result<Result<Identity, SecretError>, ChangeError> {
    Ok(match (principal.identity_type, user) {
        (IdentityType::Named, None) => Ok(Identity::shared(principal.id)),
        (IdentityType::PerUser, Some(name)) => {
            find::user(change, name).await?.map(|user| Identity::of_user(principal.id, user.id)).map_err(SecretError::from)
        }
        (IdentityType::Named, Some(_)) => Err(SecretError::UserNotWanted { principal: reference.to_string() }),
        (IdentityType::PerUser, None) => Err(SecretError::UserRequired { principal: reference.to_string() }),
    })
}

/// A name that somebody typed, in a message: bounded, and with nothing that a terminal would obey.
pub(in crate::manage) fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}
