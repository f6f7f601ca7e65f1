//! `sortie completions` and `sortie man`.

use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::Cli;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn completions(shell: clap_complete::Shell, printer: &Printer) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sortie", &mut script);
    printer.line(String::from_utf8_lossy(&script).trim_end());
    Ok(0)
}

pub(crate) fn pages(directory: &Path, printer: &Printer) -> Result<u8, Failure> {
    let written = std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.map_err(|error| {
        Failure::new("file_unusable", format!("cannot write manual pages to {}: {error}", directory.display()), "check the directory")
    })?;
    printer.line(&format!("manual pages are in {}", directory.display()));
    Ok(0)
}
