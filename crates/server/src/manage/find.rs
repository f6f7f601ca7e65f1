//! Finding what an admin named.

use std::fmt;

use sortie_model::{ApiName, ExternalCredential, Grantee, Label, PermissionSet, Principal, Profile, User, UserName, Violation};
use sortie_store::{Change, ChangeError, Definitions};

/// There is nothing of this kind and name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{name}`")]
pub struct UnknownName {
    /// Kind of object, in words.
    pub what: &'static str,
    /// The name that was asked for.
    pub name: String,
}

impl UnknownName {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self.what {
            "user" => "user_unknown",
            "profile" => "profile_unknown",
            "permission set" => "permission_set_unknown",
            "principal" => "principal_unknown",
            "external credential" => "external_credential_unknown",
            "named credential" => "named_credential_unknown",
            "API key" => "key_unknown",
            "certificate" => "certificate_unknown",
            "provider" => "provider_unknown",
            _ => "name_unknown",
        }
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self.what {
            "user" => format!("list them with `sortie user list`, or add it: sortie user add '{}'", self.name),
            "profile" | "permission set" => "check the spelling, or define it: sortie apply -f FILE".to_owned(),
            "provider" => "list them with `sortie provider list`, or define it: sortie apply -f FILE".to_owned(),
            "certificate" => "list them with `sortie certificate list`".to_owned(),
            "API key" => "list a user's keys: sortie key list USER".to_owned(),
            _ => "check the spelling with `sortie status`, or define it: sortie apply -f FILE".to_owned(),
        }
    }

    pub(crate) fn new(what: &'static str, name: impl ToString) -> Self {
        Self { what, name: name.to_string() }
    }
}

/// `Billing/Service`: a principal, named together with its external credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalReference {
    /// Name of the external credential.
    pub external_credential: ApiName,
    /// Name of the principal.
    pub principal: Label,
}

impl PrincipalReference {
    /// Reads `<external credential>/<principal>`. The first slash divides: no external credential's name holds one.
    ///
    /// # Errors
    /// A [`Violation`] of `principal`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let Some((external_credential, principal)) = text.split_once('/') else {
            return Err(Violation::new(
                "principal",
                "principal_reference",
                "must be EXTERNAL_CREDENTIAL/PRINCIPAL, such as Billing/Service",
            ));
        };
        Ok(Self { external_credential: ApiName::parse(external_credential)?, principal: Label::parse(principal)? })
    }

    /// The principal and its credential.
    pub(crate) fn find<'d>(&self, definitions: &'d Definitions) -> Result<(&'d ExternalCredential, &'d Principal), UnknownName> {
        let unknown = || UnknownName::new("external credential", &self.external_credential);
        let credential =
            definitions.external_credentials.iter().find(|known| known.name == self.external_credential).ok_or_else(unknown)?;
        let is_it = |known: &&Principal| known.external_credential == credential.id && is_same_label(&known.name, &self.principal);
        let principal = definitions.principals.iter().find(is_it).ok_or_else(|| UnknownName::new("principal", self))?;
        Ok((credential, principal))
    }
}

impl fmt::Display for PrincipalReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.external_credential, self.principal)
    }
}

/// Principals are looked up without regard to ASCII case, like everything that has a name.
pub(super) fn is_same_label(one: &Label, other: &Label) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

pub(super) fn profile<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d Profile, UnknownName> {
    definitions.profiles.iter().find(|known| known.name == *name).ok_or_else(|| UnknownName::new("profile", name))
}

pub(super) fn permission_set<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d PermissionSet, UnknownName> {
    definitions.permission_sets.iter().find(|known| known.name == *name).ok_or_else(|| UnknownName::new("permission set", name))
}

/// The user of this name, as it is within a change.
pub(super) async fn user(change: &mut Change<'_>, name: &UserName) -> Result<Result<User, UnknownName>, ChangeError> {
    Ok(change.users().find(name).await?.ok_or_else(|| UnknownName::new("user", name)))
}

/// Kind and name of who is granted something; both are empty if it is not there any more.
pub(super) fn grantee_name(definitions: &Definitions, grantee: Grantee) -> (&'static str, String) {
    match grantee {
        Grantee::PermissionSet(id) => {
            let found = definitions.permission_sets.iter().find(|set| set.id == id);
            ("permission_set", found.map(|set| set.name.to_string()).unwrap_or_default())
        }
        Grantee::Profile(id) => {
            let found = definitions.profiles.iter().find(|profile| profile.id == id);
            ("profile", found.map(|profile| profile.name.to_string()).unwrap_or_default())
        }
    }
}
