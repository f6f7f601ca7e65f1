//! The organization: whose Sortie this is.

/// What formulas read as `$Organization`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// Identity of this deployment, the same on all its nodes and for ever.
    pub id: String,
    /// Its name, from the configuration.
    pub name: Option<String>,
}
