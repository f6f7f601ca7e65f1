//! One report for each external credential.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use serde::Serialize;
use sortie_model::{
    ApiName, AuthenticationStatus, Certificate, ExternalCredential, ExternalCredentialId, Grantee, Health, IdentityProvider,
    IdentityProviderId, IdentityType, MissingStep, NamedCredential, Principal, PrincipalId, Timestamp,
};
use sortie_protocol::{
    CertificateFacts, CredentialFacts, PrincipalFacts, PrincipalStatus, ProviderFacts, Reach, certificate_settings, credential_status,
    principal_status, provider_values,
};
use sortie_store::{Definitions, OwedSummary, ReadError, ValueSummary};
use utoipa::ToSchema;

use super::presented::{PresentedReport, UnusableKeys, presented, unusable_keys};
use crate::manage::provider::provider_of;
use crate::manage::{Manage, UnknownName, find};

/// Status of an external credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CredentialReport {
    /// Developer name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// Name of the protocol.
    pub protocol: String,
    /// Name of the protocol for people.
    pub protocol_title: &'static str,
    /// Complete or not.
    pub status: AuthenticationStatus,
    /// What the credential itself lacks. Each is the next thing to do.
    pub missing: Vec<MissingStep>,
    /// The provider that its client and its tokens come from, if they do.
    #[schema(required = true)]
    pub managed_by: Option<ManagerReport>,
    /// Its principals, lowest sequence number first.
    pub principals: Vec<PrincipalReport>,
    /// The named credentials that use it.
    pub named_credentials: Vec<PlaceReport>,
}

/// The provider of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ManagerReport {
    /// Which kind: `external_auth_identity_provider` or `auth_provider`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Names of the values that come from it: they cannot be stored for a principal.
    pub values: Vec<&'static str>,
}

/// Status of one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PrincipalReport {
    /// Its name.
    pub name: String,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// Its place in the order.
    pub sequence_number: u32,
    /// Complete or not.
    pub status: AuthenticationStatus,
    /// What it lacks. Each is the next thing to do.
    pub missing: Vec<MissingStep>,
    /// Permission sets that enable it.
    pub permission_sets: Vec<String>,
    /// Profiles that enable it.
    pub profiles: Vec<String>,
    /// Names of the values stored for all its users.
    pub values: Vec<String>,
    /// Users who have stored all required values of their own.
    pub users_with_values: u64,
    /// How many have authenticated with a browser, and need not do so again; `None` where nobody does so.
    #[schema(required = true)]
    pub logins: Option<u64>,
    /// Logins that are gone here, and not at the provider; `None` where there are none.
    #[schema(required = true)]
    pub unrevoked: Option<UnrevokedReport>,
    /// How it went lately, as far as its identity is shared.
    pub health: HealthReport,
}

/// Logins that are gone here, and not at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnrevokedReport {
    /// How many a running server tells the provider about again.
    pub waiting: u64,
    /// How many nobody tries any more: the access has to be withdrawn at the provider.
    pub given_up: u64,
}

/// How it went lately. Moments in RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthReport {
    /// When an upstream last took the credential.
    #[schema(required = true)]
    pub last_success: Option<String>,
    /// When obtaining or using it last failed.
    #[schema(required = true)]
    pub last_failure: Option<String>,
    /// Stable code of the last failure.
    #[schema(required = true)]
    pub last_failure_code: Option<String>,
    /// When the current token dies.
    #[schema(required = true)]
    pub token_expires_at: Option<String>,
}

/// A named credential that uses an external credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlaceReport {
    /// Developer name.
    pub name: String,
    /// Where it goes.
    pub url: String,
    /// Whether callouts are possible.
    pub enabled: bool,
    /// What it presents where the connection is made, if something is.
    #[schema(required = true)]
    pub client_certificate: Option<PresentedReport>,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// There is no external credential of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl StatusError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Read(error) => error.code(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown(_) => "check the spelling with `sortie status`, or define it: sortie apply -f FILE".to_owned(),
            Self::Read(_) => "look at the database, then try again".to_owned(),
        }
    }
}

/// Everything that a report is made of.
pub(in crate::manage) struct Facts<'d> {
    pub(in crate::manage) definitions: &'d Definitions,
    principals: HashMap<ExternalCredentialId, Vec<&'d Principal>>,
    grantees: HashMap<PrincipalId, Vec<Grantee>>,
    places: HashMap<ExternalCredentialId, Vec<&'d NamedCredential>>,
    pub(in crate::manage) stored: StoredFacts,
    now: Timestamp,
}

/// What is stored beside the definitions.
pub(in crate::manage) struct StoredFacts {
    pub(in crate::manage) values: BTreeMap<PrincipalId, ValueSummary>,
    /// How many have a grant that nobody has to authenticate for again.
    pub(in crate::manage) grants: BTreeMap<PrincipalId, u64>,
    /// What providers are still to be told, and what they never were.
    pub(in crate::manage) owed: BTreeMap<PrincipalId, OwedSummary>,
    pub(in crate::manage) provider_values: BTreeMap<IdentityProviderId, BTreeSet<String>>,
    pub(in crate::manage) health: BTreeMap<PrincipalId, Health>,
    /// Permission sets and profiles that some active user has.
    pub(in crate::manage) held: BTreeSet<Grantee>,
    /// Of client certificates.
    pub(in crate::manage) unusable_keys: UnusableKeys,
}

/// The status of all external credentials in the order of their names, or of one.
///
/// # Errors
/// A [`StatusError`].
pub async fn status(manage: &Manage<'_>, name: Option<&ApiName>) -> Result<Vec<CredentialReport>, StatusError> {
    let definitions = manage.store.definitions().await?;
    let stored = StoredFacts {
        values: manage.store.credential_values().summary().await?,
        grants: manage.store.grants().counts().await?,
        owed: manage.store.owed_revocations().summary().await?,
        provider_values: manage.store.provider_values().summary().await?,
        health: manage.store.health().shared().await?,
        held: manage.store.users().held_grantees().await?,
        unusable_keys: unusable_keys(manage, &definitions).await?,
    };
    let facts = Facts::new(&definitions, stored, manage.now);
    let wanted = |credential: &&ExternalCredential| name.is_none_or(|name| credential.name == *name);
    let reports: Vec<_> = definitions.external_credentials.iter().filter(wanted).map(|credential| facts.report(credential)).collect();
    match name {
        Some(name) if reports.is_empty() => Err(UnknownName::new("external credential", name).into()),
        _ => Ok(reports),
    }
}

/// What belongs to each, in the order in which it came.
fn grouped<K: Eq + Hash, V>(pairs: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

impl<'d> Facts<'d> {
    /// Groups the definitions once, so that no report looks through all of them.
    pub(in crate::manage) fn new(definitions: &'d Definitions, stored: StoredFacts, now: Timestamp) -> Self {
        Self {
            definitions,
            principals: grouped(definitions.principals.iter().map(|principal| (principal.external_credential, principal))),
            grantees: grouped(definitions.principal_access.iter().map(|access| (access.principal, access.grantee))),
            places: grouped(definitions.named_credentials.iter().map(|named| (named.external_credential, named))),
            stored,
            now,
        }
    }

    pub(in crate::manage) fn report(&self, credential: &ExternalCredential) -> CredentialReport {
        let principals = self.principals.get(&credential.id).map(Vec::as_slice).unwrap_or_default();
        let protocol = sortie_protocol::find(&credential.protocol);
        let provider = provider_of(self.definitions, credential);
        let facts = CredentialFacts {
            name: credential.name.as_str(),
            settings: &credential.settings,
            provider: provider.as_ref().map(|provider| self.provider_facts(provider)),
            certificates: self.certificates(credential).map(|certificate| self.certificate_facts(certificate)).collect(),
            principals: principals.iter().map(|principal| self.principal_facts(credential, principal)).collect(),
        };
        let PrincipalStatus { status, missing } = protocol.map_or_else(unknown_protocol, |protocol| credential_status(protocol, &facts));
        let principals = principals.iter().zip(&facts.principals).map(|(principal, of_principal)| {
            let status = protocol.map_or_else(unknown_protocol, |protocol| principal_status(protocol, &facts, of_principal));
            let logins = protocol.filter(|protocol| protocol.login().is_some()).map(|_| of_principal.logins);
            PrincipalReport { logins, ..self.principal_report(principal, of_principal, status) }
        });
        CredentialReport {
            name: credential.name.to_string(),
            label: credential.label.to_string(),
            protocol: credential.protocol.clone(),
            protocol_title: protocol.map_or("unknown", |protocol| protocol.title()),
            status,
            missing,
            principals: principals.collect(),
            managed_by: provider.map(|provider| ManagerReport {
                kind: provider.kind().as_str(),
                name: provider.name().to_string(),
                values: provider_values(provider.server().client_values()).iter().map(|field| field.name).collect(),
            }),
            named_credentials: self.places(credential),
        }
    }

    fn principal_facts<'f>(&self, credential: &ExternalCredential, principal: &'f Principal) -> PrincipalFacts<'f> {
        let required = sortie_protocol::find(&credential.protocol).map(|protocol| protocol.fields()).unwrap_or_default();
        let required: Vec<&str> = required
            .iter()
            .filter(|field| field.place == sortie_protocol::Place::Values && field.need == sortie_protocol::Need::Required)
            .map(|field| field.name)
            .collect();
        let stored = self.stored.values.get(&principal.id);
        PrincipalFacts {
            name: principal.name.as_str(),
            identity_type: principal.identity_type,
            settings: &principal.settings,
            stored_values: stored.map(|stored| stored.shared.iter().cloned().collect()).unwrap_or_default(),
            reach: self.reach(principal),
            users_with_values: stored.map_or(0, |stored| stored.users_with(&required)),
            logins: self.stored.grants.get(&principal.id).copied().unwrap_or_default(),
        }
    }

    fn reach(&self, principal: &Principal) -> Reach {
        match self.grantees(principal) {
            [] => Reach::Nobody,
            grantees if grantees.iter().any(|grantee| self.stored.held.contains(grantee)) => Reach::Users,
            _ => Reach::Unassigned,
        }
    }

    fn grantees(&self, principal: &Principal) -> &[Grantee] {
        self.grantees.get(&principal.id).map(Vec::as_slice).unwrap_or_default()
    }

    fn principal_report(&self, principal: &Principal, facts: &PrincipalFacts<'_>, status: PrincipalStatus) -> PrincipalReport {
        let (mut permission_sets, mut profiles) = (Vec::new(), Vec::new());
        for (kind, name) in self.grantees(principal).iter().map(|grantee| find::grantee_name(self.definitions, *grantee)) {
            if kind == "profile" { profiles.push(name) } else { permission_sets.push(name) }
        }
        permission_sets.sort();
        profiles.sort();
        PrincipalReport {
            name: principal.name.to_string(),
            identity_type: principal.identity_type,
            sequence_number: principal.sequence_number,
            status: status.status,
            missing: status.missing,
            permission_sets,
            profiles,
            values: facts.stored_values.clone(),
            users_with_values: facts.users_with_values,
            logins: None,
            unrevoked: self.stored.owed.get(&principal.id).map(|owed| UnrevokedReport { waiting: owed.waiting, given_up: owed.given_up }),
            health: self.stored.health.get(&principal.id).map(health_report).unwrap_or_default(),
        }
    }

    /// The certificates that the credential's settings name.
    fn certificates<'a>(&'a self, credential: &'a ExternalCredential) -> impl Iterator<Item = &'a Certificate> {
        let protocol = sortie_protocol::find(&credential.protocol).into_iter();
        let named = protocol.flat_map(|protocol| certificate_settings(protocol, &credential.settings));
        named
            .filter_map(|setting| self.definitions.certificates.iter().find(|known| known.name.as_str().eq_ignore_ascii_case(setting.name)))
    }

    fn certificate_facts(&self, certificate: &Certificate) -> CertificateFacts {
        let signing = certificate.signing_version(self.now).map(|(version, _)| version.algorithm);
        CertificateFacts { name: certificate.name.to_string(), signs_with: signing.map_or(&[], |key| key.signing_algorithms()) }
    }

    fn provider_facts(&self, provider: &IdentityProvider) -> ProviderFacts {
        let stored_values = self.stored.provider_values.get(&provider.id()).into_iter().flatten().cloned().collect();
        ProviderFacts { flow: provider.flow(), client_values: provider.server().client_values(), stored_values }
    }

    fn places(&self, credential: &ExternalCredential) -> Vec<PlaceReport> {
        let named = self.places.get(&credential.id).into_iter().flatten();
        let place = |named: &&NamedCredential| PlaceReport {
            name: named.name.to_string(),
            url: named.url.to_string(),
            enabled: named.is_enabled,
            client_certificate: presented(self.definitions, &self.stored.unusable_keys, named, self.now),
        };
        named.map(place).collect()
    }
}

/// Stored by a newer version of Sortie.
fn unknown_protocol() -> PrincipalStatus {
    let message = "run the version of Sortie that stored this definition, or a newer one: its protocol is not known here".to_owned();
    PrincipalStatus { status: AuthenticationStatus::Unknown, missing: vec![MissingStep { code: "protocol_unknown", message }] }
}

fn health_report(health: &Health) -> HealthReport {
    let Health { last_success, last_failure, last_failure_code, token_expires_at } = health;
    HealthReport {
        last_success: last_success.map(|moment| moment.to_string()),
        last_failure: last_failure.map(|moment| moment.to_string()),
        last_failure_code: last_failure_code.clone(),
        token_expires_at: token_expires_at.map(|moment| moment.to_string()),
    }
}
