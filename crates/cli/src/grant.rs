//! `sortie grant`.

use clap::{Args, Subcommand};
use sortie_client::Access;
use sortie_model::ApiName;
use sortie_server::manage::PrincipalReference;
use sortie_server::manage::grant::GranteeName;

use crate::failure::Failure;
use crate::printer::{Printer, Tone};
use crate::site::Site;

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Let the users of a permission set or a profile use a principal
    Add(GrantArguments),
    /// Take that away
    Remove(GrantArguments),
    /// List who may use what
    List {
        /// Only this external credential
        external_credential: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie grant add Billing/Service --permission-set Billing_Readers\n  sortie grant remove 'Crm/Support Users' --profile Staff"
)]
pub(crate) struct GrantArguments {
    /// The principal, as ExternalCredential/Principal
    principal: String,
    #[command(flatten)]
    grantee: Grantee,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Grantee {
    /// Every user to whom this permission set is assigned
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,
    /// Every user with this profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl GrantArguments {
    fn read(&self) -> Result<(PrincipalReference, GranteeName), Failure> {
        let Grantee { permission_set, profile } = &self.grantee;
        let grantee = match (permission_set, profile) {
            (Some(name), _) => GranteeName::PermissionSet(ApiName::parse(name)?),
            (None, Some(name)) => GranteeName::Profile(ApiName::parse(name)?),
            (None, None) => return Err(Failure::new("required", "no permission set and no profile", "give --permission-set or --profile")),
        };
        Ok((PrincipalReference::parse(&self.principal)?, grantee))
    }
}

pub(crate) async fn run(command: &GrantCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let change = match command {
        GrantCommand::Add(arguments) => {
            let (principal, grantee) = arguments.read()?;
            site.give_access(&principal, &grantee).await?
        }
        GrantCommand::Remove(arguments) => {
            let (principal, grantee) = arguments.read()?;
            site.take_access(&principal, &grantee).await?
        }
        GrantCommand::List { external_credential } => {
            let name = external_credential.as_deref().map(ApiName::parse).transpose()?;
            show(printer, &site.accesses(name.as_ref()).await?);
            return Ok(0);
        }
    };
    printer.changes(&[change]);
    Ok(0)
}

fn show(printer: &Printer, grants: &[Access]) {
    if printer.is_json() {
        return printer.json(&serde_json::json!({ "grants": grants }));
    }
    let row = |grant: &Access| {
        let principal = format!("{}/{}", grant.external_credential, grant.principal);
        vec![(Tone::Plain, principal), (Tone::Quiet, grant.grantee_kind.replace('_', " ")), (Tone::Plain, grant.grantee.clone())]
    };
    printer.table(&["principal", "for", "name"], grants.iter().map(row).collect());
}
