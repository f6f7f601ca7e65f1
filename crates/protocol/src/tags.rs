//! Tags: names with texts that formulas may make for each caller, under the limits that AWS sets for the tags of a session.

use serde_json::{Map, Value};
use sortie_formula::Template;
use sortie_model::{Violation, Violations};

/// 50 (AWS STS API reference, `AssumeRole`, "Tags").
const MAX_TAGS: usize = 50;

/// 128 and 256 characters (AWS STS API reference, "Tag").
const MAX_KEY_CHARACTERS: usize = 128;
const MAX_VALUE_CHARACTERS: usize = 256;

/// Tags as an admin writes them.
#[derive(Clone, Debug, Default)]
pub struct Tags(Vec<(String, Template)>);

impl Tags {
    /// Reads `{key: text}`. A text without formulas must be a value that AWS takes; what formulas make of the others is seen only when they have.
    ///
    /// # Errors
    /// All violations, by the keys.
    pub fn parse(value: &Value) -> Result<Self, Violations> {
        let Value::Object(written) = value else {
            return Err(Violation::new("", "tags_kind", "must be an object of texts by their keys").into());
        };
        let (mut tags, mut violations) = (Vec::new(), Violations::default());
        if written.len() > MAX_TAGS {
            violations.0.push(Violation::new("", "tags_count", format!("must be {MAX_TAGS} tags at most")));
        }
        for (at, (key, value)) in written.iter().enumerate() {
            // AWS tells keys apart without regard to case.
            let is_double = written.keys().take(at).any(|other| other.to_lowercase() == key.to_lowercase());
            match read(key, value, is_double) {
                Ok(template) => tags.push((key.clone(), template)),
                Err(violation) => violations.0.push(violation),
            }
        }
        violations.or(Self(tags))
    }

    /// Their keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Their formulas, each with its key, in the order in which [`Tags::fill`] takes the results.
    pub fn formulas(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.0.iter().filter(|(_, template)| template.as_literal().is_none()).map(|(key, template)| (key.as_str(), template))
    }

    /// The tags of one caller: results in the places of formulas, and every other text as it is meant. Nothing in it is a formula any more.
    pub fn fill<'r>(&self, results: impl IntoIterator<Item = &'r str>) -> Value {
        let mut results = results.into_iter();
        let filled = self.0.iter().map(|(key, template)| {
            let text = template.as_literal().unwrap_or_else(|| results.next().unwrap_or_default());
            (key.clone(), text.into())
        });
        Value::Object(filled.collect::<Map<_, _>>())
    }
}

fn read(key: &str, value: &Value, is_double: bool) -> Result<Template, Violation> {
    let shown: String = key.chars().take(MAX_KEY_CHARACTERS).flat_map(char::escape_debug).collect();
    let wrong = |rule, message: String| Violation::new(&shown, rule, message);
    let length = key.chars().count();
    if !(1..=MAX_KEY_CHARACTERS).contains(&length) || !key.chars().all(is_taken) {
        let message = format!("must have a key of 1 to {MAX_KEY_CHARACTERS} letters, digits, spaces and `_.:/=+-@`");
        return Err(wrong("tag_key", message));
    }
    if key.to_lowercase().starts_with("aws:") {
        return Err(wrong("tag_key", "begins with `aws:`, which only AWS itself may".to_owned()));
    }
    if is_double {
        return Err(wrong("tag_key", "differs from another key only in case, which AWS takes for the same".to_owned()));
    }
    let text = value.as_str().ok_or_else(|| wrong("tags_kind", "must be a text".to_owned()))?;
    let template = Template::parse(text).map_err(|error| Violation::of_formula(&shown, &error))?;
    if let Some(literal) = template.as_literal() {
        check_value(literal).map_err(|problem| wrong("tag_value", format!("must be {problem}")))?;
    }
    Ok(template)
}

/// Whether a value of a tag is one that AWS takes.
///
/// # Errors
/// What it must be.
pub(crate) fn check_value(value: &str) -> Result<(), String> {
    if value.chars().count() <= MAX_VALUE_CHARACTERS && value.chars().all(is_taken) {
        return Ok(());
    }
    Err(format!("a text of at most {MAX_VALUE_CHARACTERS} letters, digits, spaces and `_.:/=+-@`"))
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]` (AWS STS API reference, "Tag"); of the separators only the spaces that do not break a line.
fn is_taken(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || character == '\u{a0}' || "_.:/=+-@".contains(character)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(written: Value) -> Vec<(String, &'static str)> {
        Tags::parse(&written).unwrap_err().0.into_iter().map(|violation| (violation.field, violation.rule)).collect()
    }

    #[test]
    fn what_aws_would_refuse_is_refused_when_it_is_saved() {
        for (written, rule) in [
            (json!("Team=a"), "tags_kind"),
            (json!({ "": "a" }), "tag_key"),
            (json!({ "a,b": "a" }), "tag_key"),
            (json!({ "aws:x": "a" }), "tag_key"),
            (json!({ ("k".repeat(129)): "a" }), "tag_key"),
            (json!({ "Team": "a", "team": "b" }), "tag_key"),
            (json!({ "Team": 5 }), "tags_kind"),
            (json!({ "Team": "a;b" }), "tag_value"),
            (json!({ "Team": "v".repeat(257) }), "tag_value"),
            (json!({ "Team": "{!$User." }), "formula_unknown_variable"),
        ] {
            assert_eq!(rules(written.clone())[0].1, rule, "{written}");
        }
        let many: Map<String, Value> = (0..51).map(|at| (format!("k{at}"), "v".into())).collect();
        assert_eq!(rules(many.into()), [(String::new(), "tags_count")]);
        assert!(Tags::parse(&json!({ ("k".repeat(128)): "ü".repeat(256), "Kosten Stelle": "", "a/b:c=d+e-f@g_h.i": "x" })).is_ok());
    }

    #[test]
    fn results_stand_where_formulas_were() {
        let tags = Tags::parse(&json!({ "Department": "{!$User.Department}", "Team": "a", "User": "u-{!$User.UserName}" })).unwrap();
        let keys: Vec<&str> = tags.formulas().map(|(key, _)| key).collect();
        assert_eq!(keys, ["Department", "User"]);
        // What a user is called is never a formula.
        assert_eq!(tags.fill(["{!x}", "u-alice"]), json!({ "Department": "{!x}", "Team": "a", "User": "u-alice" }));
    }
}
