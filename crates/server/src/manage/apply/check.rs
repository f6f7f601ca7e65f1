//! What can be judged without the database: does each protocol know what the file says of it?

use sortie_metadata::{Definition, ExternalCredentialDefinition, Problem, ValueSource};
use sortie_protocol::{CATALOGUE, Parameters, Protocol, Secrecy, check_principal_settings, check_settings, provider_values};

use super::provider::described;

const SECRET_IN_CLEAR: &str =
    "must not stand in the file: write {from_environment: VARIABLE} or {from_file: PATH}, or use `sortie secret set`";

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
    }
    for one in described(definition) {
        for (name, source) in one.values {
            let is_secret = provider_values(one.client_values).iter().any(|field| field.name == name && field.secrecy == Secrecy::Secret);
            if matches!(source, ValueSource::Literal(_)) && is_secret {
                let path = format!("{}.values.{name}", one.path);
                problems.push(definition.problem(&path, "secret_in_clear", SECRET_IN_CLEAR));
            }
        }
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
        if let Err(violations) = check_principal_settings(protocol, &principal.settings) {
            let located = violations.0.into_iter().map(|violation| violation.within(&path));
            problems.extend(located.map(|violation| definition.problem(&violation.field, violation.rule, violation.message)));
        }
        for (name, source) in &principal.values {
            if matches!(source, ValueSource::Literal(_)) && !may_stand_in_clear(protocol, name) {
                problems.push(definition.problem(&format!("{path}.values.{name}"), "secret_in_clear", SECRET_IN_CLEAR));
            }
        }
    }
}

/// Only what the protocol itself declares as public. A parameter of free choice is a secret until we know better; a name that the
/// protocol does not know is refused where its value is checked.
fn may_stand_in_clear(protocol: &dyn Protocol, name: &str) -> bool {
    match protocol.fields().iter().find(|field| field.name == name) {
        Some(field) => field.place.is_setting() || field.secrecy == Secrecy::Public,
        None => protocol.parameters() == Parameters::Declared,
    }
}
