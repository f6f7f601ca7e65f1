//! Authentication status: which fields and steps are still missing. Each missing item is also the next thing to do.

use sortie_model::{AuthenticationStatus, IdentityType, MissingStep, Settings};

use crate::{Completeness, Field, Need, Place, Protocol};

/// What is known about an external credential.
#[derive(Clone, Debug)]
pub struct CredentialFacts<'a> {
    /// Its developer name.
    pub name: &'a str,
    /// Its settings.
    pub settings: &'a Settings,
    /// Its principals, lowest sequence number first.
    pub principals: Vec<PrincipalFacts<'a>>,
}

/// What is known about one principal.
#[derive(Clone, Debug)]
pub struct PrincipalFacts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// Names of the values stored for a Named principal.
    pub stored_values: Vec<String>,
    /// For whom it is enabled.
    pub reach: Reach,
    /// Users for whom every required value is stored (Per User).
    pub users_with_values: u64,
}

/// For whom a principal is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No permission set and no profile enables it.
    Nobody,
    /// Some do, and no active user has any of them.
    Unassigned,
    /// At least one active user may use it.
    Users,
}

/// The status of one principal, with what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalStatus {
    /// Complete or not.
    pub status: AuthenticationStatus,
    /// What to do next, in order.
    pub missing: Vec<MissingStep>,
}

/// The status of an external credential: Configured if at least one principal is, Unknown only for a protocol that cannot be judged. The
/// missing steps are those of the credential itself; each principal has its own.
pub fn credential_status(protocol: &dyn Protocol, facts: &CredentialFacts<'_>) -> PrincipalStatus {
    let mut missing = missing_settings(protocol, facts);
    if facts.principals.is_empty() {
        let message = format!("add a principal to `{}`", facts.name);
        missing.push(MissingStep { code: "principal_missing", message });
        return PrincipalStatus { status: AuthenticationStatus::NotConfigured, missing };
    }
    if protocol.completeness() == Completeness::Unknowable {
        return PrincipalStatus { status: AuthenticationStatus::Unknown, missing };
    }
    let has_configured =
        facts.principals.iter().any(|principal| principal_status(protocol, facts, principal).status == AuthenticationStatus::Configured);
    let status = if has_configured { AuthenticationStatus::Configured } else { AuthenticationStatus::NotConfigured };
    PrincipalStatus { status, missing }
}

/// The status of one principal.
pub fn principal_status(protocol: &dyn Protocol, facts: &CredentialFacts<'_>, principal: &PrincipalFacts<'_>) -> PrincipalStatus {
    if protocol.completeness() == Completeness::Unknowable {
        return PrincipalStatus { status: AuthenticationStatus::Unknown, missing: Vec::new() };
    }
    let mut missing = missing_settings(protocol, facts);
    let is_required = |field: &&Field| field.place == Place::Values && protocol.need(field, facts.settings) == Need::Required;
    let required = protocol.fields().iter().filter(is_required);
    match principal.identity_type {
        IdentityType::Named => missing.extend(
            required
                .filter(|field| !principal.stored_values.iter().any(|name| name == field.name))
                .map(|field| missing_value(facts, principal, field)),
        ),
        // Complete only when somebody can really call: enabled for some users, and at least one of them has entered their own values.
        IdentityType::PerUser => {
            missing.extend(missing_reach(facts, principal));
            let names: Vec<&str> = required.map(|field| field.name).collect();
            if !names.is_empty() && principal.users_with_values == 0 {
                let message = format!(
                    "have at least one user store {} for `{}/{}`: sortie secret set {1}/{2} NAME --user USER",
                    names.join(" and "),
                    facts.name,
                    principal.name
                );
                missing.push(MissingStep { code: "user_values_missing", message });
            }
        }
    }
    let status = if missing.is_empty() { AuthenticationStatus::Configured } else { AuthenticationStatus::NotConfigured };
    PrincipalStatus { status, missing }
}

fn missing_settings(protocol: &dyn Protocol, facts: &CredentialFacts<'_>) -> Vec<MissingStep> {
    let is_set = |field: &Field| facts.settings.get(field.name).and_then(serde_json::Value::as_str).is_some_and(|text| !text.is_empty());
    let is_required = |field: &&Field| field.place.is_setting() && protocol.need(field, facts.settings) == Need::Required;
    let required = protocol.fields().iter().filter(is_required);
    required
        .filter(|field| !is_set(field))
        .map(|field| MissingStep {
            code: "setting_missing",
            message: format!("set `{}` ({}) of `{}`", field.name, field.label, facts.name),
        })
        .collect()
}

fn missing_reach(facts: &CredentialFacts<'_>, principal: &PrincipalFacts<'_>) -> Option<MissingStep> {
    let reference = format!("{}/{}", facts.name, principal.name);
    match principal.reach {
        Reach::Users => None,
        Reach::Nobody => {
            let message =
                format!("enable `{reference}` for a permission set or a profile: sortie grant add {reference} --permission-set NAME");
            Some(MissingStep { code: "access_missing", message })
        }
        Reach::Unassigned => {
            let message = format!(
                "give at least one active user a permission set or a profile that enables `{reference}`: sortie user assign USER NAME"
            );
            Some(MissingStep { code: "user_missing", message })
        }
    }
}

fn missing_value(facts: &CredentialFacts<'_>, principal: &PrincipalFacts<'_>, field: &Field) -> MissingStep {
    let message = format!("store {} ({}): sortie secret set {}/{} {0}", field.name, field.label, facts.name, principal.name);
    MissingStep { code: "value_missing", message }
}
