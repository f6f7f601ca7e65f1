//! What a callout would do, with what the provider of its principal has not heard yet.

use serde::Serialize;
use sortie_callout::Plan;
use sortie_store::StoredUser;
use utoipa::ToSchema;

use super::{Person, UnrevokedView, unrevoked};
use crate::node::Node;

/// A callout as it would be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// What it would do.
    #[serde(flatten)]
    pub plan: Plan,
    /// Logins at the chosen principal that are gone here, and not at the provider.
    pub unrevoked: Vec<UnrevokedView>,
}

/// What a callout of `user` would do; `actor` asks.
pub async fn explain(node: &Node, actor: &str, user: StoredUser, target: &str) -> Explanation {
    let plan = node.explain(user.clone(), target).await;
    let chosen = plan.principals.iter().find(|principal| principal.verdict == "chosen").map(|principal| principal.name.as_str());
    let Some(place) = plan.external_credential.as_deref().zip(chosen) else { return Explanation { plan, unrevoked: Vec::new() } };
    let person = Person::Operator { actor, user: Some(&user) };
    // None where nobody logs in.
    let owed = unrevoked(node, &person, place).await.unwrap_or_default();
    Explanation { unrevoked: owed.into_iter().map(UnrevokedView::from).collect(), plan }
}
