//! A formula on trial: what it would give in a callout, without sending anything and without asking a provider.

use bytes::Bytes;
use sortie_formula::{Evaluated, Template};
use sortie_model::Organization;

use crate::authorize::authorize;
use crate::choose::choose;
use crate::explain::{Plan, foresee};
use crate::formulas::FormulaFault;
use crate::obtain::Grants;
use crate::parse::parse;
use crate::personal::CallerScope;
use crate::scope::CalloutScope;
use crate::snapshot::Snapshot;
use crate::{Caller, Refused};

/// Where a formula is tried.
pub struct Trial<'a> {
    /// Who would call.
    pub caller: &'a Caller,
    /// What would be called, if anything: its principal's values are read as in a callout.
    pub target: Option<&'a str>,
    /// The body of the request.
    pub body: Bytes,
    /// Whose Sortie this is.
    pub organization: &'a Organization,
}

/// What a formula gives.
///
/// # Errors
/// It has no result, or the callout would be refused before it were evaluated.
pub async fn try_formula(snapshot: &Snapshot, grants: &Grants, trial: &Trial<'_>, template: &Template) -> Result<Evaluated, TrialFault> {
    let Some(target) = trial.target else {
        let scope = CallerScope { caller: trial.caller, organization: trial.organization, now_millis: grants.now().as_millis() };
        return template.evaluate(&scope).map_err(|fault| TrialFault::Formula(fault.into()));
    };
    let reference = parse(target).map_err(Refused::from)?;
    let chosen = choose(authorize(snapshot, trial.caller, &reference)?)?;
    let live = foresee(grants, &chosen, &mut Plan::default()).await?;
    let target = chosen.named().endpoint.join(reference.path(), reference.query());
    let signers = grants.signers(template.certificates()).await;
    let scope = CalloutScope::new(&chosen, &live, &target, grants, &signers).with_body(Some(&trial.body));
    template.evaluate(&scope).map_err(|fault| TrialFault::Formula(fault.into()))
}

/// Why a formula on trial gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialFault {
    /// The callout would be refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The formula has no result.
    #[error("the formula has no result: {0}")]
    Formula(FormulaFault),
}

impl TrialFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Formula(fault) => fault.code,
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.next_step(),
            Self::Formula(_) => "correct the formula, set the attribute for the user, or name a callout with --for whose values it reads",
        }
    }
}
