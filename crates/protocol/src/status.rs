//! Authentication status: which fields and steps are still missing. Each missing item is also the next thing to do.

use sortie_model::{AuthenticationFlow, AuthenticationStatus, ClientValues, IdentityType, MissingStep, Settings, SigningAlgorithm};

use crate::{
    CertificateSetting, Completeness, Field, Need, Place, Protocol, ProviderSetting, certificate_settings, provider_fields,
    provider_setting, provider_values,
};

/// What is known about an external credential.
#[derive(Clone, Debug)]
pub struct CredentialFacts<'a> {
    /// Its developer name.
    pub name: &'a str,
    /// Its settings.
    pub settings: &'a Settings,
    /// The provider that the settings name, if there is one of this name and kind.
    pub provider: Option<ProviderFacts>,
    /// Those of the certificates that the settings name which there are.
    pub certificates: Vec<CertificateFacts>,
    /// Its principals, lowest sequence number first.
    pub principals: Vec<PrincipalFacts<'a>>,
}

/// What is known about a certificate.
#[derive(Clone, Debug)]
pub struct CertificateFacts {
    /// Its name; looked up without regard to ASCII case.
    pub name: String,
    /// What it can sign with now: nothing while it waits for its chain.
    pub signs_with: &'static [SigningAlgorithm],
}

/// What is known about a provider.
#[derive(Clone, Debug)]
pub struct ProviderFacts {
    /// How it gives tokens.
    pub flow: AuthenticationFlow,
    /// What must be stored for it.
    pub client_values: ClientValues,
    /// Names of the values stored for it.
    pub stored_values: Vec<String>,
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
    /// For whom it is enabled.
    pub reach: Reach,
    /// Users for whom every required value is stored (Per User).
    pub users_with_values: u64,
    /// How many have logged in with a browser, and need not do so again: the admin for a Named principal, users for a Per User one.
    pub logins: u64,
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
    if protocol.login().is_some() && principal.logins == 0 {
        missing.push(missing_login(facts, principal));
    }
    let status = if missing.is_empty() { AuthenticationStatus::Configured } else { AuthenticationStatus::NotConfigured };
    PrincipalStatus { status, missing }
}

fn missing_login(facts: &CredentialFacts<'_>, principal: &PrincipalFacts<'_>) -> MissingStep {
    let reference = format!("{}/{}", facts.name, principal.name);
    let message = match principal.identity_type {
        IdentityType::Named => format!("authenticate `{reference}` at the provider: sortie auth login {reference}"),
        IdentityType::PerUser => format!(
            "have at least one user authenticate for `{reference}`: on the page External Credentials, or with sortie auth login {reference} --user USER"
        ),
    };
    MissingStep { code: "login_missing", message }
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
    let mut missing: Vec<MissingStep> = required
        .filter(|field| !is_set(field))
        .map(|field| MissingStep {
            code: "setting_missing",
            message: format!("set `{}` ({}) of `{}`", field.name, field.label, facts.name),
        })
        .collect();
    match provider_setting(protocol, facts.settings) {
        Some(setting) => missing.extend(missing_of_provider(setting, facts)),
        None => missing.extend(missing_provider(protocol, facts)),
    }
    missing.extend(certificate_settings(protocol, facts.settings).filter_map(|setting| missing_of_certificate(setting, facts)));
    missing
}

fn missing_of_certificate(setting: CertificateSetting<'_>, facts: &CredentialFacts<'_>) -> Option<MissingStep> {
    let CertificateSetting { field, name, algorithm } = setting;
    let step = |code, message| Some(MissingStep { code, message });
    let Some(certificate) = facts.certificates.iter().find(|known| known.name.eq_ignore_ascii_case(name)) else {
        let message =
            format!("make or import the certificate `{name}`, which `{field}` of `{}` names: sortie certificate create {name}", facts.name);
        return step("certificate_missing", message);
    };
    if certificate.signs_with.is_empty() {
        return step(
            "certificate_pending",
            format!("install the chain of the certificate `{name}`: sortie certificate install {name} CHAIN"),
        );
    }
    let algorithm = algorithm.filter(|algorithm| !certificate.signs_with.contains(algorithm))?;
    let can: Vec<&str> = certificate.signs_with.iter().map(|algorithm| algorithm.as_str()).collect();
    let message = format!(
        "set `signing_algorithm` of `{}` to what the key of `{name}` can sign with: {} (it is {})",
        facts.name,
        can.join(" or "),
        algorithm.as_str()
    );
    step("certificate_algorithm", message)
}

/// A protocol with several settings that can name its provider needs one of them, although none of them alone.
fn missing_provider(protocol: &dyn Protocol, facts: &CredentialFacts<'_>) -> Option<MissingStep> {
    let fields: Vec<&Field> = provider_fields(protocol).map(|one| one.field).collect();
    if fields.is_empty() || fields.iter().any(|field| field.need == Need::Required) {
        return None;
    }
    let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    let message = format!("set {} of `{}`", names.join(" or "), facts.name);
    Some(MissingStep { code: "setting_missing", message })
}

fn missing_of_provider(setting: ProviderSetting<'_>, facts: &CredentialFacts<'_>) -> Vec<MissingStep> {
    let ProviderSetting { field, kind, flow, name } = setting;
    let Some(provider) = &facts.provider else {
        let what = kind.in_words();
        let message = format!("define the {what} `{name}`, which `{field}` of `{}` names: sortie apply -f FILE", facts.name);
        return vec![MissingStep { code: "provider_missing", message }];
    };
    if provider.flow != flow {
        let (has, needs) = (provider.flow.as_str(), flow.as_str());
        let message = format!("let `{field}` of `{}` name a provider of the flow {needs}: `{name}` has the flow {has}", facts.name);
        return vec![MissingStep { code: "provider_flow", message }];
    }
    let is_missing = |field: &&Field| !provider.stored_values.iter().any(|stored| stored == field.name);
    let step = |value: &Field| {
        let message = format!("store {} ({}) of the provider: sortie secret set provider:{name} {0}", value.name, value.label);
        MissingStep { code: "provider_value_missing", message }
    };
    provider_values(provider.client_values).iter().filter(is_missing).map(step).collect()
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
