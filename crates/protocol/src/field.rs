//! Fields: what an admin fills in for a protocol.

use serde_json::Value;
use sortie_model::{ApiName, AuthenticationFlow, ServiceUrl, Settings, Template, Violation, Violations};

use crate::provider::provider_settings;
use crate::{Claims, Protocol, Tags};

/// One thing to fill in.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Stable name in definitions: `token_endpoint`.
    pub name: &'static str,
    /// Name for people: `Identity Provider URL`.
    pub label: &'static str,
    /// Where it belongs.
    pub place: Place,
    /// Whether it may be shown again.
    pub secrecy: Secrecy,
    /// Whether a callout needs it.
    pub need: Need,
    /// What it looks like.
    pub kind: Kind,
    /// One sentence of help.
    pub help: &'static str,
}

impl Field {
    /// A setting of the external credential, which may be shown.
    pub const fn setting(name: &'static str, label: &'static str, need: Need, kind: Kind, help: &'static str) -> Self {
        Self { name, label, place: Place::Settings, secrecy: Secrecy::Public, need, kind, help }
    }

    /// The same where a principal's own may replace it.
    pub const fn setting_or_principal(name: &'static str, label: &'static str, need: Need, kind: Kind, help: &'static str) -> Self {
        Self { place: Place::SettingsOrPrincipal, ..Self::setting(name, label, need, kind, help) }
    }
}

/// Where a field belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the external credential: configuration, visible, part of an export.
    Settings,
    /// On the external credential, and on a principal, whose own replaces it.
    SettingsOrPrincipal,
    /// On the principal, or on each user of a Per User principal: kept encrypted, never exported.
    Values,
}

/// Whether a field may be shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// It may.
    Public,
    /// Never.
    Secret,
}

/// Whether a callout needs a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the status is Not Configured.
    Required,
    /// It may be left out.
    Optional,
    /// Left out, it is this.
    Default(&'static str),
}

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Literal text around formulas over the user who calls. Nothing secret: it is shown and sent to a provider.
    Template,
    /// An absolute URL.
    Url,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Whole seconds between two bounds, both included.
    Seconds {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// A number of bytes between two bounds, both included.
    Bytes {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// The developer name of a certificate with a private key.
    Certificate,
    /// The developer name of an external auth identity provider of this flow.
    IdentityProvider(AuthenticationFlow),
    /// The developer name of an auth provider.
    AuthProvider,
    /// [`Claims`] of a signed token: `{header: {name: value}, body: {name: value}}`.
    Claims,
    /// [`Tags`] of a session: `{key: text}`, whose texts may hold formulas over the user who calls.
    Tags,
}

impl Place {
    /// Whether it is configuration of the external credential.
    pub const fn is_setting(self) -> bool {
        match self {
            Self::Settings | Self::SettingsOrPrincipal => true,
            Self::Values => false,
        }
    }
}

/// Checks the settings of one principal, which replace the external credential's.
///
/// # Errors
/// All violations, as `settings.<name>`.
pub fn check_principal_settings(protocol: &dyn Protocol, settings: &Settings) -> Result<(), Violations> {
    let mut violations = check_each(protocol, settings);
    let fields = protocol.fields().iter().filter(|field| field.place == Place::Settings && settings.contains_key(field.name));
    violations.0.extend(fields.map(|field| {
        let message = "belongs under `settings` of the external credential, not of a principal";
        Violation::new(format!("settings.{}", field.name), "setting_of_the_credential", message)
    }));
    violations.or(())
}

/// Checks the settings of an external credential against its protocol's fields. A missing setting is no violation (the status says so);
/// one that nobody knows, or of the wrong kind, is.
///
/// # Errors
/// All violations, as `settings.<name>`.
pub fn check_settings(protocol: &dyn Protocol, settings: &Settings) -> Result<(), Violations> {
    let mut violations = check_each(protocol, settings);
    let named: Vec<&str> = provider_settings(protocol, settings).map(|setting| setting.field).collect();
    if let [first, second, ..] = named.as_slice() {
        let message = format!("cannot stand beside `{first}`: tokens come from one provider");
        violations.0.push(Violation::new(format!("settings.{second}"), "provider_ambiguous", message));
    }
    // What does not make sense alone does not make sense together.
    if violations.0.is_empty()
        && let Err(together) = protocol.check_together(settings)
    {
        violations.0.extend(together.0.into_iter().map(|violation| violation.within("settings")));
    }
    violations.or(())
}

fn check_each(protocol: &dyn Protocol, settings: &Settings) -> Violations {
    let mut violations = Violations::default();
    for (name, value) in settings {
        let field = protocol.fields().iter().find(|field| field.name == name);
        if let Err(found) = check_setting(protocol, field, name, value) {
            violations.0.extend(found.0.into_iter().map(|violation| violation.within("settings")));
        }
    }
    violations
}

fn check_setting(protocol: &dyn Protocol, field: Option<&Field>, name: &str, value: &Value) -> Result<(), Violations> {
    let Some(field) = field else {
        let known: Vec<&str> = protocol.fields().iter().filter(|field| field.place.is_setting()).map(|field| field.name).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        let message = format!("is no setting of the protocol `{}`; {known}", protocol.name());
        return Err(Violation::new(name, "setting_unknown", message).into());
    };
    if field.place == Place::Values {
        let message = "is stored for a principal, never written in a definition's settings; use `sortie secret set`";
        return Err(Violation::new(name, "setting_is_a_value", message).into());
    }
    let within = |violations: Violations| Violations(violations.0.into_iter().map(|violation| violation.within(name)).collect());
    match field.kind {
        Kind::Claims => Claims::parse(value).map(|_| ()).map_err(within),
        Kind::Tags => Tags::parse(value).map(|_| ()).map_err(within),
        Kind::Seconds { least, most } => Ok(check_number(name, value, "seconds", least, most)?),
        Kind::Bytes { least, most } => Ok(check_number(name, value, "bytes", least, most)?),
        kind => Ok(check_text(name, value, kind)?),
    }
}

/// A number, or a text of digits.
pub(crate) fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.and_then(|number| u32::try_from(number).ok())
}

fn check_number(name: &str, value: &Value, unit: &str, least: u32, most: u32) -> Result<(), Violation> {
    match number(value) {
        Some(number) if (least..=most).contains(&number) => Ok(()),
        _ => Err(Violation::new(name, "setting_range", format!("must be a whole number of {unit} from {least} to {most}"))),
    }
}

fn check_text(name: &str, value: &Value, kind: Kind) -> Result<(), Violation> {
    let Some(text) = value.as_str() else {
        return Err(Violation::new(name, "setting_kind", "must be a text"));
    };
    if text.chars().any(char::is_control) {
        return Err(Violation::new(name, "setting_kind", "must not hold control characters"));
    }
    let renamed = |violation: Violation| Violation { field: name.to_owned(), ..violation };
    match kind {
        Kind::Text | Kind::Seconds { .. } | Kind::Bytes { .. } | Kind::Claims | Kind::Tags => Ok(()),
        Kind::Template => Template::parse(text).map(|_| ()).map_err(|error| Violation::of_formula(name, &error)),
        Kind::Url => ServiceUrl::parse(text).map(|_| ()).map_err(renamed),
        Kind::Certificate | Kind::IdentityProvider(_) | Kind::AuthProvider => ApiName::parse(text).map(|_| ()).map_err(renamed),
        Kind::Choice(words) if words.contains(&text) => Ok(()),
        Kind::Choice(words) => Err(Violation::new(name, "setting_choice", format!("must be one of {} (got `{text}`)", words.join(", ")))),
    }
}
