#![doc = include_str!("../README.md")]

mod body;
mod callout;
mod client;
mod connector;
mod error;
mod etag;
mod origin;
mod refusal;
mod resources;
mod transport;
mod trust;

pub use callout::{Answer, AnswerBody, Callout};
pub use client::{Client, ClientBuilder};
pub use error::{ClientError, SettingError};
pub use etag::{Etag, Versioned};
pub use http::{HeaderMap, Method, StatusCode};
pub use refusal::{Fault, Refusal};
pub use resources::*;
pub use sortie_model::{AuthenticationStatus, IdentityType, Secret, SystemPermission, SystemPermissions, Timestamp};
