//! A command that failed: stable code, what is wrong, what to do.

use std::error::Error;

use sortie_metadata::Problem;

/// What the printer shows of a failure.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) next: String,
    /// Everything that is wrong with a definition, for `--json`; the message says it too.
    pub(crate) problems: Vec<Problem>,
    /// What a server has said besides, for `--json`: everything that is wrong with what was sent, and what its log knows it by.
    pub(crate) refusal: Option<Box<sortie_client::Refusal>>,
}

impl Failure {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), next: next.into(), problems: Vec::new(), refusal: None }
    }

    /// An error with all that caused it, each cause once.
    fn of(error: &impl Error, code: &str, next: impl Into<String>) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(code, message, next)
    }
}

/// Errors that know their code and what to do.
macro_rules! failures {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let (code, next) = (error.code().to_string(), error.next_step().to_string());
                Self::of(&error, &code, next)
            }
        }
    )+};
}

use sortie_server::manage;

failures!(
    sortie_server::ConfigError,
    sortie_server::OpenError,
    sortie_server::StartError,
    crate::call::CallError,
    manage::definition::DefinitionError,
    manage::user::UserError,
    manage::key::KeyError,
    manage::grant::GrantError,
    manage::secret::SecretError,
    manage::certificate::CertificateError,
    manage::provider::ProviderError,
    manage::status::StatusError,
);

impl From<manage::apply::ApplyError> for Failure {
    fn from(error: manage::apply::ApplyError) -> Self {
        Self { problems: error.problems().to_vec(), ..Self::of(&error, error.code(), error.next_step()) }
    }
}

impl From<sortie_client::ClientError> for Failure {
    fn from(error: sortie_client::ClientError) -> Self {
        let (code, next) = (error.code().to_owned(), error.next_step().to_owned());
        Self { refusal: error.refusal().cloned().map(Box::new), ..Self::of(&error, &code, next) }
    }
}

impl From<crate::demo::DemoError> for Failure {
    fn from(error: crate::demo::DemoError) -> Self {
        let code = error.code().to_owned();
        Self::of(&error, &code, "run it again; if it fails again, report it with what it printed")
    }
}

impl From<sortie_server::NodeError> for Failure {
    fn from(error: sortie_server::NodeError) -> Self {
        let code = error.code().to_owned();
        Self::of(&error, &code, "correct `trust` in the configuration, or bring the database back")
    }
}

impl From<sortie_server::audit::ReadAuditError> for Failure {
    fn from(error: sortie_server::audit::ReadAuditError) -> Self {
        Self::of(&error, "audit_unreadable", "check the directory and its permissions")
    }
}

impl From<sortie_model::Violation> for Failure {
    fn from(violation: sortie_model::Violation) -> Self {
        Self::new(violation.rule, violation.to_string(), "correct the argument; --help shows its form")
    }
}
