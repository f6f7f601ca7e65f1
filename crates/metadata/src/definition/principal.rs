//! Principals of an external credential.

use std::collections::BTreeMap;

use sortie_model::{ApiName, IdentityType, Label, Settings};

use super::ValueSource;
use super::external_credential::settings;
use crate::yaml::{At, Fields, Reader};

/// A principal with who may use it and where its values come from.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalDefinition {
    /// Unique within the external credential.
    pub name: Label,
    /// Lower is chosen first.
    pub sequence_number: u32,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// All permission sets that enable it; `None`: not stated, stays as it is.
    pub permission_sets: Option<Vec<ApiName>>,
    /// All profiles that enable it; `None`: not stated, stays as it is.
    pub profiles: Option<Vec<ApiName>>,
    /// Values to be stored for it, by name. Others that are stored stay.
    pub values: BTreeMap<String, ValueSource>,
    /// Settings of the protocol that replace the credential's for this principal.
    pub settings: Settings,
}

impl PrincipalDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.require(reader, "name").and_then(|at| reader.parsed(&at, Label::parse));
        let sequence_number = fields.require(reader, "sequence_number").and_then(|at| reader.number(&at, 0, u32::MAX));
        let identity_type = match fields.take("identity_type") {
            Some(at) => identity_type(reader, &at),
            None => Some(IdentityType::Named),
        };
        let (permission_sets, profiles) = fields.take("enabled_for").map_or((None, None), |at| enabled_for(reader, &at));
        let settings = fields.take("settings").map(|at| settings(reader, &at)).unwrap_or_default();
        let values_at = fields.take("values");
        let values = values_at.as_ref().map(|at| values(reader, at)).unwrap_or_default();
        if identity_type == Some(IdentityType::PerUser) && !values.is_empty() {
            let at = values_at.as_ref().unwrap_or(at);
            reader.refuse(
                at,
                "values_per_user",
                "cannot be stated for a per_user principal: every user stores their own (sortie secret set)",
            );
        }
        Some(Self {
            name: name?,
            sequence_number: sequence_number?,
            identity_type: identity_type?,
            permission_sets,
            profiles,
            values,
            settings,
        })
    }
}

fn identity_type(reader: &mut Reader<'_>, at: &At<'_>) -> Option<IdentityType> {
    let text = reader.text(at)?;
    let found = [IdentityType::Named, IdentityType::PerUser].into_iter().find(|kind| kind.as_str() == text);
    if found.is_none() {
        reader.refuse(at, "identity_type", "must be named or per_user");
    }
    found
}

type Enabled = (Option<Vec<ApiName>>, Option<Vec<ApiName>>);

fn enabled_for(reader: &mut Reader<'_>, at: &At<'_>) -> Enabled {
    let Some(mut fields) = reader.fields(at) else { return (None, None) };
    let permission_sets = fields.take("permission_sets").map(|at| reader.parsed_list(&at, ApiName::parse));
    let profiles = fields.take("profiles").map(|at| reader.parsed_list(&at, ApiName::parse));
    fields.finish(reader);
    (permission_sets, profiles)
}

pub(super) fn values(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeMap<String, ValueSource> {
    let Some(fields) = reader.fields(at) else { return BTreeMap::new() };
    let entries: Vec<_> = fields.take_all().collect();
    entries.into_iter().filter_map(|(name, at)| Some((value_name(reader, &at, name)?, ValueSource::read(reader, &at)?))).collect()
}

/// Every value is called by a developer name, whether its protocol declares it or an admin invents it.
fn value_name(reader: &mut Reader<'_>, at: &At<'_>, name: &str) -> Option<String> {
    reader.keep(at, ApiName::parse(name)).map(String::from)
}
