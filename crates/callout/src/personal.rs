//! Settings as they are for one callout: the external credential's, the principal's in their place, and the results of their formulas.

use aws_lc_rs::digest;
use sortie_formula::{Fault, Scope, SignFault, Template, Value, Variable};
use sortie_model::{Organization, Settings};

use crate::Caller;
use crate::formulas::FormulaFault;
use crate::scope::{caller_value, organization_value};

/// The settings of one principal, compiled.
pub(crate) struct PrincipalSettings {
    /// Those that are the same for everybody.
    fixed: Settings,
    /// Those that formulas make for each user, by name.
    formulas: Box<[(String, Template)]>,
}

/// A setting whose formula has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the setting `{setting}`: {fault}")]
pub struct SettingFault {
    /// Its name.
    pub setting: String,
    /// Why not.
    pub fault: FormulaFault,
}

/// The settings of one callout.
pub(crate) struct Personal {
    pub(crate) settings: Settings,
    /// A digest of what the formulas gave.
    pub(crate) variant: [u8; 16],
}

impl PrincipalSettings {
    /// Merges and parses. `is_template` says which settings may hold formulas. A formula that cannot be read any more is kept as a text that no provider knows:
    /// definitions are checked when they are saved.
    pub(crate) fn compile(credential: &Settings, principal: &Settings, is_template: impl Fn(&str) -> bool) -> Self {
        let mut fixed = credential.clone();
        fixed.extend(principal.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut formulas = Vec::new();
        for (name, value) in fixed.iter_mut().filter(|(name, _)| is_template(name)) {
            let Some(Ok(template)) = value.as_str().map(Template::parse) else { continue };
            match template.as_literal() {
                Some(text) => *value = text.into(),
                None => formulas.push((name.clone(), template)),
            }
        }
        Self { fixed, formulas: formulas.into() }
    }

    /// The settings that are the same for everybody.
    pub(crate) fn fixed(&self) -> &Settings {
        &self.fixed
    }

    /// What they are for this caller; `None` if they are the same for everybody.
    pub(crate) fn evaluate(&self, caller: &Caller, organization: &Organization) -> Result<Option<Personal>, SettingFault> {
        if self.formulas.is_empty() {
            return Ok(None);
        }
        let scope = CallerScope { caller, organization, now_millis: 0 };
        let mut settings = Settings::clone(&self.fixed);
        let mut digest = digest::Context::new(&digest::SHA256);
        for (name, template) in &self.formulas {
            let result = template.evaluate(&scope).map_err(|fault| SettingFault { setting: name.clone(), fault: fault.into() })?;
            // The length keeps two settings apart from one that looks like both together.
            digest.update(&(result.expose().len() as u64).to_be_bytes());
            digest.update(result.expose().as_bytes());
            settings.insert(name.clone(), result.expose().into());
        }
        let variant = *digest.finish().as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        Ok(Some(Personal { settings, variant }))
    }
}

/// What formulas see where there is no callout yet: the caller and the organization. The result of a setting is part of what a token is kept under, so it sees
/// no clock either.
pub(crate) struct CallerScope<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) organization: &'a Organization,
    pub(crate) now_millis: i64,
}

impl Scope for CallerScope<'_> {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        match variable {
            Variable::User(_) | Variable::ProfileName => Ok(caller_value(self.caller, variable)),
            Variable::Organization(field) => Ok(organization_value(self.organization, field)),
            _ => Err(Fault::Unavailable { what: variable.to_string(), why: "there is no credential and no request here" }),
        }
    }

    fn now_millis(&self) -> i64 {
        self.now_millis
    }

    fn sign_with_certificate(&self, _algorithm: &str, _input: &[u8], _certificate: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoStore)
    }
}
