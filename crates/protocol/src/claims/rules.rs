//! What may be written as claims: checked when a definition is saved, and again whenever it is read.

use serde_json::{Map, Value};
use sortie_formula::Template;
use sortie_model::{Violation, Violations};

use super::{Claim, Claims, Node, Part};

/// 256 bytes: names are short, or URIs (RFC 7519, section 4.2).
const MAX_NAME_BYTES: usize = 256;

/// 32: deeper than any claim in use, and far from any limit of a parser.
const MAX_DEPTH: usize = 32;

/// Parameters of the header that decide how a token is verified (SIG-04): whoever could write them could make a receiver fetch or use another key.
const RESERVED_HEADER: &[(&str, &str)] = &[
    ("alg", "is set by `signing_algorithm`"),
    ("crit", "is not supported: no extension is"),
    ("b64", "is not supported: the body is always encoded"),
    ("jku", "would tell the receiver where to fetch another key"),
    ("jwk", "would tell the receiver to use another key"),
    ("x5u", "would tell the receiver where to fetch another key"),
    ("x5c", "would tell the receiver to use another key"),
    ("zip", "is for encrypted tokens"),
    ("enc", "is for encrypted tokens"),
];

/// Names with a meaning of their own; another spelling of one of them is a mistake.
const REGISTERED: [(Part, &[&str]); 2] =
    [(Part::Header, &["alg", "typ", "kid", "cty", "crit"]), (Part::Body, &["iss", "sub", "aud", "exp", "nbf", "iat", "jti"])];

impl Claims {
    /// Reads `{header: {name: value}, body: {name: value}}`, of which either may be absent.
    ///
    /// # Errors
    /// All violations, as `header.<name>` and `body.<name>`.
    pub fn parse(value: &Value) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let mut claims = Vec::new();
        let Value::Object(parts) = value else {
            return Err(Violations(vec![Violation::new("", "claims_kind", "must be an object with `header` and `body`")]));
        };
        for (name, value) in parts {
            let part = Part::ALL.into_iter().find(|part| part.name() == name);
            match (part, value) {
                (Some(part), Value::Object(values)) => read_part(part, values, &mut claims, &mut violations),
                (Some(_), _) => violations.0.push(Violation::new(shown(name), "claims_kind", "must be an object of claims by name")),
                (None, _) => violations.0.push(Violation::new(shown(name), "claims_kind", "is neither `header` nor `body`")),
            }
        }
        violations.or(Self(claims))
    }
}

fn read_part(part: Part, values: &Map<String, Value>, claims: &mut Vec<Claim>, violations: &mut Violations) {
    for (name, value) in values {
        let path = format!("{}.{}", part.name(), shown(name));
        let claim = check_name(part, name).map_err(|message| Violation::new(&path, "claim_name", message)).and_then(|()| {
            let value = read(part, name, value, &path)?;
            check_value(part, name, &value).map_err(|message| Violation::new(&path, "claim_value", message))?;
            Ok(Claim { part, name: name.clone(), value })
        });
        match claim {
            Ok(claim) => claims.push(claim),
            Err(violation) => violations.0.push(violation),
        }
    }
}

/// A name as a path may hold it: nothing in it that a terminal would obey.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

fn check_name(part: Part, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(format!("must have a name of 1 to {MAX_NAME_BYTES} bytes without control characters"));
    }
    if let Some((_, why)) = RESERVED_HEADER.iter().find(|(reserved, _)| part == Part::Header && reserved.eq_ignore_ascii_case(name)) {
        return Err((*why).to_owned());
    }
    let registered = REGISTERED.iter().filter(|(of, _)| *of == part).flat_map(|(_, names)| *names);
    match registered.copied().find(|registered| registered.eq_ignore_ascii_case(name)) {
        Some(registered) if registered != name => {
            Err(format!("differs from `{registered}` only in case, which receivers do not take for the same"))
        }
        Some("jti") => Err("is set by `token_id: random`: it must be another one in each token".to_owned()),
        _ => Ok(()),
    }
}

fn check_value(part: Part, name: &str, value: &Node) -> Result<(), &'static str> {
    let is_null = matches!(value, Node::Fixed(Value::Null));
    match (part, name) {
        (Part::Header, "kid") | (Part::Body, "iat" | "nbf") if is_null => Ok(()),
        _ if is_null => Err("must have a value; only `kid`, `iat` and `nbf` can be left out by `null`"),
        (Part::Header, "typ" | "kid" | "cty") | (Part::Body, "iss" | "sub") if !value.is_text() => Err("must be a text that is not empty"),
        // RFC 7519, section 4.1.3: a string, or an array of strings.
        (Part::Body, "aud") if !value.is_audience() => Err("must be a text, or a list of texts, and not empty"),
        // A fixed moment would be right once and wrong ever after.
        (Part::Body, "exp" | "nbf" | "iat") if !value.reads_clock() => Err(
            "must be a formula over the clock, such as {!Text(FLOOR((NOW() - DATETIMEVALUE(\"1970-01-01 00:00:00\")) * 86400 + 120))}; or leave it out, and set `expiration_seconds`",
        ),
        _ => Ok(()),
    }
}

/// Whether an audience is written as JSON in a text.
pub(super) fn is_json_in_a_text(text: &str) -> bool {
    text.trim_start().starts_with(['"', '['])
}

fn read(part: Part, name: &str, value: &Value, path: &str) -> Result<Node, Violation> {
    // Salesforce writes the audience as JSON in a text: `"x"` or `["x","y"]`. It is parsed before its formulas are evaluated, so that no result can add another audience.
    if let (Part::Body, "aud", Value::String(text)) = (part, name, value)
        && is_json_in_a_text(text)
    {
        let parsed: Value = serde_json::from_str(text).map_err(|_| {
            let message = "has invalid JSON syntax; write \"x\" or [\"x\", \"y\"], with quotation marks within formulas as \\\"";
            Violation::new(path, "claim_value", message)
        })?;
        return node(&parsed, path, 0);
    }
    node(value, path, 0)
}

fn node(value: &Value, path: &str, depth: usize) -> Result<Node, Violation> {
    if depth > MAX_DEPTH {
        return Err(Violation::new(path, "claim_value", format!("is nested more than {MAX_DEPTH} levels deep")));
    }
    Ok(match value {
        Value::String(text) if text.contains("{!") => Node::Text(formula(text, path)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Node::Fixed(value.clone()),
        Value::Array(values) => {
            let nodes = values.iter().enumerate().map(|(index, value)| node(value, &format!("{path}[{index}]"), depth + 1));
            Node::List(nodes.collect::<Result<_, _>>()?)
        }
        Value::Object(values) => {
            let nodes = values.iter().map(|(name, value)| Ok((name.clone(), node(value, &format!("{path}.{}", shown(name)), depth + 1)?)));
            Node::Object(nodes.collect::<Result<_, Violation>>()?)
        }
    })
}

fn formula(text: &str, path: &str) -> Result<Template, Violation> {
    // As long as it likes: a definition's length has its own limit, and a user's name with many braces in it must not be refused when it is read again.
    let template = Template::parse_message(text).map_err(|error| Violation::of_formula(path, &error))?;
    let reads = template.reads();
    let refuse = |message: &str| Err(Violation::new(path, "formula_not_here", message));
    if reads.secret {
        return refuse("must not read a secret: whoever sees the token can read its claims");
    }
    if reads.body || reads.endpoint {
        return refuse("must not read the request: the token is used for others too");
    }
    if reads.time && template.variables().next().is_some() {
        return refuse("must not read the clock and anything else: it would have to be signed anew for every callout");
    }
    Ok(template)
}

impl Node {
    fn is_text(&self) -> bool {
        match self {
            Self::Fixed(Value::String(text)) => !text.is_empty(),
            Self::Text(_) => true,
            Self::Fixed(_) | Self::List(_) | Self::Object(_) => false,
        }
    }

    fn is_audience(&self) -> bool {
        match self {
            Self::List(nodes) => !nodes.is_empty() && nodes.iter().all(Self::is_text),
            _ => self.is_text(),
        }
    }

    fn reads_clock(&self) -> bool {
        matches!(self, Self::Text(template) if template.reads().time)
    }
}
