//! A URL that is good for a while: the steps of a callout up to the signature, which stands in the URL. Whoever has it sends the request themselves.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;
use sortie_model::path::PathFault;
use sortie_model::{Secret, Timestamp};
use sortie_protocol::shared::sigv4::MAX_PRESIGNED_SECONDS;

use crate::authorize::authorize;
use crate::choose::{Chosen, choose};
use crate::obtain::{Freshness, Grants};
use crate::ports::AuditUnavailable;
use crate::snapshot::Snapshot;
use crate::{Caller, Refused, TargetFault, parse, sign};

/// What is to be presigned.
#[derive(Clone, Copy, Debug)]
pub struct Presigning<'a> {
    /// `callout:Name/path?query`.
    pub target: &'a str,
    /// How it will be sent.
    pub method: &'a Method,
    /// For how long it is good.
    pub lifetime: Duration,
}

/// A presigned URL.
#[derive(Clone, Debug)]
pub struct Presigned {
    /// The URL. Whoever has it may do what it says.
    pub url: Secret,
    /// When it ends: earlier than asked for, if the key behind it does.
    pub expires_at: Timestamp,
}

/// Makes a URL under the same permissions as a callout. `record` is asked before anything is decrypted: no record, no release.
///
/// # Errors
/// Any [`Refused`].
pub async fn presign(
    snapshot: &Snapshot,
    grants: &Arc<Grants>,
    caller: &Caller,
    presigning: Presigning<'_>,
    record: impl FnOnce(&Chosen<'_>, &str) -> Result<(), AuditUnavailable>,
) -> Result<Presigned, Refused> {
    let Presigning { target, method, lifetime } = presigning;
    let reference = parse(target)?;
    let chosen = choose(authorize(snapshot, caller, &reference)?)?;
    let named = chosen.named();
    if !chosen.named().credential.protocol.signs_requests() {
        return Err(Refused::NotPresignable);
    }
    record(&chosen, reference.path())?;
    let live = grants.obtain(&chosen, Freshness::Kept).await?;
    let signer = sign::signer(named, &live).ok_or(Refused::NotPresignable)?;
    let now = grants.now();
    let left = live.expires_at().map_or(Duration::MAX, |expires_at| expires_at.since(now));
    let seconds = lifetime.min(left).as_secs().clamp(1, MAX_PRESIGNED_SECONDS.into());
    let target = PathAndQuery::try_from(named.endpoint.join(reference.path(), reference.query()));
    let target = target.map_err(|_| TargetFault::Path(PathFault::RawByte))?;
    let target = sign::spelled(signer, &target)?;
    let lifetime_seconds = u32::try_from(seconds).unwrap_or(MAX_PRESIGNED_SECONDS);
    let signed = signer.presign(method, &named.host, target.as_str(), lifetime_seconds, now);
    let url = format!("{}://{}{signed}", named.endpoint.scheme().as_str(), named.endpoint.authority());
    Ok(Presigned { url: Secret::new(url), expires_at: now.after(Duration::from_secs(seconds)) })
}
