//! Why a login does not go on. Nothing in it comes from the address that the browser brought, but what the provider said, cut and plain.

use sortie_callout::{LoginRefused, Unobtainable};
use sortie_protocol::{ObtainError, ProviderError};
use sortie_store::{ReadError, WriteError};
use sortie_vault::NoRandomness;

/// A login that ends early. None of these changes what was there before it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such principal for this person.
    #[error(transparent)]
    Place(#[from] LoginRefused),
    /// The provider does not play its part.
    #[error(transparent)]
    Provider(#[from] Unobtainable),
    /// The provider sent the browser back without a code.
    #[error("the provider did not let you in: {0}")]
    Refused(ProviderError),
    /// The provider knows another callback URL.
    #[error("the provider did not let you in: {said}. The callback URL that it was sent is {sent}{}", accepted_before(.accepted.as_deref(), .sent))]
    CallbackMismatch {
        /// What it said.
        said: ProviderError,
        /// What it was sent.
        sent: String,
        /// What it has accepted at the last login that worked.
        accepted: Option<String>,
    },
    /// What the browser brought back is no answer of a provider.
    #[error("the address is not that of a provider's answer: {problem}")]
    Malformed {
        /// What is wrong.
        problem: &'static str,
    },
    /// Unknown, too old, or used already: all look the same.
    #[error("this login is not under way any more")]
    NotUnderWay,
    /// The browser is not the one that was sent to the provider.
    #[error("this login began in another browser")]
    OtherBrowser,
    /// Somebody else has signed in than the one who began.
    #[error("this login was begun by another user")]
    OtherUser,
    /// The answer came to another provider's address, or says that it is another server's.
    #[error("the answer is not that of the provider at which this login began")]
    OtherProvider,
    /// The definition has changed since the login began.
    #[error("the external credential or its provider has changed since this login began")]
    Changed,
    /// What is kept of the login fails its integrity check.
    #[error("what is kept of this login fails its integrity check")]
    Tampered,
    /// Nothing can be sealed.
    #[error("the node cannot seal what is to be kept")]
    Sealed {
        /// The vault's code.
        code: &'static str,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// There is no chance to be had.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The audit cannot be written, so nothing may happen.
    #[error("the audit cannot be written")]
    Audit,
}

impl ConnectError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Place(refused) => refused.code(),
            Self::Provider(error) => error.code(),
            Self::Refused(_) | Self::CallbackMismatch { .. } => "login_refused",
            Self::Malformed { .. } => "login_malformed",
            Self::NotUnderWay => "login_not_under_way",
            Self::OtherBrowser => "login_other_browser",
            Self::OtherUser => "login_other_user",
            Self::OtherProvider => "login_other_provider",
            Self::Changed => "login_definition_changed",
            Self::Tampered => "secret_tampered",
            Self::Sealed { code } => code,
            Self::Read(error) => error.code(),
            Self::Write(error) => error.code(),
            Self::Random(error) => error.code(),
            Self::Audit => "audit_unavailable",
        }
    }

    /// Whose turn it is, and what to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Place(refused) => refused.next_step().to_owned(),
            Self::Provider(error) => self.said().and_then(next_step_for).unwrap_or_else(|| next_step_of(error)),
            Self::Refused(said) => next_step_for(said)
                .unwrap_or_else(|| "begin again, and agree at the provider; if it refuses all the same, an admin must look at the scopes and the client there".to_owned()),
            Self::CallbackMismatch { sent, .. } => {
                format!("an admin must register {sent} at the provider, exactly as it is written here, or correct `public_url`")
            }
            Self::Malformed { .. } | Self::NotUnderWay | Self::Changed => "begin again".to_owned(),
            Self::OtherBrowser => "begin again in this browser; if somebody sent you the address, do not follow it".to_owned(),
            Self::OtherUser => "sign in as the user who began, or begin again as yourself; if somebody sent you the address, do not follow it".to_owned(),
            Self::OtherProvider => "begin again; an admin must check the provider's `issuer`, and that no other provider has its callback URL".to_owned(),
            Self::Tampered => "begin again; the operator must find out who changed the database".to_owned(),
            Self::Sealed { .. } => "the operator must provide the root key".to_owned(),
            Self::Read(_) | Self::Write(_) => "try again when the operator has brought the database back".to_owned(),
            Self::Random(_) => "the operator must look at the log of the operating system".to_owned(),
            Self::Audit => "the operator must make the audit directory writable; nothing is done without a record".to_owned(),
        }
    }

    /// What the provider said, if it refused.
    pub fn said(&self) -> Option<&ProviderError> {
        match self {
            Self::Refused(said) | Self::CallbackMismatch { said, .. } => Some(said),
            Self::Provider(error) => error.said(),
            _ => None,
        }
    }
}

fn accepted_before(accepted: Option<&str>, sent: &str) -> String {
    match accepted {
        Some(accepted) if accepted != sent => format!("; the last one that it accepted is {accepted}"),
        _ => String::new(),
    }
}

/// What the errors of an authorization server mean for a login (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6).
fn next_step_for(said: &ProviderError) -> Option<String> {
    Some(match said.error.as_str() {
        "access_denied" => "begin again, and agree at the provider; if you did, an admin there must allow this client".to_owned(),
        "invalid_scope" => "an admin must correct the `scope` of the external credential, or the provider's `default_scopes`".to_owned(),
        "unauthorized_client" | "unsupported_response_type" => "an admin must allow the authorization code flow for this client at the provider".to_owned(),
        "invalid_client" => "an admin must check client id and secret of the provider, and how they are passed (`client_authentication`)".to_owned(),
        "invalid_grant" => "begin again: the code was too old or used already; if it happens each time, compare the callback URL that `sortie provider show` displays with the one that is registered at the provider".to_owned(),
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
            "an admin must take `prompt=none` out of the provider's authorize parameters".to_owned()
        }
        "server_error" | "temporarily_unavailable" => "try again later: the provider cannot answer now".to_owned(),
        _ => return None,
    })
}

fn next_step_of(error: &Unobtainable) -> String {
    match error {
        Unobtainable::Protocol(ObtainError::IdToken(_)) => {
            "an admin must check `issuer`, `key_set_endpoint` and client id of the provider, and that this machine's clock is synchronised"
                .to_owned()
        }
        Unobtainable::Protocol(ObtainError::NotConfigured { .. } | ObtainError::WrongConfiguration { .. }) => {
            "an admin must fill in what `sortie status` lists as missing".to_owned()
        }
        _ => sortie_callout::Refused::from(error.clone()).next_step().to_owned(),
    }
}
