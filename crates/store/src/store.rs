//! The store itself: opened once, shared by all.

use std::sync::Arc;

use sortie_model::{ApiKeyId, Timestamp, UserId, UserName};
use tokio::sync::watch;
use uuid::Uuid;

use crate::api_keys::{self, ApiKeys, StoredCaller, StoredUser};
use crate::audit_anchors::AuditAnchors;
use crate::callback_urls::CallbackUrls;
use crate::certificates::Certificates;
use crate::change::Change;
use crate::credential_values::CredentialValues;
use crate::db::Db;
use crate::definitions::{self, Definitions};
use crate::deployment::{self, Generation, Progress};
use crate::error::{ChangeError, OpenError, ReadError};
use crate::feed::Feed;
use crate::grants::Grants;
use crate::health::HealthRecords;
use crate::idempotency::IdempotencyKeys;
use crate::keyring::Keyring;
use crate::location::{Location, postgres_server};
use crate::logins::Logins;
use crate::migrations;
use crate::openid_identities::OpenIdIdentities;
use crate::owed_revocations::OwedRevocations;
use crate::passwords::Passwords;
use crate::provider_values::ProviderValues;
use crate::sessions::Sessions;
use crate::sign_in_failures::SignInFailures;
use crate::users::Users;

/// An open database with the newest schema. Cheap to clone; the last clone that goes takes the change feed with it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    deployment: Uuid,
    feed: Feed,
}

impl Store {
    /// Opens the database, makes it if it is a file that is missing, brings its schema up to date, and starts the change
    /// feed on the runtime that this is called on. `new_deployment` becomes the deployment's identity if it has none yet.
    ///
    /// # Errors
    /// An [`OpenError`]; a database of a newer version is refused and not touched.
    pub async fn open(location: &Location, new_deployment: Uuid) -> Result<Self, OpenError> {
        let (db, server) = match location {
            Location::Sqlite { path } => {
                let opened = Db::open_sqlite(path).await.map_err(|error| OpenError::of_file(path.clone(), error))?;
                (opened?, None)
            }
            Location::Postgres { url } => {
                let server = postgres_server(url)?;
                (Db::open_postgres(server.clone()).await?, Some(server))
            }
        };
        migrations::migrate(&db).await?;
        let (deployment, generation) = deployment::establish(&db, new_deployment).await?;
        let feed = Feed::start(db.clone(), server, generation);
        Ok(Self { inner: Arc::new(Inner { db, deployment, feed }) })
    }

    /// Closes all connections. Calls that are under way end first; later ones fail.
    pub async fn close(&self) {
        self.inner.db.close().await;
    }

    /// The identity of this deployment: it never changes and is part of what every sealed value is bound to.
    pub fn deployment_id(&self) -> Uuid {
        self.inner.deployment
    }

    /// Begins a change of definitions, users or secrets.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database; retryable if another change took too long.
    pub async fn change(&self) -> Result<Change<'_>, ChangeError> {
        self.change_by(None).await
    }

    /// The same for this user: values that are stored within it are known to them from then on.
    ///
    /// # Errors
    /// A [`ChangeError`] of the database; retryable if another change took too long.
    pub async fn change_by(&self, user: Option<UserId>) -> Result<Change<'_>, ChangeError> {
        Change::begin(&self.inner.db, &self.inner.feed, user).await
    }

    /// All definitions, as of one moment.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn definitions(&self) -> Result<Definitions, ReadError> {
        let mut tx = self.inner.db.begin_read().await?;
        Ok(definitions::read(&mut tx).await?)
    }

    /// The generation as of now: one cheap read.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn generation(&self) -> Result<Generation, ReadError> {
        Ok(self.progress().await?.generation)
    }

    /// How far the deployment is now: one cheap read.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn progress(&self) -> Result<Progress, ReadError> {
        Ok(deployment::current(&self.inner.db).await?)
    }

    /// The newest generation that this process knows of. Changes made through this store show at once, those of other
    /// processes within a second, and however many there were in between show as one.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.inner.feed.subscribe()
    }

    /// The key of this identity with its user: one indexed read.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn caller_by_key(&self, id: ApiKeyId) -> Result<Option<StoredCaller>, ReadError> {
        api_keys::caller_by_key(&self.inner.db, id).await
    }

    /// The user of this name with its permission sets: one indexed read.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn caller_by_user(&self, name: &UserName) -> Result<Option<StoredUser>, ReadError> {
        api_keys::user_by_name(&self.inner.db, name).await
    }

    /// Reads users.
    pub fn users(&self) -> Users<'_> {
        Users { db: &self.inner.db }
    }

    /// Reads passwords, hashed.
    pub fn passwords(&self) -> Passwords<'_> {
        Passwords { db: &self.inner.db }
    }

    /// Sessions of people in the console.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions { db: &self.inner.db }
    }

    /// How often somebody could not sign in.
    pub fn sign_in_failures(&self) -> SignInFailures<'_> {
        SignInFailures { db: &self.inner.db }
    }

    /// Reads who somebody is at an OpenID provider.
    pub fn openid_identities(&self) -> OpenIdIdentities<'_> {
        OpenIdIdentities { db: &self.inner.db }
    }

    /// Reads API keys.
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys { db: &self.inner.db }
    }

    /// Reads stored secrets, sealed. They are written as part of a change.
    pub fn credential_values(&self) -> CredentialValues<'_> {
        CredentialValues { db: &self.inner.db }
    }

    /// Reads stored values of identity providers, sealed. They are written as part of a change.
    pub fn provider_values(&self) -> ProviderValues<'_> {
        ProviderValues { db: &self.inner.db }
    }

    /// Reads the private keys of certificates, sealed. All else of them is part of the definitions.
    pub fn certificates(&self) -> Certificates<'_> {
        Certificates { db: &self.inner.db }
    }

    /// Grants, and the right to renew them.
    pub fn grants(&self) -> Grants<'_> {
        Grants { db: &self.inner.db }
    }

    /// What providers are still to be told.
    pub fn owed_revocations(&self) -> OwedRevocations<'_> {
        OwedRevocations { db: &self.inner.db }
    }

    /// The callback URLs that providers have accepted.
    pub fn callback_urls(&self) -> CallbackUrls<'_> {
        CallbackUrls { db: &self.inner.db }
    }

    /// Requests that must not be done twice.
    pub fn idempotency_keys(&self) -> IdempotencyKeys<'_> {
        IdempotencyKeys { db: &self.inner.db }
    }

    /// Logins with a browser that are under way.
    pub fn logins(&self) -> Logins<'_> {
        Logins { db: &self.inner.db }
    }

    /// What happened lately with each identity.
    pub fn health(&self) -> HealthRecords<'_> {
        HealthRecords { db: &self.inner.db }
    }

    /// The wrapped keys that secrets are sealed with.
    pub fn keyring(&self) -> Keyring<'_> {
        Keyring { db: &self.inner.db }
    }

    /// How far each lane of the audit had come, so that a cut-off end shows.
    pub fn audit_anchors(&self) -> AuditAnchors<'_> {
        AuditAnchors { db: &self.inner.db }
    }

    /// What the database's clock says. Leases are compared on it, and nodes that differ can measure by how much.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn now(&self) -> Result<Timestamp, ReadError> {
        Ok(deployment::now(&self.inner.db).await?)
    }
}
