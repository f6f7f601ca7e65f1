//! External credentials and their principals: how to authenticate, and as whom.

use serde::{Deserialize, Serialize};

use crate::{ApiName, CustomHeader, ExternalCredentialId, Label, PrincipalId, RenewalRule, Violation};

/// Non-secret settings of a protocol, stored as one JSON object, so that a new protocol changes no migration.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// How to authenticate: a protocol with its settings, extra headers, and the principals to choose from.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalCredential {
    /// Identity.
    pub id: ExternalCredentialId,
    /// Unique developer name; formulas refer to it.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// Name of the protocol in the catalogue, such as `oauth_client_credentials`. Never changes after creation.
    pub protocol: String,
    /// What the protocol's `fields()` ask of the credential itself.
    pub settings: Settings,
    /// Statuses beside 401 that mean "the token is stale".
    pub additional_status_codes: StatusCodes,
    /// Answers with other statuses that mean it too.
    pub renewal_rules: Vec<RenewalRule>,
    /// Headers added to every callout with this credential.
    pub headers: Vec<CustomHeader>,
    /// Changes whenever something changes that a token depends on: settings, principals, stored secrets. Part of every
    /// grant's identity, so that a grant of the old definition is never used with the new one.
    pub revision: i64,
}

/// Whose identity a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityType {
    /// One identity, shared by all who may use the principal.
    Named,
    /// Every user has an own identity.
    PerUser,
}

impl IdentityType {
    /// As stored and as written in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::PerUser => "per_user",
        }
    }
}

/// Whose identity is used. Name and identity type never change after creation; delete it and make another.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// Identity.
    pub id: PrincipalId,
    /// The credential it belongs to.
    pub external_credential: ExternalCredentialId,
    /// Free text, unique within the credential without regard to ASCII case.
    pub name: Label,
    /// Named or Per User.
    pub identity_type: IdentityType,
    /// Lower is chosen first. Unique within the credential, so that there is never a tie.
    pub sequence_number: u32,
    /// Settings of the protocol that replace the credential's for this principal, such as its own scope.
    pub settings: Settings,
}

/// Extra statuses for which a token is renewed: other 4xx, and 6xx to 9xx (some services invent those). 401 always counts and is
/// not listed; 5xx is refused, since it says nothing about the token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
pub struct StatusCodes(Vec<u16>);

impl StatusCodes {
    /// Reads a list of status codes.
    ///
    /// # Errors
    /// A [`Violation`] of `additional_status_codes`.
    pub fn parse(mut codes: Vec<u16>) -> Result<Self, Violation> {
        if let Some(code) = codes.iter().find(|code| !matches!(code, 400 | 402..=499 | 600..=999)) {
            let message = format!(
                "must hold only 400 to 499 without 401, or 600 to 999 (got {code}); 401 always counts, 5xx says nothing about a token"
            );
            return Err(Violation::new("additional_status_codes", "status_code_range", message));
        }
        codes.sort_unstable();
        codes.dedup();
        Ok(Self(codes))
    }

    /// Whether this status is listed.
    pub fn contains(&self, code: u16) -> bool {
        self.0.contains(&code)
    }

    /// The codes, ascending.
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }
}

impl TryFrom<Vec<u16>> for StatusCodes {
    type Error = Violation;

    fn try_from(codes: Vec<u16>) -> Result<Self, Violation> {
        Self::parse(codes)
    }
}

impl From<StatusCodes> for Vec<u16> {
    fn from(codes: StatusCodes) -> Self {
        codes.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_can_mean_a_stale_token_are_taken() {
        for bad in [200, 302, 401, 500, 503, 599, 1000, 0] {
            assert!(StatusCodes::parse(vec![bad]).is_err(), "{bad}");
        }
        let codes = StatusCodes::parse(vec![498, 403, 403, 601]);
        assert_eq!(codes.map(Vec::from), Ok(vec![403, 498, 601]));
    }
}
