//! Profiles and permission sets, which look alike.

use sortie_model::{ApiName, Label, SystemPermission, SystemPermissions};

use super::description;
use crate::yaml::{At, Fields, Reader};

/// A profile or a permission set.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessDefinition {
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// What its users may do with Sortie itself.
    pub permissions: SystemPermissions,
}

impl AccessDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, _at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let (name, label) = name_and_label(reader, fields);
        let description = description(reader, fields);
        let permissions = fields.take("permissions").map(|at| reader.parsed_list(&at, SystemPermission::parse)).unwrap_or_default();
        Some(Self { name: name?, label: label?, description, permissions: permissions.into_iter().collect() })
    }
}

/// The name, and the label, which is the name where it is left out.
pub(super) fn name_and_label(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> (Option<ApiName>, Option<Label>) {
    let name = fields.require(reader, "name").and_then(|at| reader.parsed(&at, ApiName::parse));
    let label = match fields.take("label") {
        Some(at) => reader.parsed(&at, Label::parse),
        None => name.as_ref().map(|name| Label::parse(name.as_str()).expect("a developer name is a label too")),
    };
    (name, label)
}
