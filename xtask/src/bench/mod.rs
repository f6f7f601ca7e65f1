//! Measurements. The data plane beside nginx adding a static header, which is the least that anybody can do here; the start with very many definitions, and a node with
//! very many logins.
//!
//! The data plane and nginx on core 0, the load and the upstream on core 1, everything on loopback and over kept connections. Sortie runs with everything on: the caller's key,
//! permission, principal, injection and audit.

mod callgrind;
mod case;
mod gateway;
mod grants;
mod instructions;
mod load;
mod machine;
mod measure;
mod nginx;
mod progress;
mod report;
mod server;
mod sortie;
mod startup;
mod subject;
mod training;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::process::{Failure, cargo, run};
pub(crate) use training::train;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Compare Sortie's gateway with nginx adding a static header.
    Gateway(GatewayOptions),
    /// How long Sortie takes to start where very much is defined.
    Startup(StartupOptions),
    /// What very many logins cost a node that does not use them.
    Grants(GrantsOptions),
}

/// How to measure a node with very many logins.
#[derive(Args, Clone, Debug)]
pub(crate) struct GrantsOptions {
    /// How many users have logged in.
    #[arg(long, default_value_t = 1_000_000)]
    grants: u32,
    /// Write all figures to a file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this program instead of a new build of Sortie.
    #[arg(long, value_name = "PROGRAM")]
    sortie: Option<PathBuf>,
    /// Fill the houses with this program instead of a new build of `fill_grants`, an example of the server.
    #[arg(long, value_name = "PROGRAM")]
    filler: Option<PathBuf>,
}

/// How to measure the start.
#[derive(Args, Clone, Debug)]
pub(crate) struct StartupOptions {
    /// How many external credentials to define, each with a principal and a named credential.
    #[arg(long, default_value_t = 100_000)]
    credentials: u32,
    /// Write all figures to a file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this program instead of a new build of Sortie.
    #[arg(long, value_name = "PROGRAM")]
    sortie: Option<PathBuf>,
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
    /// Count user instructions per callout of all cases under valgrind: slow, repeatable, without the kernel's share. Where `perf stat` counts nothing this is done
    /// anyway, of the first case only with `--quick`. With a directory, the profiles of each case stay there for `callgrind_annotate`.
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
    if cfg!(debug_assertions) {
        // A load generator without optimisation would take more of its core than nginx does.
        let release = ["run", "--release", "--quiet", "--package", "xtask", "--"];
        return run(cargo().args(release).args(arguments));
    }
    match bench {
        Bench::Gateway(options) => gateway::run(options),
        Bench::Startup(options) => startup::run(options),
        Bench::Grants(options) => grants::run_with(options),
    }
}
