//! Rules for answers that mean "the token is stale".

use sortie_model::{MAX_RENEWAL_RULES, RenewalRule, Violation};

use crate::yaml::{At, Fields, Reader};

/// The list under `renewal_rules`, as written.
pub(super) fn renewal_rules(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<RenewalRule> {
    let Some(at) = fields.take("renewal_rules") else { return Vec::new() };
    let items = reader.list(&at);
    if items.len() > MAX_RENEWAL_RULES {
        let message = format!("holds more than {MAX_RENEWAL_RULES} rules");
        reader.keep(&at, Err::<(), _>(Violation::new("renewal_rules", "too_many", message)));
    }
    items.iter().filter_map(|item| renewal_rule(reader, item)).collect()
}

fn renewal_rule(reader: &mut Reader<'_>, item: &At<'_>) -> Option<RenewalRule> {
    let mut fields = reader.fields(item)?;
    let status = fields.require(reader, "status").and_then(|at| reader.number(&at, 0, 999));
    let header = fields.take("header").and_then(|at| reader.text(&at));
    let pointer = fields.take("pointer").and_then(|at| reader.text(&at));
    let equals = fields.require(reader, "equals").and_then(|at| reader.json(&at));
    fields.finish(reader);
    let (status, equals) = (u16::try_from(status?).ok()?, scalar(&equals?));
    let rule = match (header, pointer, equals) {
        (_, _, None) => Err(Violation::new("equals", "type", "must be a text, a number, or true or false")),
        (Some(header), None, Some(equals)) => RenewalRule::of_header(status, header, &equals),
        (None, Some(pointer), Some(equals)) => RenewalRule::of_pointer(status, pointer, &equals),
        (None, None, _) | (Some(_), Some(_), _) => {
            Err(Violation::new("pointer", "one_of", "must say either which `header` or at which `pointer` the sign is"))
        }
    };
    reader.keep_all(item, rule.map_err(Into::into))
}

/// As JSON writes it, texts without their quotes.
fn scalar(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
