//! Runs every test against real servers, on a machine that may have none of them yet.

mod postgres;

use crate::peers;
use crate::process::{Failure, cargo, is_installed, run};
use postgres::Postgres;
pub(crate) use postgres::programs as postgres_programs;

/// Where the tests look for the server; the testkit reads it.
const VARIABLE: &str = "SORTIE_TEST_POSTGRES";

/// Installs, starts, runs, stops. With arguments for nextest only those tests run; without, the examples in the documentation run too.
pub(crate) fn run_with(nextest: &[String]) -> Result<(), Failure> {
    if !is_installed("cargo-nextest") {
        return Err(Failure::new("the tests run under cargo-nextest: please `cargo install --locked cargo-nextest` first"));
    }
    peers::install()?;
    let postgres = Postgres::start()?;
    println!("PostgreSQL is at {} until the tests end", postgres.url());
    let tests = run(cargo().args(["nextest", "run"]).args(selection(nextest)).env(VARIABLE, postgres.url()));
    let examples = if nextest.is_empty() {
        println!();
        run(cargo().args(["test", "--doc", "--quiet", "--workspace"]).env(VARIABLE, postgres.url()))
    } else {
        Ok(())
    };
    drop(postgres);
    tests.and(examples)
}

/// All of the workspace, unless the arguments choose packages themselves.
fn selection(nextest: &[String]) -> impl Iterator<Item = &str> {
    let chooses = |argument: &String| argument.starts_with("-p") || argument.starts_with("--package") || argument == "--workspace";
    let everything = (!nextest.iter().any(chooses)).then_some("--workspace");
    everything.into_iter().chain(nextest.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(nextest: &[&str]) -> Vec<String> {
        let nextest: Vec<String> = nextest.iter().map(ToString::to_string).collect();
        selection(&nextest).map(str::to_owned).collect()
    }

    #[test]
    fn without_a_package_the_whole_workspace_is_tested() {
        assert_eq!(selected(&[]), ["--workspace"]);
        assert_eq!(selected(&["a_test"]), ["--workspace", "a_test"]);
        assert_eq!(selected(&["-p", "sortie-store"]), ["-p", "sortie-store"]);
        assert_eq!(selected(&["--package=sortie-store", "x"]), ["--package=sortie-store", "x"]);
    }
}
