//! `sortie remove`.

use clap::{Args, ValueEnum};
use sortie_model::ApiName;
use sortie_server::manage::PrincipalReference;
use sortie_server::manage::definition::Defined;

use crate::failure::Failure;
use crate::printer::Printer;
use crate::site::Site;

/// Remove a definition with everything that hangs on it
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie remove named-credential Billing\n  sortie remove principal Billing/Service\n\nAn external credential goes with its principals, stored values and tokens, and only when no named credential uses it; a provider goes with its client secret, and only when no external credential names it."
)]
pub(crate) struct RemoveArguments {
    /// What kind of thing
    kind: Kind,
    /// Its name; a principal's is ExternalCredential/Principal
    name: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    NamedCredential,
    ExternalCredential,
    /// An external auth identity provider, or an auth provider
    Provider,
    Principal,
    PermissionSet,
    Profile,
}

pub(crate) async fn run(arguments: &RemoveArguments, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let RemoveArguments { kind, name } = arguments;
    let defined = match kind {
        Kind::NamedCredential => Defined::NamedCredential(ApiName::parse(name)?),
        Kind::ExternalCredential => Defined::ExternalCredential(ApiName::parse(name)?),
        Kind::Provider => Defined::Provider(ApiName::parse(name)?),
        Kind::Principal => Defined::Principal(PrincipalReference::parse(name)?),
        Kind::PermissionSet => Defined::PermissionSet(ApiName::parse(name)?),
        Kind::Profile => Defined::Profile(ApiName::parse(name)?),
    };
    printer.changes(&[site.remove(&defined).await?]);
    Ok(0)
}
