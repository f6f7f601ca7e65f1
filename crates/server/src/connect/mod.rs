//! The browser flow: from the click on Authenticate to the stored grant.
//!
//! [`begin`] sends a browser to the provider. [`returned`] takes it back, checks everything that ties it to the one that was sent, and redeems the code.
//! [`confirm`] keeps what came of it: only when the person has seen whose account it is and agreed. Each step takes the login from one stage to the next in the
//! database, so it happens once, on whatever node the browser comes back to.

mod abandoned;
mod attempt;
mod begin;
mod callback;
mod callback_url;
mod confirm;
mod error;
mod explanation;
pub(crate) mod owed;
mod person;
mod revoke;
mod shown;

pub use begin::{Begun, Departure, begin, is_browser_secret};
pub use callback::{CallbackQuery, Landing, error_url, resume, returned, waits_for_sign_in};
pub use callback_url::{CallbackChange, callback_path, callback_url, changed_callbacks};
pub use confirm::{Confirmation, Connected, cancel, confirm, confirmation};
pub use error::ConnectError;
pub use explanation::{Explanation, explain};
pub use owed::{Unrevoked, unrevoked};
pub use person::Person;
pub use revoke::{Disconnected, revoke, state};
pub use shown::{LoginStanding, LoginView, ProviderTold, RevocationView, UnrevokedView, login_view};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sortie_model::Secret;
use zeroize::Zeroizing;

use crate::node::Node;

/// Ten minutes for the person at the provider, and for the word afterwards (OAU-04).
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(600);

/// How many logins of one user may be under way (OAU-23).
const MOST: u32 = 20;

/// 256 bits that nobody can guess, as text for addresses and cookies.
fn chance() -> Result<Secret, ConnectError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    sortie_vault::operating_system_random(&mut *bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

/// Records what was done before it is done: what cannot be recorded is not done.
async fn record(node: &Node, person: &Person<'_>, action: &str, object: &str, fields: &str) -> Result<(), ConnectError> {
    let (house, actor) = (node.house(), person.actor());
    let change = crate::audit::ChangeRecord { at: node.world().now(), actor: &actor, action, object, fields };
    crate::audit::record_changes(house.audit_directory(), &house.chain_key(), &[change]).await.map_err(|error| {
        tracing::error!("the audit cannot be written: {error}");
        ConnectError::Audit
    })
}
