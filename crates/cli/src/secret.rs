//! `sortie secret`. A value comes from a prompt, a file or standard input, never from an argument: arguments are seen by everybody on the machine (OPS-01).

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sortie_client::{Change, ValueState};
use sortie_model::{ApiName, UserName};
use sortie_server::manage::PrincipalReference;

use crate::failure::Failure;
use crate::input::{self, Typing};
use crate::printer::{Printer, Tone};
use crate::site::{Holder, Site};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    Set(SetArguments),
    /// List which values are stored, without showing any
    List {
        /// The principal, as ExternalCredential/Principal; or a provider of tokens, as provider:NAME
        #[arg(value_name = "HOLDER")]
        holder: String,
        /// Whose own values, for a Per User principal
        #[arg(long)]
        user: Option<String>,
    },
    /// Remove a stored value
    Remove {
        /// The principal, as ExternalCredential/Principal; or a provider of tokens, as provider:NAME
        #[arg(value_name = "HOLDER")]
        holder: String,
        /// Name of the value, such as client_secret
        name: String,
        /// Whose own value, for a Per User principal
        #[arg(long)]
        user: Option<String>,
    },
}

/// Store a value: asked for without echo, or read from a file or standard input
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie secret set Billing/Service client_secret\n  pass show billing | sortie secret set Billing/Service client_secret --stdin\n  sortie secret set provider:Okta client_secret\n  sortie secret set Mail/Own password --user alice --from-file password.txt\n\nOne line break at the end of a file or of standard input is not part of the value."
)]
pub(crate) struct SetArguments {
    /// The principal, as ExternalCredential/Principal; or a provider of tokens, as provider:NAME
    #[arg(value_name = "HOLDER")]
    holder: String,
    /// Name of the value, such as client_secret
    name: String,
    /// Whose own value, for a Per User principal
    #[arg(long)]
    user: Option<String>,
    /// Read the value from a file
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    from_file: Option<PathBuf>,
    /// Read the value from standard input
    #[arg(long)]
    stdin: bool,
}

pub(crate) async fn run(command: &SecretCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let change = match command {
        SecretCommand::Set(arguments) => set(arguments, site).await?,
        SecretCommand::Remove { holder, name, user } => site.remove_value(&Holder::parse(holder, user.as_deref())?, name).await?,
        SecretCommand::List { holder, user } => {
            show(printer, &site.values(&Holder::parse(holder, user.as_deref())?).await?);
            return Ok(0);
        }
    };
    printer.changes(&[change]);
    Ok(0)
}

async fn set(arguments: &SetArguments, site: &Site) -> Result<Change, Failure> {
    let holder = Holder::parse(&arguments.holder, arguments.user.as_deref())?;
    let value = input::secret(&arguments.name, arguments.from_file.as_deref(), Typing::of(arguments.stdin))?;
    site.set_value(&holder, &arguments.name, &value).await
}

impl Holder {
    /// Reads `ExternalCredential/Principal` or `provider:NAME`. No name of an external credential holds a colon.
    fn parse(text: &str, user: Option<&str>) -> Result<Self, Failure> {
        let user = user.map(UserName::parse).transpose()?;
        let Some(name) = text.strip_prefix("provider:") else { return Ok(Self::Principal(PrincipalReference::parse(text)?, user)) };
        if user.is_some() {
            return Err(Failure::new("user_not_wanted", "the values of a provider are shared: no user has own ones", "leave --user out"));
        }
        Ok(Self::Provider(ApiName::parse(name)?))
    }
}

fn show(printer: &Printer, values: &[ValueState]) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "values": values }));
    }
    let row = |value: &ValueState| {
        let (tone, state) = match (value.set, value.required) {
            (true, _) => (Tone::Good, "stored"),
            (false, true) => (Tone::Bad, "missing"),
            (false, false) => (Tone::Quiet, "not stored"),
        };
        let state = value.from.as_ref().map_or_else(|| state.to_owned(), |from| format!("{state} for {from}"));
        let label = value.label.clone().unwrap_or_default();
        vec![
            (Tone::Plain, value.name.clone()),
            (tone, state),
            (Tone::Plain, label),
            (Tone::Plain, value.updated_at.clone().unwrap_or_default()),
        ]
    };
    printer.table(&["value", "state", "label", "stored at"], values.iter().map(row).collect());
}
