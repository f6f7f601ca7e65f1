//! Words of the Connect REST API.

use serde::Serialize;
use sortie_model::{ExternalCredential, IdentityType, Principal};
use sortie_protocol::{Protocol, SalesforceName, is_salesforce_protocol, salesforce_name};
use utoipa::ToSchema;

use crate::api::json::{At, Reader};

/// `CredentialPrincipalType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum PrincipalType {
    #[serde(rename = "AwsStsPrincipal")]
    AwsSts,
    #[serde(rename = "NamedPrincipal")]
    Named,
    #[serde(rename = "PerUserPrincipal")]
    PerUser,
}

impl PrincipalType {
    pub(super) const WORDS: [&str; 3] = ["AwsStsPrincipal", "NamedPrincipal", "PerUserPrincipal"];

    pub(super) fn read(reader: &mut Reader, at: &At<'_>) -> Option<Self> {
        reader.word(at, &Self::WORDS).and_then(Self::parse)
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "AwsStsPrincipal" => Self::AwsSts,
            "NamedPrincipal" => Self::Named,
            "PerUserPrincipal" => Self::PerUser,
            _ => return None,
        })
    }

    /// What a principal is called there: the one that lends its key to the others has a type of its own.
    pub(super) fn of(protocol: Option<&dyn Protocol>, principal: &Principal) -> Self {
        match principal.identity_type {
            IdentityType::PerUser => Self::PerUser,
            IdentityType::Named if is_lender(protocol, principal.name.as_str()) => Self::AwsSts,
            IdentityType::Named => Self::Named,
        }
    }
}

fn is_lender(protocol: Option<&dyn Protocol>, name: &str) -> bool {
    protocol.and_then(|protocol| protocol.lender()).is_some_and(|lender| lender.eq_ignore_ascii_case(name))
}

/// `CredentialAuthenticationProtocol`. `Oauth` is how metadata spells it; `OAuth` is what we say.
pub(super) const PROTOCOLS: [&str; 6] = ["AwsSv4", "Basic", "Custom", "Jwt", "OAuth", "Oauth"];

/// `CredentialAuthenticationProtocolVariant`.
pub(super) const VARIANTS: [&str; 7] = [
    "AwsSv4_STS",
    "ClientCredentialsClientSecret",
    "ClientCredentialsClientSecretBasic",
    "ClientCredentialsJwtAssertion",
    "JwtBearer",
    "NoAuthentication",
    "RolesAnywhere",
];

/// Protocol and variant of a body, if they are words at all.
pub(super) fn protocol(reader: &mut Reader, at: &At<'_>) -> Option<&'static str> {
    let word = reader.word(at, &PROTOCOLS)?;
    debug_assert!(is_salesforce_protocol(word));
    Some(if word == "Oauth" { "OAuth" } else { word })
}

/// What a stored external credential is called there.
pub(super) fn name_of(credential: &ExternalCredential) -> Option<&'static SalesforceName> {
    let setting = |name: &str| credential.settings.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    salesforce_name(&credential.protocol, setting)
}
