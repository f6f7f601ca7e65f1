//! `sortie provider`. Providers are made and changed by `sortie apply`; here they are looked at, and found.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use sortie_client::{AuthProvider, DiscoveredProvider, Provider, ProviderSummary};
use sortie_model::{ApiName, AuthenticationFlow, Issuer};
use sortie_server::manage::provider::{self as manage_provider, TypeView};

use crate::failure::Failure;
use crate::printer::{Printer, Tone, harmless};
use crate::site::{Discovery, Site};

#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// List providers of both kinds, and which external credentials get their tokens from each
    List,
    /// List the types of auth providers, with what each needs and how a refresh token is had
    Types {
        /// Only this one
        name: Option<String>,
    },
    /// Show a provider: its endpoints, its parameters, which values are stored, and what uses it
    Show {
        /// Its name
        name: String,
    },
    Discover(DiscoverArguments),
}

/// Ask an issuer where its endpoints are, and print a definition
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie provider discover https://login.example.com\n  sortie provider discover https://login.example.com/tenant --name Login > login.yaml\n  sortie apply -f login.yaml\n\nReads what the issuer publishes at /.well-known/openid-configuration or /.well-known/oauth-authorization-server. The issuer must call itself exactly as it is written here. Nothing is stored."
)]
pub(crate) struct DiscoverArguments {
    /// The issuer: what the server calls itself, as a URL
    #[arg(value_name = "URL")]
    issuer: String,
    /// Name of the definition [default: made of the host]
    #[arg(long)]
    name: Option<String>,
    /// How tokens are to be obtained [default: by what the server says]
    #[arg(long, value_parser = PossibleValuesParser::new(AuthenticationFlow::ALL.map(AuthenticationFlow::as_str)))]
    flow: Option<String>,
}

pub(crate) async fn run(command: &ProviderCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    match command {
        ProviderCommand::List => list(printer, &site.providers().await?),
        ProviderCommand::Types { name } => types(printer, name.as_deref())?,
        ProviderCommand::Show { name } => show(printer, &site.provider(&ApiName::parse(name)?).await?),
        ProviderCommand::Discover(DiscoverArguments { issuer, name, flow }) => {
            let name = name.as_deref().map(ApiName::parse).transpose()?;
            let flow = flow.as_deref().and_then(AuthenticationFlow::parse);
            suggest(printer, &site.discover(Discovery { issuer: Issuer::parse(issuer)?, name, flow }).await?);
        }
    }
    Ok(0)
}

fn list(printer: &Printer, providers: &[ProviderSummary]) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "providers": providers }));
    }
    let row = |one: &ProviderSummary| {
        let values = if one.missing_values.is_empty() {
            (Tone::Good, "stored".to_owned())
        } else {
            (Tone::Bad, format!("missing {}", one.missing_values.join(", ")))
        };
        vec![
            (Tone::Plain, one.name.clone()),
            (Tone::Plain, kind(&one.kind, one.auth_provider_type.as_deref())),
            (Tone::Plain, one.flow.clone()),
            (Tone::Plain, one.token_endpoint.clone()),
            values,
            (Tone::Plain, one.external_credentials.join(", ")),
        ]
    };
    printer.table(&["provider", "kind", "flow", "token endpoint", "client", "used by"], providers.iter().map(row).collect());
}

/// `auth provider (google)`.
fn kind(kind: &str, auth_provider_type: Option<&str>) -> String {
    let words = kind.replace('_', " ");
    auth_provider_type.map_or_else(|| words.clone(), |of| format!("{words} ({of})"))
}

fn types(printer: &Printer, name: Option<&str>) -> Result<(), Failure> {
    let all = manage_provider::types();
    let chosen: Vec<&TypeView> = all.iter().filter(|one| name.is_none_or(|name| one.name == name)).collect();
    if chosen.is_empty() {
        let message = format!("there is no type `{}` of auth providers", name.unwrap_or_default().escape_debug());
        return Err(Failure::new("provider_type", message, "list them: sortie provider types"));
    }
    if printer.is_json() {
        printer.json(&serde_json::json!({ "types": chosen }));
        return Ok(());
    }
    for one in chosen {
        printer.line(&format!("{}  {}", one.name, printer.toned(Tone::Quiet, one.title)));
        let fact = |name: &str, value: &str| printer.line(&format!("  {name:<22} {}", printer.toned(Tone::Plain, value)));
        one.needs.iter().for_each(|need| fact("needs", need));
        for setting in &one.settings {
            let standing = setting.default.map_or_else(|| "needed".to_owned(), |default| format!("default {default}"));
            fact(&format!("settings.{}", setting.name), &format!("{standing}: {}", setting.help));
        }
        fact("stored values", &one.values.join(", "));
        if !one.default_scopes.is_empty() {
            fact("default scopes", one.default_scopes);
        }
        fact("register", one.registration);
        fact("refresh token", one.refresh_token);
    }
    Ok(())
}

/// What only an auth provider has.
fn show_auth_provider(printer: &Printer, view: &AuthProvider) {
    let fact = |name: &str, value: &str| printer.line(&format!("  {name:<22} {}", harmless(value)));
    view.settings.iter().for_each(|(name, value)| fact(&format!("settings.{name}"), value));
    view.configuration.iter().for_each(|(name, value)| fact(&format!("configuration.{name}"), value));
    let urls = [("error url", &view.error_url), ("logout url", &view.logout_url), ("icon url", &view.icon_url)];
    urls.iter().filter_map(|(name, url)| Some((name, url.as_ref()?))).for_each(|(name, url)| fact(name, url));
    fact("refresh token", &view.refresh_token);
    view.salesforce.iter().for_each(|(name, value)| fact("only in Salesforce", &format!("{name} = {value}")));
}

fn show(printer: &Printer, view: &Provider) {
    if printer.is_json() {
        return printer.json(view);
    }
    printer.line(&format!("{}  {}", view.name, printer.toned(Tone::Quiet, &view.label)));
    if !view.description.is_empty() {
        printer.line(&format!("  {}", printer.toned(Tone::Plain, &view.description)));
    }
    let fact = |name: &str, value: &str| printer.line(&format!("  {name:<22} {}", printer.toned(Tone::Plain, value)));
    fact("used by", &if view.external_credentials.is_empty() { "nothing".to_owned() } else { view.external_credentials.join(", ") });
    fact("kind", &kind(&view.kind, view.auth_provider.as_ref().map(|one| one.kind.as_str())));
    fact("flow", &view.flow);
    if let Some(one) = &view.auth_provider {
        show_auth_provider(printer, one);
    }
    let endpoints = [
        ("issuer", &view.issuer),
        ("authorize endpoint", &view.authorize_endpoint),
        ("token endpoint", &Some(view.token_endpoint.clone())),
        ("user info endpoint", &view.user_info_endpoint),
        ("callback URL", &view.callback_url),
        ("pushed requests", &view.pushed_authorization_endpoint),
        ("revocation endpoint", &view.revocation_endpoint),
        ("key set endpoint", &view.key_set_endpoint),
        ("default scopes", &view.default_scopes),
    ];
    endpoints.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).for_each(|(name, value)| fact(name, value));
    fact("client authentication", &view.client_authentication);
    if view.pkce {
        fact("proof key", "S256");
    }
    if view.issuer_in_response {
        fact("names itself", "when it sends a browser back");
    }
    for one in &view.request_parameters {
        let why = if one.description.is_empty() { String::new() } else { format!("  {}", printer.toned(Tone::Quiet, &one.description)) };
        let text = format!("{}. {} = {}", one.sequence_number, one.name, one.value);
        printer.line(&format!("  {:<22} {}{why}", format!("{} {}", one.request, one.place), harmless(&text)));
    }
    for value in &view.stored_values {
        printer.line(&format!("  {value:<22} {}", printer.toned(Tone::Good, "stored")));
    }
    if let (Some(now), Some(before)) = (&view.callback_url, &view.accepted_callback_url)
        && now != before
    {
        printer.line(&format!("  {:<22} {}", "last login came back to", printer.toned(Tone::Bad, before)));
        printer.line(&format!("  next: register {now} at the service, or set `public_url` to what it was"));
    }
    for value in &view.missing_values {
        printer.line(&format!("  next: store {value}: sortie secret set provider:{} {value}", view.name));
    }
}

/// The definition alone, so that it can be redirected into a file.
fn suggest(printer: &Printer, suggested: &DiscoveredProvider) {
    if printer.is_json() {
        return printer.json(suggested);
    }
    printer.line(harmless(&suggested.definition).trim_end());
}
