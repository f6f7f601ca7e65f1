//! The keys of a mapping. What nobody takes is unknown.

use super::node::{Node, Value};
use super::reader::{At, Reader};

/// The keys of one mapping that are not taken yet.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    at: At<'a>,
    entries: Vec<(&'a str, &'a Node, At<'a>)>,
    /// What was asked for, there or not.
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(reader: &mut Reader<'_>, at: &At<'a>, nodes: &'a [(Node, Node)]) -> Self {
        let mut entries: Vec<(&'a str, &'a Node, At<'a>)> = Vec::with_capacity(nodes.len());
        for (key, node) in nodes {
            let Value::Text(name) = &key.value else {
                reader.refuse_at(key.place, at.path.clone(), "key_type", format!("has a key that is {}, not a text", key.value.kind()));
                continue;
            };
            let value = At { node, path: join(&at.path, name) };
            if let Some((_, first, _)) = entries.iter().find(|(other, _, _)| other == name) {
                let message = format!("stands here twice, first in line {}", first.place.line);
                reader.refuse_at(key.place, value.path, "duplicate_key", message);
                continue;
            }
            reader.remember(&value);
            entries.push((name, key, value));
        }
        Self { at: at.clone(), entries, known: Vec::new() }
    }

    /// The value of this key, if it is there.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<At<'a>> {
        self.known.push(name);
        let index = self.entries.iter().position(|(other, _, _)| *other == name)?;
        Some(self.entries.remove(index).2)
    }

    /// The value of this key; its absence is reported.
    pub(crate) fn require(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<At<'a>> {
        let taken = self.take(name);
        if taken.is_none() {
            reader.refuse_at(self.at.node.place, join(&self.at.path, name), "required", "is required".to_owned());
        }
        taken
    }

    /// All keys that are left, whatever they are called.
    pub(crate) fn take_all(self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        self.entries.into_iter().map(|(name, _, at)| (name, at))
    }

    /// Reports every key that nobody took.
    pub(crate) fn finish(self, reader: &mut Reader<'_>) {
        let Self { at: _, entries, known } = self;
        for (name, key, value) in entries {
            reader.refuse_at(key.place, value.path, "unknown_key", unknown(name, &known));
        }
    }
}

fn unknown(name: &str, known: &[&'static str]) -> String {
    let nearest = known.iter().map(|known| (distance(name, known), known)).min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, nearest)) if distance <= 2 => format!("is not known here; did you mean `{nearest}`?"),
        _ => format!("is not known here; known are {}", known.join(", ")),
    }
}

/// The path of a key. A key that is no plain word is shown escaped, so that a path never holds what a terminal would obey.
fn join(path: &str, name: &str) -> String {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    if path.is_empty() { shown } else { format!("{path}.{shown}") }
}

/// How many letters must be added, removed, changed or swapped with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().take(40).collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let is_same = one[i - 1] == other[j - 1];
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + usize::from(!is_same));
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}
