//! A body made into a definition, beside what is stored. What Connect has no word for stays as it is: a description, rules for renewal.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sortie_metadata::{Definition, ExternalCredentialDefinition, PrincipalDefinition};
use sortie_model::{ExternalCredential, IdentityType, Label, Principal, Settings, StatusCodes};
use sortie_protocol::{
    Field, Kind, Place, Protocol, ROLE_SETTING, SalesforceName, TokenSource, provider_fields, salesforce_fields, salesforce_protocol,
};
use sortie_store::Definitions;

use super::input::{ExternalCredentialInput, PrincipalInput};
use super::parameter::ParameterInput;
use super::principals;
use super::settings::{CLAIM_TYPES, claim_of, value_of};
use crate::api::connect::store::{Pointers, Wanted};
use crate::api::connect::words::{self, PrincipalType};
use crate::api::json::{Fault, FaultKind};

/// A status code that means "the token is stale".
const STATUS_CODE_TYPE: &str = "AdditionalRefreshStatusCode";

struct Making<'a> {
    definitions: &'a Definitions,
    protocol: &'static dyn Protocol,
    faults: Vec<Fault>,
    pointers: Pointers,
}

/// The definition that a body stands for.
pub(super) fn wanted(
    input: &ExternalCredentialInput,
    definitions: &Definitions,
    before: Option<&ExternalCredential>,
) -> Result<Wanted, Vec<Fault>> {
    let names_provider = input.parameters.iter().any(|parameter| parameter.kind.names_provider);
    let source = if names_provider { TokenSource::Provider } else { TokenSource::Own };
    let Some((protocol, name)) = salesforce_protocol(input.protocol, input.variant, source) else {
        let message = format!("is no variant of {}", input.protocol);
        return Err(vec![fault("/authenticationProtocolVariant", "variant_unknown", message)]);
    };
    let mut making = Making { definitions, protocol, faults: Vec::new(), pointers: pointers() };
    let stored = before.filter(|before| before.protocol == protocol.name());
    making.refuse_unsupported(input);
    let settings = making.settings(input, name, stored);
    let additional_status_codes = making.status_codes(&input.parameters);
    let principals = making.principals(input, before);
    let credential = ExternalCredentialDefinition {
        name: input.name.clone(),
        label: input.label.clone(),
        description: before.map(|before| before.description.clone()).unwrap_or_default(),
        protocol: protocol.name().to_owned(),
        settings,
        additional_status_codes,
        renewal_rules: before.map(|before| before.renewal_rules.clone()).unwrap_or_default(),
        headers: input.headers.clone(),
        principals,
    };
    if !making.faults.is_empty() {
        return Err(making.faults);
    }
    let mut definition = Definition::default();
    definition.external_credentials.push(credential);
    Ok(Wanted { definition, pointers: making.pointers })
}

fn fault(pointer: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Fault {
    Fault { pointer: pointer.into(), kind: FaultKind::Value, rule, message: message.into() }
}

fn pointers() -> Pointers {
    let mut pointers = Pointers::default();
    for (path, pointer) in [
        ("name", "/developerName"),
        ("label", "/masterLabel"),
        ("protocol", "/authenticationProtocol"),
        ("settings", "/parameters"),
        ("headers", "/customHeaders"),
        ("principals", "/principals"),
        ("additional_status_codes", "/parameters"),
    ] {
        pointers.set(format!("external_credentials[0].{path}"), pointer);
    }
    pointers
}

impl Making<'_> {
    fn refuse(&mut self, pointer: impl Into<String>, rule: &'static str, message: impl Into<String>) {
        self.faults.push(fault(pointer, rule, message));
    }

    /// In the words that clients know, with all types that the protocol does not have.
    fn refuse_unsupported(&mut self, input: &ExternalCredentialInput) {
        let is_supported = |parameter: &&ParameterInput| parameter.kind.is_setting && !self.is_known_type(parameter);
        let all = input.parameters.iter().chain(input.principals.iter().flat_map(|principal| &principal.parameters));
        let unsupported: Vec<_> = all.filter(|parameter| !parameter.kind.is_setting || is_supported(parameter)).collect();
        let types: BTreeSet<&str> = unsupported.iter().map(|parameter| parameter.kind.name).collect();
        let Some(first) = unsupported.first() else { return };
        // As metadata spells it, and so does the known text.
        let protocol = if input.protocol == "OAuth" { "Oauth" } else { input.protocol };
        let types: Vec<&str> = types.into_iter().collect();
        let message = format!(
            "The authentication protocol '{protocol}' doesn't support the following external credential parameter type(s): {}.",
            types.join(", ")
        );
        let pointer = first.pointer.clone();
        self.faults.push(Fault { pointer, kind: FaultKind::Sentence, rule: "parameter_type_unsupported", message });
    }

    fn is_known_type(&self, parameter: &ParameterInput) -> bool {
        let kind = parameter.kind.name;
        if kind == STATUS_CODE_TYPE {
            return true;
        }
        if CLAIM_TYPES.iter().any(|(claim, _)| *claim == kind) {
            return self.protocol.fields().iter().any(|field| field.kind == Kind::Claims);
        }
        // Of settings that go by their names, the name is looked at later.
        parameter.kind.is_by_name || !salesforce_fields(self.protocol, kind, &parameter.name).is_empty()
    }

    fn settings(&mut self, input: &ExternalCredentialInput, name: &SalesforceName, stored: Option<&ExternalCredential>) -> Settings {
        let empty = Settings::new();
        let before = stored.map_or(&empty, |stored| &stored.settings);
        // A variant stands for settings; one that is as it is shown leaves them as they are.
        let is_as_shown = stored.and_then(words::name_of).is_some_and(|shown| shown.variant == name.variant);
        let mut settings = Settings::new();
        for (setting, value) in name.settings {
            let kept = before.get(*setting).filter(|_| is_as_shown);
            match kept {
                Some(kept) => drop(settings.insert((*setting).to_owned(), kept.clone())),
                None if is_as_shown => {}
                None => drop(settings.insert((*setting).to_owned(), (*value).into())),
            }
        }
        let by_variant: BTreeSet<String> = settings.keys().cloned().collect();
        let mut written = BTreeSet::new();
        for parameter in &input.parameters {
            self.take(parameter, &mut settings, before, &mut written, "external_credentials[0].settings");
        }
        debug_assert!(by_variant.iter().all(|name| settings.contains_key(name)));
        settings
    }

    /// Puts what one parameter says among the settings.
    fn take(&mut self, parameter: &ParameterInput, settings: &mut Settings, before: &Settings, written: &mut BTreeSet<String>, path: &str) {
        let kind = parameter.kind.name;
        if kind == STATUS_CODE_TYPE || !parameter.kind.is_setting || !self.is_known_type(parameter) {
            return;
        }
        if let Some((_, part)) = CLAIM_TYPES.iter().find(|(claim, _)| *claim == kind) {
            return self.take_claim(parameter, part, settings, before, path);
        }
        let Some(field) = self.field_of(parameter) else {
            let message = format!("is no setting of {}", self.protocol.title());
            return self.refuse(format!("{}/parameterName", parameter.pointer), "parameter_unknown", message);
        };
        if !written.insert(field.name.to_owned()) {
            return self.refuse(&parameter.pointer, "duplicate_name", "stands there twice");
        }
        settings.insert(field.name.to_owned(), value_of(field, &parameter.value, before.get(field.name)));
        self.pointers.set(format!("{path}.{}", field.name), parameter.value_pointer());
    }

    fn take_claim(&mut self, parameter: &ParameterInput, part: &str, settings: &mut Settings, before: &Settings, path: &str) {
        let Some(field) = self.protocol.fields().iter().find(|field| field.kind == Kind::Claims) else { return };
        let stored = before.get(field.name).and_then(|claims| claims.get(part)?.get(&parameter.name));
        let claims = settings.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(claims) = claims else { return };
        let claims = claims.entry(part).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(claims) = claims else { return };
        if claims.insert(parameter.name.clone(), claim_of(&parameter.value, stored)).is_some() {
            return self.refuse(&parameter.pointer, "duplicate_name", "stands there twice");
        }
        self.pointers.set(format!("{path}.{}.{part}.{}", field.name, parameter.name), parameter.value_pointer());
    }

    /// The setting that is meant; of two for providers, the one for the kind that the named provider is of.
    fn field_of(&self, parameter: &ParameterInput) -> Option<&'static Field> {
        let fields = salesforce_fields(self.protocol, parameter.kind.name, &parameter.name);
        if !parameter.kind.names_provider {
            return fields.first().copied();
        }
        let kind = self.definitions.identity_provider(&parameter.value).map(|provider| provider.kind());
        let named = provider_fields(self.protocol).find(|known| Some(known.kind) == kind).map(|known| known.field);
        named.or(fields.first().copied())
    }

    fn status_codes(&mut self, parameters: &[ParameterInput]) -> StatusCodes {
        let mut codes = Vec::new();
        for parameter in parameters.iter().filter(|parameter| parameter.kind.name == STATUS_CODE_TYPE) {
            let parsed = parameter.value.trim().parse::<u16>().ok().map(|code| StatusCodes::parse(vec![code]).map(|_| code));
            match parsed {
                Some(Ok(code)) => codes.push(code),
                Some(Err(violation)) => self.refuse(parameter.value_pointer(), violation.rule, violation.message),
                None => self.refuse(parameter.value_pointer(), "status_code_range", "must be a status code"),
            }
        }
        StatusCodes::parse(codes).unwrap_or_default()
    }

    fn principals(&mut self, input: &ExternalCredentialInput, before: Option<&ExternalCredential>) -> Vec<PrincipalDefinition> {
        let stored: Vec<&Principal> = before.map(|before| principals(self.definitions, before).collect()).unwrap_or_default();
        let mut made: Vec<PrincipalDefinition> = Vec::new();
        for principal in &input.principals {
            let index = made.len();
            let definition = self.principal(principal, &stored, index);
            made.extend(definition);
        }
        self.add_lender(&mut made, &stored);
        made
    }

    fn principal(&mut self, principal: &PrincipalInput, stored: &[&Principal], index: usize) -> Option<PrincipalDefinition> {
        let path = format!("external_credentials[0].principals[{index}]");
        self.pointers.set(&path, &principal.pointer);
        self.pointers.set(format!("{path}.name"), format!("{}/principalName", principal.pointer));
        self.pointers.set(format!("{path}.identity_type"), format!("{}/principalType", principal.pointer));
        self.pointers.set(format!("{path}.sequence_number"), format!("{}/sequenceNumber", principal.pointer));
        let identity_type = match (principal.principal_type, self.protocol.lender()) {
            (PrincipalType::PerUser, _) => IdentityType::PerUser,
            (PrincipalType::Named, _) => IdentityType::Named,
            (PrincipalType::AwsSts, Some(lender)) if lender == principal.name.as_str() => IdentityType::Named,
            (PrincipalType::AwsSts, Some(lender)) => {
                self.refuse(format!("{}/principalName", principal.pointer), "principal_name", format!("must be {lender}"));
                return None;
            }
            (PrincipalType::AwsSts, None) => {
                self.refuse(
                    format!("{}/principalType", principal.pointer),
                    "principal_type",
                    "is for AwsSv4 with the variant AwsSv4_STS only",
                );
                return None;
            }
        };
        let before = stored.iter().find(|known| known.name.as_str().eq_ignore_ascii_case(principal.name.as_str()));
        let empty = Settings::new();
        let settings_before = before.map_or(&empty, |before| &before.settings);
        // The role is one of the principal's credentials there.
        let role = settings_before.get(ROLE_SETTING).map(|role| (ROLE_SETTING.to_owned(), role.clone()));
        let mut settings: Settings = role.into_iter().collect();
        let mut written = BTreeSet::new();
        for parameter in &principal.parameters {
            if let Some(field) = self.field_of(parameter).filter(|field| field.place == Place::Settings) {
                let message = format!("belongs to the external credential: `{}` is not a principal's own", field.label);
                self.refuse(&parameter.pointer, "setting_of_the_credential", message);
                continue;
            }
            self.take(parameter, &mut settings, settings_before, &mut written, &format!("{path}.settings"));
        }
        let name = before.map_or_else(|| principal.name.clone(), |before| before.name.clone());
        Some(definition(name, principal.sequence_number, identity_type, settings))
    }

    /// The principal whose key the others borrow is there without being said.
    fn add_lender(&self, made: &mut Vec<PrincipalDefinition>, stored: &[&Principal]) {
        let Some(lender) = self.protocol.lender() else { return };
        if made.iter().any(|principal| principal.name.as_str().eq_ignore_ascii_case(lender)) {
            return;
        }
        let before = stored.iter().find(|known| known.name.as_str().eq_ignore_ascii_case(lender));
        let is_free = |number: &u32| made.iter().all(|principal| principal.sequence_number != *number);
        let next = made.iter().map(|principal| principal.sequence_number).max().map_or(1, |last| last.saturating_add(1));
        let number = before.map(|before| before.sequence_number).filter(is_free).or(Some(next).filter(is_free)).unwrap_or(0);
        let Ok(name) = Label::parse(lender) else { return };
        let settings = before.map(|before| before.settings.clone()).unwrap_or_default();
        made.push(definition(before.map_or(name, |before| before.name.clone()), number, IdentityType::Named, settings));
    }
}

fn definition(name: Label, sequence_number: u32, identity_type: IdentityType, settings: Settings) -> PrincipalDefinition {
    // Who may use it is said elsewhere, and stays; so does what is stored for it.
    let (permission_sets, profiles, values) = (None, None, std::collections::BTreeMap::new());
    PrincipalDefinition { name, sequence_number, identity_type, permission_sets, profiles, values, settings }
}
