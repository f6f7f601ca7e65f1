//! The document says what the code does: every body is read as its schema says, everything that is referred to is there, nothing is called the same twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::components::Refusal;
use super::operation::Form;
use super::{document, routes};
use crate::api::json::{At, Node, Reader, asked_for};
use crate::api::mount::NEWEST;

fn forms() -> BTreeMap<&'static str, &'static Form> {
    routes().filter_map(|route| route.operation.body).map(|form| (form.name, form)).collect()
}

/// Whether a reader takes a body.
fn takes(form: &Form, body: &Value) -> bool {
    let node: Node = serde_json::from_value(body.clone()).unwrap();
    let mut reader = Reader::new(NEWEST);
    let read = (form.read)(&mut reader, &At { node: &node, pointer: String::new() });
    reader.finish(read.then_some(())).is_ok()
}

/// Goes through a schema and an example of it together.
struct Comparison<'a> {
    form: &'a Form,
    example: Value,
    /// By pointer of an object: the members that the reader looked for.
    asked: BTreeMap<String, BTreeSet<String>>,
    differences: Vec<String>,
}

impl Comparison<'_> {
    fn changed(&self, pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut body = self.example.clone();
        change(body.pointer_mut(pointer).unwrap());
        body
    }

    fn expect(&mut self, is_taken: bool, body: &Value, what: impl FnOnce() -> String) {
        if takes(self.form, body) != is_taken {
            let verdict = if is_taken { "refuses it" } else { "takes it" };
            self.differences.push(format!("{}: {}: the schema says otherwise, and the reader {verdict}", self.form.name, what()));
        }
    }

    fn walk(&mut self, schema: &Value, pointer: &str) {
        let found = self.example.pointer(pointer).unwrap().clone();
        match (&found, schema.get("properties"), schema.get("items")) {
            (Value::Object(_), Some(properties), _) => self.object(schema, properties, pointer),
            (Value::Object(members), None, _) => {
                for name in members.keys() {
                    self.walk(&schema["additionalProperties"], &format!("{pointer}/{name}"));
                }
            }
            (Value::Array(items), _, Some(item)) => {
                for index in 0..items.len() {
                    self.walk(item, &format!("{pointer}/{index}"));
                }
            }
            (other, ..) => {
                let wrong = if other.is_string() { json!(7) } else { json!("7") };
                let body = self.changed(pointer, |place| *place = wrong);
                self.expect(false, &body, || format!("{pointer} of another type"));
            }
        }
    }

    fn object(&mut self, schema: &Value, properties: &Value, pointer: &str) {
        let known: BTreeSet<String> = properties.as_object().unwrap().keys().cloned().collect();
        let asked = self.asked.get(pointer).cloned().unwrap_or_default();
        if known != asked {
            self.differences
                .push(format!("{}: at `{pointer}` the schema has {known:?}, and the reader asks for {asked:?}", self.form.name));
        }
        let is_closed = schema.get("additionalProperties") == Some(&json!(false));
        let body = self.changed(pointer, |object| object["nobodyKnowsMe"] = json!(1));
        self.expect(!is_closed, &body, || format!("{pointer} with an unknown member"));
        let is_choice = |name: &str| schema.get("oneOf").is_some_and(|choices| choices.to_string().contains(&format!("\"{name}\"")));
        for (name, member) in properties.as_object().unwrap() {
            let place = format!("{pointer}/{name}");
            let Some(kind) = member.get("type") else {
                let body = self.changed(pointer, |object| object[name] = json!({ "anything": [1] }));
                self.expect(true, &body, || format!("{place}, which is passed over"));
                continue;
            };
            if is_choice(name) {
                continue;
            }
            let is_required = schema["required"].as_array().is_some_and(|required| required.contains(&json!(name)));
            let body = self.changed(pointer, |object| drop(object.as_object_mut().unwrap().remove(name)));
            self.expect(!is_required, &body, || format!("{place} left out"));
            let may_be_null = kind == "null" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
            let body = self.changed(pointer, |object| object[name] = Value::Null);
            self.expect(may_be_null, &body, || format!("{place} null"));
            match self.example.pointer(&place) {
                Some(Value::Null) => {}
                Some(_) => self.walk(member, &place),
                None if kind == "null" => {}
                None => self.differences.push(format!("{}: the example lacks {place}", self.form.name)),
            }
        }
    }
}

#[test]
fn bodies_are_read_as_their_schemas_say() {
    let mut differences = Vec::new();
    for form in forms().into_values() {
        let example: Value = serde_json::from_str(form.example).unwrap_or_else(|error| panic!("{}: {error}", form.name));
        let (is_taken, asked) = asked_for(|| takes(form, &example));
        assert!(is_taken, "{}: the reader refuses the example", form.name);
        let mut comparison = Comparison { form, example, asked, differences: Vec::new() };
        comparison.walk(&(form.schema)().into_value(), "");
        differences.append(&mut comparison.differences);
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(forms().len() >= 20);
}

#[test]
fn nothing_is_called_the_same_twice() {
    let mut schemas = BTreeMap::new();
    for form in routes().filter_map(|route| route.operation.body) {
        let schema = (form.schema)().into_value();
        assert_eq!(schemas.entry(form.name).or_insert_with(|| schema.clone()), &schema, "{}", form.name);
    }
    let ids: BTreeSet<&str> = routes().map(|route| route.operation.id).collect();
    assert_eq!(ids.len(), routes().count());
}

#[test]
fn every_refusal_has_words() {
    for route in routes() {
        for status in route.operation.refusals {
            assert!(Refusal::of(*status).is_some(), "{status} of {}", route.operation.id);
        }
    }
}

#[test]
fn everything_that_is_referred_to_is_there() {
    fn check(value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    assert!(document().pointer(&reference[1..]).is_some(), "{reference}");
                }
                members.values().for_each(check);
            }
            Value::Array(items) => items.iter().for_each(check),
            _ => {}
        }
    }
    check(document());
}
