//! Formulas. Checking one needs no house.

use bytes::Bytes;
use sortie_client::{Client, ClientError, EvaluatedFormula, FormulaTrial, ReadFormula};
use sortie_formula::FormulaError;
use sortie_model::UserName;
use sortie_server::Node;
use sortie_server::manage::formula::{EvaluatedView, check};

use super::state::caller;
use super::{Site, shown};
use crate::failure::Failure;

/// By the server's language, or our own.
pub(crate) async fn check_formula(server: Option<&Client>, source: &str) -> Result<ReadFormula, Failure> {
    match server {
        None => shown(&check(source).map_err(unreadable)?.1),
        Some(client) => client.formulas().check(source).await.map_err(refused),
    }
}

/// Where a formula is tried.
pub(crate) struct Trial<'a> {
    pub(crate) user: &'a UserName,
    pub(crate) target: Option<&'a str>,
    pub(crate) body: &'a str,
}

impl Site {
    /// What it gives. What is no formula is told before anybody is asked, with its picture.
    pub(crate) async fn evaluate_formula(&self, source: &str, trial: &Trial<'_>) -> Result<EvaluatedFormula, Failure> {
        let (template, _) = check(source).map_err(unreadable)?;
        match self {
            Self::House(opened) => {
                let user = caller(opened, trial.user).await?;
                let node = Node::start(opened.house.clone(), &opened.config).await?;
                let body = Bytes::from(trial.body.to_owned());
                let result = node.try_formula(user, trial.target, body, &template).await;
                let result = result.map_err(|fault| Failure::new(fault.code(), fault.to_string(), fault.next_step()))?;
                shown(&EvaluatedView::of(&result))
            }
            Self::Server(client) => {
                let wanted = FormulaTrial {
                    formula: source.to_owned(),
                    user: Some(trial.user.to_string()),
                    target: trial.target.map(str::to_owned),
                    body: trial.body.to_owned(),
                };
                client.formulas().evaluate(&wanted).await.map_err(refused)
            }
        }
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
            let message =
                fault.detail.strip_prefix("is no formula: ").map_or_else(|| format!("the formula {}", fault.detail), str::to_owned);
            Failure::new(fault.code, message, "see `sortie formula functions` and docs/reference/formula.md")
        }
    }
}
