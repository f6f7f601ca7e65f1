//! `sortie apply`: makes definitions from a YAML file so.

use std::path::{Path, PathBuf};

use clap::Args;
use sortie_metadata::Definition;
use sortie_server::manage::apply::{ApplyError, Mode, Surroundings, Unlisted, apply};
use sortie_server::outside_world;

use crate::failure::Failure;
use crate::printer::Printer;
use crate::setup::{self, Opened};

/// Make definitions from a YAML file so; applying it twice changes nothing more
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie apply -f billing.yaml\n  sortie apply -f billing.yaml --dry-run\n  cat *.yaml | sortie apply -f -\n\nSecrets are never written in the file: refer to them as {from_environment: NAME} or {from_file: PATH}, or store them with `sortie secret set`."
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

pub(crate) async fn run(arguments: &ApplyArguments, opened: &Opened, printer: &Printer) -> Result<u8, Failure> {
    let (name, text, directory) = read(&arguments.file)?;
    let definition = Definition::parse(&name, &text).map_err(ApplyError::Refused)?;
    let world = definition.needs_discovery().then(|| outside_world(&opened.config)).transpose()?;
    let world = world.as_ref().map(|world| world as _);
    let surroundings = Surroundings { variable: &|name| setup::secret_variable(name), world, directory: &directory };
    let mode = if arguments.dry_run { Mode::DryRun } else { Mode::Store };
    let unlisted = if arguments.prune { Unlisted::Prune } else { Unlisted::Leave };
    let changes = apply(&opened.manage(), &definition, &surroundings, mode, unlisted).await?;
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
