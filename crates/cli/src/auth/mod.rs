//! `sortie auth`: logins with a browser.

mod here;
mod loopback;
mod place;
mod unrevoked;

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use sortie_client::{Login, LoginStanding, ProviderTold, RevokedLogin};
use sortie_model::UserName;
use sortie_server::connect::{self, CallbackQuery, Confirmation, ConnectError, Departure, Landing};

use crate::failure::Failure;
use crate::printer::{Printer, Tone};
use crate::site::{Site, login_address, shown};
pub(crate) use here::Here;
use loopback::Loopback;
pub(crate) use unrevoked::in_words;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in at a provider with a browser, for everybody at a Named principal or for one user
    ///
    /// Opens the browser, waits on loopback until it comes back, and keeps the tokens. The provider must allow this address as a callback URL:
    /// http://127.0.0.1:PORT/services/authcallback/PROVIDER (externalauthcallback for an external auth identity provider), with any port or with the one of --port.
    /// Over HTTP it opens the server's page instead, where whoever logs in signs in, and does not wait.
    #[command(
        after_long_help = "Examples:\n  sortie auth login Calendar/Service\n  sortie auth login callout:Calendar --user alice\n  sortie auth login Calendar/Service --no-browser --port 8400"
    )]
    Login(LoginArguments),
    /// Say whether somebody has logged in, as whom at the provider, and until when
    Status(PlaceArguments),
    /// Take a login away, here and at the provider
    Revoke(PlaceArguments),
}

#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Wait on this port instead of any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Print the address instead of opening a browser
    #[arg(long)]
    no_browser: bool,
    /// Keep the login without asking, also if it is another account than before
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArguments {
    /// CREDENTIAL/PRINCIPAL, or callout:Name for the principal that a callout would use
    target: String,
    /// Whose own login it is, at a Per User principal
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

pub(crate) async fn run(command: &AuthCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let (AuthCommand::Login(LoginArguments { place: arguments, .. }) | AuthCommand::Status(arguments) | AuthCommand::Revoke(arguments)) =
        command;
    let PlaceArguments { target, user } = arguments;
    let user = user.as_deref().map(UserName::parse).transpose()?;
    match (command, site) {
        (AuthCommand::Login(arguments), Site::House(opened)) => {
            log_in(&Here::find(opened, target, user.as_ref()).await?, arguments, printer).await
        }
        (AuthCommand::Login(arguments), Site::Server(client)) => {
            let address = login_address(client, target, user.as_ref()).await?;
            Ok(send_there(&address, arguments, printer))
        }
        (AuthCommand::Status(_), site) => Ok(show(&site.login(target, user.as_ref()).await?, printer)),
        (AuthCommand::Revoke(_), site) => {
            let (done, why) = site.revoke_login(target, user.as_ref()).await?;
            Ok(show_revoked(done, why, printer))
        }
    }
}

/// At a server it goes on in the browser alone: there whoever logs in signs in, and says that it is theirs.
fn send_there(address: &str, arguments: &LoginArguments, printer: &Printer) -> u8 {
    if printer.is_json() {
        printer.json(&serde_json::json!({ "authentication_url": address }));
        return 0;
    }
    if !arguments.no_browser && open::that_detached(address).is_ok() {
        eprint("The browser shows the server's page, where it goes on. If it does not, open:\n");
    }
    printer.line(address);
    0
}

async fn log_in(here: &Here<'_>, arguments: &LoginArguments, printer: &Printer) -> Result<u8, Failure> {
    let (node, person) = (&here.node, here.person());
    let person = &person;
    let loopback = Loopback::open(arguments.port).await?;
    let departure = Departure { names: here.place.names(), base: &loopback.base(), return_to: "/", browser: None };
    let begun = connect::begin(node, person, departure).await?;
    let address = begun.authorize_url.to_string();
    // On standard error: what is on standard output is what came of it.
    let opened = !arguments.no_browser && open::that_detached(&address).is_ok();
    let told = if opened { "The browser shows the provider's page. If it does not, open:" } else { "Open this address in a browser:" };
    eprint(&format!("{told}\n\n  {address}\n\nIt comes back to {}\n", begun.redirect_uri));
    let path = begun.redirect_uri.strip_prefix(&loopback.base()).unwrap_or_default().to_owned();
    let query = tokio::select! {
        came = loopback.callback(&path, begun.state.expose()) => came?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new("interrupted", "nobody has logged in", "begin again")),
    };
    let browser = Some(begun.browser.expose());
    let landing = connect::returned(node, Some(person), &path, CallbackQuery::parse(&query)?, browser).await?;
    let (Landing::Confirm(id) | Landing::SignIn(id)) = landing;
    let confirmation = connect::confirmation(node, person, id, browser).await?;
    if !agrees(&confirmation, arguments.yes, printer.is_json())? {
        connect::cancel(node, person, id, browser).await?;
        let why = confirmation.replaces.map_or("nobody agreed", |_| "it is another account than before, and nobody agreed");
        return Err(Failure::new("login_not_kept", format!("the login was not kept: {why}"), "begin again, or give --yes"));
    }
    connect::confirm(node, person, id, browser).await?;
    Ok(show(&shown(&here.login().await?)?, printer))
}

/// Whose account it is, and whether that is right. Where nobody can be asked, only another account than before needs `--yes`.
fn agrees(confirmation: &Confirmation, is_agreed: bool, is_json: bool) -> Result<bool, Failure> {
    let account = confirmation.account.as_ref().map(|account| account.name.as_ref().unwrap_or(&account.subject).clone());
    let account = account.unwrap_or_else(|| "an account that the provider does not name".to_owned());
    if is_agreed {
        return Ok(true);
    }
    if is_json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(confirmation.replaces.is_none());
    }
    let before = confirmation
        .replaces
        .as_ref()
        .map(|before| format!(" This is ANOTHER account than before, which was {}.", before.name.as_ref().unwrap_or(&before.subject)));
    let whom = if confirmation.is_shared { "for everybody who may use" } else { "for this user at" };
    let Confirmation { provider, credential, principal, .. } = confirmation;
    if let (Some(asked), Some(granted)) = (&confirmation.scope_asked_for, &confirmation.scope) {
        eprint(&format!("{provider} has granted other scopes than were asked for: `{granted}`, and not `{asked}`.\n"));
    }
    eprint(&format!("Logged in at {provider} as {account}.{} Keep it {whom} {credential}/{principal}? [y/N] ", before.unwrap_or_default()));
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::new("no_answer", format!("cannot read the answer: {error}"), "give --yes"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn eprint(text: &str) {
    let mut standard_error = std::io::stderr().lock();
    let _ = standard_error.write_all(text.as_bytes()).and_then(|()| standard_error.flush());
}

/// The exit status: 0 if somebody has logged in.
fn show(login: &Login, printer: &Printer) -> u8 {
    let is_authenticated = login.state == LoginStanding::Authenticated;
    if printer.is_json() {
        printer.json(login);
        return u8::from(!is_authenticated);
    }
    let of = login.user.as_ref().map(|user| format!(" of {user}")).unwrap_or_default();
    let name = format!("{}/{}{of}", login.external_credential, login.principal);
    let tone = if is_authenticated { Tone::Good } else { Tone::Bad };
    printer.line(&format!("{name}  {}", printer.toned(tone, &login.state.as_str().replace('_', " "))));
    let fact = |name: &str, value: &str| printer.line(&format!("  {name:<12} {}", printer.toned(Tone::Plain, value)));
    if let Some(account) = &login.account {
        fact("account", account);
    }
    if let Some(scope) = &login.scope {
        fact("scope", scope);
    }
    match (&login.expires_at, login.renews) {
        (Some(expires_at), Some(true)) => fact("token until", &format!("{expires_at}, renewed by itself")),
        (Some(expires_at), _) => {
            fact("token until", &format!("{expires_at}; the provider gave no refresh token, so somebody must log in again then"));
        }
        (None, _) => {}
    }
    if let Some(problem) = &login.problem {
        fact("problem", problem);
    }
    for unrevoked in &login.unrevoked {
        fact("not revoked", &in_words(unrevoked));
        printer.line(&format!("  next: {}", unrevoked.next_step));
    }
    if !is_authenticated {
        let user = login.user.as_ref().map(|user| format!(" --user {user}")).unwrap_or_default();
        printer.line(&format!("  next: sortie auth login {}/{}{user}", login.external_credential, login.principal));
    }
    u8::from(!is_authenticated)
}

fn show_revoked(done: RevokedLogin, why: Option<String>, printer: &Printer) -> u8 {
    if printer.is_json() {
        printer.json(&done);
        return 0;
    }
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    printer.line(&match done.provider {
        ProviderTold::NotAsked => "nobody was logged in".to_owned(),
        ProviderTold::Told => "the login is gone, here and at the provider".to_owned(),
        ProviderTold::NotOffered => {
            "the login is gone here; the provider has no `revocation_endpoint`, so the token lives there until it expires".to_owned()
        }
        ProviderTold::NotTold => {
            format!("the login is gone here; the provider could not be told, and a running server tells it again{why}")
        }
    });
    0
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(error.code(), error.to_string(), error.next_step())
    }
}
