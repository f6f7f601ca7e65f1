//! Following what is stored: here at once, elsewhere within a second or so.
//!
//! Three things are followed. Definitions are read and compiled anew when their edition has changed. Users and their keys are looked up by every core when it needs
//! them; a new generation says that what was looked up before it may not hold any more. Grants that are one user's own are dropped one by one, as they are announced.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sortie_callout::{ClientCertificate, Definitions, Snapshot};
use sortie_model::{CertificateId, Timestamp};
use sortie_store::{ANNOUNCED_FOR, Definitions as StoredDefinitions, Edition, ReadError};
use uuid::Uuid;

use super::Node;
use crate::custody::Destinations;
use crate::jwks::KeySets;
use crate::manage::secret::destination;

/// How soon a node hears that somebody has logged in or out elsewhere.
const ANNOUNCEMENTS_EVERY: Duration = Duration::from_secs(1);

/// Longer than a transaction takes from its moment to its commit.
const ANNOUNCEMENTS_OVERLAP: Duration = Duration::from_secs(30);

/// How long nothing is tried again after the database could not be read.
const PAUSE: Duration = Duration::from_secs(1);

type ClientCertificates = BTreeMap<CertificateId, Arc<ClientCertificate>>;

/// How far this node has come.
#[derive(Default)]
pub(super) struct Followed {
    /// Which definitions are compiled.
    edition: Option<Edition>,
    /// From where announcements are read, on the database's clock; `None`: nothing was held before.
    since: Option<Timestamp>,
    /// When they were last read, on this node's.
    heard_at: Option<Timestamp>,
    /// Those of them that were heard, with their moments.
    heard: HashMap<Uuid, Timestamp>,
}

impl Node {
    /// Puts in force what is stored. Whoever has changed something and calls this sees it with the next callout on this node.
    ///
    /// # Errors
    /// The database cannot be read; what is in force stays.
    pub async fn refresh(&self) -> Result<(), ReadError> {
        let mut followed = self.0.followed.lock().await;
        let progress = self.0.house.store().progress().await?;
        let (snapshot, generation) = (self.snapshot(), progress.generation.as_i64());
        if followed.edition != Some(progress.edition) {
            let definitions = self.0.house.store().definitions().await?;
            let certificates = self.client_certificates(&definitions, self.0.world.now()).await?;
            // After they were read: no generation is in force before all that was announced until then is heard.
            followed.hear(self).await?;
            followed.edition = Some(definitions.edition);
            self.compile(definitions, certificates);
        } else if generation > snapshot.generation() {
            followed.hear(self).await?;
            self.0.snapshot.store(Arc::new(snapshot.at(generation)));
        }
        Ok(())
    }

    /// Puts all definitions in force.
    fn compile(&self, definitions: StoredDefinitions, client_certificates: ClientCertificates) {
        let destinations: Destinations = definitions
            .external_credentials
            .iter()
            .map(|credential| (credential.id, (credential.revision, destination(&credential.protocol, &credential.settings))))
            .collect();
        self.0.custody.destinations.store(Arc::new(destinations));
        let now = self.0.world.now();
        self.0.key_sets.store(Arc::new(KeySets::new(&definitions.certificates, now)));
        self.0.signers.refresh(&definitions.certificates, now);
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
    }

    /// The certificates that named credentials present, with their keys. A key that does not open stays away: callouts that need it say so.
    async fn client_certificates(&self, definitions: &StoredDefinitions, now: Timestamp) -> Result<ClientCertificates, ReadError> {
        let presented: BTreeSet<CertificateId> =
            definitions.named_credentials.iter().filter_map(|named| named.client_certificate).collect();
        let mut found = BTreeMap::new();
        for certificate in definitions.certificates.iter().filter(|certificate| presented.contains(&certificate.id)) {
            let identities = self.0.signers.identities(certificate, now).await?;
            found.insert(certificate.id, Arc::new(ClientCertificate::new(certificate.clone(), identities)));
        }
        Ok(found)
    }

    /// Follows changes until the database is closed.
    pub async fn follow_changes(self) {
        let mut changes = self.0.house.store().changes();
        while changes.changed().await.is_ok() {
            let generation = *changes.borrow_and_update();
            if generation <= self.snapshot().generation() {
                continue;
            }
            if let Err(error) = self.refresh().await {
                tracing::error!(
                    code = error.code(),
                    "the definitions cannot be read; those of generation {} stay in force: {error}",
                    self.snapshot().generation()
                );
                tokio::time::sleep(PAUSE).await;
                changes.mark_changed();
            }
        }
    }

    /// Forgets grants that were taken away or replaced by hand, on whatever node, within a second or so; until the end.
    pub async fn follow_announcements(self) {
        loop {
            tokio::time::sleep(ANNOUNCEMENTS_EVERY).await;
            // The feed of changes says when the database is away.
            if self.0.followed.lock().await.hear(&self).await.is_err() {
                self.0.custody.note_away();
            }
        }
    }
}

impl Followed {
    /// Forgets what was announced since the last time.
    async fn hear(&mut self, node: &Node) -> Result<(), ReadError> {
        let (store, at) = (node.0.house.store(), node.0.world.now());
        let from = match self.since {
            Some(since) => since,
            None => store.now().await?.before(ANNOUNCEMENTS_OVERLAP),
        };
        let announced = store.grants().announced(from).await?;
        if self.heard_at.is_some_and(|heard_at| at.since(heard_at) + ANNOUNCEMENTS_OVERLAP > ANNOUNCED_FOR) {
            // Away for so long that some of it is not announced any more.
            node.0.grants.forget_everything();
        }
        let mut since = from;
        for one in announced {
            // A transaction may commit later than one with a later moment.
            since = since.max(one.at.before(ANNOUNCEMENTS_OVERLAP));
            if self.heard.insert(one.id, one.at).is_none() {
                node.0.grants.forget(one.identity.principal, one.identity.owner);
            }
        }
        (self.since, self.heard_at) = (Some(since), Some(at));
        self.heard.retain(|_, at| *at >= since);
        Ok(())
    }
}
