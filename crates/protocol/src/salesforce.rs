//! What Salesforce calls the protocols, their settings and their values, so that its clients find here what they know. A table beside the catalogue: a test
//! sees to it that neither has anything that the other lacks.

use std::borrow::Cow;

use crate::{CATALOGUE, Field, Kind, Protocol, needs_provider};

/// A protocol, as Salesforce tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SalesforceName {
    /// Ours.
    pub name: &'static str,
    /// `authenticationProtocol`, as its REST API spells it.
    pub protocol: &'static str,
    /// `authenticationProtocolVariant`.
    pub variant: Option<&'static str>,
    /// The settings that the variant stands for.
    pub settings: &'static [(&'static str, &'static str)],
}

const fn plain(name: &'static str, protocol: &'static str, variant: Option<&'static str>) -> SalesforceName {
    SalesforceName { name, protocol, variant, settings: &[] }
}

const IN_HEADER: &[(&str, &str)] = &[("client_authentication", "basic")];
const IN_BODY: &[(&str, &str)] = &[("client_authentication", "body")];
const HEADER_VARIANT: Option<&str> = Some("ClientCredentialsClientSecretBasic");
const BODY_VARIANT: Option<&str> = Some("ClientCredentialsClientSecret");

/// All of them. Of several names of one protocol the first one is used where no settings decide.
pub const SALESFORCE_NAMES: &[SalesforceName] = &[
    plain("no_authentication", "Custom", Some("NoAuthentication")),
    plain("basic", "Basic", None),
    plain("custom", "Custom", None),
    plain("jwt", "Jwt", None),
    plain("oauth_browser", "OAuth", None),
    SalesforceName { name: "oauth_client_credentials", protocol: "OAuth", variant: HEADER_VARIANT, settings: IN_HEADER },
    SalesforceName { name: "oauth_client_credentials", protocol: "OAuth", variant: BODY_VARIANT, settings: IN_BODY },
    SalesforceName { name: "oauth_managed", protocol: "OAuth", variant: HEADER_VARIANT, settings: IN_HEADER },
    SalesforceName { name: "oauth_managed", protocol: "OAuth", variant: BODY_VARIANT, settings: IN_BODY },
    plain("oauth_client_assertion", "OAuth", Some("ClientCredentialsJwtAssertion")),
    plain("oauth_jwt_bearer", "OAuth", Some("JwtBearer")),
    plain("aws_access_key", "AwsSv4", None),
    plain("aws_sts", "AwsSv4", Some("AwsSv4_STS")),
    plain("aws_roles_anywhere", "AwsSv4", Some("RolesAnywhere")),
];

/// What tokens come from, as far as it decides which protocol is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The settings name a provider.
    Provider,
    /// They do not.
    Own,
}

/// The protocol that Salesforce calls so. Of two that have one name it is the one that takes its tokens from this source.
pub fn salesforce_protocol(
    protocol: &str,
    variant: Option<&str>,
    source: TokenSource,
) -> Option<(&'static dyn Protocol, &'static SalesforceName)> {
    let named = SALESFORCE_NAMES.iter().filter(|known| known.protocol.eq_ignore_ascii_case(protocol) && known.variant == variant);
    let found: Vec<_> = named.filter_map(|known| Some((crate::find(known.name)?, known))).collect();
    let fits = |(protocol, _): &&(&dyn Protocol, &SalesforceName)| needs_provider(*protocol) == (source == TokenSource::Provider);
    found.iter().find(fits).or(found.first()).copied()
}

/// What Salesforce calls a protocol under these settings.
pub fn salesforce_name(protocol: &str, setting: impl Fn(&str) -> Option<String>) -> Option<&'static SalesforceName> {
    let named = || SALESFORCE_NAMES.iter().filter(|known| known.name == protocol);
    let fits = |known: &&SalesforceName| known.settings.iter().all(|(name, value)| setting(name).as_deref() == Some(*value));
    named().find(fits).or_else(|| named().next())
}

/// Names of values that are not ours with other capitals.
const VALUE_NAMES: &[(&str, &str)] = &[
    ("access_key_id", "awsAccessKeyId"),
    ("secret_access_key", "awsSecretAccessKey"),
    ("session_token", "awsSessionToken"),
    ("role_arn", "awsRoleArn"),
];

/// What Salesforce calls a value that a protocol declares: `client_secret` is `clientSecret`.
pub fn salesforce_value_name(name: &str) -> Cow<'_, str> {
    match VALUE_NAMES.iter().find(|(ours, _)| *ours == name) {
        Some((_, theirs)) => Cow::Borrowed(theirs),
        None => Cow::Owned(capitals(name, false)),
    }
}

/// The role is stored with a principal there, and is a setting of the principal here.
pub const ROLE_SETTING: &str = "role_arn";

/// Type and name of a parameter that stands for a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalesforceParameter {
    /// `parameterType`.
    pub kind: &'static str,
    /// `parameterName`.
    pub name: Cow<'static, str>,
}

/// Names of settings that are not ours with other capitals.
const PARAMETER_NAMES: &[(&str, &str, &str)] = &[
    ("region", "AuthParameter", "AwsRegion"),
    ("service", "AuthParameter", "AwsService"),
    ("account_id", "AuthParameter", "AwsAccountId"),
    ("trust_anchor_arn", "AuthParameter", "AwsTrustAnchorArn"),
    ("profile_arn", "AuthParameter", "AwsProfileArn"),
    ("external_id", "AuthProviderUrlQueryParameter", "AwsStsExternalId"),
    ("duration_seconds", "AuthProviderUrlQueryParameter", "AwsStsDuration"),
    ("token_endpoint", "AuthProviderUrl", "AuthProviderUrl"),
];

/// A type that parameters have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SalesforceParameterType {
    /// `parameterType`.
    pub name: &'static str,
    /// Whether it says anything to us. The others belong to features that only Salesforce has.
    pub is_setting: bool,
    /// Whether the setting goes by the parameter's name; else by its type, whatever the name.
    pub is_by_name: bool,
    /// Whether it names a provider.
    pub names_provider: bool,
}

const fn parameter_type(name: &'static str) -> SalesforceParameterType {
    SalesforceParameterType { name, is_setting: true, is_by_name: false, names_provider: false }
}

/// All types, and one that Salesforce has in metadata only.
pub const SALESFORCE_PARAMETER_TYPES: [SalesforceParameterType; 12] = [
    parameter_type("AdditionalRefreshStatusCode"),
    SalesforceParameterType { is_by_name: true, ..parameter_type("AuthParameter") },
    SalesforceParameterType { names_provider: true, ..parameter_type("AuthProvider") },
    parameter_type("AuthProviderUrl"),
    SalesforceParameterType { is_by_name: true, ..parameter_type("AuthProviderUrlQueryParameter") },
    parameter_type("JwtBodyClaim"),
    parameter_type("JwtHeaderClaim"),
    SalesforceParameterType { is_setting: false, ..parameter_type("ManagedByComponent") },
    SalesforceParameterType { is_setting: false, ..parameter_type("ManagedByFeature") },
    SalesforceParameterType { is_setting: false, ..parameter_type("SfHttpRequestExtensionName") },
    parameter_type("SigningCertificate"),
    SalesforceParameterType { names_provider: true, ..parameter_type("ExternalAuthIdentityProvider") },
];

/// Names that some of its documents use instead.
const OTHER_NAMES: &[(&str, &str)] = &[("AwsExternalId", "AwsStsExternalId"), ("AwsDuration", "AwsStsDuration")];

/// Types under which a setting goes by its name; both are taken for each.
const BY_NAME: [&str; 2] = ["AuthParameter", "AuthProviderUrlQueryParameter"];

/// How a setting is called. Claims have none: each of them is a parameter of its own.
pub fn salesforce_parameter(field: &Field) -> Option<SalesforceParameter> {
    let fixed = |kind| Some(SalesforceParameter { kind, name: Cow::Borrowed(kind) });
    match field.kind {
        Kind::Claims => None,
        Kind::Certificate => fixed("SigningCertificate"),
        // Providers of both kinds share their names, so that one type is enough; Salesforce's own API has no other.
        Kind::AuthProvider | Kind::IdentityProvider(_) => fixed("AuthProvider"),
        _ => Some(match PARAMETER_NAMES.iter().find(|(ours, _, _)| *ours == field.name) {
            Some((_, kind, name)) => SalesforceParameter { kind, name: Cow::Borrowed(name) },
            None => SalesforceParameter { kind: BY_NAME[0], name: Cow::Owned(capitals(field.name, true)) },
        }),
    }
}

/// The fields that a parameter of this type and name can stand for: more than one only where it names a provider, of whichever kind.
pub fn salesforce_fields(protocol: &dyn Protocol, kind: &str, name: &str) -> Vec<&'static Field> {
    let name = OTHER_NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or(name, |(_, usual)| usual);
    let settings = protocol.fields().iter().filter(|field| field.place.is_setting());
    let is_meant = |field: &&Field| {
        let Some(parameter) = salesforce_parameter(field) else { return false };
        if BY_NAME.contains(&kind) {
            return BY_NAME.contains(&parameter.kind) && parameter.name.eq_ignore_ascii_case(name);
        }
        let kind = if kind == "ExternalAuthIdentityProvider" { "AuthProvider" } else { kind };
        parameter.kind == kind
    };
    settings.filter(is_meant).collect()
}

/// `client_secret` as `clientSecret` or `ClientSecret`.
fn capitals(name: &str, is_first_one: bool) -> String {
    let mut up = is_first_one;
    name.chars().fold(String::new(), |mut text, character| {
        match character {
            '_' => up = true,
            other => {
                text.push(if up { other.to_ascii_uppercase() } else { other });
                up = false;
            }
        }
        text
    })
}

/// Protocols that Salesforce knows by this name, whatever their variant.
pub fn is_salesforce_protocol(name: &str) -> bool {
    SALESFORCE_NAMES.iter().any(|known| known.protocol.eq_ignore_ascii_case(name) && CATALOGUE.iter().any(|one| one.name() == known.name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_protocol_has_a_name_and_every_name_a_protocol() {
        let ours: BTreeSet<&str> = CATALOGUE.iter().map(|protocol| protocol.name()).collect();
        let named: BTreeSet<&str> = SALESFORCE_NAMES.iter().map(|known| known.name).collect();
        assert_eq!(ours, named);
    }

    #[test]
    fn a_name_leads_back_to_the_protocol_that_has_it() {
        for known in SALESFORCE_NAMES {
            let protocol = crate::find(known.name).unwrap();
            let source = if needs_provider(protocol) { TokenSource::Provider } else { TokenSource::Own };
            let (found, name) = salesforce_protocol(known.protocol, known.variant, source).unwrap();
            assert_eq!((found.name(), name), (known.name, known));
            let settings = |wanted: &str| known.settings.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
            assert_eq!(salesforce_name(known.name, settings), Some(known));
        }
        assert_eq!(salesforce_protocol("Oauth", Some("JwtBearer"), TokenSource::Own).unwrap().0.name(), "oauth_jwt_bearer");
    }

    #[test]
    fn every_setting_has_a_parameter_that_leads_back_to_it() {
        for protocol in CATALOGUE {
            let mut seen = BTreeSet::new();
            for field in protocol.fields().iter().filter(|field| field.place.is_setting() && field.kind != Kind::Claims) {
                let SalesforceParameter { kind, name } = salesforce_parameter(field).unwrap();
                let fields = salesforce_fields(*protocol, kind, &name);
                assert!(fields.iter().any(|found| found.name == field.name), "{}: {}", protocol.name(), field.name);
                assert!(kind == "AuthProvider" || seen.insert((kind, name.to_string())), "{}: {kind} {name}", protocol.name());
            }
        }
    }

    #[test]
    fn both_spellings_of_the_documents_are_understood() {
        let sts = crate::find("aws_sts").unwrap();
        for (kind, name) in [
            ("AuthProviderUrlQueryParameter", "AwsStsExternalId"),
            ("AuthProviderUrlQueryParameter", "AwsExternalId"),
            ("AuthParameter", "AwsStsExternalId"),
        ] {
            assert_eq!(salesforce_fields(sts, kind, name).iter().map(|field| field.name).collect::<Vec<_>>(), ["external_id"]);
        }
        assert_eq!(salesforce_value_name("client_secret"), "clientSecret");
        assert_eq!(salesforce_value_name("secret_access_key"), "awsSecretAccessKey");
    }
}
