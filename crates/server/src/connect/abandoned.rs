//! Logins that nobody confirmed: what the provider gave for them is of no use to anybody, and it is told so.

use sortie_callout::{Authority, place};
use sortie_store::{LoginStage, StoredLogin};

use super::attempt::Attempt;
use super::confirm::discard;
use super::owed::caller_of;
use crate::node::Node;

/// Takes away all logins that are over, and discards what they brought.
pub(super) async fn discard_all(node: &Node) {
    // The feed of changes says when the database is away.
    while let Ok(over) = node.house().store().logins().take_over().await {
        if over.is_empty() {
            break;
        }
        for login in over.iter().filter(|login| login.stage == LoginStage::Redeemed) {
            discard_one(node, login).await;
        }
    }
}

/// What cannot be discarded is left to expire: where principal or user are gone, nobody knows any more whom to tell.
async fn discard_one(node: &Node, login: &StoredLogin) {
    let Ok(attempt) = Attempt::open(node.house().vault(), login) else { return };
    let (snapshot, caller) = match caller_of(node, login.identity).await {
        Ok(Some(caller)) => (node.snapshot(), caller),
        Ok(None) => return,
        Err(error) => return tracing::warn!(code = error.code(), "a login that nobody confirmed is left to expire: {error}"),
    };
    let Ok(place) = place(&snapshot, &caller, Authority::Operator, (&attempt.credential, &attempt.principal)) else { return };
    if let Some(redeemed) = attempt.redeemed.as_ref().filter(|_| attempt.is_for(login, &place.identity().key())) {
        tracing::info!("a login at {} that nobody confirmed is discarded", attempt.provider);
        discard(node, &place, redeemed).await;
    }
}
