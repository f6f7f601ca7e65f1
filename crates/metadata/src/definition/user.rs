//! Users.

use sortie_model::{ApiName, Attributes, UserName, check_attribute};

use crate::yaml::{At, Fields, Reader};

/// A user. What is `None` was not stated: it stays as it is, or has its default for a new user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserDefinition {
    /// Unique name.
    pub name: UserName,
    /// Name of the profile; `Some(None)`: none.
    pub profile: Option<Option<ApiName>>,
    /// Names of all assigned permission sets.
    pub permission_sets: Option<Vec<ApiName>>,
    /// Whether the user may call. Default: yes.
    pub is_active: Option<bool>,
    /// All attributes.
    pub attributes: Option<Attributes>,
}

impl UserDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, _at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.require(reader, "name").and_then(|at| reader.parsed(&at, UserName::parse));
        let profile = fields.take("profile").map(|at| if at.node.is_null() { None } else { reader.parsed(&at, ApiName::parse) });
        let permission_sets = fields.take("permission_sets").map(|at| reader.parsed_list(&at, ApiName::parse));
        let is_active = fields.take("active").and_then(|at| reader.truth(&at));
        let attributes = fields.take("attributes").map(|at| attributes(reader, &at));
        Some(Self { name: name?, profile, permission_sets, is_active, attributes })
    }
}

fn attributes(reader: &mut Reader<'_>, at: &At<'_>) -> Attributes {
    let Some(fields) = reader.fields(at) else { return Attributes::new() };
    let mut attributes = Attributes::new();
    for (name, at) in fields.take_all() {
        let Some(value) = reader.text(&at) else { continue };
        if reader.keep(&at, check_attribute(name, value)).is_some() {
            attributes.insert(name.to_owned(), value.to_owned());
        }
    }
    attributes
}
