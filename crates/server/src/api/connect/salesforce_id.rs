//! Ids as Salesforce's clients expect them: 18 letters and digits, of which the first three say what it is.
//!
//! Ours are UUIDs, which do not fit. An id is made from the UUID, and found again by making those of all that there is: there is no table that could be wrong.

use std::fmt;

use aws_lc_rs::digest;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

/// 18 letters and digits, of which the first three say what it is and the last three check the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
pub(in crate::api) struct SalesforceId(String);

/// What an id belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Prefix {
    ExternalCredential,
    /// A principal, a parameter or a header of one.
    ExternalCredentialParameter,
    NamedCredential,
    NamedCredentialParameter,
    ExternalAuthIdentityProvider,
    PermissionSet,
    Profile,
    SetupEntityAccess,
}

impl Prefix {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalCredential => "0pt",
            Self::ExternalCredentialParameter => "0pu",
            Self::NamedCredential => "0XA",
            Self::NamedCredentialParameter => "0pw",
            Self::ExternalAuthIdentityProvider => "0so",
            Self::PermissionSet => "0PS",
            Self::Profile => "00e",
            Self::SetupEntityAccess => "0J0",
        }
    }
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl SalesforceId {
    /// The id of what has this UUID.
    pub(in crate::api) fn of(prefix: Prefix, uuid: Uuid) -> Self {
        Self::of_part(prefix, uuid, "")
    }

    /// The id of something that has none of its own, within what has this UUID.
    pub(in crate::api) fn of_part(prefix: Prefix, uuid: Uuid, part: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(uuid.as_bytes());
        context.update(part.as_bytes());
        let mut number = u128::from_be_bytes(context.finish().as_ref()[..16].try_into().expect("16 of 32 bytes"));
        let mut text = prefix.as_str().to_owned();
        // 12 digits hold 71 bits: two of ten thousand objects meet with a chance of one in ten million million.
        for _ in 0..12 {
            text.push(char::from(DIGITS[(number % 62) as usize]));
            number /= 62;
        }
        Self(with_check(&text))
    }

    /// Whether this is the id, with its check characters or without.
    pub(in crate::api) fn is(&self, text: &str) -> bool {
        match text.len() {
            15 => self.0[..15] == *text,
            18 => self.0 == text,
            _ => false,
        }
    }
}

/// Three characters that say which letters of the fifteen are capitals, for programs that do not tell them apart.
fn with_check(fifteen: &str) -> String {
    const CHECKS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let check = fifteen.as_bytes().chunks(5).map(|chunk| {
        let bits = chunk.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase()).fold(0_usize, |bits, (at, _)| bits | (1 << at));
        char::from(CHECKS[bits])
    });
    fifteen.chars().chain(check).collect()
}

impl fmt::Display for SalesforceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for SalesforceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_characters_are_those_of_salesforce() {
        // Public examples of both forms of one id.
        for (short, long) in [("0018000000MVOlB", "0018000000MVOlBAAX"), ("001A0000006Vm9u", "001A0000006Vm9uIAC")] {
            assert_eq!(with_check(short), long);
        }
    }

    #[test]
    fn an_id_is_found_in_both_forms_and_no_other() {
        let id = SalesforceId::of(Prefix::ExternalCredential, Uuid::from_u128(7));
        let text = id.to_string();
        assert!(text.len() == 18 && text.starts_with("0pt") && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(id.is(&text) && id.is(&text[..15]));
        assert!(!id.is(&text[..16]) && !id.is("") && !id.is(&SalesforceId::of(Prefix::NamedCredential, Uuid::from_u128(7)).to_string()));
        assert_ne!(id, SalesforceId::of(Prefix::ExternalCredential, Uuid::from_u128(8)));
    }
}
