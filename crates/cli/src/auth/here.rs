//! A login in the house: its node, its place, and who stands before it.

use sortie_model::UserName;
use sortie_server::connect::{ConnectError, LoginView, Person, login_view};
use sortie_server::{Node, StoredUser};

use super::place::{self, Place};
use crate::failure::Failure;
use crate::setup::Opened;

pub(crate) struct Here<'o> {
    opened: &'o Opened,
    pub(crate) node: Node,
    pub(crate) place: Place,
    user: Option<StoredUser>,
}

impl<'o> Here<'o> {
    pub(crate) async fn find(opened: &'o Opened, target: &str, user: Option<&UserName>) -> Result<Self, Failure> {
        let user = find_user(opened, user).await?;
        let node = Node::start(opened.house.clone(), &opened.config).await?;
        let place = place::find(&node, target, user.as_ref())?;
        Ok(Self { opened, node, place, user })
    }

    pub(crate) fn person(&self) -> Person<'_> {
        Person::Operator { actor: &self.opened.actor, user: self.user.as_ref() }
    }

    pub(crate) async fn login(&self) -> Result<LoginView, ConnectError> {
        login_view(&self.node, &self.person(), self.place.names(), self.place.user.as_ref()).await
    }
}

async fn find_user(opened: &Opened, name: Option<&UserName>) -> Result<Option<StoredUser>, Failure> {
    let Some(name) = name else { return Ok(None) };
    let user = opened.house.store().caller_by_user(name).await;
    let user = user.map_err(|error| Failure::new(error.code(), error.to_string(), "look at the database, then try again"))?;
    let unknown = || Failure::new("user_unknown", format!("there is no user `{name}`"), "list them with `sortie user list`");
    user.map(Some).ok_or_else(unknown)
}
