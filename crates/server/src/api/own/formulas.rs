//! Formulas: what one reads, and what one would give.
//!
//! Whoever may see definitions may not see what is stored. So a result that is made of a secret is neither shown nor counted, and a formula that looks into one is not evaluated: whether it
//! succeeds, and which way it goes, would tell the secret letter by letter.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use sortie_callout::TrialFault;
use sortie_formula::FormulaError;
use sortie_model::UserName;

use super::USER_VIEWERS;
use crate::api::caller::{ApiCaller, unavailable};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Fault, FaultKind, Reader};
use crate::api::mount::NEWEST;
use crate::api::routes::not_permitted;
use crate::api::{Api, Problem, json};
use crate::manage::UnknownName;
use crate::manage::formula::{Check, EvaluatedView, check};

pub(super) const CHECK: Operation = Operation::new("checkFormula", Tag::State, "Check a formula").body(&FORMULA).gives::<Check>(200);

pub(super) async fn check_formula(body: Body) -> Result<Response, Problem> {
    let source = body.read(NEWEST, read_formula)?;
    let (_, found) = check(&source).map_err(no_formula)?;
    Ok(json(StatusCode::OK, &found))
}

fn no_formula(error: FormulaError) -> Problem {
    refused(error.code(), format!("is no formula: {error}"))
}

fn refused(rule: &'static str, message: String) -> Problem {
    Problem::of_faults(vec![Fault { pointer: "/formula".to_owned(), kind: FaultKind::Value, rule, message }])
}

const FORMULA: Form = Form {
    name: "FormulaToCheck",
    schema: || Schema::object().required("formula", formula_schema()),
    example: r#"{"formula": "{!$User.Email}"}"#,
    read: |reader, at| read_formula(reader, at).is_some(),
};

fn formula_schema() -> Schema {
    Schema::text().saying("An expression, or a text with `{!…}`.")
}

fn read_formula(reader: &mut Reader, at: &At<'_>) -> Option<String> {
    let mut fields = reader.fields(at)?;
    let formula = fields.require(reader, "formula").and_then(|at| reader.text(&at).map(str::to_owned));
    fields.finish(reader);
    formula
}

/// What is to be tried.
struct Trial {
    formula: String,
    user: Option<UserName>,
    target: Option<String>,
    body: String,
}

pub(super) const EVALUATE: Operation = Operation::new("evaluateFormula", Tag::State, "Say what a formula gives for a user")
    .describe(
        "Nothing is sent and no provider is asked. A result that is made of a secret is not shown; a formula that looks into a secret, or signs with a certificate, is refused. For another user it needs `view_setup` or `manage_users`.",
    )
    .body(&TRIAL)
    .gives::<EvaluatedView>(200)
    .refuses(&[404, 424, 502, 504]);

pub(super) async fn evaluate(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let Trial { formula, user, target, body } = body.read(NEWEST, read_trial)?;
    let (template, _) = check(&formula).map_err(no_formula)?;
    template.check_discretion().map_err(indiscreet)?;
    let user = match user.filter(|name| *name != caller.user.user.name) {
        None => caller.user,
        // What it gives may hold what is known of them.
        Some(_) if !caller.may(USER_VIEWERS) => return Err(not_permitted(USER_VIEWERS)),
        Some(name) => {
            let found = api.node.house().store().caller_by_user(&name).await.map_err(|error| unavailable(&error))?;
            found.ok_or_else(|| UnknownName::new("user", &name))?
        }
    };
    // Nothing of it would be shown; and whether there is a result at all would tell how long the secret is, or what is in it.
    if template.reads().secret && target.is_some() {
        return Ok(json(StatusCode::OK, &EvaluatedView::OF_A_SECRET));
    }
    let given = api.node.try_formula(user, target.as_deref(), Bytes::from(body), &template).await.map_err(without_result)?;
    Ok(json(StatusCode::OK, &EvaluatedView::for_others(&given)))
}

fn indiscreet(error: FormulaError) -> Problem {
    refused(error.code(), format!("is not evaluated over HTTP: {error}"))
}

fn without_result(fault: TrialFault) -> Problem {
    match fault {
        TrialFault::Refused(refused) => refused.into(),
        TrialFault::Formula(fault) => refused(fault.code, format!("has no result: {fault}")),
    }
}

const TRIAL: Form = Form {
    name: "FormulaToEvaluate",
    schema: || {
        Schema::object()
            .required("formula", formula_schema())
            .optional("user", Schema::user_name().saying("Who would call; the caller, if left out."))
            .optional(
                "target",
                Schema::text().saying("What would be called, `callout:Name/path?query`: formulas read the values of its principal."),
            )
            .optional("body", Schema::text().saying("Of the request, for formulas that read it."))
    },
    example: r#"{"formula": "{!UPPER($User.UserName)}", "user": null, "target": "callout:Files/report.pdf", "body": "the body"}"#,
    read: |reader, at| read_trial(reader, at).is_some(),
};

fn read_trial(reader: &mut Reader, at: &At<'_>) -> Option<Trial> {
    let mut fields = reader.fields(at)?;
    let formula = fields.require(reader, "formula").and_then(|at| reader.text(&at).map(str::to_owned));
    let user = fields.take("user").map(|at| reader.parsed(&at, UserName::parse));
    let target = fields.take("target").map(|at| reader.text(&at).map(str::to_owned));
    let body = fields.take("body").map(|at| reader.text(&at).map(str::to_owned));
    fields.finish(reader);
    Some(Trial { formula: formula?, user: user.flatten(), target: target.flatten(), body: body.flatten().unwrap_or_default() })
}
