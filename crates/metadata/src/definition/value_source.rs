//! Where the values of a principal come from.

use std::path::PathBuf;

use sortie_model::Secret;

use crate::yaml::{At, Reader};

/// Where one value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// It stands in the file. Only what may be seen may stand there; who knows the protocol checks that.
    Literal(Secret),
    /// A variable of the environment holds it.
    Environment(String),
    /// A file holds it, up to one line end at its end.
    File(PathBuf),
}

impl ValueSource {
    /// A text, or a mapping with one of the two keys. Never shows what stands there: it may be a secret in the wrong place.
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Self> {
        if !at.node.is_mapping() {
            let Some(text) = at.node.as_text() else {
                reader.refuse(at, "type", "must be a text, {from_environment: VARIABLE} or {from_file: PATH}");
                return None;
            };
            return Some(Self::Literal(Secret::new(text)));
        }
        let mut fields = reader.fields(at)?;
        let environment = fields.take("from_environment");
        let file = fields.take("from_file");
        fields.finish(reader);
        match (environment, file) {
            (Some(environment), None) => reader.text(&environment).and_then(|name| variable(reader, &environment, name)),
            (None, Some(file)) => reader.text(&file).and_then(|path| path_of_file(reader, &file, path)),
            (Some(_), Some(_)) | (None, None) => {
                reader.refuse(at, "value_source", "must have either `from_environment` or `from_file`");
                None
            }
        }
    }
}

/// A name that every system and shell takes (POSIX.1-2024, "Environment Variable Definition").
fn variable(reader: &mut Reader<'_>, at: &At<'_>, name: &str) -> Option<ValueSource> {
    let is_name = !name.is_empty()
        && !name.starts_with(|character: char| character.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        reader.refuse(at, "variable_format", "must be the name of a variable: letters, digits and underscores");
    }
    is_name.then(|| ValueSource::Environment(name.to_owned()))
}

fn path_of_file(reader: &mut Reader<'_>, at: &At<'_>, path: &str) -> Option<ValueSource> {
    let is_path = !path.is_empty() && !path.chars().any(char::is_control);
    if !is_path {
        reader.refuse(at, "path_format", "must be the path of a file");
    }
    is_path.then(|| ValueSource::File(path.into()))
}
