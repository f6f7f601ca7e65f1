//! `sortie apply` over HTTP: providers, external and named credentials, as a file describes them. This is how auth providers are defined.
//!
//! What a file may say of people is left to their own resources, which look at what the caller may give. Values come from nowhere but the definition: a variable or a file of the server would be
//! the server's, not the caller's.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sortie_metadata::{Definition, ValueSource};
use utoipa::ToSchema;

use crate::api::caller::ApiCaller;
use crate::api::connect::{Pointers, refused};
use crate::api::document::{Form, Operation, Schema, Tag};
use crate::api::json::{At, Body, Fault, FaultKind, Reader};
use crate::api::mount::NEWEST;
use crate::api::{Api, Problem, json};
use crate::manage::Change;
use crate::manage::apply::{Expectation, Mode, Surroundings, Unlisted, apply_expecting};

#[derive(Serialize, ToSchema)]
#[schema(as = ChangeList)]
struct Done {
    changes: Vec<Change>,
}

struct Wish {
    text: String,
    mode: Mode,
    unlisted: Unlisted,
}

pub(super) const APPLY: Operation = Operation::new("applyDefinition", Tag::Definitions, "Apply a YAML definition")
.describe("Providers of both kinds, external and named credentials, as `sortie apply` takes them; people and values have resources of their own.")
.body(&WISH).gives::<Done>(200).refuses(&[404, 412]);

pub(super) async fn apply(State(api): State<Arc<Api>>, caller: ApiCaller, body: Body) -> Result<Response, Problem> {
    let Wish { text, mode, unlisted } = body.read(NEWEST, read)?;
    let definition = Definition::parse("definition", &text).map_err(|problems| of_problems(&problems))?;
    let faults = beyond(&definition);
    if !faults.is_empty() {
        return Err(Problem::of_faults(faults));
    }
    let (actor, world) = (caller.actor(), api.node.world());
    let surroundings = Surroundings { variable: &|_| None, world: Some(&*world), directory: Path::new("/") };
    let expectation = Expectation { asker: Some(caller.asker()), ..Expectation::default() };
    let applied =
        apply_expecting(&api.manage(&actor).by(caller.asking()), &definition, &surroundings, (mode, unlisted), &expectation).await;
    let mut pointers = Pointers::default();
    pointers.set("", "/definition");
    let changes = applied.map_err(|error| match error.problems() {
        [] => refused(error, &pointers),
        problems => of_problems(problems),
    })?;
    if mode == Mode::Store && changes.iter().any(|change| change.action.is_made()) {
        api.settle().await;
    }
    Ok(json(StatusCode::OK, &Done { changes }))
}

const WISH: Form = Form {
    name: "DefinitionToApply",
    schema: || {
        Schema::object()
            .required("definition", Schema::text().saying("YAML."))
            .optional("dry_run", Schema::truth().usually(false).saying("Say what would change, and change nothing."))
            .optional(
                "prune",
                Schema::truth().usually(false).saying("Delete the principals that the external credentials of the definition do not list."),
            )
    },
    example: r#"{"definition": "external_credentials: [{name: Weather, protocol: no_authentication}]", "dry_run": true, "prune": false}"#,
    read: |reader, at| read(reader, at).is_some(),
};

fn read(reader: &mut Reader, at: &At<'_>) -> Option<Wish> {
    let mut fields = reader.fields(at)?;
    let text = fields.require(reader, "definition").and_then(|at| reader.text(&at).map(str::to_owned));
    let dry_run = fields.take("dry_run").and_then(|at| reader.truth(&at)).unwrap_or(false);
    let prune = fields.take("prune").and_then(|at| reader.truth(&at)).unwrap_or(false);
    fields.finish(reader);
    let mode = if dry_run { Mode::DryRun } else { Mode::Store };
    let unlisted = if prune { Unlisted::Prune } else { Unlisted::Leave };
    Some(Wish { text: text?, mode, unlisted })
}

/// Each with its line, its column and its field.
fn of_problems(problems: &[sortie_metadata::Problem]) -> Problem {
    Problem::of_faults(problems.iter().map(|problem| fault(problem.rule, problem.to_string())).collect())
}

fn fault(rule: &'static str, message: impl Into<String>) -> Fault {
    Fault { pointer: "/definition".to_owned(), kind: FaultKind::Value, rule, message: message.into() }
}

/// What this resource does not do.
fn beyond(definition: &Definition) -> Vec<Fault> {
    let mut faults = Vec::new();
    let people = [
        ("users", definition.users.is_empty()),
        ("permission_sets", definition.permission_sets.is_empty()),
        ("profiles", definition.profiles.is_empty()),
    ];
    for (name, _) in people.iter().filter(|(_, is_empty)| !is_empty) {
        faults.push(fault("not_here", format!("must not hold `{name}`: they have resources of their own")));
    }
    let of_principals =
        definition.external_credentials.iter().flat_map(|credential| &credential.principals).flat_map(|principal| &principal.values);
    let of_external = definition.external_auth_identity_providers.iter().flat_map(|provider| &provider.values);
    let of_auth = definition.auth_providers.iter().flat_map(|provider| &provider.values);
    for (name, source) in of_principals.chain(of_external).chain(of_auth) {
        match source {
            ValueSource::Literal(_) => {}
            ValueSource::Environment(_) | ValueSource::File(_) => {
                let message = format!("must not take `{name}` from a variable or a file of the server: store it with its own resource");
                faults.push(fault("value_source", message));
            }
        }
    }
    faults
}
