//! Who calls: an API key becomes a [`Caller`]. A key that was seen lately costs one hash and no database.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::constant_time;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use quick_cache::unsync::Cache;
use sortie_callout::Caller;
use sortie_model::{ApiKeyId, Grantee, Timestamp};
use sortie_store::{Store, StoredCaller};

use super::respond::{BadRequest, Doubt};
use crate::manage::key::KeyText;

/// Callers held by one core: a few hundred bytes each.
const MAX_CALLERS: usize = 10_000;

/// The callers that one core has seen lately.
pub(super) struct Directory {
    store: Store,
    runtime: tokio::runtime::Handle,
    known: RefCell<Cache<ApiKeyId, Rc<Known>>>,
}

/// A key as it was at one generation of the definitions. Any change of users, keys or assignments makes a new generation.
struct Known {
    generation: i64,
    /// `None`: there is no such key.
    key: Option<KnownKey>,
}

struct KnownKey {
    secret_hash: [u8; 32],
    /// What is wrong with it at any time.
    doubt: Option<Doubt>,
    expires_at: Option<Timestamp>,
    caller: Arc<Caller>,
}

/// The caller of a connection's last request. Most connections belong to one program, whose key then costs one comparison instead of a hash and two look-ups.
#[derive(Default)]
pub(super) struct LastCaller(RefCell<Option<(HeaderValue, Rc<Known>)>>);

impl LastCaller {
    /// What is known of the key, if it is the same one; compared in constant time, since several programs may share a connection through a proxy of theirs.
    fn of(&self, value: &HeaderValue, generation: i64) -> Option<Rc<Known>> {
        let last = self.0.borrow();
        let (seen, known) = last.as_ref().filter(|(_, known)| known.generation == generation)?;
        constant_time::verify_slices_are_equal(seen.as_bytes(), value.as_bytes()).is_ok().then(|| Rc::clone(known))
    }
}

impl Directory {
    pub(super) fn new(store: Store, runtime: tokio::runtime::Handle) -> Self {
        Self { store, runtime, known: RefCell::new(Cache::new(MAX_CALLERS)) }
    }

    /// Finds out who calls, and takes the key out of the headers so that it goes no further.
    pub(super) async fn identify(
        &self,
        headers: &mut HeaderMap,
        last: &LastCaller,
        generation: i64,
        now: Timestamp,
    ) -> Result<Arc<Caller>, BadRequest> {
        let value = take_key(headers)?;
        match last.of(&value, generation) {
            Some(known) => allowed(&known, now),
            None => self.verify_for(value, last, generation, now).await,
        }
    }

    /// Who it is now that has sent the last request of this connection: a body that comes slowly comes to other definitions than its head.
    pub(super) async fn identify_again(&self, last: &LastCaller, generation: i64, now: Timestamp) -> Result<Arc<Caller>, BadRequest> {
        let value = last.0.borrow().as_ref().map(|(value, _)| value.clone());
        self.verify_for(value.ok_or(BadRequest::Unauthenticated(Doubt::NoKey))?, last, generation, now).await
    }

    async fn verify_for(&self, value: HeaderValue, last: &LastCaller, generation: i64, now: Timestamp) -> Result<Arc<Caller>, BadRequest> {
        let known = self.verify(&value, generation).await?;
        *last.0.borrow_mut() = Some((value, Rc::clone(&known)));
        allowed(&known, now)
    }

    /// What is known of a key, if its secret is the right one.
    async fn verify(&self, value: &HeaderValue, generation: i64) -> Result<Rc<Known>, BadRequest> {
        let key = presented(value).and_then(KeyText::parse).ok_or(BadRequest::Unauthenticated(Doubt::NotAKey))?;
        let known = self.known.borrow().get(&key.id()).filter(|known| known.generation == generation).map(Rc::clone);
        let known = match known {
            Some(known) => known,
            None => self.look_up(key.id(), generation).await?,
        };
        let presented = key.secret_hash();
        // A key that does not exist costs the same as one whose secret is wrong (AUTH-02).
        let secret_hash = known.key.as_ref().map_or([0; 32], |stored| stored.secret_hash);
        let is_same = constant_time::verify_slices_are_equal(&presented, &secret_hash).is_ok();
        match &known.key {
            None => Err(BadRequest::Unauthenticated(Doubt::UnknownKey)),
            Some(_) if !is_same => Err(BadRequest::Unauthenticated(Doubt::WrongSecret)),
            Some(_) => Ok(known),
        }
    }

    /// One indexed read, on the runtime that owns the database's connections.
    async fn look_up(&self, id: ApiKeyId, generation: i64) -> Result<Rc<Known>, BadRequest> {
        let store = self.store.clone();
        let stored = self.runtime.spawn(async move { store.caller_by_key(id).await }).await;
        let stored = stored.map_err(|_| BadRequest::StoreUnavailable)?.map_err(|_| BadRequest::StoreUnavailable)?;
        let known = Rc::new(Known { generation, key: stored.map(known_key) });
        self.known.borrow_mut().insert(id, Rc::clone(&known));
        Ok(known)
    }
}

fn allowed(known: &Known, now: Timestamp) -> Result<Arc<Caller>, BadRequest> {
    let doubt = match &known.key {
        None => Doubt::UnknownKey,
        Some(KnownKey { doubt: Some(doubt), .. }) => *doubt,
        Some(KnownKey { expires_at: Some(expires_at), .. }) if now >= *expires_at => Doubt::Expired,
        Some(stored) => return Ok(Arc::clone(&stored.caller)),
    };
    Err(BadRequest::Unauthenticated(doubt))
}

fn known_key(stored: StoredCaller) -> KnownKey {
    let StoredCaller { key, .. } = &stored;
    let doubt = match key.revoked_at {
        Some(_) => Some(Doubt::Revoked),
        None if !stored.user.is_active => Some(Doubt::InactiveUser),
        None => None,
    };
    let (secret_hash, expires_at) = (key.secret_hash, key.expires_at);
    KnownKey { secret_hash, doubt, expires_at, caller: Arc::new(caller(stored)) }
}

/// A stored user as a caller.
pub(crate) fn caller(stored: StoredCaller) -> Caller {
    let permission_sets = stored.permission_sets.into_iter().map(Grantee::PermissionSet);
    let grantees = permission_sets.chain(stored.user.profile.map(Grantee::Profile)).collect();
    Caller::new(stored.user.id, stored.user.name, Some(stored.key.id), stored.user.attributes, grantees).with_profile(stored.profile_name)
}

/// The key is in `Proxy-Authorization` if there is one, so that `Authorization` stays free for the upstream; else in `Authorization`. Neither may be there twice: two
/// readers could take a different one each (AUTH-06). A program that signs as Amazon's do has it as the id of its access key.
fn take_key(headers: &mut HeaderMap) -> Result<HeaderValue, BadRequest> {
    let proxied = take_only(headers, header::PROXY_AUTHORIZATION, |_| true)?;
    // Some programs send it in both places. A key of ours is nobody else's business (HDR-01).
    let direct = take_only(headers, header::AUTHORIZATION, |value| proxied.is_none() || holds_key(value))?;
    proxied.or(direct).ok_or(BadRequest::Unauthenticated(Doubt::NoKey))
}

/// Takes out a header that may be there once, if it is one of these.
fn take_only(
    headers: &mut HeaderMap,
    name: HeaderName,
    is_taken: impl Fn(&HeaderValue) -> bool,
) -> Result<Option<HeaderValue>, BadRequest> {
    let mut there = headers.iter().filter(|(known, _)| **known == name).map(|(_, value)| value);
    match (there.next(), there.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(BadRequest::KeyTwice),
        (Some(value), None) if is_taken(value) => Ok(headers.remove(name)),
        (Some(_), None) => Ok(None),
    }
}

fn holds_key(value: &HeaderValue) -> bool {
    let is_key = |word: &str| KeyText::parse(word).is_some();
    value.to_str().is_ok_and(|text| text.split_ascii_whitespace().any(is_key)) || presented(value).is_some_and(is_key)
}

/// The key that a header presents: as a bearer token, or as the id of the access key in a signature of Amazon's (AWS Signature Version 4, "Add the signature to the
/// request"). The signature itself says nothing: nobody but the caller knows the secret that it was made with.
fn presented(value: &HeaderValue) -> Option<&str> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("Bearer") {
        return Some(rest.trim_start());
    }
    if !scheme.starts_with("AWS4-") {
        return None;
    }
    let credential = rest.split(',').find_map(|part| part.trim().strip_prefix("Credential="))?;
    credential.split('/').next()
}
