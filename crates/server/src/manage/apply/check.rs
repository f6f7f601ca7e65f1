//! What can be judged without the database: does each protocol know what the file says of it?

use sortie_metadata::{Definition, ExternalCredentialDefinition, Problem, ValueSource};
use sortie_model::{ApiName, CustomHeader};
use sortie_protocol::{CATALOGUE, Parameters, Place, Protocol, Secrecy, check_settings};

/// Everything that the protocols refuse.
pub(super) fn against_protocols(definition: &Definition) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, credential) in definition.external_credentials.iter().enumerate() {
        let path = format!("external_credentials[{index}]");
        match sortie_protocol::find(&credential.protocol) {
            Some(protocol) => against_protocol(definition, credential, protocol, &path, &mut problems),
            None => {
                let known: Vec<&str> = CATALOGUE.iter().map(|protocol| protocol.name()).collect();
                let message = format!("is none of the protocols: {}", known.join(", "));
                problems.push(definition.problem(&format!("{path}.protocol"), "protocol_unknown", message));
            }
        }
        foreign_formulas(definition, &credential.headers, &credential.name, &path, &mut problems);
    }
    for (index, named) in definition.named_credentials.iter().enumerate() {
        let path = format!("named_credentials[{index}]");
        foreign_formulas(definition, &named.headers, &named.external_credential, &path, &mut problems);
    }
    problems
}

fn against_protocol(
    definition: &Definition,
    credential: &ExternalCredentialDefinition,
    protocol: &dyn Protocol,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    if let Err(violations) = check_settings(protocol, &credential.settings) {
        let located = violations.0.into_iter().map(|violation| violation.within(path));
        problems.extend(located.map(|violation| definition.problem(&violation.field, violation.rule, violation.message)));
    }
    for (index, principal) in credential.principals.iter().enumerate() {
        let path = format!("{path}.principals[{index}]");
        if !protocol.identity_types().contains(&principal.identity_type) {
            let possible: Vec<&str> = protocol.identity_types().iter().map(|kind| kind.as_str()).collect();
            let message = format!("must be {} for the protocol `{}`", possible.join(" or "), protocol.name());
            problems.push(definition.problem(&format!("{path}.identity_type"), "identity_type_not_possible", message));
        }
        for (name, source) in &principal.values {
            if matches!(source, ValueSource::Literal(_)) && !may_stand_in_clear(protocol, name) {
                let message =
                    "must not stand in the file: write {from_environment: VARIABLE} or {from_file: PATH}, or use `sortie secret set`";
                problems.push(definition.problem(&format!("{path}.values.{name}"), "secret_in_clear", message));
            }
        }
    }
}

/// Only what the protocol itself declares as public. A parameter of free choice is a secret until we know better; a name that the
/// protocol does not know is refused where its value is checked.
fn may_stand_in_clear(protocol: &dyn Protocol, name: &str) -> bool {
    match protocol.fields().iter().find(|field| field.name == name) {
        Some(field) => field.place == Place::Settings || field.secrecy == Secrecy::Public,
        None => protocol.parameters() == Parameters::Declared,
    }
}

/// A formula can only mean values of the credential that the callout is made with; any other would fail at every callout.
fn foreign_formulas(definition: &Definition, headers: &[CustomHeader], own: &ApiName, path: &str, problems: &mut Vec<Problem>) {
    for header in headers {
        let is_foreign = |name: &str| !name.eq_ignore_ascii_case(own.as_str());
        for variable in header.value.variables().filter(|variable| is_foreign(&variable.external_credential)) {
            let message = format!("has a header `{}` with `{variable}`, but only values of `{own}` are known in its callouts", header.name);
            problems.push(definition.problem(&format!("{path}.headers"), "formula_foreign_credential", message));
        }
    }
}
