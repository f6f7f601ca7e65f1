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
}
