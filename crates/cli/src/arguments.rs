//! What can be typed.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use sortie_client::{Client, ClientBuilder};
use sortie_model::Secret;

use crate::{apply, audit, auth, call, certificate, explain, formula, grant, key, presign, provider, remove, secret, status, user};

/// Authenticated outbound calls by name
///
/// A program asks for callout:Billing/invoices; Sortie checks that it may, picks the principal, obtains the token or key, authenticates the request, sends
/// it to the one place that the name stands for, and streams the answer back.
#[derive(Debug, Parser)]
#[command(name = "sortie", version, propagate_version = true, max_term_width = 100, after_long_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(flatten)]
    pub(crate) remote: Remote,

    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "Exit status:\n  0  done\n  1  refused or failed; standard error says what, and what to do next (what `call`, `explain` and `auth status` have to say is on standard output)\n  2  the command line is not understood\n  3  `status --check` or `audit verify` found something\n\nEnvironment:\n  SORTIE_DATA_DIR, SORTIE_CONFIG, SORTIE_DATABASE_URL  where the data is\n  SORTIE_URL, SORTIE_KEY, SORTIE_CA_FILE               the server to ask instead, over HTTP\n  SORTIE_GATEWAY                                       where `call` sends callouts\n  SORTIE_LOG                                           how much is logged: debug, sortie_store=debug\n  SORTIE_KEY and SORTIE_DATABASE_URL can stand in a file that SORTIE_KEY_FILE or SORTIE_DATABASE_URL_FILE names.\n\nTry it: sortie demo";

impl Cli {
    /// What was typed, and what the environment says. Whoever types where the house is means the house, whatever server the environment names.
    pub(crate) fn read() -> Self {
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let is_typed = |argument: &str| matches.value_source(argument) == Some(ValueSource::CommandLine);
        let names_house = ["data_dir", "config", "database"].into_iter().any(is_typed);
        if names_house && is_typed("server") {
            command
                .error(ErrorKind::ArgumentConflict, "--server asks a server; --data-dir, --config and --database are for a house here")
                .exit();
        }
        if names_house || cli.remote.server.as_ref().is_some_and(String::is_empty) {
            cli.remote.server = None;
        }
        cli
    }
}

/// Where the house is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the data is")]
pub(crate) struct Global {
    /// Directory with the database, the key file and the audit [default: $XDG_DATA_HOME/sortie]
    #[arg(long, global = true, env = "SORTIE_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Configuration file [default: sortie.toml in the data directory]
    #[arg(long, global = true, env = "SORTIE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Database, as sqlite:PATH or postgres://…; better given as SORTIE_DATABASE_URL if it holds a password
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,
}

/// Another way to it: over HTTP, with an API key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Over HTTP")]
pub(crate) struct Remote {
    /// Ask the management API of a running server instead of opening the data directory
    #[arg(long, global = true, env = "SORTIE_URL", value_name = "URL")]
    pub(crate) server: Option<String>,

    /// File with the API key; else the environment variable SORTIE_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// Trust these certificate authorities (PEM) instead of the machine's
    #[arg(long, global = true, env = "SORTIE_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Send the API key over plain HTTP to other machines: whoever listens on the way has it
    #[arg(long, global = true, env = "SORTIE_ALLOW_PLAIN_HTTP", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(crate) allow_plain_http: bool,
}

impl Remote {
    /// A client as far as these say. `key` is what the environment says; the file is first.
    ///
    /// # Errors
    /// The key file, and why it cannot be read.
    pub(crate) fn builder(&self, key: Option<Secret>) -> Result<ClientBuilder, (PathBuf, std::io::Error)> {
        let key = match &self.key_file {
            Some(path) => Some(Secret::new(std::fs::read_to_string(path).map_err(|error| (path.clone(), error))?)),
            None => key,
        };
        let mut builder = Client::builder();
        if let Some(key) = key {
            builder = builder.key(key);
        }
        if let Some(file) = &self.ca_file {
            builder = builder.certificate_authorities(file);
        }
        Ok(if self.allow_plain_http { builder.dangerously_allow_plain_http() } else { builder })
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into files and pipes.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve callouts until SIGINT or SIGTERM
    Serve,
    /// See it all at work, with a real upstream and a real token server, and no configuration
    Demo {
        /// End after the last step instead of serving on; the exit status says whether all was as promised
        #[arg(long)]
        exit: bool,
    },
    Call(call::CallArguments),
    Apply(apply::ApplyArguments),
    Remove(remove::RemoveArguments),
    /// Users: the people and programs that make callouts
    #[command(subcommand)]
    User(user::UserCommand),
    /// API keys: how users prove who they are, to the gateway and to the management API
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Principal access: which permission sets and profiles may use which principals
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// Stored values of principals and providers: passwords, keys, client secrets. Nothing ever shows one again
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Certificates: key pairs with a name, which sign JWTs and requests. Nothing ever shows a private key
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Providers: where OAuth tokens come from, for any number of external credentials. Auth providers and external auth identity providers
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Logins with a browser: how a principal of the protocol oauth_browser gets its tokens
    #[command(subcommand)]
    Auth(auth::AuthCommand),
    Status(status::StatusArguments),
    Explain(explain::ExplainArguments),
    Presign(presign::PresignArguments),
    /// Formulas: the language of {!…} in headers, scopes and what callers send
    #[command(subcommand)]
    Formula(formula::FormulaCommand),
    /// The audit: what was called by whom, and whether anybody has tampered with the record of it
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages
    Man {
        /// Directory to write them to
        directory: PathBuf,
    },
}
