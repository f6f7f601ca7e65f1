//! References that are written from the code's own tables. Each is the output of a small program beside that code.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::process::{Failure, cargo, during, output, root};

/// What becomes of a reference that is not what the code says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Place of the page, and the example that prints it.
const PAGES: &[(&str, &str)] = &[("docs/reference/formula.md", "reference"), ("docs/reference/openapi.json", "openapi")];

pub(crate) fn run(mode: Mode) -> Result<(), Failure> {
    let examples = examples()?;
    for (place, example) in PAGES {
        let path = root().join(place);
        let wanted = output(&mut Command::new(program(&examples, example)?))?;
        if fs::read(&path).is_ok_and(|found| found == wanted) {
            continue;
        }
        if mode == Mode::Check {
            return Err(Failure::new(format!("{place} is not what the code says: run `cargo xtask regen` and commit the result")));
        }
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(during("cannot make the directory"))?;
        }
        fs::write(&path, wanted).map_err(during("cannot write the page"))?;
        println!("wrote {place}");
    }
    Ok(())
}

/// What cargo says of one thing that it has built.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// All examples of the workspace. Built together, since cargo then chooses the same features as for the tests, and builds nothing twice.
fn examples() -> Result<Vec<Artifact>, Failure> {
    let messages = output(cargo().args(["build", "--quiet", "--locked", "--workspace", "--examples", "--message-format", "json"]))?;
    let messages = String::from_utf8(messages).map_err(during("cannot read what cargo built"))?;
    Ok(messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn program<'a>(examples: &'a [Artifact], name: &str) -> Result<&'a PathBuf, Failure> {
    let program = examples.iter().filter(|artifact| artifact.target.name == name).find_map(|artifact| artifact.executable.as_ref());
    program.ok_or_else(|| Failure::new(format!("cargo built no example called `{name}`")))
}
