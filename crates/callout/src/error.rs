//! Why a callout did not happen: a stable code, what is wrong, whose turn it is, and what to do.

use sortie_protocol::shared::sigv4::BodyFault;
use sortie_protocol::{NoLogin, ObtainError, ProviderError, Remedy};

use crate::apply::ApplyError;
use crate::authorize::Denial;
use crate::client_certificate::ClientCertificateFault;
use crate::parse::TargetFault;
use crate::personal::SettingFault;
use crate::ports::{AuditUnavailable, CustodyError, ForwardError};
use crate::unobtainable::{Unobtainable, Whose};

/// A callout that Sortie itself refused or could not finish. What an upstream answers is never one of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The target cannot be read, or not be forwarded safely.
    #[error("the target {0}")]
    Target(#[from] TargetFault),
    /// Unknown, or not allowed: the caller is not told which.
    #[error("you may not use this named credential, or it does not exist")]
    NotPermitted {
        /// Which of the two, for the audit.
        reason: Denial,
    },
    /// The named credential is switched off.
    #[error("this named credential is switched off for callouts")]
    Disabled,
    /// The protocol does not sign requests, so that no signature can stand in a URL.
    #[error("requests of this named credential are not signed, so its URLs cannot be presigned")]
    NotPresignable,
    /// A setting of the credential could not be made for this caller.
    #[error(transparent)]
    Setting(#[from] SettingFault),
    /// The client certificate cannot be presented.
    #[error(transparent)]
    ClientCertificate(#[from] ClientCertificateFault),
    /// The intent could not be recorded.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// No grant.
    #[error("the credential cannot be used: {0}")]
    Credential(#[from] Unobtainable),
    /// The request could not be made.
    #[error(transparent)]
    Request(#[from] ApplyError),
    /// The upstream did not answer.
    #[error(transparent)]
    Upstream(#[from] ForwardError),
}

/// Of headers and bodies alike.
const FORMULA_NOT_ALLOWED: &str = "formula_not_allowed";

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The program that called, or the user behind it.
    Caller,
    /// Whoever defines credentials and grants.
    Admin,
    /// Whoever runs Sortie.
    Operator,
    /// The authorization server.
    Provider,
    /// The service that was called.
    Upstream,
}

impl Refused {
    /// The stable code, as in the header `Sortie-Error`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Target(_) => "target_invalid",
            Self::NotPermitted { .. } => "not_permitted",
            Self::Disabled => "callout_disabled",
            Self::NotPresignable => "not_presignable",
            Self::Setting(SettingFault { fault, .. }) => fault.code,
            Self::ClientCertificate(fault) => fault.code(),
            Self::Audit(_) => "audit_unavailable",
            Self::Credential(error) => error.code(),
            Self::Request(ApplyError::CallerHeader { .. }) => "header_invalid",
            Self::Request(ApplyError::CustomHeader { fault, .. } | ApplyError::CallerFormula { fault, .. }) => fault.code,
            Self::Request(ApplyError::FormulasNotAllowed { .. }) => FORMULA_NOT_ALLOWED,
            Self::Request(ApplyError::BodyTooLarge { .. }) => "formula_body_too_large",
            Self::Request(ApplyError::NoRoom) => "held_bodies_full",
            Self::Request(ApplyError::Signing { fault: BodyFault::TooLarge { .. } }) => "signed_body_too_large",
            Self::Request(ApplyError::Signing { .. }) | Self::Upstream(ForwardError::Body(_)) => "body_malformed",
            Self::Upstream(ForwardError::Denied) => "egress_denied",
            Self::Upstream(ForwardError::Unreachable(_)) => "upstream_unreachable",
            Self::Upstream(ForwardError::Tls(_)) => "upstream_tls",
            Self::Upstream(ForwardError::ClientCertificateRequired) => "client_certificate_required",
            Self::Upstream(ForwardError::ClientCertificateRefused(_)) => "client_certificate_refused",
            Self::Upstream(ForwardError::Timeout) => "upstream_timeout",
            Self::Upstream(ForwardError::Protocol(_)) => "upstream_protocol",
            Self::Upstream(ForwardError::CallerAborted) => "caller_aborted",
            Self::Upstream(ForwardError::FormulaWithheld) => FORMULA_NOT_ALLOWED,
        }
    }

    /// The private reason beside the public code.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotPermitted { reason } => reason.as_str(),
            other => other.code(),
        }
    }

    /// Whose turn it is.
    pub fn turn(&self) -> Turn {
        match self {
            Self::Target(_)
            | Self::Request(
                ApplyError::CallerHeader { .. }
                | ApplyError::CallerFormula { .. }
                | ApplyError::FormulasNotAllowed { .. }
                | ApplyError::BodyTooLarge { .. }
                | ApplyError::NoRoom
                | ApplyError::Signing { .. },
            )
            | Self::Upstream(ForwardError::CallerAborted | ForwardError::FormulaWithheld | ForwardError::Body(_)) => Turn::Caller,
            Self::NotPermitted { .. }
            | Self::Disabled
            | Self::NotPresignable
            | Self::Setting(_)
            | Self::ClientCertificate(ClientCertificateFault::NotYetUsable | ClientCertificateFault::Expired)
            | Self::Request(ApplyError::CustomHeader { .. })
            | Self::Upstream(ForwardError::ClientCertificateRequired | ForwardError::ClientCertificateRefused(_)) => Turn::Admin,
            Self::ClientCertificate(ClientCertificateFault::KeyUnusable) | Self::Audit(_) | Self::Upstream(ForwardError::Denied) => {
                Turn::Operator
            }
            Self::Credential(error) => turn_of(error),
            Self::Upstream(ForwardError::Unreachable(_) | ForwardError::Tls(_) | ForwardError::Timeout | ForwardError::Protocol(_)) => {
                Turn::Upstream
            }
        }
    }

    /// What usually causes it, where that is known of a provider's refusal.
    pub fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Credential(Unobtainable::NeedsLogin { why, .. }) => (*why == NoLogin::Refused)
                .then_some("access was withdrawn at the provider, or the refresh token has expired there or was used twice"),
            Self::Credential(error) => error.said().and_then(Remedy::of).map(|remedy| remedy.cause),
            _ => None,
        }
    }

    /// The next step, in words that reveal nothing about what the caller may not see.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Target(_) => "write the target as callout:Name/path?query, with the path percent-encoded once and without dot segments",
            Self::NotPermitted { .. } => {
                "check the name; if it is right, ask an admin for a permission set that enables one of its principals; `sortie explain` shows an admin why"
            }
            Self::Disabled => "ask an admin to switch the named credential on",
            Self::NotPresignable => "make a callout instead; only requests to AWS and its like can be presigned",
            Self::Setting(_) => {
                "an admin must set the attribute for the user (`sortie user set`), or correct the formula; `BLANKVALUE` gives a substitute"
            }
            Self::ClientCertificate(fault) => fault.next_step(),
            Self::Audit(_) => "the operator must make the audit directory writable; nothing is sent without a record",
            Self::Credential(error) => next_step_of(error),
            Self::Request(ApplyError::CallerHeader { .. }) => "change or leave out that header",
            Self::Request(ApplyError::CustomHeader { fault, .. }) => match fault.code {
                "formula_unresolved" => {
                    "an admin must store that value for the chosen principal (`sortie secret set`) or set it for the user (`sortie user set`), or correct the formula; `BLANKVALUE` gives a substitute"
                }
                "formula_not_a_header" => "an admin must store a value without line breaks or control characters",
                _ => "an admin must correct the formula of that header; `sortie formula eval` shows what it gives",
            },
            Self::Request(ApplyError::CallerFormula { .. }) => "correct the formula; `sortie formula eval` shows what it gives",
            Self::Request(ApplyError::FormulasNotAllowed { .. }) | Self::Upstream(ForwardError::FormulaWithheld) => {
                "leave `{!` out; or ask an admin to let the named credential evaluate formulas there, or to take them as literal text"
            }
            Self::Request(ApplyError::BodyTooLarge { .. }) => {
                "send a smaller body, or use a named credential whose formulas do not need it"
            }
            Self::Request(ApplyError::NoRoom) => "send it again in a moment; the operator may raise `gateway.max_held_bytes`",
            Self::Request(ApplyError::Signing { fault: BodyFault::TooLarge { .. } }) => {
                "send a smaller body, or say its length with Content-Length so that it can be signed piece by piece (S3); an admin may raise `max_hashed_bytes`"
            }
            Self::Request(ApplyError::Signing { fault: BodyFault::Events }) => {
                "call the operation of the service that takes the whole body at once"
            }
            Self::Request(ApplyError::Signing { .. }) | Self::Upstream(ForwardError::Body(_)) => {
                "frame the body as `Content-Encoding: aws-chunked` says, with `x-amz-decoded-content-length` and only announced checksums behind it; or send it plain"
            }
            Self::Upstream(ForwardError::Denied) => {
                "the operator must allow the address in the egress policy, if it is meant to be reached"
            }
            Self::Upstream(ForwardError::Unreachable(_)) => {
                "check that the service is up and that the URL of the named credential is right"
            }
            Self::Upstream(ForwardError::Tls(_)) => "check the service's certificate: its name, its dates and who issued it",
            Self::Upstream(ForwardError::ClientCertificateRequired) => {
                "an admin must name one in the named credential (`client_certificate`), which the service knows"
            }
            Self::Upstream(ForwardError::ClientCertificateRefused(_)) => {
                "an admin must give the service what it has to know of the certificate (`sortie certificate export`): its authority, or itself; or name another one"
            }
            Self::Upstream(ForwardError::Timeout) => "try again, or raise the time limits of the named credential",
            Self::Upstream(ForwardError::Protocol(_)) => "check that the service speaks HTTP/1.1 at this URL",
            Self::Upstream(ForwardError::CallerAborted) => "send the whole body",
        }
    }
}

fn turn_of(error: &Unobtainable) -> Turn {
    match error {
        Unobtainable::NotAuthenticated { .. }
        | Unobtainable::NeedsLogin { whose: Whose::User, .. }
        | Unobtainable::Custody(CustodyError::Changed) => Turn::Caller,
        Unobtainable::NeedsLogin { whose: Whose::Admin, .. } => Turn::Admin,
        Unobtainable::BackingOff { code, .. } => kind_of(code, None).map_or(Turn::Provider, |kind| turn_of(&kind)),
        Unobtainable::Protocol(
            ObtainError::Unreachable { .. } | ObtainError::Unavailable { .. } | ObtainError::Malformed { .. } | ObtainError::Unanswered,
        )
        | Unobtainable::Slow => Turn::Provider,
        Unobtainable::Protocol(
            ObtainError::NotConfigured { .. }
            | ObtainError::WrongConfiguration { .. }
            | ObtainError::Refused(_)
            | ObtainError::InvalidGrant(_)
            | ObtainError::NotLoggedIn(_)
            | ObtainError::IdToken(_),
        ) => Turn::Admin,
        Unobtainable::Protocol(ObtainError::Denied | ObtainError::KeyUnavailable | ObtainError::KeySealed)
        | Unobtainable::Custody(CustodyError::Unavailable | CustodyError::Tampered | CustodyError::Sealed)
        | Unobtainable::BrokeOff => Turn::Operator,
    }
}

/// The kind of failure that a code stands for, with no more of its words than what the provider said. Whoever is turned away because an earlier attempt failed can only be helped by what helps
/// against that failure.
fn kind_of(code: &str, said: Option<&ProviderError>) -> Option<Unobtainable> {
    let said = || said.cloned().unwrap_or_else(|| ProviderError { error: String::new(), description: None });
    Some(match code {
        "credential_not_configured" => ObtainError::NotConfigured { field: "" }.into(),
        "credential_misconfigured" => ObtainError::WrongConfiguration { field: "", problem: String::new() }.into(),
        "token_refused" => ObtainError::Refused(said()).into(),
        "needs_authentication" => ObtainError::InvalidGrant(said()).into(),
        "token_answer_malformed" => ObtainError::Malformed { what: "" }.into(),
        "token_endpoint_timeout" => ObtainError::Unanswered.into(),
        "token_endpoint_unavailable" => ObtainError::Unavailable { status: None, retry_after: None }.into(),
        "egress_denied" => ObtainError::Denied.into(),
        "store_unavailable" => CustodyError::Unavailable.into(),
        "secret_tampered" => CustodyError::Tampered.into(),
        "sealed" => CustodyError::Sealed.into(),
        "definition_changed" => CustodyError::Changed.into(),
        "internal" => Unobtainable::BrokeOff,
        _ => return None,
    })
}

/// The next step after an earlier failure.
pub(crate) fn next_step_after(code: &str, said: Option<&ProviderError>) -> &'static str {
    kind_of(code, said).map_or("try again later", |kind| next_step_of(&kind))
}

fn next_step_of(error: &Unobtainable) -> &'static str {
    let is_login = matches!(error, Unobtainable::NeedsLogin { .. });
    if let Some(remedy) = error.said().and_then(Remedy::of).filter(|_| !is_login) {
        return remedy.next_step;
    }
    match error {
        Unobtainable::NotAuthenticated { .. } => {
            "the user must store their own values: `sortie secret set CREDENTIAL/PRINCIPAL NAME --user USER`"
        }
        Unobtainable::NeedsLogin { whose: Whose::User, .. } => {
            "the user must authenticate at the provider: on the page External Credentials, or with `sortie auth login CREDENTIAL/PRINCIPAL --user USER`"
        }
        Unobtainable::NeedsLogin { whose: Whose::Admin, .. } => {
            "an admin must authenticate the principal at the provider: `sortie auth login CREDENTIAL/PRINCIPAL`"
        }
        Unobtainable::BackingOff { code, said, .. } => next_step_after(code, said.as_ref()),
        Unobtainable::Protocol(ObtainError::NotConfigured { .. }) => "an admin must fill in what `sortie status` lists as missing",
        Unobtainable::Protocol(ObtainError::WrongConfiguration { .. }) => "an admin must correct that setting of the external credential",
        Unobtainable::Protocol(ObtainError::Refused(_)) => {
            "an admin must check client id, scope, and the client secret and how it is passed (`client_authentication`), or the signing certificate, the audience and the claims; of AWS, the access key, the region and the role's trust policy"
        }
        Unobtainable::Protocol(ObtainError::InvalidGrant(_) | ObtainError::NotLoggedIn(_)) => "the principal must be authenticated again",
        Unobtainable::Protocol(ObtainError::IdToken(_)) => {
            "an admin must check `issuer`, `key_set_endpoint` and client id of the provider, and that this machine's clock is synchronised"
        }
        Unobtainable::Protocol(ObtainError::Malformed { .. }) => "check that the token endpoint's URL is right: its answer is not a token",
        Unobtainable::Protocol(ObtainError::Unreachable { .. }) => {
            "check that the token endpoint's URL is right and that its server is up: no connection could be made"
        }
        Unobtainable::Protocol(ObtainError::Unavailable { .. } | ObtainError::Unanswered) | Unobtainable::Slow => {
            "try again later; the authorization server does not give tokens now"
        }
        Unobtainable::Protocol(ObtainError::Denied) => "the operator must allow the token endpoint's address in the egress policy",
        Unobtainable::Custody(CustodyError::Unavailable) | Unobtainable::Protocol(ObtainError::KeyUnavailable) => {
            "the operator must bring the database back"
        }
        Unobtainable::Custody(CustodyError::Changed) => "send the request again: it goes by the definition that is in force now",
        Unobtainable::Custody(CustodyError::Tampered) => "the operator must find out who changed the database; store the secret again",
        Unobtainable::Custody(CustodyError::Sealed) | Unobtainable::Protocol(ObtainError::KeySealed) => {
            "the operator must provide the root key"
        }
        Unobtainable::BrokeOff => "this is a defect of Sortie: report it with the log",
    }
}

#[cfg(test)]
mod tests {
    use sortie_model::Timestamp;

    use super::*;

    #[test]
    fn whoever_is_turned_away_early_gets_the_advice_for_the_failure_behind_it() {
        for error in [
            ObtainError::NotConfigured { field: "client_id" }.into(),
            ObtainError::WrongConfiguration { field: "token_endpoint", problem: "x".to_owned() }.into(),
            ObtainError::Refused(ProviderError { error: "invalid_scope".to_owned(), description: None }).into(),
            ObtainError::Refused(ProviderError { error: "unheard_of".to_owned(), description: None }).into(),
            ObtainError::InvalidGrant(ProviderError { error: "invalid_grant".to_owned(), description: None }).into(),
            ObtainError::Unavailable { status: Some(503), retry_after: None }.into(),
            ObtainError::Malformed { what: "x" }.into(),
            ObtainError::Unanswered.into(),
            ObtainError::Denied.into(),
            ObtainError::KeyUnavailable.into(),
            ObtainError::KeySealed.into(),
            CustodyError::Unavailable.into(),
            CustodyError::Tampered.into(),
            CustodyError::Sealed.into(),
            CustodyError::Changed.into(),
            Unobtainable::Slow,
            Unobtainable::BrokeOff,
        ] {
            let said = Unobtainable::said(&error).cloned();
            let later = Refused::from(Unobtainable::BackingOff { code: error.code(), retry_not_before: Timestamp::from_millis(0), said });
            let first = Refused::from(error);
            assert_eq!((later.code(), later.turn(), later.next_step()), (first.code(), first.turn(), first.next_step()));
            assert_eq!(later.cause(), first.cause());
        }
    }
}
