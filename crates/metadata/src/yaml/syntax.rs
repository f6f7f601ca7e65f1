//! From text to tree. What is no YAML is refused here, without repeating what stood there: it may be a secret in the wrong place.

use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, from_str_with_options};

use super::Node;
use super::node::Value;
use crate::{Place, Problem};

/// 4 MiB: some ten thousand named credentials. What is larger is not what was meant.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Reads one document.
pub(crate) fn parse(source: &str, text: &str) -> Result<Node, Problem> {
    let refuse =
        |place, rule, message: &str| Problem { source: source.to_owned(), place, path: String::new(), rule, message: message.to_owned() };
    let start = Place { line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        return Err(refuse(start, "too_large", "is larger than 4 MiB; divide it into several"));
    }
    let options = serde_saphyr::options! {
        // Keys that stand twice come through, so that they are reported together with everything else.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        // `no` and `on` are words, as in YAML 1.2.
        strict_booleans: true,
        reject_unsupported_tags: true,
        // Enough for headers that many credentials share, and too little for a bomb of aliases.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 20_000 },
        with_snippet: false,
    };
    let node: Node = from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map_or(start, |location| Place { line: location.line(), column: location.column() });
        refuse(place, "yaml_syntax", &explain(&error))
    })?;
    match node.value {
        Value::Null => {
            Err(refuse(start, "empty", "is empty; begin with `named_credentials:` or another of the keys that may stand at the top"))
        }
        _ => Ok(node),
    }
}

/// The library's own words, where they cannot hold any of the text.
fn explain(error: &Error) -> String {
    match error {
        // 250,000 nodes, the library's own limit.
        Error::Budget { .. } => "holds too many values, or too deep ones; divide it into several documents".to_owned(),
        Error::MultipleDocuments { .. } => "must be one YAML document; divide the others into files of their own".to_owned(),
        other => {
            let words = other.without_snippet().to_string();
            let words = words.rfind(" at line ").map_or(words.as_str(), |end| &words[..end]);
            // An unquoted password that begins with `!` is a tag to YAML, and the library names unknown tags.
            if words.contains('`') && !words.contains("indicator") {
                "is no YAML that is understood here: a text that begins with `!`, `&`, `*` or another special character needs quotes"
                    .to_owned()
            } else {
                format!("is no valid YAML: {words}")
            }
        }
    }
}
