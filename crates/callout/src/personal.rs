//! Settings as they are for one callout: the external credential's, the principal's in their place, and the results of their formulas.

use std::sync::Arc;

use aws_lc_rs::digest;
use sortie_formula::{Evaluated, Fault, Scope, SignFault, Template, Value, Variable};
use sortie_model::{Organization, Settings};
use sortie_protocol::{Claims, Kind, Need, Protocol, Tags};

use crate::Caller;
use crate::formulas::FormulaFault;
use crate::scope::{caller_value, organization_value};

/// The settings of one principal, compiled.
pub(crate) struct PrincipalSettings {
    /// Those that are the same for everybody, and the others as they are written. Usually the credential's own: there may be very many principals.
    written: Arc<Settings>,
    /// Formulas that have a result for each user, with the place that messages show: `scope`, `claims.body.sub`.
    formulas: Box<[(String, Template)]>,
    /// Where their results go, in the same order.
    holders: Box<[(String, Holder)]>,
}

/// A setting with formulas.
enum Holder {
    /// One formula makes all of it.
    Template,
    /// Some stand in it.
    Claims(Claims),
    /// Some are among them.
    Tags(Tags),
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

/// What formulas made of the settings for one callout.
pub(crate) struct Personal {
    /// The results, in the order of the formulas.
    results: Vec<Evaluated>,
    /// A digest of them.
    pub(crate) variant: [u8; 16],
}

impl PrincipalSettings {
    /// Merges and parses. A formula that cannot be read any more is kept as a text that no provider knows: definitions are checked when they are saved.
    pub(crate) fn compile(credential: &Arc<Settings>, principal: &Settings, protocol: &dyn Protocol) -> Self {
        let mut written = Arc::clone(credential);
        if !principal.is_empty() {
            Arc::make_mut(&mut written).extend(principal.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        for field in protocol.fields().iter().filter(|field| field.kind == Kind::Template) {
            // A default may be a formula too.
            if let Need::Default(text) = field.need
                && !written.contains_key(field.name)
            {
                Arc::make_mut(&mut written).insert(field.name.to_owned(), text.into());
            }
        }
        let (mut literals, mut formulas, mut holders) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in &*written {
            match protocol.fields().iter().find(|field| field.name == name).map(|field| field.kind) {
                Some(Kind::Template) => {
                    let Some(Ok(template)) = value.as_str().map(Template::parse) else { continue };
                    match template.as_literal() {
                        Some(text) if value == text => {}
                        Some(text) => literals.push((name.clone(), text.into())),
                        None => {
                            formulas.push((name.clone(), template));
                            holders.push((name.clone(), Holder::Template));
                        }
                    }
                }
                Some(Kind::Claims) => {
                    let Ok(claims) = Claims::parse(value) else { continue };
                    let before = formulas.len();
                    formulas.extend(claims.caller_formulas().map(|(place, template)| (format!("{name}.{place}"), template.clone())));
                    if formulas.len() > before {
                        holders.push((name.clone(), Holder::Claims(claims)));
                    }
                }
                Some(Kind::Tags) => {
                    let Ok(tags) = Tags::parse(value) else { continue };
                    let before = formulas.len();
                    formulas.extend(tags.formulas().map(|(key, template)| (format!("{name}.{key}"), template.clone())));
                    if formulas.len() == before {
                        literals.push((name.clone(), tags.fill([])));
                    } else {
                        holders.push((name.clone(), Holder::Tags(tags)));
                    }
                }
                _ => {}
            }
        }
        if !literals.is_empty() {
            Arc::make_mut(&mut written).extend(literals);
        }
        Self { written, formulas: formulas.into(), holders: holders.into() }
    }

    /// The settings, if no formula makes any of them for each user.
    pub(crate) fn shared(&self) -> &Settings {
        &self.written
    }

    /// What formulas make of them for this caller; `None` if they are the same for everybody.
    pub(crate) fn evaluate(&self, caller: &Caller, organization: &Organization) -> Result<Option<Personal>, SettingFault> {
        if self.formulas.is_empty() {
            return Ok(None);
        }
        let scope = CallerScope { caller, organization, now_millis: 0 };
        let mut results = Vec::with_capacity(self.formulas.len());
        let mut digest = digest::Context::new(&digest::SHA256);
        for (place, template) in &self.formulas {
            let result = template.evaluate(&scope).map_err(|fault| SettingFault { setting: place.clone(), fault: fault.into() })?;
            // The length keeps two results apart from one that looks like both together.
            digest.update(&(result.expose().len() as u64).to_be_bytes());
            digest.update(result.expose().as_bytes());
            results.push(result);
        }
        let variant = *digest.finish().as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        Ok(Some(Personal { results, variant }))
    }

    /// The settings with the results in their places. Only a renewal needs them, so a callout does not pay for it.
    pub(crate) fn filled(&self, personal: &Personal) -> Settings {
        let mut settings = Settings::clone(&self.written);
        let mut results = personal.results.iter().map(Evaluated::expose);
        for (name, holder) in &self.holders {
            let value = match holder {
                Holder::Template => results.next().unwrap_or_default().into(),
                Holder::Claims(claims) => claims.fill(&mut results),
                Holder::Tags(tags) => tags.fill(&mut results),
            };
            settings.insert(name.clone(), value);
        }
        settings
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
