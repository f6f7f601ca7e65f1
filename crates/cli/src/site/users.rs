//! Users.

use sortie_client::{Action, Change, User};
use sortie_model::{ApiName, Secret, UserName};
use sortie_server::manage::user::{self, NewUser, UserChange};

use super::{Site, change, change_of_fields, shown};
use crate::failure::Failure;

impl Site {
    pub(crate) async fn users(&self) -> Result<Vec<User>, Failure> {
        match self {
            Self::House(opened) => shown(&user::list(&opened.manage()).await?),
            Self::Server(client) => Ok(client.users().all().await?),
        }
    }

    pub(crate) async fn user(&self, name: &UserName) -> Result<User, Failure> {
        match self {
            Self::House(opened) => shown(&user::show(&opened.manage(), name).await?),
            Self::Server(client) => Ok(client.users().show(name.as_str()).await?),
        }
    }

    pub(crate) async fn add_user(&self, new: NewUser) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::add(&opened.manage(), new).await?),
            Self::Server(client) => {
                let NewUser { name, profile, permission_sets, attributes } = new;
                let new = sortie_client::NewUser {
                    name: name.to_string(),
                    profile: profile.map(|profile| profile.to_string()),
                    permission_sets: permission_sets.iter().map(ToString::to_string).collect(),
                    attributes: attributes.into_iter().collect(),
                };
                Ok(change("user", client.users().create(&new).await?.name, Action::Created))
            }
        }
    }

    pub(crate) async fn set_user(&self, name: &UserName, wanted: UserChange) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::set(&opened.manage(), name, wanted).await?),
            Self::Server(client) => {
                let UserChange { profile, is_active, attributes, removed_attributes } = wanted;
                let set = attributes.into_iter().map(|(name, value)| (name, Some(value)));
                let wanted = sortie_client::UserChange {
                    profile: profile.map(|profile| profile.map(|name| name.to_string())),
                    active: is_active,
                    // As in the house: what is both set and removed is removed.
                    attributes: set.chain(removed_attributes.into_iter().map(|name| (name, None))).collect(),
                };
                let before = client.users().show(name.as_str()).await?;
                let after = client.users().amend(name.as_str(), &wanted).await?;
                let differing = [
                    ("profile", before.profile != after.profile),
                    ("active", before.active != after.active),
                    ("attributes", before.attributes != after.attributes),
                ];
                let fields = differing.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()).collect();
                Ok(change_of_fields("user", after.name, fields))
            }
        }
    }

    pub(crate) async fn remove_user(&self, name: &UserName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::remove(&opened.manage(), name).await?),
            Self::Server(client) => {
                let known = client.users().show(name.as_str()).await?;
                client.users().remove(name.as_str()).await?;
                Ok(change("user", known.name, Action::Deleted))
            }
        }
    }

    pub(crate) async fn set_password(&self, name: &UserName, password: &Secret) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::set_password(&opened.manage(), name, password).await?),
            Self::Server(client) => {
                let before = client.users().show(name.as_str()).await?;
                client.users().set_password(name.as_str(), password).await?;
                Ok(change("password", before.name, if before.password { Action::Updated } else { Action::Created }))
            }
        }
    }

    pub(crate) async fn remove_password(&self, name: &UserName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::remove_password(&opened.manage(), name).await?),
            Self::Server(client) => {
                let known = client.users().show(name.as_str()).await?;
                client.users().remove_password(name.as_str()).await?;
                Ok(change("password", known.name, Action::Deleted))
            }
        }
    }

    pub(crate) async fn unlink_user(&self, name: &UserName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::unlink(&opened.manage(), name).await?),
            Self::Server(client) => Ok(client.users().unlink(name.as_str()).await?),
        }
    }

    pub(crate) async fn assign(&self, name: &UserName, set: &ApiName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::assign(&opened.manage(), name, set).await?),
            Self::Server(client) => {
                let before = client.users().show(name.as_str()).await?;
                client.users().assign(name.as_str(), set.as_str()).await?;
                Ok(assignment(&before, !has(&before, set)))
            }
        }
    }

    pub(crate) async fn unassign(&self, name: &UserName, set: &ApiName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&user::unassign(&opened.manage(), name, set).await?),
            Self::Server(client) => {
                let before = client.users().show(name.as_str()).await?;
                client.users().unassign(name.as_str(), set.as_str()).await?;
                Ok(assignment(&before, has(&before, set)))
            }
        }
    }
}

fn has(user: &User, set: &ApiName) -> bool {
    user.permission_sets.iter().any(|known| known.eq_ignore_ascii_case(set.as_str()))
}

fn assignment(user: &User, is_made: bool) -> Change {
    let fields = if is_made { vec!["permission_sets".to_owned()] } else { Vec::new() };
    change_of_fields("user", &user.name, fields)
}
