//! JSON as it was sent. Nothing twice: two readers could take one each (API-16).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, PartialEq)]
pub(in crate::api) enum Node {
    Null,
    Truth(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// In words, for whoever sent something else.
    pub(in crate::api) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Truth(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
        Ok(Node::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        serde_json::Number::from_f64(number).map(Node::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, node)) = map.next_entry::<String, Node>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a member stands there twice"));
            }
            members.push((name, node));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn api_16_and_17_nothing_twice_and_nothing_without_bounds() {
        let parse = |text: &str| serde_json::from_str::<Node>(text).map_err(|error| error.to_string());
        let fault = |text: &str| parse(text).err().unwrap_or_default();
        assert!(fault(r#"{"url":"good","url":"evil"}"#).contains("twice"));
        assert!(fault(r#"{"a":{"b":1,"b":2}}"#).contains("twice"));
        assert!(fault(&"[".repeat(100_000)).contains("recursion"));
        assert!(parse("1e999999").is_err());
        assert!(!fault(r#"{"a": SECRET-x}"#).contains("SECRET"));
        let Ok(Node::Object(members)) = parse(r#"{"a":[1,null,true,"x",{}]}"#) else { panic!("an object") };
        assert!(members[0].0 == "a" && matches!(&members[0].1, Node::List(items) if items.len() == 5));
    }
}
