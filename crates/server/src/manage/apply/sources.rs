//! Where values come from: the definition itself, the environment, files.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use sortie_metadata::{Definition, Problem, ValueSource};
use sortie_model::{Secret, Violation};
use sortie_protocol::World;
use zeroize::Zeroizing;

use super::provider::described;
use crate::manage::{provider, secret};

/// What a definition may refer to.
pub struct Surroundings<'a> {
    /// A variable of the environment, if it is set.
    pub variable: &'a (dyn Fn(&str) -> Option<Secret> + Sync),
    /// Who is asked what an issuer publishes; `None`: nobody, and a definition that leaves something to its issuer is refused.
    pub world: Option<&'a dyn World>,
    /// What relative paths begin at: the definition's own directory.
    pub directory: &'a Path,
}

/// The values that the file gives, by path.
#[derive(Default)]
pub(super) struct Given(BTreeMap<String, Secret>);

impl Given {
    /// The value of this path, if it could be had.
    pub(super) fn of(&self, credential: usize, principal: usize, name: &str) -> Option<&Secret> {
        self.0.get(&path(credential, principal, name))
    }

    /// The same for a provider.
    pub(super) fn of_provider(&self, path: &str, name: &str) -> Option<&Secret> {
        self.0.get(&format!("{path}.values.{name}"))
    }
}

/// Reads all values. One that cannot be had, or that its protocol refuses, is a problem; no problem repeats a value.
pub(super) fn read(definition: &Definition, surroundings: &Surroundings<'_>, problems: &mut Vec<Problem>) -> Given {
    let mut given = Given::default();
    let mut take = |path: String, source: ReadOne, check: &dyn Fn(&Secret) -> Result<(), Violation>| match source {
        Ok(value) => {
            if let Err(violation) = check(&value) {
                problems.push(definition.problem(&path, violation.rule, violation.message));
            }
            given.0.insert(path, value);
        }
        Err((rule, message)) => problems.push(definition.problem(&path, rule, message)),
    };
    for (credential_index, credential) in definition.external_credentials.iter().enumerate() {
        let protocol = sortie_protocol::find(&credential.protocol);
        for (principal_index, principal) in credential.principals.iter().enumerate() {
            for (name, source) in &principal.values {
                let check = |value: &Secret| protocol.map_or(Ok(()), |protocol| secret::check(protocol, name, value).map(|_| ()));
                let path = path(credential_index, principal_index, name);
                take(path, read_one(source, surroundings), &check);
            }
        }
    }
    for one in described(definition) {
        for (name, source) in one.values {
            let check = |value: &Secret| provider::check_value(one.client_values, name, value);
            take(format!("{}.values.{name}", one.path), read_one(source, surroundings), &check);
        }
    }
    given
}

fn path(credential: usize, principal: usize, name: &str) -> String {
    format!("external_credentials[{credential}].principals[{principal}].values.{name}")
}

/// A value, or the rule that its source breaks, with words.
type ReadOne = Result<Secret, (&'static str, String)>;

fn read_one(source: &ValueSource, surroundings: &Surroundings<'_>) -> ReadOne {
    match source {
        ValueSource::Literal(value) => Ok(value.clone()),
        ValueSource::Environment(variable) => {
            let unset = || ("variable_unset", format!("comes from the variable {variable}, which is not set"));
            (surroundings.variable)(variable).ok_or_else(unset)
        }
        ValueSource::File(path) => read_file(&surroundings.directory.join(path))
            .map_err(|why| ("file_unreadable", format!("comes from the file {}, which {why}", path.display()))),
    }
}

/// A value has at most 64 KiB; one byte more is enough to see that it is too long.
const MAX_BYTES: u64 = 64 * 1024 + 1;

fn read_file(path: &Path) -> Result<Secret, String> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    match file.take(MAX_BYTES).read_to_string(&mut text) {
        Ok(_) => Ok(Secret::new(without_line_end(&text))),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err("is not UTF-8".to_owned()),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// Editors and `echo` put a line end behind a secret; it is not part of it.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
