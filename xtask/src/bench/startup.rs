//! How long Sortie takes to start where very much is defined: from the start of the process until it listens.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::StartupOptions;
use super::machine::{MEASURED_CORE, memory_kib};
use super::progress::Progress;
use super::server::Server;
use super::sortie::Sortie;
use crate::process::{Failure, during, output};

/// How many external credentials one file defines: a document may hold 250,000 values.
const PER_FILE: u32 = 5_000;

/// How often the start is measured.
const STARTS: usize = 5;

/// Defines them on an embedded database, and starts.
pub(super) fn run(options: &StartupOptions) -> Result<(), Failure> {
    let sortie = Sortie::build(options.sortie.as_deref())?;
    let directory = tempfile::tempdir().map_err(during("cannot make a directory"))?;
    let files = options.credentials.div_ceil(PER_FILE);
    let mut progress = Progress::new(2);
    progress.step(&format!("defining {} external credentials", options.credentials));
    for file in 0..files {
        progress.round(file as usize + 1, files as usize);
        let last = options.credentials.min((file + 1) * PER_FILE);
        fs::write(directory.path().join("many.yaml"), definitions(file * PER_FILE..last)).map_err(during("cannot write a file"))?;
        output(command(&sortie, directory.path()).args(["apply", "-f", "many.yaml", "--json"]))?;
    }
    let mut starts = Vec::new();
    let mut resident = 0;
    progress.step("starting");
    for number in 1..=STARTS {
        progress.round(number, STARTS);
        let mut serve = command(&sortie, directory.path());
        let begun = Instant::now();
        let mut server =
            Server::start("Sortie", MEASURED_CORE, serve.args(["serve", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()))?;
        server.first_line()?;
        starts.push(begun.elapsed().as_secs_f64());
        resident = memory_kib(server.pid(), "VmRSS")?;
        server.stop()?;
    }
    progress.end();
    starts.sort_by(f64::total_cmp);
    let median = starts[STARTS / 2];
    println!(
        "{} external credentials, each with a principal and a named credential: ready after {median:.2} s on one core (best {:.2}, worst {:.2}), {} MiB resident",
        options.credentials,
        starts[0],
        starts[STARTS - 1],
        resident / 1024
    );
    if let Some(file) = &options.json {
        let figures = serde_json::json!({ "credentials": options.credentials, "startup_seconds": median, "starts": starts, "resident_kib": resident });
        fs::write(file, format!("{figures:#}\n")).map_err(during("cannot write the figures"))?;
    }
    Ok(())
}

/// The program on this directory and on no other, whatever the environment says.
fn command(sortie: &Sortie, directory: &Path) -> Command {
    let mut command = Command::new(sortie.program());
    command.env_remove("SORTIE_DATABASE_URL").env_remove("SORTIE_DATABASE_URL_FILE").env_remove("SORTIE_CONFIG");
    command.current_dir(directory).args(["--data-dir", "data"]);
    command
}

fn definitions(numbers: std::ops::Range<u32>) -> String {
    let mut text = String::from("permission_sets: [{name: Callers}]\nexternal_credentials:\n");
    for number in numbers.clone() {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "- name: C{number}\n  protocol: oauth_client_credentials\n  settings: {{token_endpoint: 'https://id{}.test/token', scope: read}}\n  \
             principals: [{{name: Main, sequence_number: 1, enabled_for: {{permission_sets: [Callers]}}}}]",
            number % 50
        );
    }
    text.push_str("named_credentials:\n");
    for number in numbers {
        let _ = writeln!(text, "- {{name: C{number}, url: 'https://up{}.test/v1', external_credential: C{number}}}", number % 50);
    }
    text
}
