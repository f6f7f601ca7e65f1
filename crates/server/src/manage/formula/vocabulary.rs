//! What a formula may read, by where it stands. Checked when a definition is saved, so that nobody finds a misspelt name by a failing callout.

use std::collections::BTreeSet;

use sortie_formula::{FormulaError, Refusal, STANDARD_USER_FIELDS, Template, Variable};
use sortie_model::{ApiName, Violation};
use sortie_protocol::{Parameters, Protocol};
use utoipa::ToSchema;

use crate::manage::NotStored;

/// Where a formula stands.
#[derive(Clone, Copy)]
pub(in crate::manage) enum Place<'a> {
    /// A custom header of callouts with this external credential.
    Header { credential: &'a ApiName, protocol: &'a dyn Protocol },
    /// A setting that is shown and sent to a provider, such as a scope (FRM-05): no secret, and nothing that changes from callout to callout.
    Setting,
    /// A claim of a signed token: as a setting, and if it reads nothing else, the clock when the token is signed.
    Claim,
}

/// The names that are known.
#[derive(Default)]
pub(in crate::manage) struct Vocabulary {
    /// Attributes that some user has, or will have, in lower case.
    attributes: BTreeSet<String>,
}

/// The names of attributes in a formula that need not exist: neither fields of Salesforce's User object nor custom fields by their name.
fn unknown_attributes(template: &Template) -> impl Iterator<Item = &str> {
    template.variables().filter_map(|variable| match variable {
        Variable::User(field) if !is_standard(field) => Some(field.as_str()),
        _ => None,
    })
}

fn is_standard(field: &str) -> bool {
    STANDARD_USER_FIELDS.iter().any(|known| known.eq_ignore_ascii_case(field)) || field.to_ascii_lowercase().ends_with("__c")
}

impl Vocabulary {
    /// Adds an attribute that some user has.
    pub(in crate::manage) fn know(&mut self, attribute: &str) {
        self.attributes.insert(attribute.to_ascii_lowercase());
    }

    /// Finds out which of a formula's attributes some stored user has.
    pub(in crate::manage) async fn learn(&mut self, change: &mut sortie_store::Change<'_>, template: &Template) -> Result<(), NotStored> {
        for name in unknown_attributes(template) {
            if !self.knows(name) && change.users().any_has_attribute(name).await? {
                self.know(name);
            }
        }
        Ok(())
    }

    fn knows(&self, attribute: &str) -> bool {
        self.attributes.contains(&attribute.to_ascii_lowercase())
    }

    /// Judges a formula in its place.
    pub(in crate::manage) fn judge(&self, template: &Template, place: Place<'_>) -> Result<(), Violation> {
        let judged = template.check_variables(|variable| self.judge_variable(variable, place));
        judged.map_err(|error| Violation::of_formula("", &error))?;
        if matches!(place, Place::Setting | Place::Claim) && template.reads().certificate {
            let message = "must not sign with a certificate: only the formulas of custom headers can";
            return Err(Violation::new("", "formula_not_here", message));
        }
        if matches!(place, Place::Setting) && template.reads().time {
            let message = "must not read the clock: its result is part of what a token is kept under";
            return Err(Violation::new("", "formula_not_here", message));
        }
        Ok(())
    }

    fn judge_variable(&self, variable: &Variable, place: Place<'_>) -> Result<(), Refusal> {
        match (variable, place) {
            (Variable::User(field), _) if !is_standard(field) && !self.knows(field) => Err(self.no_such_attribute(field)),
            (Variable::User(_) | Variable::ProfileName | Variable::Organization(_), _) => Ok(()),
            (_, Place::Setting | Place::Claim) => Err(Refusal {
                code: "formula_not_here",
                message: format!(
                    "`{variable}` cannot be read here: a setting is shown to admins and sent to a provider, before there is a request"
                ),
                suggestion: Some("only `$User`, `$Profile` and `$Organization` can".to_owned()),
            }),
            (Variable::Body { external_credential }, Place::Header { credential, .. }) => own(external_credential, credential, variable),
            (Variable::Credential { external_credential, parameter }, Place::Header { credential, protocol }) => {
                own(external_credential, credential, variable)?;
                known_parameter(parameter, credential, protocol)
            }
            (Variable::EndpointUrl | Variable::Legacy(_), Place::Header { .. }) => Ok(()),
        }
    }

    fn no_such_attribute(&self, field: &str) -> Refusal {
        let known = STANDARD_USER_FIELDS.iter().copied().chain(self.attributes.iter().map(String::as_str));
        let near = sortie_formula::nearest(field, known);
        Refusal {
            code: "formula_unknown_variable",
            message: format!("no user has an attribute `{field}`"),
            suggestion: Some(match near {
                Some(near) => format!("did you mean `$User.{near}`?"),
                None => format!("set it for a user first (`sortie user set NAME --attribute {field}=…`), or call it `{field}__c`"),
            }),
        }
    }
}

/// A formula can only mean values of the credential that the callout is made with (FRM-04).
fn own(written: &str, credential: &ApiName, variable: &Variable) -> Result<(), Refusal> {
    if written.eq_ignore_ascii_case(credential.as_str()) {
        return Ok(());
    }
    let is_namespaced = written.rsplit_once("__").is_some_and(|(_, name)| name.eq_ignore_ascii_case(credential.as_str()));
    let suggestion = if is_namespaced {
        format!("it has no namespace here: write `{credential}` for `{written}`")
    } else {
        format!("only values of `{credential}` are known in its callouts")
    };
    let message = format!("`{variable}` belongs to another external credential");
    Err(Refusal { code: "formula_foreign_credential", message, suggestion: Some(suggestion) })
}

fn known_parameter(parameter: &str, credential: &ApiName, protocol: &dyn Protocol) -> Result<(), Refusal> {
    let values = || protocol.fields().iter().filter(|field| !field.place.is_setting()).map(|field| field.name);
    if protocol.parameters() == Parameters::Free || values().any(|known| known.eq_ignore_ascii_case(parameter)) {
        return Ok(());
    }
    let known: Vec<&str> = values().collect();
    Err(Refusal {
        code: "formula_unknown_variable",
        message: format!("`{credential}` has no value `{parameter}`: the protocol `{}` has {}", protocol.name(), list(&known)),
        suggestion: sortie_formula::nearest(parameter, known).map(|near| format!("did you mean `$Credential.{credential}.{near}`?")),
    })
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A formula as the check sees it.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = FormulaCheck)]
pub struct Check {
    /// The variables that it reads, in order, each once.
    pub variables: Vec<String>,
    /// Whether its result is a secret.
    pub secret: bool,
    /// Whether its result may differ from callout to callout.
    pub per_callout: bool,
    /// Whether callers may use it too, where a named credential lets them: it does not look into secrets.
    pub discreet: bool,
    /// Attributes that only users with custom attributes have.
    pub custom_attributes: Vec<String>,
}

/// Reads a formula and says what it depends on. A text without `{!` is read as one expression.
///
/// # Errors
/// A [`FormulaError`].
pub fn check(source: &str) -> Result<(Template, Check), FormulaError> {
    let template = if source.contains("{!") { Template::parse(source)? } else { Template::parse_bare(source)? };
    let mut variables: Vec<String> = Vec::new();
    for variable in template.variables().map(ToString::to_string) {
        if !variables.contains(&variable) {
            variables.push(variable);
        }
    }
    let custom_attributes = unknown_attributes(&template).map(str::to_owned).collect();
    let reads = template.reads();
    let discreet = template.check_discretion().is_ok();
    Ok((template, Check { variables, secret: reads.secret, per_callout: reads.is_per_callout(), discreet, custom_attributes }))
}
