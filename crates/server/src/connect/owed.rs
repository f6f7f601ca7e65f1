//! Providers that could not be told that a login was taken away are told again, by one node at a time, until they know or it makes no sense any more (TOK-22).

use std::time::Duration;

use sortie_callout::{Authority, Caller, LoginRefused, Snapshot, Unobtainable, place};
use sortie_model::Timestamp;
use sortie_protocol::{NoLogin, Revoked};
use sortie_store::{Identity, OwedRevocation, OwedState, ReadError};

use super::{ConnectError, Person};
use crate::audit::{ChangeRecord, record_changes};
use crate::custody::owed::opened;
use crate::node::{Node, caller_without_key};

/// 5 s: how often a node looks whether something is due. One indexed read, if nothing is.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// 60 s for one attempt: longer than a provider has to answer. Then another node may try.
const ATTEMPT: Duration = Duration::from_secs(60);

/// 30 s after the first attempt, doubling to an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// A day: after that somebody has to look.
const PATIENCE: Duration = Duration::from_secs(86_400);

/// What the audit calls whoever does this.
const ACTOR: &str = "sortie";

/// A login that is gone here, and not yet at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrevoked {
    /// When it was taken away.
    pub since: Timestamp,
    /// How often the provider could not be told.
    pub attempts: i64,
    /// When it is told again; `None`: nobody tries any more.
    pub try_at: Option<Timestamp>,
    /// Why the last attempt failed, if that is known.
    pub failure_code: Option<String>,
}

impl Unrevoked {
    /// What to do.
    pub const fn next_step(&self) -> &'static str {
        match self.try_at {
            Some(_) => "nothing: a running server tells the provider again; to be sure at once, withdraw the access at the provider",
            None => "withdraw the access at the provider, on the page where the account lists what may use it",
        }
    }
}

/// The logins at this place that are gone here, and not yet at the provider; oldest first.
///
/// # Errors
/// A [`ConnectError`].
pub async fn unrevoked(node: &Node, person: &Person<'_>, names: (&str, &str)) -> Result<Vec<Unrevoked>, ConnectError> {
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), names)?;
    let identity = Identity { principal: place.identity().key().principal, owner: place.identity().user() };
    let owed = node.house().store().owed_revocations().of(identity).await?;
    let shown = |OwedState { since, attempts, try_at, failure_code }| Unrevoked { since, attempts, try_at, failure_code };
    Ok(owed.into_iter().map(shown).collect())
}

/// Tells providers what they are owed; until the end.
pub(crate) async fn follow(node: Node) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        super::abandoned::discard_all(&node).await;
        // The feed of changes says when the database is away.
        while let Ok(Some(one)) = node.house().store().owed_revocations().take(ATTEMPT).await {
            attempt(&node, &one).await;
        }
    }
}

/// How one attempt went.
enum Told {
    AtTheProvider,
    NotOffered,
    /// Another attempt may succeed.
    Failed(&'static str),
    /// None will.
    Never(&'static str),
}

async fn attempt(node: &Node, one: &OwedRevocation) {
    let (object, told) = tell(node, one).await;
    let store = node.house().store().owed_revocations();
    let (id, attempt) = (one.id, one.attempt);
    let attempts = format!("after {attempt} attempts");
    let done = match told {
        Told::AtTheProvider | Told::NotOffered => {
            record(node, "revoked_at_provider", &object, &attempts).await;
            store.settle(id).await.map(|()| true)
        }
        Told::Failed(code) if one.age < PATIENCE => store.put_off(id, attempt, code, pause(attempt, node.world().nonce()[0])).await,
        Told::Failed(code) | Told::Never(code) => match store.give_up(id, attempt, code).await {
            Ok(true) => {
                record(node, "revocation_given_up", &object, &format!("{code}, {attempts}")).await;
                tracing::warn!(code, "{object} is gone here, and the provider was never told; the access has to be withdrawn over there");
                Ok(true)
            }
            other => other,
        },
    };
    if let Err(error) = done {
        tracing::warn!(code = error.code(), "cannot note what a provider was told; it is told again: {error}");
    }
}

/// What the audit calls it, and how it went.
async fn tell(node: &Node, one: &OwedRevocation) -> (String, Told) {
    let snapshot = node.snapshot();
    let gone = |what: &str, code| (format!("login {}{what}", one.identity.principal), Told::Never(code));
    let Some((credential, principal)) = names(&snapshot, one.identity) else { return gone("", "principal_unknown") };
    let caller = match caller_of(node, one.identity).await {
        Ok(Some(caller)) => caller,
        Ok(None) => return gone(" of a user who is gone", "user_unknown"),
        Err(error) => return (format!("login {credential}/{principal}"), Told::Failed(error.code())),
    };
    let of = one.identity.owner.map(|_| format!(" of {}", caller.name)).unwrap_or_default();
    let object = format!("login {credential}/{principal}{of}");
    let told = match place(&snapshot, &caller, Authority::Operator, (&credential, &principal)) {
        Err(LoginRefused::Setting(fault)) => Told::Failed(fault.fault.code),
        Err(refused @ (LoginRefused::NotPermitted | LoginRefused::NoLogin { .. })) => Told::Never(refused.code()),
        Ok(place) => match opened(node.house(), one) {
            Err(error) => Told::Never(Unobtainable::from(error).code()),
            Ok(grant) => match node.grants().tell_again(&place, &grant).await {
                Ok(Revoked::AtTheProvider) => Told::AtTheProvider,
                Ok(Revoked::NotOffered) => Told::NotOffered,
                // Who gave it is not who would be asked: a token goes to nobody else.
                Err(Unobtainable::NeedsLogin { why: NoLogin::OtherProvider, .. }) => Told::Never("other_provider"),
                Err(error) => Told::Failed(error.code()),
            },
        },
    };
    (object, told)
}

/// Whoever the grant of this identity is for, as a caller; `None`: that user is gone.
pub(super) async fn caller_of(node: &Node, identity: Identity) -> Result<Option<Caller>, ReadError> {
    let Some(owner) = identity.owner else { return Ok(Some(Person::Operator { actor: ACTOR, user: None }.caller())) };
    let store = node.house().store();
    let Some(user) = store.users().load(owner).await? else { return Ok(None) };
    Ok(store.caller_by_user(&user.name).await?.map(caller_without_key))
}

/// External credential and principal.
fn names(snapshot: &Snapshot, identity: Identity) -> Option<(String, String)> {
    snapshot.all_credentials().find_map(|credential| {
        let principal = credential.principals.iter().find(|principal| principal.id == identity.principal)?;
        Some((credential.name.to_string(), principal.name.to_string()))
    })
}

/// Up to a quarter more or less by chance, so that what failed together is not repeated together.
fn pause(attempt: i64, chance: u8) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    pause * 3 / 4 + pause / 2 * u32::from(chance) / 255
}

/// What was done to the provider is recorded after it is done: nobody waits for it, and it is told again if this process ends in between.
async fn record(node: &Node, action: &str, object: &str, fields: &str) {
    let (house, at) = (node.house(), node.world().now());
    let change = ChangeRecord { at, actor: ACTOR, action, object, fields };
    if let Err(error) = record_changes(house.audit_directory(), &house.chain_key(), &[change]).await {
        tracing::error!("the audit cannot be written: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_differ() {
        for (attempt, chance, seconds) in
            [(1, 0, 22), (1, 255, 37), (2, 0, 45), (7, 128, 1921), (8, 0, 2700), (100, 255, 4500), (i64::MAX, 0, 2700)]
        {
            assert_eq!(pause(attempt, chance).as_secs(), seconds, "{attempt} {chance}");
        }
    }
}
