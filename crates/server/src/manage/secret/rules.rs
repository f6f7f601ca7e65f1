//! Which values may be stored.

use sortie_model::{ApiName, Secret, Violation};
use sortie_protocol::{Field, PROVIDER_FIELDS, Parameters, Place, Protocol, needs_provider};

/// 64 KiB: longer than any key or token in use.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Checks name and value by the protocol's rules, and gives back the field that the protocol declares for it, if it declares one.
///
/// # Errors
/// A [`Violation`] of the value's name; it never repeats the value.
pub(in crate::manage) fn check(protocol: &dyn Protocol, name: &str, value: &Secret) -> Result<Option<&'static Field>, Violation> {
    let declared = check_name(protocol, name)?;
    check_size(name, value)?;
    protocol.check_value(name, value)?;
    Ok(declared)
}

/// Neither nothing nor too much.
///
/// # Errors
/// A [`Violation`] of the value's name.
pub(in crate::manage) fn check_size(name: &str, value: &Secret) -> Result<(), Violation> {
    if value.is_empty() {
        return Err(Violation::new(name, "value_empty", "must not be empty; to take it away, use `sortie secret remove`"));
    }
    if value.expose().len() > MAX_VALUE_BYTES {
        return Err(Violation::new(name, "value_too_long", "must be at most 64 KiB long"));
    }
    Ok(())
}

fn check_name(protocol: &dyn Protocol, name: &str) -> Result<Option<&'static Field>, Violation> {
    let fields = protocol.fields();
    if let Some(field) = fields.iter().find(|field| field.name == name) {
        return match field.place {
            Place::Values => Ok(Some(field)),
            Place::Settings | Place::SettingsOrPrincipal => {
                Err(Violation::new(name, "value_is_a_setting", "belongs under `settings` of the external credential; use `sortie apply`"))
            }
        };
    }
    if needs_provider(protocol) && PROVIDER_FIELDS.iter().any(|field| field.name == name) {
        let message = format!("comes from the provider: sortie secret set provider:NAME {name}");
        return Err(Violation::new(name, "value_of_the_provider", message));
    }
    match protocol.parameters() {
        Parameters::Free => ApiName::parse(name).map(|_| None).map_err(|violation| Violation { field: super::shown(name), ..violation }),
        Parameters::Declared => {
            let known: Vec<&str> = fields.iter().filter(|field| field.place == Place::Values).map(|field| field.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("is no value of the protocol `{}`; it has {known}", protocol.name());
            Err(Violation::new(super::shown(name), "value_unknown", message))
        }
    }
}
