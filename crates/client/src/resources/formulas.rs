//! Formulas.

use serde::{Deserialize, Serialize};

use crate::transport::Ask;
use crate::{Client, ClientError};

/// Formulas: `client.formulas()`.
#[derive(Clone, Copy, Debug)]
pub struct Formulas<'c>(pub(crate) &'c Client);

/// What a formula reads, and what its result is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFormula {
    /// The variables that it reads, in order, each once.
    pub variables: Vec<String>,
    /// Whether its result is a secret.
    pub secret: bool,
    /// Whether its result may differ from callout to callout.
    pub per_callout: bool,
    /// Whether callers may use it too, where a named credential lets them: it does not look into secrets.
    pub discreet: bool,
    /// Attributes that only users with custom attributes have.
    pub custom_attributes: Vec<String>,
}

/// A formula to try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FormulaTrial {
    /// An expression, or a text with `{!…}`.
    pub formula: String,
    /// Who would call; the key's own user, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What would be called, `callout:Name/path?query`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The body of the request, for formulas that read it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// What a formula gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluatedFormula {
    /// Whether it is made of a secret: then it is not shown.
    pub secret: bool,
    /// It, if it is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// How many characters it has; a server does not say it of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<u64>,
}

#[derive(Serialize)]
struct Question<'a> {
    formula: &'a str,
}

impl Formulas<'_> {
    /// Checks a formula without evaluating it.
    ///
    /// # Errors
    /// A [`ClientError`]; that it is no formula is a refusal, whose first fault has the code.
    pub async fn check(&self, formula: &str) -> Result<ReadFormula, ClientError> {
        self.0.ask(Ask::post(&["/formulas/check"]).json(&Question { formula })).await
    }

    /// What a formula gives for a user. One that looks into a secret, or signs with a certificate, is refused.
    ///
    /// # Errors
    /// A [`ClientError`]; that it has no result is a refusal, whose first fault has the code.
    pub async fn evaluate(&self, trial: &FormulaTrial) -> Result<EvaluatedFormula, ClientError> {
        self.0.ask(Ask::post(&["/formulas/evaluate"]).json(trial)).await
    }
}
