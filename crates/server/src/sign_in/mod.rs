//! How people prove who they are to the console.

mod door;
mod openid;
pub(crate) mod password;

pub(crate) use door::{Door, Refusal};
pub(crate) use openid::{Answer, OpenId, OpenIdError, OpenIdSettings};
