//! The person sees whose account it is, and agrees.

use sortie_callout::{LoginPlace, LoginState, Redeemed, place};
use sortie_model::{Secret, Timestamp};
use sortie_protocol::{Account, account, scope_asked_for};
use sortie_store::{LoginStage, StoredLogin};
use uuid::Uuid;

use super::attempt::Attempt;
use super::callback::{check_browser, check_person};
use super::{ConnectError, Person, record};
use crate::node::Node;

/// What the person is asked to agree to.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The external credential.
    pub credential: String,
    /// The principal.
    pub principal: String,
    /// Whether it is for everybody who may use the principal.
    pub is_shared: bool,
    /// The provider.
    pub provider: String,
    /// Whose account it is, if the provider said so.
    pub account: Option<Account>,
    /// Whose account was there before, if it is another one (OAU-25).
    pub replaces: Option<Account>,
    /// What was granted, if the provider said so.
    pub scope: Option<String>,
    /// What was asked for, if the provider has granted something else.
    pub scope_asked_for: Option<String>,
    /// When the access token dies.
    pub expires_at: Timestamp,
    /// Whether it is renewed by itself.
    pub renews: bool,
}

/// A login that is kept.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The external credential.
    pub credential: String,
    /// The principal.
    pub principal: String,
    /// Where the person goes on.
    pub return_to: String,
}

/// What there is to agree to.
///
/// # Errors
/// A [`ConnectError`].
pub async fn confirmation(node: &Node, person: &Person<'_>, id: Uuid, browser: Option<&str>) -> Result<Confirmation, ConnectError> {
    let (_, attempt) = load(node, person, id, browser).await?;
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), (&attempt.credential, &attempt.principal))?;
    let redeemed = attempt.redeemed.as_ref().ok_or(ConnectError::Tampered)?;
    let (found, before) = (account(&redeemed.grant), node.grants().login_state(&place).await?.and_then(|state| state.account));
    // Also if nobody knows who it is now.
    let is_other = before.as_ref().is_some_and(|before| found.as_ref().is_none_or(|found| found.subject != before.subject));
    Ok(Confirmation {
        is_shared: place.identity().user().is_none(),
        account: found,
        replaces: before.filter(|_| is_other),
        scope: redeemed.grant.parts.get("scope").map(|scope| scope.expose().to_owned()),
        expires_at: redeemed.expires_at,
        scope_asked_for: scope_asked_for(&redeemed.grant).map(str::to_owned),
        renews: redeemed.grant.renews(),
        credential: attempt.credential,
        principal: attempt.principal,
        provider: attempt.provider,
    })
}

/// Keeps the grant of a login. Callouts use it from now on, on every node within a second.
///
/// # Errors
/// A [`ConnectError`].
pub async fn confirm(node: &Node, person: &Person<'_>, id: Uuid, browser: Option<&str>) -> Result<Connected, ConnectError> {
    let (login, attempt) = load(node, person, id, browser).await?;
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = current_place(&snapshot, &caller, person, (&login, &attempt))?;
    let redeemed = attempt.redeemed.as_ref().ok_or(ConnectError::Tampered)?;
    record(node, person, "authenticated", &object(&place), &what(redeemed)).await?;
    if !node.house().store().logins().end(id, LoginStage::Redeemed).await? {
        return Err(ConnectError::NotUnderWay);
    }
    if let Err(error) = node.grants().keep(&place, redeemed).await {
        discard(node, &place, redeemed).await;
        return Err(error.into());
    }
    Ok(Connected { credential: attempt.credential, principal: attempt.principal, return_to: attempt.return_to })
}

/// Throws the grant of a login away, and tells the provider so.
///
/// # Errors
/// A [`ConnectError`].
pub async fn cancel(node: &Node, person: &Person<'_>, id: Uuid, browser: Option<&str>) -> Result<Connected, ConnectError> {
    let (_, attempt) = load(node, person, id, browser).await?;
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), (&attempt.credential, &attempt.principal))?;
    if node.house().store().logins().end(id, LoginStage::Redeemed).await?
        && let Some(redeemed) = &attempt.redeemed
    {
        discard(node, &place, redeemed).await;
    }
    Ok(Connected { credential: attempt.credential, principal: attempt.principal, return_to: attempt.return_to })
}

/// Tells the provider that a grant is not wanted, unless that could end the login that is kept: with one token of an account and a client many providers take
/// back all of them.
pub(super) async fn discard(node: &Node, place: &LoginPlace<'_>, redeemed: &Redeemed) {
    let kept = match node.grants().login_state(place).await {
        Ok(kept) => kept,
        Err(error) => return tracing::warn!(code = error.code(), "a login that is not wanted is left to expire: {error}"),
    };
    let is_anothers = |kept: &LoginState| match (&kept.account, account(&redeemed.grant)) {
        (Some(kept), Some(found)) => kept.subject != found.subject,
        _ => false,
    };
    if kept.as_ref().is_none_or(is_anothers)
        && let Err(error) = node.grants().discard(place, &redeemed.grant).await
    {
        tracing::warn!(code = error.code(), "a provider was not told that a login was not wanted: {error}");
    }
}

async fn load(node: &Node, person: &Person<'_>, id: Uuid, browser: Option<&str>) -> Result<(StoredLogin, Attempt), ConnectError> {
    let login = node.house().store().logins().load(id).await?.filter(|login| login.stage == LoginStage::Redeemed);
    let login = login.ok_or(ConnectError::NotUnderWay)?;
    check_browser(&login, browser)?;
    check_person(&login, person)?;
    let attempt = Attempt::open(node.house().vault(), &login)?;
    Ok((login, attempt))
}

/// The principal of a login, if its definition is still the one under which it began.
fn current_place<'s>(
    snapshot: &'s sortie_callout::Snapshot,
    caller: &'s sortie_callout::Caller,
    person: &Person<'_>,
    (login, attempt): (&StoredLogin, &Attempt),
) -> Result<LoginPlace<'s>, ConnectError> {
    let place = place(snapshot, caller, person.authority(), (&attempt.credential, &attempt.principal))?;
    if attempt.is_for(login, &place.identity().key()) { Ok(place) } else { Err(ConnectError::Changed) }
}

pub(super) fn object(place: &LoginPlace<'_>) -> String {
    let of = if place.identity().user().is_some() { format!(" of {}", place.identity().caller().name) } else { String::new() };
    format!("login {}/{}{of}", place.credential().name, place.identity().principal().name)
}

/// For the audit: who it is at the provider, and until when.
fn what(redeemed: &Redeemed) -> String {
    let account = account(&redeemed.grant).map(|account| format!("account {}, ", account.name.unwrap_or(account.subject)));
    let other = scope_asked_for(&redeemed.grant).map(|asked| {
        let granted = redeemed.grant.parts.get("scope").map_or("", Secret::expose);
        format!(", warning: the scopes `{granted}` were granted, and `{asked}` asked for")
    });
    format!("{}expires {}{}", account.unwrap_or_default(), redeemed.expires_at, other.unwrap_or_default())
}
