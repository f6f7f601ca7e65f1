//! Permission sets and profiles, which look alike.

use serde::{Deserialize, Serialize};
use sortie_model::SystemPermissions;

use crate::etag::{Etag, Versioned};
use crate::transport::Ask;
use crate::{Client, ClientError};

/// Permission sets: `client.permission_sets()`.
#[derive(Clone, Copy, Debug)]
pub struct PermissionSets<'c>(pub(crate) &'c Client);

/// Profiles: `client.profiles()`.
#[derive(Clone, Copy, Debug)]
pub struct Profiles<'c>(pub(crate) &'c Client);

/// A permission set or a profile, as it is shown and as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionSet {
    /// Unique name, which never changes.
    pub name: String,
    /// Shown name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// What whoever has it may do with Sortie itself.
    pub permissions: SystemPermissions,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(alias = "profiles")]
    permission_sets: Vec<PermissionSet>,
}

macro_rules! resource {
    ($type:ident, $path:literal) => {
        impl $type<'_> {
            /// All of them, by name.
            ///
            /// # Errors
            /// A [`ClientError`].
            pub async fn list(&self) -> Result<Vec<PermissionSet>, ClientError> {
                let Listed { permission_sets } = self.0.ask(Ask::get(&[$path])).await?;
                Ok(permission_sets)
            }

            /// One of them.
            ///
            /// # Errors
            /// A [`ClientError`].
            pub async fn show(&self, name: &str) -> Result<Versioned<PermissionSet>, ClientError> {
                self.0.ask_versioned(Ask::get(&[concat!($path, "/"), name])).await
            }

            /// Makes one.
            ///
            /// # Errors
            /// A [`ClientError`].
            pub async fn create(&self, new: &PermissionSet) -> Result<Versioned<PermissionSet>, ClientError> {
                self.0.ask_versioned(Ask::post(&[$path]).json(new)).await
            }

            /// Puts this in the place of what is there, if that is still what was `seen`.
            ///
            /// # Errors
            /// A [`ClientError`].
            pub async fn replace(&self, wanted: &PermissionSet, seen: Option<&Etag>) -> Result<Versioned<PermissionSet>, ClientError> {
                self.0.ask_versioned(Ask::put(&[concat!($path, "/"), &wanted.name]).json(wanted).seen(seen)).await
            }

            /// Removes one, if it is still what was `seen`.
            ///
            /// # Errors
            /// A [`ClientError`].
            pub async fn remove(&self, name: &str, seen: Option<&Etag>) -> Result<(), ClientError> {
                self.0.tell(Ask::delete(&[concat!($path, "/"), name]).seen(seen)).await
            }
        }
    };
}

resource!(PermissionSets, "/permission-sets");
resource!(Profiles, "/profiles");
