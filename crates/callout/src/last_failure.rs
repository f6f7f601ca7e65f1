//! What went wrong the last time, for `explain`: as this process has seen it, or as another one has noted it.

use serde::Serialize;
use sortie_model::Timestamp;
use sortie_protocol::{Remedy, Renewal};
use utoipa::ToSchema;

use crate::choose::Chosen;
use crate::error::next_step_after;
use crate::obtain::Grants;
use crate::ports::{ForwardError, KeptFailure};
use crate::slot::Failed;
use crate::{Refused, inspect};

/// What went wrong the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastFailure {
    /// Stable code.
    pub code: &'static str,
    /// When, RFC 3339.
    #[serde(serialize_with = "sortie_model::timestamp_as_text")]
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// What is known of it.
    pub message: String,
    /// What usually causes it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cause: Option<&'static str>,
    /// What to do.
    pub next_step: String,
}

/// The last failure that is known, if nothing has succeeded since.
pub(crate) async fn last_failure(grants: &Grants, chosen: &Chosen<'_>) -> Option<LastFailure> {
    match seen_here(grants, chosen) {
        Some(failure) => Some(failure),
        None => noted(grants, chosen).await,
    }
}

fn seen_here(grants: &Grants, chosen: &Chosen<'_>) -> Option<LastFailure> {
    let health = grants.health_of(chosen)?;
    let at = health.last_failure.filter(|at| health.last_success.is_none_or(|success| success < *at))?;
    let code = health.last_failure_code?;
    Some(match grants.last_failed(chosen).filter(|failed| failed.error.code() == code) {
        Some(Failed { error, .. }) => {
            let refused = Refused::from(error);
            LastFailure { code, at, message: refused.to_string(), cause: refused.cause(), next_step: refused.next_step().to_owned() }
        }
        None if code == inspect::REFUSED_BY_UPSTREAM => refused_by_upstream(chosen, code, at),
        None => {
            let message = format!("the last callout failed with `{code}`");
            let next_step =
                of_client_certificate(code).map_or("see the log and the audit for the callout that failed", |refused| refused.next_step());
            LastFailure { code, at, message, cause: None, next_step: next_step.to_owned() }
        }
    })
}

/// What an upstream says of a client certificate, so that the advice against it can be given once more.
fn of_client_certificate(code: &str) -> Option<Refused> {
    let said = [ForwardError::ClientCertificateRequired, ForwardError::ClientCertificateRefused("")].map(Refused::from);
    said.into_iter().find(|refused| refused.code() == code)
}

fn refused_by_upstream(chosen: &Chosen<'_>, code: &'static str, at: Timestamp) -> LastFailure {
    let (credential, principal) = (&chosen.named().credential.name, &chosen.identity().principal().name);
    let message = "the upstream refused the credential".to_owned();
    match chosen.named().credential.protocol.renewal() {
        Renewal::Static => {
            let next_step = format!("store the right one: sortie secret set '{credential}/{principal}' NAME");
            LastFailure { code, at, message, cause: Some("it may be wrong, expired or revoked over there"), next_step }
        }
        Renewal::Renewable => {
            let cause = "a token that was just obtained is not taken: it may be for another audience or scope, or signed with a key that the upstream does not know, \
                         or the upstream's clock differs from ours";
            let next_step = format!(
                "compare the scope, the audience and the claims of `{credential}` with what the upstream wants, and check that this machine's clock is synchronised"
            );
            LastFailure { code, at, message, cause: Some(cause), next_step }
        }
    }
}

/// What another process has noted with the grant. What cannot be read is no failure of the callout's.
async fn noted(grants: &Grants, chosen: &Chosen<'_>) -> Option<LastFailure> {
    if chosen.named().credential.protocol.renewal() == Renewal::Static {
        return None;
    }
    let kept = grants.custody().load(chosen.identity().key()).await.ok()??;
    let KeptFailure { code, at, said, retry_not_before: _ } = kept.failure?;
    let message = match &said {
        Some(said) => format!("the provider refused: {said}"),
        None => format!("the last attempt to obtain a token failed with `{code}`"),
    };
    let cause = said.as_ref().and_then(Remedy::of).map(|remedy| remedy.cause);
    Some(LastFailure { code, at, message, cause, next_step: next_step_after(code, said.as_ref()).to_owned() })
}
