//! Identities that outlive names: one newtype per kind of object, so that two kinds are never mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta] $name:ident)+) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identity. The argument comes from whoever owns chance and time (UUID version 7 in production).
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind it.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::from_str(text).map(Self)
            }
        }
    )+};
}

id! {
    /// Identity of a user.
    UserId
    /// Identity of a profile.
    ProfileId
    /// Identity of a permission set.
    PermissionSetId
    /// Identity of an external credential.
    ExternalCredentialId
    /// Identity of a principal.
    PrincipalId
    /// Identity of a named credential.
    NamedCredentialId
    /// Identity of an external auth identity provider.
    ExternalAuthIdentityProviderId
    /// Identity of an auth provider.
    AuthProviderId
    /// Identity of a certificate.
    CertificateId
    /// Identity of one version of a certificate.
    CertificateVersionId
}
