//! A node: a house with all that a callout needs in memory. The only place that names database, vault and network together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use sortie_callout::{
    AuditUnavailable, Caller, Chosen, ClientCertificate, Definitions, Grants, Plan, Presigned, Presigning, Refused, Snapshot, Trial,
    TrialFault,
};
use sortie_formula::{Evaluated, Template};
use sortie_model::{CertificateId, Grantee, Health, Organization, Timestamp};
use sortie_outbound::{Connector, OutboundWorld, Trust};
use sortie_protocol::World;
use sortie_store::{Announced, Identity, ReadError, StoredUser};

use crate::audit::{ChangeRecord, append_changes};
use crate::config::{Config, ConfigError};
use crate::custody::{Destinations, HouseCustody, cannot_write};
use crate::house::House;
use crate::jwks::KeySets;
use crate::manage::secret::destination;
use crate::signers::Signers;
use crate::world::HouseWorld;

/// How soon a node hears that somebody has logged in or out elsewhere.
const ANNOUNCEMENTS_EVERY: Duration = Duration::from_secs(1);

/// Longer than a transaction takes from its moment to its commit.
const ANNOUNCEMENTS_OVERLAP: Duration = Duration::from_secs(30);

/// How soon after its return the database gets what it could not take: within the [head start](crate::custody) that everybody leaves.
const RESCUE_EVERY: Duration = Duration::from_secs(1);

/// A node. Cheap to clone.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    house: House,
    connector: Arc<Connector>,
    world: Arc<dyn World>,
    custody: Arc<HouseCustody>,
    grants: Arc<Grants>,
    organization: Organization,
    snapshot: ArcSwap<Snapshot>,
    key_sets: ArcSwap<KeySets>,
    signers: Arc<Signers>,
}

/// Why a node does not come up.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The trusted authorities cannot be read.
    #[error("the trusted certificate authorities cannot be used: {0}")]
    Trust(#[from] sortie_outbound::TrustError),
    /// A file of the configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The definitions cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl NodeError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Trust(_) => "trust_unusable",
            Self::Config(error) => error.code(),
            Self::Read(error) => error.code(),
        }
    }
}

impl Node {
    /// Brings a node up: reads the definitions, trusts whom the configuration trusts. Renewals run on the runtime that this is called on.
    ///
    /// # Errors
    /// A [`NodeError`].
    pub async fn start(house: House, config: &Config) -> Result<Self, NodeError> {
        let connector = Arc::new(Connector::new(config.egress.clone(), trust(config)?)?);
        let signers = Arc::new(Signers::new(house.clone()));
        let world = Arc::new(HouseWorld::new(OutboundWorld::new(Arc::clone(&connector)), Arc::clone(&signers)));
        Self::start_with(house, config, (connector, signers, world)).await
    }

    /// The same in another world.
    #[cfg(test)]
    pub(crate) async fn start_in(house: House, config: &Config, world: Arc<dyn World>) -> Result<Self, NodeError> {
        let connector = Arc::new(Connector::new(config.egress.clone(), trust(config)?)?);
        let signers = Arc::new(Signers::new(house.clone()));
        Self::start_with(house, config, (connector, signers, world)).await
    }

    async fn start_with(
        house: House,
        config: &Config,
        (connector, signers, world): (Arc<Connector>, Arc<Signers>, Arc<dyn World>),
    ) -> Result<Self, NodeError> {
        let custody = Arc::new(HouseCustody::new(house.clone(), Arc::clone(&world)));
        let grants =
            Grants::new(Arc::clone(&custody) as _, Arc::clone(&world), tokio::runtime::Handle::current(), config.gateway.max_cached_users);
        let snapshot = ArcSwap::from_pointee(Snapshot::compile(Definitions::default(), &grants));
        let organization = Organization { id: house.store().deployment_id().to_string(), name: config.organization.name.clone() };
        let key_sets = ArcSwap::default();
        let node = Self(Arc::new(Inner { house, connector, world, custody, grants, organization, snapshot, key_sets, signers }));
        node.refresh().await?;
        Ok(node)
    }

    /// Reads the definitions anew and puts them in force.
    ///
    /// # Errors
    /// The database cannot be read; the definitions in force stay.
    pub async fn refresh(&self) -> Result<(), ReadError> {
        let definitions = self.0.house.store().definitions().await?;
        let destinations: Destinations = definitions
            .external_credentials
            .iter()
            .map(|credential| (credential.id, destination(&credential.protocol, &credential.settings)))
            .collect();
        self.0.custody.destinations.store(Arc::new(destinations));
        let now = self.0.world.now();
        self.0.key_sets.store(Arc::new(KeySets::new(&definitions.certificates, now)));
        self.0.signers.refresh(&definitions.certificates, now);
        let client_certificates = self.client_certificates(&definitions, now).await?;
        let definitions = Definitions {
            generation: definitions.generation.as_i64(),
            external_auth_identity_providers: definitions.external_auth_identity_providers,
            auth_providers: definitions.auth_providers,
            external_credentials: definitions.external_credentials,
            principals: definitions.principals,
            principal_access: definitions.principal_access,
            named_credentials: definitions.named_credentials,
            client_certificates,
            organization: self.0.organization.clone(),
        };
        let snapshot = Snapshot::compile(definitions, &self.0.grants);
        let presenting = snapshot.all_named().filter_map(|named| Some((named.id, named.client_certificate.as_ref()?)));
        self.0.connector.present(presenting.flat_map(|(name, certificate)| certificate.identities().map(move |identity| (name, identity))));
        self.0.snapshot.store(Arc::new(snapshot));
        Ok(())
    }

    /// The certificates that named credentials present, with their keys. A key that does not open stays away: callouts that need it say so.
    async fn client_certificates(
        &self,
        definitions: &sortie_store::Definitions,
        now: Timestamp,
    ) -> Result<BTreeMap<CertificateId, Arc<ClientCertificate>>, ReadError> {
        let presented: BTreeSet<CertificateId> =
            definitions.named_credentials.iter().filter_map(|named| named.client_certificate).collect();
        let mut found = BTreeMap::new();
        for certificate in definitions.certificates.iter().filter(|certificate| presented.contains(&certificate.id)) {
            let identities = self.0.signers.identities(certificate, now).await?;
            found.insert(certificate.id, Arc::new(ClientCertificate::new(certificate.clone(), identities)));
        }
        Ok(found)
    }

    /// Follows changes of the definitions until the database is closed.
    pub async fn follow_changes(self) {
        let mut changes = self.0.house.store().changes();
        while changes.changed().await.is_ok() {
            let generation = *changes.borrow_and_update();
            if generation == self.snapshot().generation() {
                continue;
            }
            if let Err(error) = self.refresh().await {
                tracing::error!(
                    code = error.code(),
                    "the definitions cannot be read; those of generation {} stay in force: {error}",
                    self.snapshot().generation()
                );
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                changes.mark_changed();
            }
        }
    }

    /// Forgets grants that were taken away or replaced by hand, on whatever node, within a second or so; until the database is closed.
    pub async fn follow_announcements(self) {
        let mut seen: VecDeque<Announced> = VecDeque::new();
        let mut since = None;
        loop {
            tokio::time::sleep(ANNOUNCEMENTS_EVERY).await;
            let store = self.0.house.store();
            let from = match since {
                Some(since) => since,
                None => match store.now().await {
                    Ok(now) => now,
                    Err(_) => {
                        self.0.custody.note_away();
                        continue;
                    }
                },
            };
            since.get_or_insert(from);
            // The feed of changes says when the database is away.
            let Ok(announced) = store.grants().announced(from).await else {
                self.0.custody.note_away();
                continue;
            };
            for one in announced.into_iter().filter(|one| !seen.iter().any(|known| known.id == one.id)).collect::<Vec<_>>() {
                self.0.grants.forget(one.identity.principal, one.identity.owner);
                // A transaction may commit later than one with a later moment.
                since = since.max(Some(one.at.before(ANNOUNCEMENTS_OVERLAP)));
                seen.push_back(one);
            }
            let first = since.unwrap_or(from);
            seen.retain(|one| one.at >= first);
        }
    }

    /// Says whether grants can be written down that the database does not take, and brings those to it that are.
    pub(crate) async fn begin_rescue(&self) {
        let spool = self.0.house.spool();
        if let Err(error) = spool.clean() {
            cannot_write(spool, &error);
        }
        self.0.custody.bring_all_back().await;
    }

    /// Brings what the database has not taken to it as soon as it does; until the end.
    pub(crate) async fn follow_spool(self) {
        loop {
            tokio::time::sleep(RESCUE_EVERY).await;
            for (principal, user) in self.0.custody.bring_all_back().await {
                self.0.grants.forget(principal, user);
            }
        }
    }

    /// Stores what is known of every credential's health.
    pub async fn store_health(&self) {
        let reports = self.0.grants.health().into_iter().map(|report| {
            let identity = Identity { principal: report.key.principal, owner: report.key.user };
            let health = Health {
                last_success: report.last_success,
                last_failure: report.last_failure,
                last_failure_code: report.last_failure_code.map(str::to_owned),
                token_expires_at: report.token_expires_at,
            };
            (identity, health)
        });
        let reports = reports.collect::<std::collections::BTreeMap<_, _>>();
        if !reports.is_empty()
            && let Err(error) = self.0.house.store().health().record(&reports).await
        {
            tracing::warn!(code = error.code(), "the health of credentials cannot be stored: {error}");
        }
    }

    /// What a callout of `user` would do.
    pub async fn explain(&self, user: StoredUser, target: &str) -> Plan {
        sortie_callout::explain(&self.snapshot(), &self.0.grants, &caller_without_key(user), target).await
    }

    /// A URL that is good for a while, under the permissions of `user`, on behalf of `actor` (`operator:alice`). It is recorded before it is made.
    ///
    /// # Errors
    /// Any [`Refused`].
    pub async fn presign(&self, user: StoredUser, actor: &str, presigning: Presigning<'_>) -> Result<Presigned, Refused> {
        let (house, at) = (self.house(), self.0.world.now());
        let record = |chosen: &Chosen<'_>, path: &str| {
            let (named, caller, principal) = (&chosen.named().name, &chosen.identity().caller().name, &chosen.identity().principal().name);
            let seconds = presigning.lifetime.as_secs();
            // The query is left out, as in the records of callouts: it often holds personal data.
            let fields = format!("{} {path} for {caller} as {principal}, {seconds} s", presigning.method);
            let object = format!("named_credential {named}");
            let change = ChangeRecord { at, actor, action: "presigned", object: &object, fields: &fields };
            append_changes(house.audit_directory(), &house.chain_key(), &[change]).map_err(|error| {
                tracing::error!("the audit cannot be written: {error}");
                AuditUnavailable
            })
        };
        sortie_callout::presign(&self.snapshot(), &self.0.grants, &caller_without_key(user), presigning, record).await
    }

    /// A user as a callout sees who calls.
    pub fn caller(&self, user: StoredUser) -> Caller {
        caller_without_key(user)
    }

    /// What a formula would give in a callout of `user`, with `body` as the request's body. Without a target it sees the user only.
    ///
    /// # Errors
    /// It has no result, or the callout would be refused.
    pub async fn try_formula(
        &self,
        user: StoredUser,
        target: Option<&str>,
        body: Bytes,
        template: &Template,
    ) -> Result<Evaluated, TrialFault> {
        let caller = caller_without_key(user);
        let trial = Trial { caller: &caller, target, body, organization: &self.0.organization };
        sortie_callout::try_formula(&self.snapshot(), &self.0.grants, &trial, template).await
    }

    /// The house.
    pub fn house(&self) -> &House {
        &self.0.house
    }

    /// The definitions in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    /// The private keys of the definitions in force.
    pub fn signers(&self) -> &Signers {
        &self.0.signers
    }

    /// The public keys of the definitions in force.
    pub(crate) fn key_sets(&self) -> Guard<Arc<KeySets>> {
        self.0.key_sets.load()
    }

    pub(crate) fn grants(&self) -> Arc<Grants> {
        Arc::clone(&self.0.grants)
    }

    #[cfg(test)]
    pub(crate) fn custody(&self) -> &HouseCustody {
        &self.0.custody
    }

    pub(crate) fn connector(&self) -> Arc<Connector> {
        Arc::clone(&self.0.connector)
    }

    pub(crate) fn world(&self) -> Arc<dyn World> {
        Arc::clone(&self.0.world)
    }
}

pub(crate) fn caller_without_key(stored: StoredUser) -> Caller {
    let permission_sets = stored.permission_sets.into_iter().map(Grantee::PermissionSet);
    let grantees = permission_sets.chain(stored.user.profile.map(Grantee::Profile)).collect();
    Caller::new(stored.user.id, stored.user.name, None, stored.user.attributes, grantees).with_profile(stored.profile_name)
}

pub(crate) fn trust(config: &Config) -> Result<Trust, NodeError> {
    let mut trust = Trust::new(config.trust.roots.into());
    for path in &config.trust.ca_files {
        let pem = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        trust = trust.with_ca_pem(&pem)?;
    }
    Ok(trust)
}
