//! Users: who calls.

mod add;
mod assign;
mod error;
mod list;
mod password;
mod remove;
mod set;
mod show;
mod unlink;

pub use add::{NewUser, add};
pub use assign::{assign, unassign};
pub use error::UserError;
pub use list::{list, page};
pub use password::{remove_password, set_password};
pub use remove::remove;
pub use set::{UserChange, set};
pub use show::{UserView, show};
pub use unlink::unlink;
