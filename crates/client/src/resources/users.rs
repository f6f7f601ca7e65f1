//! Users: people and programs that make callouts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sortie_model::{Secret, SystemPermissions};

use super::Change;
use super::secret::Exposed;
use crate::transport::Ask;
use crate::{Client, ClientError};

/// Users: `client.users()`.
#[derive(Clone, Copy, Debug)]
pub struct Users<'c>(pub(crate) &'c Client);

/// A user as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Unique name.
    pub name: String,
    /// Whether they may call.
    pub active: bool,
    /// Whether they have a password for the console.
    pub password: bool,
    /// Name of the profile.
    pub profile: Option<String>,
    /// Names of the assigned permission sets.
    pub permission_sets: Vec<String>,
    /// What they may do with Sortie itself.
    pub permissions: SystemPermissions,
    /// What formulas read.
    pub attributes: BTreeMap<String, String>,
}

/// A user to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewUser {
    /// Unique name: letters, digits and `. _ - + @`.
    pub name: String,
    /// Name of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Names of the permission sets to assign.
    pub permission_sets: Vec<String>,
    /// What formulas read.
    pub attributes: BTreeMap<String, String>,
}

/// What is to be other than before. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserChange {
    /// Name of the profile; `Some(None)`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Option<String>>,
    /// Whether they may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Attributes to set; those with `None` are removed.
    pub attributes: BTreeMap<String, Option<String>>,
}

#[derive(Serialize)]
struct Password<'a> {
    password: Exposed<'a>,
}

#[derive(Deserialize)]
struct Listed {
    users: Vec<User>,
    next: Option<String>,
}

/// All users, a page after the other.
#[derive(Debug)]
pub struct UserPages<'c> {
    client: &'c Client,
    next: Option<String>,
}

impl UserPages<'_> {
    /// The next page; `None` behind the last one.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn next(&mut self) -> Result<Option<Vec<User>>, ClientError> {
        // It stays until its page is there: whoever asks again after a failure gets that page, and not the end.
        let Some(path) = self.next.clone() else { return Ok(None) };
        let Listed { users, next } = self.client.ask(Ask::onward(&path, "/api/v1/users?")).await?;
        self.next = next;
        Ok(Some(users))
    }
}

impl<'c> Users<'c> {
    /// All users in pages of this size, 1 to 1,000.
    pub fn pages(&self, size: u32) -> UserPages<'c> {
        UserPages { client: self.0, next: Some(format!("/api/v1/users?limit={size}")) }
    }

    /// All users at once.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn all(&self) -> Result<Vec<User>, ClientError> {
        let (mut pages, mut all) = (self.pages(1_000), Vec::new());
        while let Some(page) = pages.next().await? {
            all.extend(page);
        }
        Ok(all)
    }

    /// One user.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn show(&self, name: &str) -> Result<User, ClientError> {
        self.0.ask(Ask::get(&["/users/", name])).await
    }

    /// Adds a user, who may call at once.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn create(&self, new: &NewUser) -> Result<User, ClientError> {
        self.0.ask(Ask::post(&["/users"]).json(new)).await
    }

    /// Changes a user.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn amend(&self, name: &str, change: &UserChange) -> Result<User, ClientError> {
        self.0.ask(Ask::patch(&["/users/", name]).json(change)).await
    }

    /// Removes a user with all keys and stored values. Another one of the same name will be somebody else.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove(&self, name: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&["/users/", name])).await
    }

    /// Stores a password for the console in place of the one before. Sessions that go on end.
    ///
    /// # Errors
    /// A [`ClientError`]; it never holds the password.
    pub async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ClientError> {
        self.0.tell(Ask::put(&["/users/", name, "/password"]).json(&Password { password: Exposed(password) })).await
    }

    /// Takes the password away. Sessions that go on end.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn remove_password(&self, name: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&["/users/", name, "/password"])).await
    }

    /// Releases their identities at OpenID providers, and ends their sessions. The next single sign-on links anew.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn unlink(&self, name: &str) -> Result<Change, ClientError> {
        self.0.ask(Ask::delete(&["/users/", name, "/identities"])).await
    }

    /// Assigns a permission set; twice is the same as once.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn assign(&self, name: &str, permission_set: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::put(&["/users/", name, "/permission-sets/", permission_set])).await
    }

    /// Takes a permission set away.
    ///
    /// # Errors
    /// A [`ClientError`].
    pub async fn unassign(&self, name: &str, permission_set: &str) -> Result<(), ClientError> {
        self.0.tell(Ask::delete(&["/users/", name, "/permission-sets/", permission_set])).await
    }
}
