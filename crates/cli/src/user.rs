//! `sortie user`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sortie_client::User;
use sortie_model::{ApiName, Attributes, UserName};
use sortie_server::manage::user::{NewUser, UserChange};

use crate::failure::Failure;
use crate::input::{self, Typing};
use crate::printer::{Printer, Tone};
use crate::site::Site;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    Add(AddArguments),
    /// List all users
    List,
    /// Show one user
    Show {
        /// The user's name
        name: String,
    },
    Set(SetArguments),
    Password(PasswordArguments),
    /// Remove a user with all keys and stored values; another user of the same name will be somebody else
    Remove {
        /// The user's name
        name: String,
    },
    /// Assign a permission set to a user
    Assign {
        /// The user's name
        name: String,
        /// The permission set's name
        permission_set: String,
    },
    /// Release a user's identities at OpenID providers; sessions end, and the next single sign-on links anew
    Unlink {
        /// The user's name
        name: String,
    },
    /// Take a permission set from a user
    Unassign {
        /// The user's name
        name: String,
        /// The permission set's name
        permission_set: String,
    },
}

/// Add a user
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sortie user add invoice-robot --permission-set Billing_Readers --attribute Department=Finance")]
pub(crate) struct AddArguments {
    /// Unique name: letters, digits and . _ - + @
    name: String,
    /// Name of the profile
    #[arg(long)]
    profile: Option<String>,
    /// Permission set to assign; may be repeated
    #[arg(long = "permission-set", value_name = "NAME")]
    permission_sets: Vec<String>,
    /// Attribute that formulas can read; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
}

/// Change a user
#[derive(Debug, Args)]
pub(crate) struct SetArguments {
    /// The user's name
    name: String,
    /// Name of the profile
    #[arg(long, conflicts_with = "no_profile")]
    profile: Option<String>,
    /// Take the profile away
    #[arg(long)]
    no_profile: bool,
    /// Let the user call (true) or refuse all their keys (false)
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// Attribute to set; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
    /// Attribute to remove; may be repeated
    #[arg(long = "remove-attribute", value_name = "NAME")]
    removed_attributes: Vec<String>,
}

/// Give a user a password for the console, or take it away; sessions that go on end
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie user password alice\n  pass show sortie | sortie user password alice --stdin\n  sortie user password alice --remove\n\nOne line break at the end of a file or of standard input is not part of the password."
)]
pub(crate) struct PasswordArguments {
    /// The user's name
    name: String,
    /// Take the password away
    #[arg(long, conflicts_with_all = ["from_file", "stdin"])]
    remove: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    from_file: Option<PathBuf>,
    /// Read the password from standard input
    #[arg(long)]
    stdin: bool,
}

pub(crate) async fn run(command: &UserCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let change = match command {
        UserCommand::List => {
            show_all(printer, &site.users().await?);
            return Ok(0);
        }
        UserCommand::Show { name } => {
            show_one(printer, &site.user(&UserName::parse(name)?).await?);
            return Ok(0);
        }
        UserCommand::Add(arguments) => {
            let AddArguments { name, profile, permission_sets, attributes } = arguments;
            let profile = profile.as_deref().map(ApiName::parse).transpose()?;
            let permission_sets = permission_sets.iter().map(|name| ApiName::parse(name)).collect::<Result<_, _>>()?;
            let new = NewUser { name: UserName::parse(name)?, profile, permission_sets, attributes: read_attributes(attributes)? };
            site.add_user(new).await?
        }
        UserCommand::Set(arguments) => {
            let profile = arguments.profile.as_deref().map(ApiName::parse).transpose()?;
            let profile = if arguments.no_profile { Some(None) } else { profile.map(Some) };
            let attributes = read_attributes(&arguments.attributes)?;
            let wanted =
                UserChange { profile, is_active: arguments.active, attributes, removed_attributes: arguments.removed_attributes.clone() };
            site.set_user(&UserName::parse(&arguments.name)?, wanted).await?
        }
        UserCommand::Password(arguments) => {
            let name = UserName::parse(&arguments.name)?;
            if arguments.remove {
                site.remove_password(&name).await?
            } else {
                let password = input::secret("password", arguments.from_file.as_deref(), Typing::of(arguments.stdin))?;
                site.set_password(&name, &password).await?
            }
        }
        UserCommand::Unlink { name } => site.unlink_user(&UserName::parse(name)?).await?,
        UserCommand::Remove { name } => site.remove_user(&UserName::parse(name)?).await?,
        UserCommand::Assign { name, permission_set } => site.assign(&UserName::parse(name)?, &ApiName::parse(permission_set)?).await?,
        UserCommand::Unassign { name, permission_set } => site.unassign(&UserName::parse(name)?, &ApiName::parse(permission_set)?).await?,
    };
    printer.changes(&[change]);
    Ok(0)
}

fn read_attributes(texts: &[String]) -> Result<Attributes, Failure> {
    let read = |text: &String| {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::new("attribute_format", format!("`{text}` is no attribute"), "write it as NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(read).collect()
}

fn show_all(printer: &Printer, users: &[User]) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "users": users }));
    }
    let row = |user: &User| {
        let (tone, state) = if user.active { (Tone::Good, "active") } else { (Tone::Bad, "inactive") };
        let profile = user.profile.clone().unwrap_or_default();
        vec![
            (Tone::Plain, user.name.clone()),
            (tone, state.to_owned()),
            (Tone::Plain, profile),
            (Tone::Plain, user.permission_sets.join(", ")),
        ]
    };
    printer.table(&["user", "state", "profile", "permission sets"], users.iter().map(row).collect());
}

fn show_one(printer: &Printer, user: &User) {
    if printer.is_json() {
        return printer.json(user);
    }
    printer.line(&format!("user            {}", user.name));
    printer.line(&format!("state           {}", if user.active { "active" } else { "inactive" }));
    printer.line(&format!("password        {}", if user.password { "set" } else { "none" }));
    printer.line(&format!("profile         {}", user.profile.as_deref().unwrap_or("none")));
    printer.line(&format!(
        "permission sets {}",
        if user.permission_sets.is_empty() { "none".to_owned() } else { user.permission_sets.join(", ") }
    ));
    if !user.permissions.is_empty() {
        let permissions: Vec<_> = user.permissions.iter().map(|permission| permission.as_str()).collect();
        printer.line(&format!("permissions     {}", permissions.join(", ")));
    }
    for (name, value) in &user.attributes {
        printer.line(&format!("attribute       {name} = {value}"));
    }
}
