//! Where commands do what they do: in the house, whose database they open, or over HTTP at a server that runs. What they show is the same.
//!
//! One file a resource, one function an operation, and in each of them the two ways beside each other. A command knows neither.

mod access;
mod audit;
mod certificate_versions;
mod certificates;
mod definitions;
mod formulas;
mod keys;
mod logins;
mod providers;
mod removal;
mod secrets;
mod state;
mod users;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sortie_client::{Action, Change, Client, ClientError};

use crate::arguments::Cli;
use crate::failure::Failure;
use crate::setup::{self, Opened};

pub(crate) use certificate_versions::{KeyFiles, Requested};
pub(crate) use definitions::DefinitionFile;
pub(crate) use formulas::{Trial, check_formula, unreadable};
pub(crate) use logins::login_address;
pub(crate) use providers::Discovery;
pub(crate) use secrets::Holder;
pub(crate) use state::Spool;

/// Where.
pub(crate) enum Site {
    /// Here.
    House(Box<Opened>),
    /// At a server.
    Server(Client),
}

impl Site {
    /// By the arguments. With `--server` nothing here is opened or made.
    pub(crate) async fn find(cli: &Cli) -> Result<Self, Failure> {
        match Self::server(cli)? {
            Some(client) => Ok(Self::Server(client)),
            None => Ok(Self::House(Box::new(setup::open(&cli.global).await?))),
        }
    }

    /// The server, if one is named: for commands that need neither.
    pub(crate) fn server(cli: &Cli) -> Result<Option<Client>, Failure> {
        let Some(url) = &cli.remote.server else { return Ok(None) };
        let builder = cli.remote.builder(setup::secret_variable("SORTIE_KEY")?).map_err(|(path, error)| {
            Failure::new(
                "file_unusable",
                format!("cannot read the key file {}: {error}", path.display()),
                "check the path and its permissions",
            )
        })?;
        Ok(Some(builder.url(url).build().map_err(ClientError::from)?))
    }
}

/// What the house shows, in the shape in which the API answers it.
pub(crate) fn shown<T: DeserializeOwned>(view: &impl Serialize) -> Result<T, Failure> {
    let value = serde_json::to_value(view).and_then(serde_json::from_value);
    value.map_err(|error| Failure::new("internal_error", format!("what is here has another shape than the API's: {error}"), "report this"))
}

/// A change that the API answers with the object, or with nothing.
fn change(object: &str, name: impl ToString, action: Action) -> Change {
    Change { object: object.to_owned(), name: name.to_string(), action, fields: Vec::new() }
}

/// Updated in these fields, or unchanged if there are none.
fn change_of_fields(object: &str, name: impl ToString, fields: Vec<String>) -> Change {
    let action = if fields.is_empty() { Action::Unchanged } else { Action::Updated };
    Change { fields, ..change(object, name, action) }
}

/// Whole days, which is what the API takes.
fn days(duration: std::time::Duration, argument: &str) -> Result<u32, Failure> {
    let seconds = duration.as_secs();
    let days = u32::try_from(seconds / 86_400).ok().filter(|_| seconds.is_multiple_of(86_400));
    days.ok_or_else(|| Failure::new("whole_days_only", format!("{argument} must be whole days over HTTP"), "write it as days, such as 90d"))
}
