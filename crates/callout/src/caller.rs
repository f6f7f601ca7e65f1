//! The caller: who asks, as far as a callout needs to know.

use sortie_model::{ApiKeyId, Attributes, Grantee, UserId, UserName};

/// An authenticated user with all that decides what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: UserName,
    /// With which key, if it was a key.
    pub key: Option<ApiKeyId>,
    /// What formulas may read of them.
    pub attributes: Attributes,
    /// The name of their profile, for formulas.
    pub profile: Option<String>,
    /// Their permission sets and profile, sorted.
    grantees: Box<[Grantee]>,
}

impl Caller {
    /// Puts together what is known of a user.
    pub fn new(user: UserId, name: UserName, key: Option<ApiKeyId>, attributes: Attributes, mut grantees: Vec<Grantee>) -> Self {
        grantees.sort_unstable();
        grantees.dedup();
        Self { user, name, key, attributes, profile: None, grantees: grantees.into() }
    }

    /// The same caller, whose profile has this name.
    #[must_use]
    pub fn with_profile(self, profile: Option<String>) -> Self {
        Self { profile, ..self }
    }

    /// Whether one of these (sorted) grantees is the caller's.
    pub fn is_any_of(&self, grantees: &[Grantee]) -> bool {
        let (few, many) = if grantees.len() < self.grantees.len() { (grantees, &*self.grantees) } else { (&*self.grantees, grantees) };
        few.iter().any(|grantee| many.binary_search(grantee).is_ok())
    }
}
