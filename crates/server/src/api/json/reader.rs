//! Takes a body apart. What nobody takes is refused: an unknown member is a mistake, or an attempt (API-12).

use sortie_model::{Violation, Violations};

use super::Node;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Fault {
    /// RFC 6901.
    pub(in crate::api) pointer: String,
    pub(in crate::api) kind: FaultKind,
    /// Stable code.
    pub(in crate::api) rule: &'static str,
    /// In words that follow the place.
    pub(in crate::api) message: String,
}

/// Whether the form is wrong, or what is said in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum FaultKind {
    Shape,
    Value,
    /// The same, in words that stand for themselves.
    Sentence,
}

/// Collects what is wrong.
pub(in crate::api) struct Reader {
    /// Members that came later are not known.
    version: u16,
    faults: Vec<Fault>,
    /// Beyond [`MOST_FAULTS`].
    more: usize,
}

/// As many as somebody corrects at once; of a body that is nothing but mistakes the rest is only counted (API-17).
const MOST_FAULTS: usize = 100;

/// A place in the body.
#[derive(Clone)]
pub(in crate::api) struct At<'a> {
    pub(in crate::api) node: &'a Node,
    pub(in crate::api) pointer: String,
}

/// The members of an object, each to be taken once.
pub(in crate::api) struct Fields<'a> {
    pointer: String,
    entries: Vec<(&'a str, &'a Node)>,
}

/// A name as a part of a pointer (RFC 6901, section 3).
pub(in crate::api) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl At<'_> {
    pub(in crate::api) fn is_null(&self) -> bool {
        *self.node == Node::Null
    }
}

impl Reader {
    pub(in crate::api) fn new(version: u16) -> Self {
        Self { version, faults: Vec::new(), more: 0 }
    }

    /// Whether the version that was asked has what came with this one.
    pub(in crate::api) const fn knows(&self, since: u16) -> bool {
        self.version >= since
    }

    /// What was read, if nothing is wrong.
    pub(in crate::api) fn finish<T>(mut self, read: Option<T>) -> Result<T, Vec<Fault>> {
        if self.more > 0 {
            let message = format!("{} more mistakes are not listed", self.more);
            self.faults.push(Fault { pointer: String::new(), kind: FaultKind::Sentence, rule: "more", message });
        }
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }

    fn note(&mut self, kind: FaultKind, pointer: &str, rule: &'static str, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { pointer: pointer.to_owned(), kind, rule, message: message.into() });
        } else {
            self.more += 1;
        }
    }

    pub(in crate::api) fn refuse(&mut self, pointer: &str, rule: &'static str, message: impl Into<String>) {
        self.note(FaultKind::Value, pointer, rule, message);
    }

    fn misshapen(&mut self, pointer: &str, rule: &'static str, message: impl Into<String>) {
        self.note(FaultKind::Shape, pointer, rule, message);
    }

    fn of_other_kind(&mut self, at: &At<'_>, wanted: &str) {
        self.misshapen(&at.pointer, "type", format!("must be {wanted} (got {})", at.node.kind()));
    }

    pub(in crate::api) fn fields<'a>(&mut self, at: &At<'a>) -> Option<Fields<'a>> {
        let Node::Object(members) = at.node else {
            self.of_other_kind(at, "an object");
            return None;
        };
        let entries = members.iter().map(|(name, node)| (name.as_str(), node)).collect();
        Some(Fields { pointer: at.pointer.clone(), entries })
    }

    pub(in crate::api) fn list<'a>(&mut self, at: &At<'a>) -> Vec<At<'a>> {
        let Node::List(items) = at.node else {
            self.of_other_kind(at, "a list");
            return Vec::new();
        };
        items.iter().enumerate().map(|(index, node)| At { node, pointer: format!("{}/{index}", at.pointer) }).collect()
    }

    pub(in crate::api) fn text<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        match at.node {
            // PostgreSQL cannot store it, and C would end there.
            Node::Text(text) if text.contains('\0') => {
                self.misshapen(&at.pointer, "nul_character", "must not hold the character U+0000");
                None
            }
            Node::Text(text) => Some(text),
            _ => {
                self.of_other_kind(at, "a text");
                None
            }
        }
    }

    pub(in crate::api) fn truth(&mut self, at: &At<'_>) -> Option<bool> {
        match at.node {
            Node::Truth(truth) => Some(*truth),
            _ => {
                self.of_other_kind(at, "true or false");
                None
            }
        }
    }

    pub(in crate::api) fn number(&mut self, at: &At<'_>, most: u32) -> Option<u32> {
        let Node::Number(number) = at.node else {
            self.of_other_kind(at, "a whole number");
            return None;
        };
        let found = number.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= most);
        if found.is_none() {
            self.misshapen(&at.pointer, "range", format!("must be a whole number from 0 to {most}"));
        }
        found
    }

    /// The same from 1 on, where 0 would mean nothing.
    pub(in crate::api) fn count(&mut self, at: &At<'_>, most: u32) -> Option<u32> {
        let found = self.number(at, most)?;
        if found == 0 {
            self.misshapen(&at.pointer, "range", format!("must be a whole number from 1 to {most}"));
            return None;
        }
        Some(found)
    }

    /// One of these words, exactly.
    pub(in crate::api) fn word(&mut self, at: &At<'_>, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(at)?;
        let found = words.iter().copied().find(|word| *word == text);
        if found.is_none() {
            self.misshapen(&at.pointer, "word", format!("must be one of {}", words.join(", ")));
        }
        found
    }

    pub(in crate::api) fn parsed<T>(&mut self, at: &At<'_>, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Option<T> {
        let text = self.text(at)?;
        self.keep(&at.pointer, parse(text).map_err(Violations::from))
    }

    pub(in crate::api) fn keep<T>(&mut self, pointer: &str, result: Result<T, Violations>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(violations) => {
                for violation in violations.0 {
                    self.refuse(pointer, violation.rule, violation.message);
                }
                None
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// The pointer of a member, whether it is there or not.
    pub(in crate::api) fn pointer(&self, name: &str) -> String {
        // RFC 6901, section 3.
        format!("{}/{}", self.pointer, escaped(name))
    }

    /// A member; `null` is as good as none.
    pub(in crate::api) fn take(&mut self, name: &str) -> Option<At<'a>> {
        self.take_with_null(name).filter(|at| !at.is_null())
    }

    /// A member, also where `null` says something.
    pub(in crate::api) fn take_with_null(&mut self, name: &str) -> Option<At<'a>> {
        note(&self.pointer, &[name]);
        let index = self.entries.iter().position(|(known, _)| *known == name)?;
        let (_, node) = self.entries.swap_remove(index);
        Some(At { node, pointer: self.pointer(name) })
    }

    /// A member that exists from this version on.
    pub(in crate::api) fn take_since(&mut self, reader: &Reader, name: &str, since: u16) -> Option<At<'a>> {
        if reader.version >= since { self.take(name) } else { None }
    }

    pub(in crate::api) fn require(&mut self, reader: &mut Reader, name: &str) -> Option<At<'a>> {
        let found = self.take(name);
        if found.is_none() {
            reader.refuse(&self.pointer(name), "required", "is required");
        }
        found
    }

    /// Members that answers have: whoever sends an answer back means nothing by them.
    pub(in crate::api) fn ignore(&mut self, names: &[&str]) {
        note(&self.pointer, names);
        self.entries.retain(|(name, _)| !names.contains(name));
    }

    /// All that are left, under names that are not ours.
    pub(in crate::api) fn take_all(&mut self) -> Vec<(&'a str, At<'a>)> {
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().map(|(name, node)| (name, At { node, pointer: self.pointer(name) })).collect()
    }

    /// Refuses what is left.
    pub(in crate::api) fn finish(self, reader: &mut Reader) {
        for (name, _) in &self.entries {
            // A name is what its sender chose: bounded, and plain.
            let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            reader.misshapen(&self.pointer(name), "unknown_member", format!("is not known here: `{shown}`"));
        }
    }
}

#[cfg(not(test))]
const fn note(_: &str, _: &[&str]) {}

/// Remembers for a test which members a reader knows.
#[cfg(test)]
fn note(pointer: &str, names: &[&str]) {
    ASKED.with_borrow_mut(|asked| asked.entry(pointer.to_owned()).or_default().extend(names.iter().map(|name| (*name).to_owned())));
}

#[cfg(test)]
type Asked = std::collections::BTreeMap<String, std::collections::BTreeSet<String>>;

#[cfg(test)]
thread_local! {
    static ASKED: std::cell::RefCell<Asked> = const { std::cell::RefCell::new(Asked::new()) };
}

/// What readers ask for meanwhile, by the pointers of objects.
#[cfg(test)]
pub(in crate::api) fn asked_for<T>(read: impl FnOnce() -> T) -> (T, Asked) {
    ASKED.take();
    let read = read();
    (read, ASKED.take())
}
