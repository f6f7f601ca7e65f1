//! Claims: what a signed token says beyond what its protocol puts there, as an admin writes it.
//!
//! A value keeps the type in which it is written: a text stays a text, whatever it looks like, and a number, a boolean, a list or an object is one in the token.
//! Texts, wherever they stand, may hold formulas. A formula that reads a variable belongs to the caller: it is evaluated for each callout, and its result is part
//! of what the token is kept under. One that reads only the clock is evaluated when the token is signed. None may do both: the token would have to be signed anew
//! for every callout. Results are put into JSON as texts, never read as JSON or as formulas again (FRM-02).

use serde_json::{Map, Value};
use sortie_formula::{Fault, Scope, SignFault, Template, Variable};

mod rules;

#[cfg(test)]
mod tests;

/// Claims of both parts of a token, parsed and checked.
#[derive(Clone, Debug, Default)]
pub struct Claims(Vec<Claim>);

#[derive(Clone, Debug)]
struct Claim {
    part: Part,
    name: String,
    value: Node,
}

/// Where in a token a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The JOSE header (RFC 7515, section 4).
    Header,
    /// The claims set (RFC 7519, section 4).
    Body,
}

impl Part {
    const ALL: [Self; 2] = [Self::Header, Self::Body];

    const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

/// A value, with its formulas where they stand.
#[derive(Clone, Debug)]
enum Node {
    Fixed(Value),
    Text(Template),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The claims of one token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// Of the header. Null: this one is left out, although the protocol would put it there.
    pub header: Map<String, Value>,
    /// Of the body; null as in the header.
    pub body: Map<String, Value>,
}

/// A claim whose formula has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{claim}`: {fault}")]
pub struct ClaimFault {
    /// Where it stands: `body.sub`.
    pub claim: String,
    /// Why not.
    pub fault: Fault,
}

impl Claims {
    /// Whether nothing is edited: the protocol's own claims are all there are.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this claim is written, and not to be left out.
    pub fn has(&self, part: Part, name: &str) -> bool {
        self.0.iter().any(|claim| claim.part == part && claim.name == name && !matches!(claim.value, Node::Fixed(Value::Null)))
    }

    /// All formulas, each with its place: `body.sub`, `body.groups[0]`.
    pub fn formulas(&self) -> impl Iterator<Item = (String, &Template)> {
        let mut found = Vec::new();
        for claim in &self.0 {
            claim.value.collect(&claim.path(), &mut found);
        }
        found.into_iter()
    }

    /// Those of [`Claims::formulas`] that belong to the caller, in the order in which [`Claims::fill`] takes their results.
    pub fn caller_formulas(&self) -> impl Iterator<Item = (String, &Template)> {
        self.formulas().filter(|(_, template)| is_callers(template))
    }

    /// The claims as they could have been written for one caller: the results of the caller's formulas in their places, and all else as it was.
    pub fn fill<'r>(&self, results: impl IntoIterator<Item = &'r str>) -> Value {
        let mut results = results.into_iter();
        let mut parts = Map::new();
        for claim in &self.0 {
            let value = claim.value.fill(&mut results);
            let part = parts.entry(claim.part.name()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(part) = part {
                part.insert(claim.name.clone(), value);
            }
        }
        Value::Object(parts)
    }

    /// Evaluates what is left for the moment of signing.
    ///
    /// # Errors
    /// A [`ClaimFault`]. A formula of the caller's that was not filled in is one.
    pub fn evaluate(&self, now_millis: i64) -> Result<Evaluated, ClaimFault> {
        let mut evaluated = Evaluated::default();
        for claim in &self.0 {
            let value = claim.value.evaluate(&Clock(now_millis)).map_err(|fault| ClaimFault { claim: claim.path(), fault })?;
            let part = match claim.part {
                Part::Header => &mut evaluated.header,
                Part::Body => &mut evaluated.body,
            };
            part.insert(claim.name.clone(), value);
        }
        Ok(evaluated)
    }
}

/// Whether a formula is evaluated for each caller.
fn is_callers(template: &Template) -> bool {
    template.variables().next().is_some()
}

impl Claim {
    fn path(&self) -> String {
        format!("{}.{}", self.part.name(), rules::shown(&self.name))
    }
}

impl Node {
    fn collect<'a>(&'a self, path: &str, found: &mut Vec<(String, &'a Template)>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => found.push((path.to_owned(), template)),
            Self::List(nodes) => nodes.iter().enumerate().for_each(|(index, node)| node.collect(&format!("{path}[{index}]"), found)),
            Self::Object(nodes) => nodes.iter().for_each(|(name, node)| node.collect(&format!("{path}.{}", rules::shown(name)), found)),
        }
    }

    /// As written, with the next results in the places of the caller's formulas.
    fn fill<'r>(&self, results: &mut impl Iterator<Item = &'r str>) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) if is_callers(template) => quoted(results.next().unwrap_or_default()).into(),
            Self::Text(template) => template.source().into(),
            Self::List(nodes) => nodes.iter().map(|node| node.fill(results)).collect(),
            Self::Object(nodes) => Value::Object(nodes.iter().map(|(name, node)| (name.clone(), node.fill(results))).collect()),
        }
    }

    fn evaluate(&self, scope: &Clock) -> Result<Value, Fault> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => template.evaluate(scope)?.expose().into(),
            Self::List(nodes) => nodes.iter().map(|node| node.evaluate(scope)).collect::<Result<_, _>>()?,
            Self::Object(nodes) => {
                let values = nodes.iter().map(|(name, node)| Ok((name.clone(), node.evaluate(scope)?)));
                Value::Object(values.collect::<Result<_, Fault>>()?)
            }
        })
    }
}

/// A text as a template that means just it: what a user is called is never a formula, and never an audience written as JSON.
fn quoted(text: &str) -> String {
    let nothing = if rules::is_json_in_a_text(text) { r#"{!""}"# } else { "" };
    format!("{nothing}{}", text.replace("{!", r#"{!"{!"}"#))
}

/// What formulas see at the moment of signing.
struct Clock(i64);

impl Scope for Clock {
    fn value(&self, variable: &Variable) -> Result<Option<sortie_formula::Value<'_>>, Fault> {
        Err(Fault::Unavailable { what: variable.to_string(), why: "a token is signed without a caller" })
    }

    fn now_millis(&self) -> i64 {
        self.0
    }

    fn sign_with_certificate(&self, _algorithm: &str, _input: &[u8], _certificate: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoStore)
    }
}
