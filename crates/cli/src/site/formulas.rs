//! Formulas. Checking one needs no house.

use sortie_client::{Client, ClientError, ReadFormula};
use sortie_formula::FormulaError;
use sortie_server::manage::formula::check;

use super::shown;
use crate::failure::Failure;

/// By the server's language, or our own.
pub(crate) async fn check_formula(server: Option<&Client>, source: &str) -> Result<ReadFormula, Failure> {
    match server {
        None => shown(&check(source).map_err(unreadable)?.1),
        Some(client) => client.formulas().check(source).await.map_err(refused),
    }
}

pub(crate) fn unreadable(error: FormulaError) -> Failure {
    Failure::new(error.code(), format!("{error}\n{}", error.picture()), "see `sortie formula functions` and docs/reference/formula.md")
}

/// That it is no formula is what was asked, and not a fault of the question.
fn refused(error: ClientError) -> Failure {
    let fault = error.refusal().and_then(|refusal| refusal.faults.first()).filter(|fault| fault.pointer == "/formula").cloned();
    match fault {
        None => error.into(),
        Some(fault) => {
            let message = fault.detail.strip_prefix("is no formula: ").unwrap_or(&fault.detail).to_owned();
            Failure::new(fault.code, message, "see `sortie formula functions` and docs/reference/formula.md")
        }
    }
}
