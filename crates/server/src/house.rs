//! The house: database and vault of one deployment, opened together or not at all. Every command needs it; serving and explaining need a [`crate::Node`] on top.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sortie_model::Secret;
use sortie_store::{Location, Store};
use sortie_vault::{
    DeploymentId, KeyError, KeyProvider, KeyState, KeyringEntry, Purpose, RootKey, UnsealError, Vault, operating_system_random,
};
use uuid::Uuid;

use crate::audit::{ChainKey, Mac};
use crate::config::Config;
use crate::spool::Spool;

/// Where a house is, and how it is set up.
#[derive(Clone, Debug)]
pub struct HouseConfig {
    /// Holds the database, the key file and the audit unless the configuration puts them elsewhere.
    pub data_directory: PathBuf,
    /// The settings.
    pub config: Config,
    /// What the process's environment says of the database, which overrides the settings.
    pub database: Option<Secret>,
    /// The root key from the environment, if the settings ask for it.
    pub root_key: Option<Secret>,
}

/// An open house. Cheap to clone.
#[derive(Clone)]
pub struct House(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    audit_directory: PathBuf,
    /// Tells this audit directory's lanes from those of other nodes on the same database.
    audit_id: String,
    spool: Spool,
}

/// How the spool is.
#[derive(Clone, Debug)]
pub struct SpoolState {
    /// Where it is.
    pub directory: PathBuf,
    /// How many renewed logins the database does not have yet.
    pub waiting: usize,
    /// Why nothing can be written there, if so.
    pub problem: Option<String>,
}

/// Why a house does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be made.
    #[error("cannot use the data directory {path}")]
    DataDirectory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database does not open.
    #[error(transparent)]
    Store(#[from] sortie_store::OpenError),
    /// The database cannot be read or written.
    #[error("cannot read the keyring: {problem}")]
    Keyring {
        /// Stable code.
        code: &'static str,
        /// What happened.
        problem: String,
    },
    /// No root key: the house stays sealed, and nothing was changed.
    #[error("the secrets stay sealed: {0}")]
    Key(#[from] KeyError),
    /// Not the right root key: the house stays sealed, and nothing was changed.
    #[error("the secrets stay sealed: {0}")]
    Unseal(#[from] UnsealError),
    /// The operating system has no random bytes.
    #[error(transparent)]
    Random(#[from] sortie_vault::NoRandomness),
}

impl OpenError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DataDirectory { .. } => "data_directory_unusable",
            Self::Store(error) => error.code(),
            Self::Keyring { code, .. } => code,
            Self::Key(error) => error.code(),
            Self::Unseal(error) => error.code(),
            Self::Random(error) => error.code(),
        }
    }

    /// Whether database and data directory are fine and only the key is missing or wrong.
    pub const fn is_sealed(&self) -> bool {
        match self {
            Self::Key(_) | Self::Unseal(_) => true,
            Self::DataDirectory { .. } | Self::Store(_) | Self::Keyring { .. } | Self::Random(_) => false,
        }
    }

    /// What to do.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::DataDirectory { .. } => "choose another with --data-dir, or correct its permissions",
            Self::Store(_) | Self::Keyring { .. } => "bring the database back, or correct `database` in the configuration",
            Self::Key(_) | Self::Unseal(_) => "provide the root key that this database was made with; nothing was changed",
            Self::Random(_) => "look at the operating system's log",
        }
    }
}

impl House {
    /// Opens database and vault. On an empty database, and only there, a key file and a keyring are made.
    ///
    /// # Errors
    /// An [`OpenError`]; with a missing or wrong key nothing is changed.
    pub async fn open(setup: &HouseConfig) -> Result<Self, OpenError> {
        let HouseConfig { data_directory, config, database, root_key } = setup;
        make_directory(data_directory)?;
        let audit_directory = config.audit.directory.clone().unwrap_or_else(|| data_directory.join("audit"));
        make_directory(&audit_directory)?;
        let audit_id = audit_id(&audit_directory).map_err(|source| OpenError::DataDirectory { path: audit_directory.clone(), source })?;
        let spool = Spool::at(data_directory.join("spool"));
        let location = match database.as_ref().map(Secret::expose).or(config.database.as_deref()) {
            Some(text) => Location::parse(text).map_err(sortie_store::OpenError::from)?,
            None => Location::Sqlite { path: data_directory.join("sortie.sqlite") },
        };
        let store = Store::open(&location, new_id()).await?;
        let provider = match &config.key.environment {
            Some(variable) => KeyProvider::Env { variable: variable.clone() },
            None => KeyProvider::File { path: config.key.file.clone().unwrap_or_else(|| data_directory.join("root.key")) },
        };
        let vault = match open_vault(&store, &provider, root_key.as_ref()).await {
            Ok(vault) => vault,
            Err(error) => {
                // In order, so that SQLite leaves no file beside the database that was not there before.
                store.close().await;
                return Err(error);
            }
        };
        Ok(Self(Arc::new(Inner { store, vault, audit_directory, audit_id, spool })))
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Where the audit's files are.
    pub fn audit_directory(&self) -> &Path {
        &self.0.audit_directory
    }

    /// Where grants wait for the database that would be lost otherwise.
    pub(crate) fn spool(&self) -> &Spool {
        &self.0.spool
    }

    /// Whether renewed logins can be written down before the database takes them, and how many wait for it.
    pub fn spool_state(&self) -> SpoolState {
        let (spool, says) = (self.spool(), |error: std::io::Error| error.to_string());
        let (waiting, problem) = match spool.entries() {
            Ok(entries) => (entries.len(), spool.check().err().map(says)),
            Err(error) => (0, Some(says(error))),
        };
        SpoolState { directory: spool.directory().to_owned(), waiting, problem }
    }

    /// The key of the audit's chains.
    pub fn chain_key(&self) -> ChainKey {
        ChainKey::new(&self.0.vault.derive(Purpose::AuditChain))
    }
}

/// Heads of audit chains as kept in the database: lane to number and MAC.
pub type Anchors = BTreeMap<String, (u64, Vec<u8>)>;

impl House {
    /// Keeps the head of one of this directory's chains in the database. Where nothing was recorded since the last time, it is there already.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn store_anchor(&self, lane: &str, sequence: u64, mac: Mac) -> Result<(), sortie_store::WriteError> {
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        match self.store().audit_anchors().append(&format!("{}/{lane}", self.0.audit_id), sequence, mac.as_bytes()).await {
            // Another MAC for the same record would be somebody's who has made the file anew, which `verify` finds out.
            Ok(()) | Err(sortie_store::WriteError::Exists) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The heads of this directory's chains, and how many lanes other nodes have.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn anchors(&self) -> Result<(Anchors, usize), sortie_store::ReadError> {
        let (mut own, mut others) = (Anchors::new(), 0);
        for anchor in self.store().audit_anchors().last_of_each().await? {
            match anchor.lane.split_once('/').filter(|(id, _)| *id == self.0.audit_id) {
                Some((_, lane)) => drop(own.insert(lane.to_owned(), (u64::try_from(anchor.sequence).unwrap_or(0), anchor.hash))),
                None => others += 1,
            }
        }
        Ok((own, others))
    }
}

/// The identity of an audit directory: made with it, kept in it. Written whole under another name first, so that of two processes that start at once both
/// read the one that was linked.
fn audit_id(directory: &Path) -> std::io::Result<String> {
    let path = directory.join("id");
    if !path.exists() {
        let id = new_id();
        let draft = directory.join(format!("id.{id}"));
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(id.to_string().as_bytes()).and_then(|()| file.sync_all())?;
        let linked = std::fs::hard_link(&draft, &path);
        std::fs::remove_file(&draft)?;
        linked.or_else(|error| if error.kind() == std::io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
    }
    std::fs::read_to_string(&path)
}

/// A new identity, ordered by time.
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

fn make_directory(path: &Path) -> Result<(), OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| OpenError::DataDirectory { path: path.to_owned(), source })
}

async fn open_vault(store: &Store, provider: &KeyProvider, root_key: Option<&Secret>) -> Result<Vault, OpenError> {
    let deployment = DeploymentId::from_uuid(store.deployment_id());
    let entries = keyring(store).await?;
    if !entries.is_empty() {
        let root = load(provider, root_key)?;
        return Ok(Vault::unseal(&root, deployment, &entries, operating_system_random)?);
    }
    let root = match provider {
        KeyProvider::File { path } => match KeyProvider::create_file(path, operating_system_random) {
            Err(KeyError::FileExists { .. }) => load(provider, None)?,
            created => created?,
        },
        KeyProvider::Env { .. } => load(provider, root_key)?,
    };
    let (vault, first) = Vault::initialise(&root, deployment, operating_system_random)?;
    let stored = sortie_store::StoredKey { id: first.id.as_uuid(), state: first.state.as_str().to_owned(), wrapped: first.wrapped };
    let initialised =
        store.keyring().initialise(&stored).await.map_err(|error| OpenError::Keyring { code: error.code(), problem: error.to_string() })?;
    match initialised {
        sortie_store::Initialised::Done => Ok(vault),
        // Another node was faster: its keyring is the one.
        sortie_store::Initialised::AlreadyThere => Ok(Vault::unseal(&root, deployment, &keyring(store).await?, operating_system_random)?),
    }
}

fn load(provider: &KeyProvider, root_key: Option<&Secret>) -> Result<RootKey, KeyError> {
    provider.load(|_| root_key.cloned())
}

async fn keyring(store: &Store) -> Result<Vec<KeyringEntry>, OpenError> {
    let unreadable = |code, problem| OpenError::Keyring { code, problem };
    let rows = store.keyring().load().await.map_err(|error| unreadable(error.code(), error.to_string()))?;
    rows.into_iter()
        .map(|row| {
            let state =
                KeyState::parse(&row.state).ok_or_else(|| unreadable("keyring_tampered", format!("unknown key state `{}`", row.state)))?;
            Ok(KeyringEntry { id: sortie_vault::KeyId::from_uuid(row.id), state, wrapped: row.wrapped })
        })
        .collect()
}
