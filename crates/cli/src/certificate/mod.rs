//! `sortie certificate`. Keys and passwords come from files, standard input or a prompt, never from an argument (OPS-01); private keys never come out.

mod input;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use sortie_client::Change;
use sortie_model::{ApiName, KeyAlgorithm, KeyIdentifier, Label};
use sortie_server::manage::certificate::{DEFAULT_KEY_ALGORITHM, Exported, Handover, ImportTarget, NewCertificate, Subject};

use self::input::{read_file, read_password, unreadable};
use self::show::{list, print_pem, print_request, show};
use crate::failure::Failure;
use crate::key::read_duration;
use crate::printer::Printer;
use crate::site::{KeyFiles, Requested, Site};

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    Create(CreateArguments),
    Request(RequestArguments),
    Install(InstallArguments),
    Import(ImportArguments),
    Export(ExportArguments),
    /// List certificates, and when they expire
    List,
    /// Show a certificate: its versions, when they expire, whether the keys match, and what uses it
    Show {
        /// Its name
        name: String,
    },
    Renew(RenewArguments),
    Retire(RetireArguments),
    /// Remove a certificate with all its keys. Refused while anything uses it
    Remove {
        /// Its name
        name: String,
    },
}

/// What it is called.
#[derive(Debug, Args)]
struct NameArguments {
    /// Unique name
    name: String,
    /// Shown name [default: the name]
    #[arg(long)]
    label: Option<String>,
    /// What it is for
    #[arg(long, default_value = "")]
    description: String,
    /// What receivers tell its key by [default: the name]
    #[arg(long)]
    kid: Option<String>,
}

/// Whom the certificate is for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Subject")]
struct SubjectArguments {
    /// CN [default: the name]
    #[arg(long, value_name = "TEXT")]
    common_name: Option<String>,
    /// O
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,
    /// OU
    #[arg(long, value_name = "TEXT")]
    organizational_unit: Option<String>,
    /// L
    #[arg(long, value_name = "TEXT")]
    locality: Option<String>,
    /// ST
    #[arg(long, value_name = "TEXT")]
    state: Option<String>,
    /// C: two letters
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

/// What kind of key to make.
#[derive(Debug, Args)]
struct KeyArguments {
    /// Kind of key
    #[arg(long, value_name = "KIND", default_value = DEFAULT_KEY_ALGORITHM.as_str(), value_parser = PossibleValuesParser::new(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str)))]
    key_algorithm: String,
}

/// How the new version takes over.
#[derive(Debug, Args)]
struct HandoverArguments {
    /// How long the new public key is published before it signs, such as 30m [default: 10m]
    #[arg(long, value_name = "DURATION", conflicts_with = "at_once")]
    delay: Option<String>,
    /// Sign with the new key at once: receivers that keep the old JWK Set refuse it until they fetch it anew
    #[arg(long)]
    at_once: bool,
    /// How long the old public key stays published after that, such as 7d [default: 1d]
    #[arg(long, value_name = "DURATION")]
    overlap: Option<String>,
}

/// Make a key pair and a certificate that it signs itself
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie certificate create Signer\n  sortie certificate create Signer --key-algorithm p256 --lifetime 90d\n\nWithout --lifetime it is good for one year, with rsa_4096 for two."
)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    name: NameArguments,
    #[command(flatten)]
    key: KeyArguments,
    /// How long it is good, such as 90d
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<String>,
    #[command(flatten)]
    subject: SubjectArguments,
}

/// Make a key pair, and print a request for a certificate that an authority signs
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  sortie certificate request Signer --common-name api.example.com --organization Example > signer.csr\n  (the authority signs it)\n  sortie certificate install Signer chain.pem"
)]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    name: NameArguments,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    subject: SubjectArguments,
}

/// Install the chain that the authority has signed
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sortie certificate install Signer chain.pem")]
pub(crate) struct InstallArguments {
    /// The certificate's name
    name: String,
    /// PEM, leaf first; - reads standard input
    chain: PathBuf,
    #[command(flatten)]
    handover: HandoverArguments,
}

/// Import a key and its chain that were made elsewhere
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie certificate import Signer --key key.pem --chain chain.pem\n  vault read -field=key … | sortie certificate import Signer --key - --chain chain.pem\n  sortie certificate import Signer --pkcs12 signer.p12\n  sortie certificate import Signer --renew --key next.pem --chain next-chain.pem\n\nKeys are PKCS#8, PKCS#1 or SEC 1 in PEM or DER. A Java key store becomes PKCS#12 with: keytool -importkeystore -deststoretype PKCS12"
)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    name: NameArguments,
    /// Private key; - reads standard input
    #[arg(long, value_name = "FILE", requires = "chain", required_unless_present = "pkcs12", conflicts_with = "pkcs12")]
    key: Option<PathBuf>,
    /// Chain in PEM, leaf first
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "pkcs12")]
    chain: Option<PathBuf>,
    /// Key and chain as PKCS#12; the password is asked for without echo
    #[arg(long, value_name = "FILE")]
    pkcs12: Option<PathBuf>,
    /// Read the password of the PKCS#12 file from a file; - reads standard input
    #[arg(long, value_name = "FILE", requires = "pkcs12")]
    password_file: Option<PathBuf>,
    /// It is the next version of a certificate that is there
    #[arg(long, conflicts_with_all = ["label", "kid", "description"])]
    renew: bool,
    #[command(flatten)]
    handover: HandoverArguments,
}

/// Print the chain, or the request that waits to be signed. Private keys cannot be exported
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie certificate export Signer > signer.pem\n  sortie certificate export Signer --request > signer.csr"
)]
pub(crate) struct ExportArguments {
    /// The certificate's name
    name: String,
    /// Only this version [default: the newest that has a chain]
    #[arg(long = "number", value_name = "VERSION", conflicts_with = "request")]
    number: Option<u32>,
    /// The request that waits to be signed
    #[arg(long)]
    request: bool,
}

/// Make the next version, with a key of its own, while the old one is still good
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sortie certificate renew Signer\n  sortie certificate renew Signer --overlap 7d\n\nThe new public key is published first, signs later, and the old one stays published for a while: `kid` tells them apart. A certificate that an authority signed gives a new request; the rest happens when its chain is installed."
)]
pub(crate) struct RenewArguments {
    /// The certificate's name
    name: String,
    #[command(flatten)]
    handover: HandoverArguments,
}

/// Retire an old version sooner or later than planned, or give up one that waits for its chain
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  sortie certificate retire Signer 1\n  sortie certificate retire Signer 1 --in 7d")]
pub(crate) struct RetireArguments {
    /// The certificate's name
    name: String,
    /// Number of the version
    #[arg(value_name = "VERSION")]
    number: u32,
    /// When, such as 7d [default: now]
    #[arg(long = "in", value_name = "DURATION")]
    after: Option<String>,
}

pub(crate) async fn run(command: &CertificateCommand, site: &Site, printer: &Printer) -> Result<u8, Failure> {
    let change = match command {
        CertificateCommand::List => {
            list(printer, &site.certificates().await?);
            return Ok(0);
        }
        CertificateCommand::Show { name } => {
            show(printer, &site.certificate(&ApiName::parse(name)?).await?);
            return Ok(0);
        }
        CertificateCommand::Create(arguments) => {
            let lifetime = arguments.lifetime.as_deref().map(read_duration).transpose()?;
            let (new, subject) = (arguments.name.read()?, arguments.subject.read(&arguments.name.name));
            site.create_certificate(new, arguments.key.read()?, &subject, lifetime).await?
        }
        CertificateCommand::Remove { name } => site.remove_certificate(&ApiName::parse(name)?).await?,
        CertificateCommand::Request(arguments) => {
            let (new, subject) = (arguments.name.read()?, arguments.subject.read(&arguments.name.name));
            let requested = site.request_certificate(new, arguments.key.read()?, &subject).await?;
            return Ok(show_requested(printer, requested));
        }
        CertificateCommand::Install(arguments) => {
            let chain = read_file(&arguments.chain)?;
            let name = ApiName::parse(&arguments.name)?;
            site.install_certificate(&name, chain.expose(), arguments.handover.read()?).await?
        }
        CertificateCommand::Import(arguments) => import(arguments, site).await?,
        CertificateCommand::Export(arguments) => {
            let what = match (arguments.request, arguments.number) {
                (true, _) => Exported::Request,
                (false, Some(number)) => Exported::ChainOf(number),
                (false, None) => Exported::Chain,
            };
            print_pem(printer, &site.export_certificate(&ApiName::parse(&arguments.name)?, what).await?);
            return Ok(0);
        }
        CertificateCommand::Renew(arguments) => {
            let renewed = site.renew_certificate(&ApiName::parse(&arguments.name)?, arguments.handover.read()?).await?;
            return Ok(show_requested(printer, renewed));
        }
        CertificateCommand::Retire(arguments) => {
            let after = arguments.after.as_deref().map(read_duration).transpose()?;
            site.retire_certificate(&ApiName::parse(&arguments.name)?, arguments.number, after).await?
        }
    };
    printer.changes(&[change]);
    Ok(0)
}

/// The request alone, or what was done where no authority signs.
fn show_requested(printer: &Printer, Requested { request, change }: Requested) -> u8 {
    match request {
        Some(request) => print_request(printer, &request, &change),
        None => printer.changes(&[change]),
    }
    0
}

async fn import(arguments: &ImportArguments, site: &Site) -> Result<Change, Failure> {
    let ImportArguments { name, key, chain, pkcs12, password_file, renew, handover } = arguments;
    if !renew && handover.is_given() {
        let message = "`--delay`, `--at-once` and `--overlap` say how the next version takes over, and this is a first one";
        return Err(Failure::new("handover_without_renew", message, "leave them out, or add --renew"));
    }
    let target =
        if *renew { ImportTarget::Version(ApiName::parse(&name.name)?, handover.read()?) } else { ImportTarget::New(name.read()?) };
    let files = match (pkcs12, key, chain) {
        (Some(file), _, _) => {
            let file = read_file(file)?;
            KeyFiles::Pkcs12 { file, password: read_password(password_file.as_deref())? }
        }
        (None, Some(key), Some(chain)) => {
            let chain = std::fs::read(chain).map_err(|error| unreadable(&chain.display().to_string(), &error))?;
            KeyFiles::Apart { key: read_file(key)?, chain }
        }
        _ => return Err(Failure::new("key_missing", "there is no key to import", "give --key and --chain, or --pkcs12")),
    };
    site.import_certificate(target, files).await
}

// === impl arguments ===

impl NameArguments {
    fn read(&self) -> Result<NewCertificate, Failure> {
        let Self { name, label, description, kid } = self;
        Ok(NewCertificate {
            name: ApiName::parse(name)?,
            label: label.as_deref().map(Label::parse).transpose()?,
            description: description.clone(),
            kid: kid.as_deref().map(KeyIdentifier::parse).transpose()?,
        })
    }
}

impl SubjectArguments {
    fn read(&self, name: &str) -> Subject {
        let Self { common_name, organization, organizational_unit, locality, state, country } = self;
        Subject {
            common_name: common_name.clone().unwrap_or_else(|| name.to_owned()),
            organization: organization.clone(),
            organizational_unit: organizational_unit.clone(),
            locality: locality.clone(),
            state: state.clone(),
            country: country.clone(),
        }
    }
}

impl KeyArguments {
    fn read(&self) -> Result<KeyAlgorithm, Failure> {
        Ok(KeyAlgorithm::parse(&self.key_algorithm)?)
    }
}

impl HandoverArguments {
    fn is_given(&self) -> bool {
        self.delay.is_some() || self.at_once || self.overlap.is_some()
    }

    fn read(&self) -> Result<Handover, Failure> {
        let Self { delay, at_once, overlap } = self;
        let usual = Handover::default();
        let delay = match delay {
            Some(delay) => read_duration(delay)?,
            None if *at_once => Duration::ZERO,
            None => usual.delay,
        };
        Ok(Handover { delay, overlap: overlap.as_deref().map_or(Ok(usual.overlap), read_duration)? })
    }
}
