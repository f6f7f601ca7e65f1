//! `sortie key`.

use std::time::Duration;

use clap::{Args, Subcommand};
use sortie_client::{Key, KeyState};
use sortie_model::{ApiKeyId, Label, UserName};

use crate::failure::Failure;
use crate::printer::{Printer, Tone};
use crate::site::Site;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(CreateArguments),
    /// List a user's keys
    List {
        /// The user's name
        user: String,
    },
    /// Revoke a key for good
    Revoke {
        /// The key's public part: the 12 characters behind sortie_
        id: String,
        /// Only if it is a key of this user
        #[arg(long)]
        user: Option<String>,
    },
}

/// Make a key. It is shown once; nothing can bring it back
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie key create --user invoice-robot --label 'nightly run' --expires 90d\n  (umask 077; sortie key create --user invoice-robot > key)"
)]
pub(crate) struct CreateArguments {
    /// Whose key it will be
    #[arg(long)]
    user: String,
    /// What it is for
    #[arg(long)]
    label: Option<String>,
    /// How long it is good, such as 90d, 12h or 30m [default: until it is revoked]
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
}

pub(crate) async fn run(command: &KeyCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    match command {
        KeyCommand::Create(arguments) => {
            let label = arguments.label.as_deref().map(Label::parse).transpose()?;
            let lifetime = arguments.expires.as_deref().map(read_duration).transpose()?;
            let created = site.create_key(UserName::parse(&arguments.user)?, label, lifetime).await?;
            if printer.is_json() {
                printer.json(&serde_json::json!({ "id": created.id, "key": created.key.expose(), "user": arguments.user, "expires_at": created.expires_at }));
            } else {
                // Alone on its line, so that it can be redirected into a file.
                printer.line(created.key.expose());
            }
        }
        KeyCommand::List { user } => show(printer, &site.keys(&UserName::parse(user)?).await?),
        KeyCommand::Revoke { id, user } => {
            let user = user.as_deref().map(UserName::parse).transpose()?;
            let id = ApiKeyId::parse(id.strip_prefix("sortie_").unwrap_or(id)).ok_or_else(|| {
                Failure::new(
                    "key_id_format",
                    "this is no key's public part",
                    "give the 12 characters behind sortie_; see `sortie key list`",
                )
            })?;
            printer.changes(&[site.revoke_key(id, user.as_ref()).await?]);
        }
    }
    Ok(0)
}

/// A positive time span: a number and d, h or m.
pub(crate) fn read_duration(text: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::new("duration_format", format!("`{text}` is no duration"), "write a number and d, h or m, such as 90d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(wrong)?))
}

fn show(printer: &Printer, keys: &[Key]) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "keys": keys }));
    }
    let row = |key: &Key| {
        let tone = if key.state == KeyState::Active { Tone::Good } else { Tone::Bad };
        let expires = key.expires_at.clone().unwrap_or_else(|| "never".to_owned());
        vec![
            (Tone::Plain, key.id.clone()),
            (tone, key.state.as_str().to_owned()),
            (Tone::Plain, key.label.clone()),
            (Tone::Plain, key.created_at.clone()),
            (Tone::Plain, expires),
        ]
    };
    printer.table(&["key", "state", "label", "created", "expires"], keys.iter().map(row).collect());
}
