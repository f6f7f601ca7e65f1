//! `sortie auth`: logins with a browser.

mod loopback;
mod place;
mod unrevoked;

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use serde::Serialize;
use sortie_model::UserName;
use sortie_server::connect::{self, CallbackQuery, Confirmation, ConnectError, Departure, Disconnected, Landing, Person};
use sortie_server::{Node, StoredUser};

use crate::failure::Failure;
use crate::printer::{Printer, Tone};
use crate::setup::Opened;
use loopback::Loopback;
use place::Place;
pub(crate) use unrevoked::ShownUnrevoked;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in at a provider with a browser, for everybody at a Named principal or for one user
    ///
    /// Opens the browser, waits on loopback until it comes back, and keeps the tokens. The provider must allow this address as a callback URL:
    /// http://127.0.0.1:PORT/services/authcallback/PROVIDER (externalauthcallback for an external auth identity provider), with any port or with the one of --port.
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

#[derive(Serialize)]
struct Shown {
    external_credential: String,
    principal: String,
    user: Option<String>,
    state: &'static str,
    account: Option<String>,
    scope: Option<String>,
    expires_at: Option<String>,
    renews: Option<bool>,
    problem: Option<String>,
    /// Logins that are gone here, and not at the provider.
    unrevoked: Vec<ShownUnrevoked>,
}

pub(crate) async fn run(command: &AuthCommand, opened: &Opened, printer: &Printer) -> Result<u8, Failure> {
    let (AuthCommand::Login(LoginArguments { place: arguments, .. }) | AuthCommand::Status(arguments) | AuthCommand::Revoke(arguments)) =
        command;
    let user = find_user(opened, arguments.user.as_deref()).await?;
    let node = Node::start(opened.house.clone(), &opened.config).await?;
    let place = place::find(&node, &arguments.target, user.as_ref())?;
    let person = Person::Operator { actor: &opened.actor, user: user.as_ref() };
    match command {
        AuthCommand::Login(arguments) => log_in(&node, &person, &place, arguments, printer).await,
        AuthCommand::Status(_) => status(&node, &person, &place, printer).await,
        AuthCommand::Revoke(_) => revoke(&node, &person, &place, printer).await,
    }
}

async fn find_user(opened: &Opened, name: Option<&str>) -> Result<Option<StoredUser>, Failure> {
    let Some(name) = name else { return Ok(None) };
    let name = UserName::parse(name)?;
    let user = opened.house.store().caller_by_user(&name).await;
    let user = user.map_err(|error| Failure::new(error.code(), error.to_string(), "look at the database, then try again"))?;
    let unknown = || Failure::new("user_unknown", format!("there is no user `{name}`"), "list them with `sortie user list`");
    user.map(Some).ok_or_else(unknown)
}

async fn log_in(node: &Node, person: &Person<'_>, place: &Place, arguments: &LoginArguments, printer: &Printer) -> Result<u8, Failure> {
    let loopback = Loopback::open(arguments.port).await?;
    let departure = Departure { names: place.names(), base: &loopback.base(), return_to: "/", browser: None };
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
    status(node, person, place, printer).await
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

async fn status(node: &Node, person: &Person<'_>, place: &Place, printer: &Printer) -> Result<u8, Failure> {
    let state = connect::state(node, person, place.names()).await?;
    let problem = state.as_ref().and_then(|state| state.problem.as_ref()).map(ToString::to_string);
    let word = match (&state, &problem) {
        (None, _) => "not_authenticated",
        (Some(_), Some(_)) => "needs_authentication",
        (Some(_), None) => "authenticated",
    };
    let shown = Shown {
        external_credential: place.credential.clone(),
        principal: place.principal.clone(),
        user: place.user.clone(),
        state: word,
        account: state.as_ref().and_then(|state| state.account.clone()).map(|account| account.name.unwrap_or(account.subject)),
        scope: state.as_ref().and_then(|state| state.scope.clone()),
        expires_at: state.as_ref().map(|state| state.expires_at.to_string()),
        renews: state.as_ref().map(|state| state.renews),
        problem,
        unrevoked: connect::unrevoked(node, person, place.names()).await?.into_iter().map(ShownUnrevoked::from).collect(),
    };
    if printer.is_json() {
        printer.json(&shown);
    } else {
        show(&shown, printer);
    }
    Ok(u8::from(word != "authenticated"))
}

fn show(shown: &Shown, printer: &Printer) {
    let of = shown.user.as_ref().map(|user| format!(" of {user}")).unwrap_or_default();
    let name = format!("{}/{}{of}", shown.external_credential, shown.principal);
    let tone = if shown.state == "authenticated" { Tone::Good } else { Tone::Bad };
    printer.line(&format!("{name}  {}", printer.toned(tone, &shown.state.replace('_', " "))));
    let fact = |name: &str, value: &str| printer.line(&format!("  {name:<12} {}", printer.toned(Tone::Plain, value)));
    if let Some(account) = &shown.account {
        fact("account", account);
    }
    if let Some(scope) = &shown.scope {
        fact("scope", scope);
    }
    match (&shown.expires_at, shown.renews) {
        (Some(expires_at), Some(true)) => fact("token until", &format!("{expires_at}, renewed by itself")),
        (Some(expires_at), _) => {
            fact("token until", &format!("{expires_at}; the provider gave no refresh token, so somebody must log in again then"));
        }
        (None, _) => {}
    }
    if let Some(problem) = &shown.problem {
        fact("problem", problem);
    }
    for unrevoked in &shown.unrevoked {
        fact("not revoked", &unrevoked.in_words());
        printer.line(&format!("  next: {}", unrevoked.next_step));
    }
    if shown.state != "authenticated" {
        let user = shown.user.as_ref().map(|user| format!(" --user {user}")).unwrap_or_default();
        printer.line(&format!("  next: sortie auth login {}/{}{user}", shown.external_credential, shown.principal));
    }
}

async fn revoke(node: &Node, person: &Person<'_>, place: &Place, printer: &Printer) -> Result<u8, Failure> {
    #[derive(Serialize)]
    struct Done<'a> {
        revoked: bool,
        provider: &'a str,
    }
    let done = connect::revoke(node, person, place.names()).await?;
    let (revoked, provider, text) = match &done {
        Disconnected::Absent => (false, "not_asked", "nobody was logged in".to_owned()),
        Disconnected::AtTheProvider => (true, "told", "the login is gone, here and at the provider".to_owned()),
        Disconnected::NotOffered => (
            true,
            "not_offered",
            "the login is gone here; the provider has no `revocation_endpoint`, so the token lives there until it expires".to_owned(),
        ),
        Disconnected::NotTold(why) => (
            true,
            "not_told",
            format!("the login is gone here; the provider could not be told, and a running server tells it again: {why}"),
        ),
    };
    if printer.is_json() {
        printer.json(&Done { revoked, provider });
    } else {
        printer.line(&text);
    }
    Ok(0)
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(error.code(), error.to_string(), error.next_step())
    }
}
