//! What operations refuse, as HTTP. One line each says when it happens.

use http::StatusCode;
use sortie_callout::LoginRefused;
use sortie_protocol::FromAfar;
use sortie_store::ChangeError;

use super::Problem;
use super::connect::changed;
use crate::connect::ConnectError;
use crate::manage::certificate::CertificateError;
use crate::manage::definition::DefinitionError;
use crate::manage::grant::GrantError;
use crate::manage::key::KeyError;
use crate::manage::provider::ProviderError;
use crate::manage::secret::SecretError;
use crate::manage::status::StatusError;
use crate::manage::user::UserError;
use crate::manage::{NotStored, UnknownName};

impl From<UnknownName> for Problem {
    fn from(error: UnknownName) -> Self {
        Self::new(StatusCode::NOT_FOUND, error.code(), error.to_string(), "check the spelling")
    }
}

impl From<NotStored> for Problem {
    fn from(error: NotStored) -> Self {
        let status = match &error {
            // Something else needs it, or its name is taken, or somebody was faster.
            NotStored::Change(ChangeError::InUse { .. } | ChangeError::Conflict { .. } | ChangeError::Stale { .. }) => StatusCode::CONFLICT,
            NotStored::Change(ChangeError::Missing { .. }) => StatusCode::NOT_FOUND,
            NotStored::Change(ChangeError::Immutable { .. }) => StatusCode::BAD_REQUEST,
            // Integrity, not availability: trying again helps nobody.
            NotStored::Open { .. } | NotStored::Seal(_) | NotStored::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
            NotStored::Read(_) | NotStored::Change(_) | NotStored::Audit(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status.is_server_error() {
            tracing::error!(code = error.code(), "the API cannot do what it was asked for: {error}");
        }
        // The database's own words are for the log.
        let detail = match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                "what is needed cannot be reached now; nothing was changed, unless the code says otherwise".to_owned()
            }
            StatusCode::INTERNAL_SERVER_ERROR => "what is stored cannot be used".to_owned(),
            _ => error.to_string(),
        };
        Self::new(status, error.code(), detail, error.next_step())
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unknown(error) => error.into(),
            SecretError::NotStored(error) => error.into(),
            SecretError::AlreadyThere { .. } => {
                let detail = "Authentication credentials already exist. Use the PUT method to overwrite them.";
                Self::new(StatusCode::CONFLICT, error.code(), detail, error.next_step())
            }
            SecretError::NotThere { .. } => Self::new(StatusCode::NOT_FOUND, error.code(), error.to_string(), "list what is stored"),
            SecretError::Invalid(violation) => invalid(violation),
            SecretError::UserRequired { .. } | SecretError::UserNotWanted { .. } | SecretError::UnknownProtocol { .. } => {
                Self::new(StatusCode::BAD_REQUEST, error.code(), error.to_string(), error.next_step())
            }
        }
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unknown(error) => error.into(),
            ProviderError::NotStored(error) => error.into(),
            ProviderError::AlreadyThere { .. } => {
                let detail = "Authentication credentials already exist. Use the PUT method to overwrite them.";
                Self::new(StatusCode::CONFLICT, error.code(), detail, error.next_step())
            }
            ProviderError::NotThere { .. } => Self::new(StatusCode::NOT_FOUND, error.code(), error.to_string(), "list what is stored"),
            ProviderError::Invalid(violation) => invalid(violation),
            ProviderError::Discovery(error) => {
                // What came of each address is for the operator.
                tracing::warn!(code = error.code(), "an issuer could not be asked for the API: {error}");
                let FromAfar { code, detail, next_step } = error.from_afar();
                Self::new(StatusCode::BAD_GATEWAY, code, detail, next_step)
            }
        }
    }
}

impl From<DefinitionError> for Problem {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Unknown(error) => error.into(),
            DefinitionError::Stale => changed(),
            DefinitionError::NotStored(error) => error.into(),
        }
    }
}

impl From<StatusError> for Problem {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::Unknown(error) => error.into(),
            StatusError::Read(error) => NotStored::from(error).into(),
        }
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        let status = match &error {
            // Unknown and forbidden look the same.
            ConnectError::Place(LoginRefused::NotPermitted) => StatusCode::NOT_FOUND,
            // The definition has to be corrected or completed first.
            ConnectError::Place(_) => StatusCode::BAD_REQUEST,
            ConnectError::Changed => StatusCode::CONFLICT,
            ConnectError::Provider(sortie_callout::Unobtainable::Protocol(_)) => StatusCode::BAD_REQUEST,
            ConnectError::Provider(_) | ConnectError::Refused(_) | ConnectError::CallbackMismatch { .. } => StatusCode::BAD_GATEWAY,
            ConnectError::Malformed { .. } | ConnectError::NotUnderWay | ConnectError::OtherProvider => StatusCode::BAD_REQUEST,
            ConnectError::OtherBrowser | ConnectError::OtherUser => StatusCode::FORBIDDEN,
            ConnectError::Tampered | ConnectError::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
            ConnectError::Sealed { .. } | ConnectError::Read(_) | ConnectError::Write(_) | ConnectError::Audit => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, error.code(), error.to_string(), error.next_step())
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Unknown(error) => error.into(),
            UserError::NotStored(error) => error.into(),
            UserError::Invalid(violation) => invalid(violation),
            UserError::NoPassword { .. } => {
                Self::new(StatusCode::NOT_FOUND, error.code(), error.to_string(), "give one, if that was meant")
            }
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown(error) => error.into(),
            KeyError::NotStored(error) => error.into(),
            KeyError::Invalid(violation) => invalid(violation),
            KeyError::NoRandomness(error) => NotStored::from(error).into(),
        }
    }
}

impl From<GrantError> for Problem {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Unknown(error) => error.into(),
            GrantError::NotStored(error) => error.into(),
        }
    }
}

impl From<CertificateError> for Problem {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Unknown(error) => error.into(),
            CertificateError::NotStored(error) => error.into(),
            CertificateError::Invalid(violation) => invalid(violation),
            CertificateError::UnknownVersion { .. } => Self::new(StatusCode::NOT_FOUND, error.code(), error.to_string(), error.next_step()),
            // What is there does not allow it, whatever is sent.
            CertificateError::NotPending { .. }
            | CertificateError::NotIssued { .. }
            | CertificateError::RenewalUnderWay { .. }
            | CertificateError::RenewedElsewhere { .. }
            | CertificateError::Active { .. }
            | CertificateError::OnlyVersion { .. }
            | CertificateError::AlreadyRetired { .. } => {
                Self::new(StatusCode::CONFLICT, error.code(), error.to_string(), error.next_step())
            }
            // A key or a chain: the caller can send another.
            other => Self::new(StatusCode::BAD_REQUEST, other.code(), other.to_string(), other.next_step()),
        }
    }
}

fn invalid(violation: sortie_model::Violation) -> Problem {
    let detail = format!("`{}` {}", violation.field, violation.message);
    Problem::new(StatusCode::BAD_REQUEST, violation.rule, detail, "correct it; nothing was changed")
}
