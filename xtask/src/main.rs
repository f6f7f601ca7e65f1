#![doc = include_str!("../README.md")]
#![allow(clippy::print_stdout, reason = "a chore talks to whoever runs it")]
#![allow(clippy::disallowed_methods, reason = "a chore reads the environment that it was started in")]

mod arrows;
mod bench;
mod dist;
mod peers;
mod process;
mod regen;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use process::Failure;

/// Sortie's own chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests need, start a throw-away PostgreSQL and run every test.
    Test {
        /// Handed on to `cargo nextest run`, for example `-p sortie-store`.
        #[arg(last = true)]
        nextest: Vec<String>,
    },
    /// Install the servers that the tests talk to: Debian's packages, npm's, Python's and one of Rust's.
    Peers,
    /// Check that crates depend only on what the table of arrows allows.
    Arrows,
    /// Write the references that come from the code's own tables.
    Regen {
        /// Change nothing; fail if a reference is not what the code says.
        #[arg(long)]
        check: bool,
    },
    /// Build what is shipped: optimised as a whole, and trained by a load that is like real use.
    Dist,
    /// Measure speed and memory beside a peer.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test { nextest } => test::run_with(&nextest),
        Chore::Peers => peers::install(),
        Chore::Arrows => arrows::check(),
        Chore::Regen { check } => regen::run(if check { regen::Mode::Check } else { regen::Mode::Write }),
        Chore::Dist => dist::build().map(drop),
        Chore::Bench(bench) => bench::run_with(&bench, &std::env::args().skip(1).collect::<Vec<_>>()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, status }) => {
            println!("{message}");
            ExitCode::from(status)
        }
    }
}
