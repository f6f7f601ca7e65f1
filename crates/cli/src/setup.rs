//! From arguments and environment to an open house.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sortie_model::{Secret, Timestamp};
use sortie_server::{Config, House, HouseConfig};

use crate::arguments::Global;
use crate::failure::Failure;

/// A secret from the environment; `NAME_FILE` names a file that holds it instead, as container platforms mount it.
///
/// # Errors
/// The file cannot be read: to go on without would be to go on with something else.
pub(crate) fn secret_variable(name: &str) -> Result<Option<Secret>, Failure> {
    if let Ok(value) = std::env::var(name) {
        return Ok(Some(Secret::new(value)));
    }
    let Some(path) = std::env::var_os(format!("{name}_FILE")) else { return Ok(None) };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let message = format!("cannot read {}, which {name}_FILE names: {error}", Path::new(&path).display());
        Failure::new("file_unusable", message, "check the path and its permissions, or take the variable away")
    })?;
    Ok(Some(Secret::new(text.trim_end().to_owned())))
}

/// Reads the configuration.
pub(crate) fn house_config(global: &Global) -> Result<HouseConfig, Failure> {
    let data_directory = match &global.data_dir {
        Some(directory) => directory.clone(),
        None => default_directory()?,
    };
    let config = Config::load(global.config.as_deref(), &data_directory)?;
    let database = match &global.database {
        Some(url) => Some(Secret::new(url.as_str())),
        None => secret_variable("SORTIE_DATABASE_URL")?,
    };
    let root_key = config.key.environment.as_deref().map(secret_variable).transpose()?.flatten();
    Ok(HouseConfig { data_directory, config, database, root_key })
}

/// Where data is kept by the XDG base directory specification.
fn default_directory() -> Result<PathBuf, Failure> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    from("XDG_DATA_HOME")
        .or_else(|| from("HOME").map(|home| home.join(Path::new(".local/share"))))
        .map(|base| base.join("sortie"))
        .ok_or_else(|| {
            Failure::new("data_directory_unknown", "there is no home directory to keep data in", "give --data-dir or set SORTIE_DATA_DIR")
        })
}

/// An open house with the settings it was opened with.
pub(crate) struct Opened {
    pub(crate) house: House,
    pub(crate) config: Config,
    pub(crate) actor: String,
}

/// Opens the house for a command.
pub(crate) async fn open(global: &Global) -> Result<Opened, Failure> {
    let setup = house_config(global)?;
    let house = House::open(&setup).await?;
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "unknown".to_owned());
    Ok(Opened { house, config: setup.config, actor: format!("operator:{user}") })
}

impl Opened {
    /// What management operations work with.
    pub(crate) fn manage(&self) -> sortie_server::manage::Manage<'_> {
        sortie_server::manage::Manage::of(&self.house, &self.actor, now())
    }
}

/// What time it is.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
