//! Measures the data plane beside nginx adding a static header, which is the least that anybody can do here.
//!
//! Both on core 0, the load and the upstream on core 1, everything on loopback and over kept connections. Sortie runs with everything on: the caller's key,
//! permission, principal, injection and audit.

mod callgrind;
mod case;
mod gateway;
mod instructions;
mod load;
mod machine;
mod measure;
mod nginx;
mod progress;
mod report;
mod server;
mod sortie;
mod subject;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::process::{Failure, cargo, run};

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Compare Sortie's gateway with nginx adding a static header.
    Gateway(GatewayOptions),
}

/// How to measure the gateway.
#[derive(Args, Clone, Debug)]
pub(crate) struct GatewayOptions {
    /// Less sure, in less than a minute once everything is built.
    #[arg(long)]
    quick: bool,
    /// Write all figures to a file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Count user instructions per callout under valgrind too: slow, repeatable, without the kernel's share. With a directory, the profiles of
    /// each case stay there for `callgrind_annotate`.
    #[arg(long, value_name = "DIRECTORY", num_args = 0..=1, require_equals = true, conflicts_with = "noise")]
    callgrind: Option<Option<PathBuf>>,
    /// Compare the audit's two durabilities too.
    #[arg(long, conflicts_with = "noise")]
    compare_durability: bool,
    /// Measure nginx beside nginx, to see the noise of this machine.
    #[arg(long)]
    noise: bool,
    /// Measure this program instead of a new build of Sortie.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "noise")]
    sortie: Option<PathBuf>,
}

/// Builds what is measured and what measures, both optimised, and measures.
pub(crate) fn run_with(bench: &Bench, arguments: &[String]) -> Result<(), Failure> {
    let Bench::Gateway(options) = bench;
    if cfg!(debug_assertions) {
        // A load generator without optimisation would take more of its core than nginx does.
        let release = ["run", "--release", "--quiet", "--package", "xtask", "--"];
        return run(cargo().args(release).args(arguments));
    }
    gateway::run(options)
}
