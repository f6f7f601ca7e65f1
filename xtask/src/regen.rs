//! References that are written from the code's own tables. Each is the output of a small program beside that code.

use std::fs;

use crate::process::{Failure, cargo, during, output, root};

/// What becomes of a reference that is not what the code says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Place of the page, and the package and example that print it.
const PAGES: &[(&str, &str, &str)] =
    &[("docs/reference/formula.md", "sortie-formula", "reference"), ("docs/reference/openapi.json", "sortie-server", "openapi")];

pub(crate) fn run(mode: Mode) -> Result<(), Failure> {
    for (place, package, example) in PAGES {
        let path = root().join(place);
        let wanted = output(cargo().args(["run", "--quiet", "--locked", "--package", package, "--example", example]))?;
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
