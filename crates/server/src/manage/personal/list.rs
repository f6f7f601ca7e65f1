//! Lists what a user may use.

use std::collections::{BTreeMap, BTreeSet};

use sortie_model::{ExternalCredential, Grantee, IdentityType, Label, Principal, PrincipalId};
use sortie_protocol::{Need, Place, Secrecy};
use sortie_store::{Definitions, Identity, ReadError, StoredUser, ValueHead, ValueSummary};

use crate::manage::status::{Facts, PlaceReport, PrincipalReport, StoredFacts, UnusableKeys};
use crate::manage::{Manage, provider};

/// An external credential of which the user may use at least one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalCredential {
    /// Developer name.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// Name of the protocol for people.
    pub protocol_title: &'static str,
    /// The principals that the user may use; the first one is used for callouts.
    pub principals: Vec<PersonalPrincipal>,
    /// The names through which it is used.
    pub named_credentials: Vec<PersonalName>,
}

/// A name through which a credential is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalName {
    /// The name.
    pub name: String,
    /// Name of the certificate that is presented where the connection is made, if one is.
    pub client_certificate: Option<String>,
    /// Whether callouts are refused until an administrator has put that certificate in order.
    pub waits_for_admin: bool,
}

impl From<PlaceReport> for PersonalName {
    fn from(place: PlaceReport) -> Self {
        let waits_for_admin = place.client_certificate.as_ref().is_some_and(|presented| !presented.missing.is_empty());
        Self { name: place.name, client_certificate: place.client_certificate.map(|presented| presented.name), waits_for_admin }
    }
}

/// A principal that the user may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalPrincipal {
    /// Name, status, what is missing, health: of the user's own identity where each has one.
    pub report: PrincipalReport,
    /// What the user can store. Empty where the identity is shared.
    pub values: Vec<PersonalValue>,
    /// Whether somebody logged in with a browser, where that is how the identity is proven.
    pub login: Option<LoginState>,
}

/// Whether somebody logged in with a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginState {
    /// Nobody, or the provider wants it anew.
    Missing,
    /// Somebody has.
    Done,
}

/// A value that a user can store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalValue {
    /// Stable name.
    pub name: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// One sentence of help.
    pub help: &'static str,
    /// Whether it may be shown while it is typed.
    pub secrecy: Secrecy,
    /// Whether a callout needs it.
    pub is_required: bool,
    /// When it was stored, if it is.
    pub updated_at: Option<String>,
}

/// What a user may use, in the order of the credentials' names. Reads all definitions, and what is stored for the principals that come of it.
///
/// # Errors
/// A [`ReadError`].
pub async fn list(manage: &Manage<'_>, user: &StoredUser) -> Result<Vec<PersonalCredential>, ReadError> {
    let grantees: BTreeSet<Grantee> =
        user.permission_sets.iter().copied().map(Grantee::PermissionSet).chain(user.user.profile.map(Grantee::Profile)).collect();
    let definitions = manage.store.definitions().await?;
    let access = definitions.principal_access.iter().filter(|access| grantees.contains(&access.grantee));
    let usable: BTreeSet<PrincipalId> = access.map(|access| access.principal).collect();
    let is_concerned = |credential: &ExternalCredential| {
        definitions.principals.iter().any(|principal| principal.external_credential == credential.id && usable.contains(&principal.id))
    };
    let credentials: Vec<ExternalCredential> =
        definitions.external_credentials.iter().filter(|credential| is_concerned(credential)).cloned().collect();
    let (mut values, mut heads, mut health, mut grants) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for principal in of_credentials(&definitions, &credentials) {
        let identity = match principal.identity_type {
            IdentityType::Named => Identity::shared(principal.id),
            IdentityType::PerUser => Identity::of_user(principal.id, user.user.id),
        };
        let stored = manage.store.credential_values().heads(identity).await?;
        values.insert(principal.id, summary(principal.identity_type, &stored));
        heads.insert(principal.id, stored);
        let grant = manage.store.grants().load(identity).await?;
        grants.insert(principal.id, u64::from(grant.is_some_and(|grant| grant.is_usable())));
        if let Some(found) = manage.store.health().load(identity).await? {
            health.insert(principal.id, found);
        }
    }
    let provider_values = manage.store.provider_values().summary().await?;
    // Judged as if this user were the only one: what others have stored makes nothing complete for this one.
    let facts = Facts::new(
        &definitions,
        // Nobody's keys are opened for a page that is looked at often.
        StoredFacts { values, grants, owed: BTreeMap::new(), provider_values, health, held: grantees, unusable_keys: UnusableKeys::new() },
        manage.now,
    );
    Ok(credentials.iter().map(|credential| personal(&facts, credential, &usable, &heads)).collect())
}

fn of_credentials<'d>(definitions: &'d Definitions, credentials: &[ExternalCredential]) -> impl Iterator<Item = &'d Principal> {
    definitions.principals.iter().filter(|principal| credentials.iter().any(|credential| principal.external_credential == credential.id))
}

fn summary(identity_type: IdentityType, heads: &[ValueHead]) -> ValueSummary {
    let names: BTreeSet<String> = heads.iter().map(|head| head.name.clone()).collect();
    match identity_type {
        IdentityType::Named => ValueSummary { shared: names, ..ValueSummary::default() },
        IdentityType::PerUser if names.is_empty() => ValueSummary::default(),
        IdentityType::PerUser => ValueSummary { users_by_fields: [(names, 1)].into(), ..ValueSummary::default() },
    }
}

fn personal(
    facts: &Facts<'_>,
    credential: &ExternalCredential,
    usable: &BTreeSet<PrincipalId>,
    heads: &BTreeMap<PrincipalId, Vec<ValueHead>>,
) -> PersonalCredential {
    let report = facts.report(credential);
    let all = facts.definitions.principals.iter().filter(|principal| principal.external_credential == credential.id);
    let principals = all.filter(|principal| usable.contains(&principal.id)).filter_map(|principal| {
        let of_principal = report.principals.iter().find(|report| is_of(report, &principal.name))?;
        let stored = heads.get(&principal.id).map(Vec::as_slice).unwrap_or_default();
        let login = login(facts, credential, principal);
        Some(PersonalPrincipal { report: of_principal.clone(), values: values(credential, principal, stored), login })
    });
    let mut principals: Vec<PersonalPrincipal> = principals.collect();
    principals.sort_by_key(|principal| principal.report.sequence_number);
    PersonalCredential {
        name: report.name,
        label: report.label,
        protocol_title: report.protocol_title,
        principals,
        named_credentials: report.named_credentials.into_iter().map(PersonalName::from).collect(),
    }
}

fn login(facts: &Facts<'_>, credential: &ExternalCredential, principal: &Principal) -> Option<LoginState> {
    sortie_protocol::find(&credential.protocol)?.login()?;
    let has_grant = facts.stored.grants.get(&principal.id).is_some_and(|grants| *grants > 0);
    Some(if has_grant { LoginState::Done } else { LoginState::Missing })
}

fn is_of(report: &PrincipalReport, name: &Label) -> bool {
    report.name == name.as_str()
}

/// What the protocol has each user store. Client id and secret of a provider are not theirs.
fn values(credential: &ExternalCredential, principal: &Principal, heads: &[ValueHead]) -> Vec<PersonalValue> {
    let protocol = sortie_protocol::find(&credential.protocol);
    let Some(protocol) = protocol.filter(|_| principal.identity_type == IdentityType::PerUser) else { return Vec::new() };
    if provider::setting_of(credential).is_some() {
        return Vec::new();
    }
    let stored_at = |name: &str| heads.iter().find(|head| head.name == name).map(|head| head.updated_at.to_string());
    let fields = protocol.fields().iter().filter(|field| field.place == Place::Values);
    fields
        .map(|field| PersonalValue {
            name: field.name,
            label: field.label,
            help: field.help,
            secrecy: field.secrecy,
            is_required: protocol.need(field, &credential.settings) == Need::Required,
            updated_at: stored_at(field.name),
        })
        .collect()
}
