//! A body with credentials, and what it means for a principal.

use sortie_model::{ApiName, Secret};
use sortie_protocol::{Field, Need, Parameters, Place as FieldPlace, ROLE_SETTING, salesforce_value_name};

use crate::api::connect::place::{Place, PlaceInput};
use crate::api::connect::words::{self, PROTOCOLS, VARIANTS};
use crate::api::document::{Form, Schema};
use crate::api::json::{At, Fault, FaultKind, Reader, escaped};
use crate::manage::secret::{Others, Wish};

/// What a body says.
pub(super) struct CredentialInput {
    pub(super) place: PlaceInput,
    protocol: Option<&'static str>,
    variant: Option<&'static str>,
    /// By the names of the body.
    credentials: Vec<(String, Option<Secret>)>,
}

/// A value to be stored, or one that is only mentioned: it stays.
pub(super) enum OwnedWish {
    Store(Secret),
    Keep,
}

impl OwnedWish {
    pub(super) const fn as_wish(&self) -> Wish<'_> {
        match self {
            Self::Store(secret) => Wish::Store(secret),
            Self::Keep => Wish::Keep,
        }
    }
}

/// What it means here.
pub(super) struct Wishes {
    /// By our names.
    pub(super) values: Vec<(String, OwnedWish)>,
    /// Of a principal for AWS.
    pub(super) role: Option<String>,
}

pub(super) const CREDENTIAL: Form = Form {
    name: "CredentialInput",
    schema,
    example: r#"{"externalCredential": "Billing", "principalType": "NamedPrincipal", "principalName": "Service", "authenticationProtocol": "OAuth",
        "authenticationProtocolVariant": "ClientCredentialsClientSecret", "credentials": {"clientId": {"value": "sortie", "encrypted": false, "revision": 1},
        "clientSecret": {"value": "…", "encrypted": true, "revision": 1}}}"#,
    read: |reader, at| CredentialInput::read(reader, at).is_some(),
};

/// The same for PATCH, which is for this protocol only.
pub(super) const CUSTOM_CREDENTIAL: Form = Form {
    name: "CustomCredentialInput",
    example: r#"{"externalCredential": "Keys", "principalType": "NamedPrincipal", "principalName": "Main", "authenticationProtocol": "Custom",
        "authenticationProtocolVariant": null, "credentials": {"ApiKey": {"value": "…", "encrypted": true, "revision": 1}}}"#,
    ..CREDENTIAL
};

fn schema() -> Schema {
    let value = Schema::object()
        .optional("value", Schema::text().saying("Left out: what is stored stays."))
        .optional("encrypted", Schema::truth().saying("Taken, and of no use here: all values are sealed."))
        .optional("revision", Schema::number(u32::MAX));
    PlaceInput::schema()
        .optional("authenticationProtocol", Schema::word(PROTOCOLS))
        .optional("authenticationProtocolVariant", Schema::word(VARIANTS))
        .optional("credentials", Schema::map(value))
        .passed_over(SHOWN)
}

/// Whoever sends an answer back means nothing by it.
const SHOWN: &[&str] = &["authenticationStatus"];

impl CredentialInput {
    pub(super) fn read(reader: &mut Reader, at: &At<'_>) -> Option<Self> {
        let mut fields = reader.fields(at)?;
        let place = PlaceInput::read(reader, &mut fields);
        let protocol = fields.take("authenticationProtocol").and_then(|at| words::protocol(reader, &at));
        let variant = fields.take_since(reader, "authenticationProtocolVariant", 57).and_then(|at| reader.word(&at, &VARIANTS));
        let credentials = fields.take("credentials").map(|at| credentials(reader, &at)).unwrap_or_default();
        fields.ignore(SHOWN);
        fields.finish(reader);
        Some(Self { place: place?, protocol, variant, credentials })
    }

    /// What is to become of what is stored for this principal.
    pub(super) fn wishes(self, place: &Place, others: Others) -> Result<Wishes, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut refuse = |pointer: String, rule, message: String| faults.push(Fault { pointer, kind: FaultKind::Value, rule, message });
        let actual = words::name_of(&place.credential);
        if let (Some(given), Some(actual)) = (self.protocol, actual)
            && given != actual.protocol
        {
            refuse(
                "/authenticationProtocol".to_owned(),
                "protocol_differs",
                format!("must be {}, as the external credential says", actual.protocol),
            );
        }
        if let (Some(given), Some(actual)) = (self.variant, actual)
            && Some(given) != actual.variant
        {
            let actual = actual.variant.map_or("left out".to_owned(), str::to_owned);
            refuse(
                "/authenticationProtocolVariant".to_owned(),
                "variant_differs",
                format!("must be {actual}, as the external credential says"),
            );
        }
        let mut wishes = Wishes { values: Vec::new(), role: None };
        for (theirs, value) in self.credentials {
            let pointer = format!("/credentials/{}", escaped(&theirs));
            let wish = |value: Option<Secret>| value.map_or(OwnedWish::Keep, OwnedWish::Store);
            match meaning(place, &theirs) {
                Meaning::Role => wishes.role = value.map(|role| role.expose().to_owned()).or_else(|| stored_role(place)),
                Meaning::Value(ours) => match &value {
                    // The value itself is checked where it is stored; its name is checked here, under the name that was sent.
                    Some(secret) if secret.is_empty() => refuse(pointer, "value_empty", "must have a value that is not empty".to_owned()),
                    _ => wishes.values.push((ours, wish(value))),
                },
                Meaning::Unknown(message) => refuse(pointer, "value_unknown", message),
            }
        }
        for missing in missing(place, &wishes, others) {
            let theirs = salesforce_value_name(missing.name);
            refuse(format!("/credentials/{}", escaped(&theirs)), "required", "is required: these credentials belong together".to_owned());
        }
        if faults.is_empty() { Ok(wishes) } else { Err(faults) }
    }
}

/// `{name: {value, encrypted, revision}}`. `encrypted` is ours to decide: everything is.
fn credentials(reader: &mut Reader, at: &At<'_>) -> Vec<(String, Option<Secret>)> {
    let Some(mut fields) = reader.fields(at) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, at) in fields.take_all() {
        let Some(mut own) = reader.fields(&at) else { continue };
        let value = own.take("value").map(|at| reader.text(&at).map(Secret::new));
        if let Some(at) = own.take("encrypted") {
            reader.truth(&at);
        }
        if let Some(at) = own.take("revision") {
            reader.number(&at, u32::MAX);
        }
        own.finish(reader);
        // What is no text has been refused.
        found.push((name.to_owned(), value.flatten()));
    }
    found
}

enum Meaning {
    Value(String),
    Role,
    Unknown(String),
}

/// What a name of the body stands for.
fn meaning(place: &Place, theirs: &str) -> Meaning {
    let fields = || place.protocol.fields().iter().filter(|field| field.place == FieldPlace::Values);
    if let Some(field) = fields().find(|field| salesforce_value_name(field.name) == theirs) {
        return Meaning::Value(field.name.to_owned());
    }
    let has_role = place.protocol.fields().iter().any(|field| field.name == ROLE_SETTING);
    if has_role && salesforce_value_name(ROLE_SETTING) == theirs {
        return Meaning::Role;
    }
    if place.protocol.parameters() == Parameters::Free {
        return match ApiName::parse(theirs) {
            Ok(_) => Meaning::Value(theirs.to_owned()),
            Err(violation) => Meaning::Unknown(format!("must have another name: it {}", violation.message)),
        };
    }
    let mut known: Vec<_> = fields().map(|field| salesforce_value_name(field.name)).collect();
    if has_role {
        known.push(salesforce_value_name(ROLE_SETTING));
    }
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    Meaning::Unknown(format!("is no credential of this protocol; {known}"))
}

fn stored_role(place: &Place) -> Option<String> {
    place.principal.settings.get(ROLE_SETTING).and_then(serde_json::Value::as_str).map(str::to_owned)
}

/// A new user name beside an old password would be somebody else's: all that are needed, each time.
fn missing<'p>(place: &'p Place, wishes: &'p Wishes, others: Others) -> impl Iterator<Item = &'static Field> + use<'p> {
    let is_whole = others != Others::Stay && !wishes.values.is_empty();
    let needed = move |field: &&'static Field| {
        is_whole && field.place == FieldPlace::Values && place.protocol.need(field, &place.credential.settings) == Need::Required
    };
    let is_given = |field: &&'static Field| wishes.values.iter().any(|(name, _)| name == field.name);
    place.protocol.fields().iter().filter(needed).filter(move |field| !is_given(field))
}
