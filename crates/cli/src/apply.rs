//! `sortie apply`: makes definitions from a YAML file so.

use std::path::{Path, PathBuf};

use clap::Args;
use sortie_server::manage::apply::{Mode, Unlisted};

use crate::failure::Failure;
use crate::printer::Printer;
use crate::site::{DefinitionFile, Site};

/// Make definitions from a YAML file so; applying it twice changes nothing more
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie apply -f billing.yaml\n  sortie apply -f billing.yaml --dry-run\n  sortie apply -f - < billing.yaml\n\nSecrets are never written in the file: refer to them as {from_environment: NAME} or {from_file: PATH}, or store them with `sortie secret set`. With --server the file holds providers, external and named credentials, and no such references: those are for the machine that holds the data."
)]
pub(crate) struct ApplyArguments {
    /// File to apply; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete principals that the file's external credentials do not list, with their values and tokens
    #[arg(long)]
    prune: bool,
}

pub(crate) async fn run(arguments: &ApplyArguments, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let (name, text, directory) = read(&arguments.file)?;
    let mode = if arguments.dry_run { Mode::DryRun } else { Mode::Store };
    let unlisted = if arguments.prune { Unlisted::Prune } else { Unlisted::Leave };
    let file = DefinitionFile { name: &name, text: &text, directory: &directory };
    let changes = site.apply(file, (mode, unlisted)).await?;
    printer.changes(&changes);
    if !printer.is_json() {
        let made = changes.iter().filter(|change| change.action.is_made()).count();
        let would = if arguments.dry_run { " would be" } else { "" };
        printer.line(&format!("{made} of {}{would} changed", changes.len()));
    }
    Ok(0)
}

fn read(file: &Path) -> Result<(String, String, PathBuf), Failure> {
    let is_standard_input = file.as_os_str() == "-";
    let text = if is_standard_input { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    let text = text.map_err(|error| {
        Failure::new("file_unusable", format!("cannot read {}: {error}", file.display()), "check the path and its permissions")
    })?;
    let directory = if is_standard_input { Path::new(".") } else { file.parent().unwrap_or(Path::new(".")) };
    Ok((file.display().to_string(), text, directory.to_owned()))
}
