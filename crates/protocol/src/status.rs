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
    /// Its own settings, which replace the credential's.
    pub settings: &'a Settings,
    /// Names of the values stored for a Named principal.
    pub stored_values: Vec<String>,
    /// Whether some permission set or profile enables it.
    pub has_access: bool,
    /// Users for whom every required value is stored (Per User).
    pub users_with_values: u64,
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
    let others = || facts.principals.iter().filter(|principal| !is_lender(protocol, principal));
    let mut missing = missing_settings(protocol, facts, None);
    if others().next().is_none() {
        let message = format!("add a principal to `{}`", facts.name);
        missing.push(MissingStep { code: "principal_missing", message });
        return PrincipalStatus { status: AuthenticationStatus::NotConfigured, missing };
    }
    if protocol.completeness() == Completeness::Unknowable {
        return PrincipalStatus { status: AuthenticationStatus::Unknown, missing };
    }
    let has_configured = others().any(|principal| principal_status(protocol, facts, principal).status == AuthenticationStatus::Configured);
    let status = if has_configured { AuthenticationStatus::Configured } else { AuthenticationStatus::NotConfigured };
    PrincipalStatus { status, missing }
}

/// The status of one principal.
pub fn principal_status(protocol: &dyn Protocol, facts: &CredentialFacts<'_>, principal: &PrincipalFacts<'_>) -> PrincipalStatus {
    if protocol.completeness() == Completeness::Unknowable {
        return PrincipalStatus { status: AuthenticationStatus::Unknown, missing: Vec::new() };
    }
    let mut missing = if is_lender(protocol, principal) { Vec::new() } else { missing_settings(protocol, facts, Some(principal)) };
    if let Some(lender) = protocol.lender().filter(|lender| *lender != principal.name) {
        missing.extend(missing_from_lender(protocol, facts, lender));
        let status = if missing.is_empty() { AuthenticationStatus::Configured } else { AuthenticationStatus::NotConfigured };
        return PrincipalStatus { status, missing };
    }
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
            if !principal.has_access {
                let message = format!(
                    "enable `{}/{}` for a permission set or a profile: sortie grant add {0}/{1} --permission-set NAME",
                    facts.name, principal.name
                );
                missing.push(MissingStep { code: "access_missing", message });
            }
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

fn is_lender(protocol: &dyn Protocol, principal: &PrincipalFacts<'_>) -> bool {
    protocol.lender() == Some(principal.name)
}

/// What the principal lacks that lends its values to all others.
fn missing_from_lender(protocol: &dyn Protocol, facts: &CredentialFacts<'_>, name: &str) -> Vec<MissingStep> {
    let Some(lender) = facts.principals.iter().find(|principal| principal.name == name) else {
        let message = format!("add a principal named `{name}` to `{}`: it holds the values that all others share", facts.name);
        return vec![MissingStep { code: "principal_missing", message }];
    };
    principal_status(protocol, facts, lender).missing
}

/// Required settings that are not filled in: of the external credential, or by one of its principals with its own in their place.
fn missing_settings(protocol: &dyn Protocol, facts: &CredentialFacts<'_>, principal: Option<&PrincipalFacts<'_>>) -> Vec<MissingStep> {
    let has = |settings: &Settings, field: &Field| {
        settings.get(field.name).and_then(serde_json::Value::as_str).is_some_and(|text| !text.is_empty())
    };
    let is_own =
        |field: &Field, principal: &PrincipalFacts<'_>| field.place == Place::SettingsOrPrincipal && has(principal.settings, field);
    let is_set = |field: &Field| match principal {
        Some(principal) => has(facts.settings, field) || is_own(field, principal),
        // Whatever some principals have, the others are told that they lack it.
        None => has(facts.settings, field) || facts.principals.iter().any(|principal| is_own(field, principal)),
    };
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

fn missing_value(facts: &CredentialFacts<'_>, principal: &PrincipalFacts<'_>, field: &Field) -> MissingStep {
    let message = format!("store {} ({}): sortie secret set {}/{} {0}", field.name, field.label, facts.name, principal.name);
    MissingStep { code: "value_missing", message }
}
