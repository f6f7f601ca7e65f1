//! External credentials.

use sortie_model::{ApiName, CustomHeader, Label, RenewalRule, Settings, StatusCodes};

use super::access::name_and_label;
use super::header::headers;
use super::principal::PrincipalDefinition;
use super::renewal_rule::renewal_rules;
use super::{description, placed_objects};
use crate::yaml::{At, Fields, Reader};

/// An external credential with its principals.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalCredentialDefinition {
    /// Unique developer name.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// Name of the protocol; who knows the protocols checks it.
    pub protocol: String,
    /// Settings of the protocol; who knows the protocols checks them.
    pub settings: Settings,
    /// Statuses beside 401 that mean "the token is stale".
    pub additional_status_codes: StatusCodes,
    /// Answers that mean "the token is stale" although their status does not say so.
    pub renewal_rules: Vec<RenewalRule>,
    /// Headers, in the order of their sequence numbers.
    pub headers: Vec<CustomHeader>,
    /// Principals, as written.
    pub principals: Vec<PrincipalDefinition>,
}

impl ExternalCredentialDefinition {
    pub(super) fn read(reader: &mut Reader<'_>, _at: &At<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let (name, label) = name_and_label(reader, fields);
        let description = description(reader, fields);
        let protocol = fields.require(reader, "protocol").and_then(|at| reader.text(&at));
        let settings = fields.take("settings").map(|at| settings(reader, &at)).unwrap_or_default();
        let additional_status_codes = match fields.take("additional_status_codes") {
            Some(at) => status_codes(reader, &at),
            None => Some(StatusCodes::default()),
        };
        let renewal_rules = renewal_rules(reader, fields);
        let headers = headers(reader, fields);
        let principals = principals(reader, fields);
        Some(Self {
            name: name?,
            label: label?,
            description,
            protocol: protocol?.to_owned(),
            settings,
            additional_status_codes: additional_status_codes?,
            renewal_rules,
            headers,
            principals,
        })
    }
}

pub(super) fn settings(reader: &mut Reader<'_>, at: &At<'_>) -> Settings {
    let Some(fields) = reader.fields(at) else { return Settings::new() };
    let entries: Vec<_> = fields.take_all().collect();
    let setting = |(name, at): (&str, At<'_>)| Some((String::from(reader.keep(&at, ApiName::parse(name))?), reader.json(&at)?));
    entries.into_iter().filter_map(setting).collect()
}

fn status_codes(reader: &mut Reader<'_>, at: &At<'_>) -> Option<StatusCodes> {
    let mut codes = Vec::new();
    for item in reader.list(at) {
        let code = reader.number(&item, 0, 999)?;
        let code = u16::try_from(code).expect("at most 999 fits");
        // One at a time, so that the place is that of the code that is wrong.
        reader.keep(&item, StatusCodes::parse(vec![code]))?;
        codes.push(code);
    }
    reader.keep(at, StatusCodes::parse(codes))
}

/// AZ-05 of the attack catalogue: a tie between two sequence numbers would leave the choice to chance.
fn principals(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<PrincipalDefinition> {
    let key = |principal: &PrincipalDefinition| principal.name.as_str().to_ascii_lowercase();
    let placed = placed_objects(reader, fields, "principals", PrincipalDefinition::read, key);
    for (index, (at, principal)) in placed.iter().enumerate() {
        if let Some((_, first)) = placed[..index].iter().find(|(_, other)| other.sequence_number == principal.sequence_number) {
            let message = format!("is also that of `{}`; the lowest is chosen, so there must not be a tie", first.name);
            reader.refuse_within(at, "sequence_number", "duplicate_sequence_number", message);
        }
    }
    placed.into_iter().map(|(_, principal)| principal).collect()
}
