//! Every formula of real Salesforce files parses and passes the check. The files are not part of this repository: where they are missing there is nothing to check.

use std::path::{Path, PathBuf};

use sortie_formula::Template;

use crate::scope::Examples;

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The texts in which `{!` stands: values of XML elements, and strings of JSON.
fn values(text: &str) -> Vec<String> {
    let unescaped = |text: &str| {
        let plain = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&lt;", "<").replace("&gt;", ">");
        plain.replace("&amp;", "&").replace("\\\"", "\"")
    };
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.contains("{!")) {
        let value = match (line.find("<parameterValue>"), line.find("</parameterValue>")) {
            (Some(start), Some(end)) => &line[start + "<parameterValue>".len()..end],
            // A JSON member: `"name": "value",`
            _ => line.split_once(": \"").map_or(line, |(_, value)| value.trim_end_matches([',', ' ', '}']).trim_end_matches('"')),
        };
        found.push(unescaped(value));
    }
    found
}

#[test]
fn every_formula_of_real_files_is_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        return;
    }
    let mut paths = Vec::new();
    files(&corpus, &mut paths);
    let mut count = 0;
    for path in paths {
        // Its README quotes formulas in prose.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if path.extension().is_some_and(|extension| extension == "md" || extension == "tsv") {
            continue;
        }
        for value in values(&text) {
            let template = Template::parse(&value).unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), error.picture()));
            assert!(template.as_literal().is_none(), "{}: {value}", path.display());
            // It evaluates, or lacks only what belongs to its own deployment.
            if let Err(fault) = template.evaluate(&Examples) {
                assert_eq!(fault.code(), "formula_unresolved", "{}: {value}: {fault}", path.display());
            }
            count += 1;
        }
    }
    assert!(count >= 10, "{count} formulas found");
}
