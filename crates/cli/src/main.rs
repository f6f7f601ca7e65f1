#![doc = include_str!("../README.md")]
#![allow(clippy::disallowed_methods, reason = "the command line is where environment and time enter")]

mod apply;
mod arguments;
mod audit;
mod auth;
mod call;
mod certificate;
mod demo;
mod explain;
mod failure;
mod formula;
mod grant;
mod input;
mod key;
mod manual;
mod presign;
mod printer;
mod prompt;
mod provider;
mod remove;
mod secret;
mod serve;
mod setup;
mod site;
mod status;
mod user;

use std::process::ExitCode;

use crate::arguments::{Cli, Command};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::site::Site;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let printer = Printer::new(cli.json, cli.color);
    // A server tells what it does, a command only what goes wrong; the demo breaks things on purpose and tells them itself.
    start_log(match cli.command {
        Command::Serve => "warn,sortie=info",
        Command::Demo { .. } => "off",
        _ => "warn",
    });
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return printer.failure(&Failure::new(
                "cannot_start",
                format!("cannot start an event loop: {error}"),
                "raise the limit of threads",
            ));
        }
    };
    match runtime.block_on(run(&cli, &printer)).and_then(|code| printer.finish().map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => printer.failure(&failure),
    }
}

/// The log goes to standard error; `SORTIE_LOG` says how much, such as `debug` or `sortie_store=debug`.
fn start_log(default: &str) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("SORTIE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if std::io::stderr().is_terminal() {
        log.compact().init();
    } else {
        log.json().flatten_event(true).init();
    }
}

async fn run(cli: &Cli, printer: &Printer) -> Result<u8, Failure> {
    match &cli.command {
        Command::Serve => Ok(serve::run(&setup::house_config(&cli.global)?, cli.json).await.map(|()| 0)?),
        Command::Demo { exit } => Ok(u8::from(!demo::run(*exit).await?)),
        Command::Call(arguments) => Ok(call::run(arguments, &cli.remote, setup::secret_variable("SORTIE_KEY")?, cli.json).await?),
        Command::Apply(arguments) => apply::run(arguments, &Site::find(cli).await?, printer).await,
        Command::Remove(arguments) => remove::run(arguments, &Site::find(cli).await?, printer).await,
        Command::User(command) => user::run(command, &Site::find(cli).await?, printer).await,
        Command::Key(command) => key::run(command, &Site::find(cli).await?, printer).await,
        Command::Grant(command) => grant::run(command, &Site::find(cli).await?, printer).await,
        Command::Secret(command) => secret::run(command, &Site::find(cli).await?, printer).await,
        Command::Certificate(command) => certificate::run(command, &Site::find(cli).await?, printer).await,
        Command::Provider(command) => provider::run(command, &Site::find(cli).await?, printer).await,
        Command::Auth(command) => auth::run(command, &Site::find(cli).await?, printer).await,
        Command::Status(arguments) => status::run(arguments, &Site::find(cli).await?, printer).await,
        Command::Formula(command) => formula::run(command, cli, printer).await,
        Command::Explain(arguments) => explain::run(arguments, &Site::find(cli).await?, printer).await,
        Command::Presign(arguments) => presign::run(arguments, &Site::find(cli).await?, printer).await,
        Command::Audit(command) => audit::run(command, &Site::find(cli).await?, printer).await,
        Command::Completions { shell } => manual::completions(*shell, printer),
        Command::Man { directory } => manual::pages(directory, printer),
    }
}
