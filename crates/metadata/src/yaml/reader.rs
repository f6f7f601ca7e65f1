//! Collects what is wrong, so that an admin sees all of it at once.

use std::collections::BTreeMap;

use sortie_model::{Violation, Violations};

use super::Node;
use super::fields::Fields;
use super::node::Value;
use crate::{Place, Problem};

/// A part of the document together with its path.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: String,
}

/// Goes through a document. Every method reports what it does not like, and gives back what can be used nevertheless.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    source: &'s str,
    problems: Vec<Problem>,
    /// Where each path stands, for those who find something wrong later.
    places: BTreeMap<String, Place>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self { source, problems: Vec::new(), places: BTreeMap::new() }
    }

    /// All problems in the order of their places, or the places.
    pub(crate) fn finish(mut self) -> Result<BTreeMap<String, Place>, Vec<Problem>> {
        if self.problems.is_empty() {
            return Ok(self.places);
        }
        // A misspelt key explains why another one is missing, so it comes first.
        self.problems.sort_by_key(|problem| (problem.place, problem.rule != "unknown_key"));
        Err(self.problems)
    }

    pub(crate) fn remember(&mut self, at: &At<'_>) {
        self.places.insert(at.path.clone(), at.node.place);
    }

    pub(crate) fn refuse(&mut self, at: &At<'_>, rule: &'static str, message: impl Into<String>) {
        self.refuse_at(at.node.place, at.path.clone(), rule, message.into());
    }

    /// Refuses a field of a mapping, at the field's own place if it is there.
    pub(crate) fn refuse_within(&mut self, at: &At<'_>, field: &str, rule: &'static str, message: String) {
        let path = format!("{}.{field}", at.path);
        let place = self.places.get(&path).copied().unwrap_or(at.node.place);
        self.refuse_at(place, path, rule, message);
    }

    pub(crate) fn refuse_at(&mut self, place: Place, path: String, rule: &'static str, message: String) {
        self.problems.push(Problem { source: self.source.to_owned(), place, path, rule, message });
    }

    /// A check's value, or its violation as one of this place.
    pub(crate) fn keep<T>(&mut self, at: &At<'_>, checked: Result<T, Violation>) -> Option<T> {
        checked.map_err(|violation| self.refuse(at, violation.rule, violation.message)).ok()
    }

    /// The value of a check of a whole mapping, or its violations at the places of the fields that they name.
    pub(crate) fn keep_all<T>(&mut self, at: &At<'_>, checked: Result<T, Violations>) -> Option<T> {
        let violations = match checked {
            Ok(value) => return Some(value),
            Err(violations) => violations,
        };
        for violation in violations.0 {
            let violation = violation.within(&at.path);
            let place = self.places.get(&violation.field).copied().unwrap_or(at.node.place);
            self.refuse_at(place, violation.field, violation.rule, violation.message);
        }
        None
    }

    pub(crate) fn refuse_kind(&mut self, at: &At<'_>, wanted: &str) {
        let advice = match (&at.node.value, wanted) {
            (Value::Null, _) => ", or leave the key out",
            (Value::Truth(_) | Value::Number(_), "a text") => "; write it in quotes",
            _ => "",
        };
        let found = at.node.value.kind();
        self.refuse(at, "type", format!("must be {wanted} (it is {found}){advice}"));
    }

    pub(crate) fn text<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        match &at.node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.refuse_kind(at, "a text");
                None
            }
        }
    }

    /// A text that a rule reads.
    pub(crate) fn parsed<T>(&mut self, at: &At<'_>, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Option<T> {
        let text = self.text(at)?;
        self.keep(at, parse(text))
    }

    pub(crate) fn truth(&mut self, at: &At<'_>) -> Option<bool> {
        match &at.node.value {
            Value::Truth(truth) => Some(*truth),
            _ => {
                self.refuse_kind(at, "true or false");
                None
            }
        }
    }

    /// A whole number within the limits, both included.
    pub(crate) fn number(&mut self, at: &At<'_>, least: u32, most: u32) -> Option<u32> {
        let Value::Number(number) = &at.node.value else {
            self.refuse_kind(at, "a number");
            return None;
        };
        let number = number.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(at, "range", format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    pub(crate) fn list<'a>(&mut self, at: &At<'a>) -> Vec<At<'a>> {
        let Value::List(nodes) = &at.node.value else {
            self.refuse_kind(at, "a list");
            return Vec::new();
        };
        let items: Vec<At<'a>> = nodes.iter().enumerate().map(|(index, node)| At { node, path: format!("{}[{index}]", at.path) }).collect();
        for item in &items {
            self.remember(item);
        }
        items
    }

    /// A list of texts that a rule reads, without the same one twice.
    pub(crate) fn parsed_list<T: PartialEq>(&mut self, at: &At<'_>, parse: impl Fn(&str) -> Result<T, Violation>) -> Vec<T> {
        let mut values: Vec<T> = Vec::new();
        for item in self.list(at) {
            match self.parsed(&item, &parse) {
                Some(value) if values.contains(&value) => self.refuse(&item, "duplicate", "stands here twice"),
                Some(value) => values.push(value),
                None => {}
            }
        }
        values
    }

    /// A setting, whose meaning others know: anything but nothing.
    pub(crate) fn json(&mut self, at: &At<'_>) -> Option<serde_json::Value> {
        if at.node.is_null() {
            self.refuse_kind(at, "a text");
            return None;
        }
        self.any_json(at)
    }

    /// Whatever stands there. Within a setting, nothing may mean something.
    fn any_json(&mut self, at: &At<'_>) -> Option<serde_json::Value> {
        Some(match &at.node.value {
            Value::Null => serde_json::Value::Null,
            Value::Text(text) => text.as_str().into(),
            Value::Number(number) => number.clone().into(),
            Value::Truth(truth) => (*truth).into(),
            Value::List(_) => {
                let items = self.list(at);
                items.iter().filter_map(|item| self.any_json(item)).collect()
            }
            Value::Mapping(_) => {
                let entries: Vec<(&str, At<'_>)> = self.fields(at)?.take_all().collect();
                entries.into_iter().filter_map(|(name, at)| Some((name.to_owned(), self.any_json(&at)?))).collect()
            }
        })
    }

    /// The keys of a mapping, to be taken one by one.
    pub(crate) fn fields<'a>(&mut self, at: &At<'a>) -> Option<Fields<'a>> {
        match &at.node.value {
            Value::Mapping(entries) => Some(Fields::new(self, at, entries)),
            _ => {
                self.refuse_kind(at, "a mapping");
                None
            }
        }
    }
}
