//! Whose credentials are meant: the principal that a body or a query names, and whether the caller may reach what is stored for it.

use http::StatusCode;
use sortie_model::{ApiName, ExternalCredential, Grantee, IdentityType, Label, Principal, SystemPermission, UserName};
use sortie_protocol::Protocol;
use sortie_store::{Definitions, Identity};

use super::words::PrincipalType;
use crate::api::caller::ApiCaller;
use crate::api::document::{Needed, Query, Schema};
use crate::api::json::{Fields, Reader};
use crate::api::routes::not_permitted;
use crate::api::{Api, Problem};
use crate::manage::PrincipalReference;

/// What a body or a query says.
pub(super) struct PlaceInput {
    pub(super) external_credential: ApiName,
    pub(super) principal_name: Option<Label>,
    pub(super) principal_type: PrincipalType,
}

impl PlaceInput {
    /// Of the members that [`PlaceInput::read`] takes.
    pub(super) fn schema() -> Schema {
        Schema::object()
            .required("externalCredential", Schema::name())
            .required("principalType", Schema::word(PrincipalType::WORDS))
            .optional("principalName", Schema::label().saying("Needed for a NamedPrincipal; else the first one is meant."))
            .needing(("principalType", "NamedPrincipal"), "principalName")
    }

    /// The parameters that [`PlaceInput::of_query`] takes.
    pub(super) const QUERY: &[Query] = &[Self::EXTERNAL_CREDENTIAL, Self::PRINCIPAL_TYPE, Self::PRINCIPAL_NAME];

    pub(super) const EXTERNAL_CREDENTIAL: Query =
        Query { name: "externalCredential", needed: Needed::Always, schema: Schema::name, description: "Its developer name." };
    pub(super) const PRINCIPAL_TYPE: Query = Query {
        name: "principalType",
        needed: Needed::Always,
        schema: || Schema::word(PrincipalType::WORDS),
        description: "Whose identity the principal is.",
    };
    pub(super) const PRINCIPAL_NAME: Query = Query {
        name: "principalName",
        needed: Needed::IfWanted,
        schema: Schema::label,
        description: "Needed for a NamedPrincipal; else the first one is meant.",
    };

    pub(super) fn read(reader: &mut Reader, fields: &mut Fields<'_>) -> Option<Self> {
        let external_credential = fields.require(reader, "externalCredential").and_then(|at| reader.parsed(&at, ApiName::parse));
        let principal_type = fields.require(reader, "principalType").and_then(|at| PrincipalType::read(reader, &at));
        let name_at = fields.take("principalName");
        let principal_name = name_at.as_ref().and_then(|at| reader.parsed(at, Label::parse));
        if name_at.is_none() && principal_type == Some(PrincipalType::Named) {
            reader.refuse(&fields.pointer("principalName"), "required", "is required for a NamedPrincipal");
        }
        Some(Self { external_credential: external_credential?, principal_name, principal_type: principal_type? })
    }

    /// The same from a query.
    pub(super) fn of_query(query: &[(String, String)]) -> Result<Self, Problem> {
        let value =
            |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
        let wrong = |name: &str, message: &str| {
            Problem::new(StatusCode::BAD_REQUEST, "parameter_invalid", format!("the parameter `{name}` {message}"), "correct it")
        };
        let required = |name| value(name).ok_or_else(|| wrong(name, "is required"));
        let external_credential =
            ApiName::parse(required("externalCredential")?).map_err(|violation| wrong("externalCredential", &violation.message))?;
        let principal_type = PrincipalType::parse(required("principalType")?)
            .ok_or_else(|| wrong("principalType", "must be one of AwsStsPrincipal, NamedPrincipal, PerUserPrincipal"))?;
        let principal_name =
            value("principalName").map(Label::parse).transpose().map_err(|violation| wrong("principalName", &violation.message))?;
        if principal_name.is_none() && principal_type == PrincipalType::Named {
            return Err(wrong("principalName", "is required for a NamedPrincipal"));
        }
        Ok(Self { external_credential, principal_name, principal_type })
    }
}

/// A principal, and whose identity of it.
pub(super) struct Place {
    pub(super) credential: ExternalCredential,
    pub(super) principal: Principal,
    pub(super) protocol: &'static dyn Protocol,
    pub(super) principal_type: PrincipalType,
    /// The caller, for a Per User principal.
    pub(super) owner: Option<UserName>,
    pub(super) identity: Identity,
}

impl Place {
    /// Finds it. What is everybody's needs one of these permissions; what is one's own needs access to the principal, and a principal that one may not use looks
    /// like one that does not exist (API-13).
    pub(super) async fn find(api: &Api, caller: &ApiCaller, input: &PlaceInput, permissions: &[SystemPermission]) -> Result<Self, Problem> {
        let is_shared = input.principal_type != PrincipalType::PerUser;
        if is_shared && !caller.may(permissions) {
            return Err(not_permitted(permissions));
        }
        let definitions = api.definitions().await?;
        Self::among(&definitions, caller, input).ok_or_else(|| no_access(input))
    }

    fn among(definitions: &Definitions, caller: &ApiCaller, input: &PlaceInput) -> Option<Self> {
        let credential = definitions.external_credentials.iter().find(|known| known.name == input.external_credential)?;
        let protocol = sortie_protocol::find(&credential.protocol)?;
        let is_wanted = |principal: &&Principal| {
            let is_named = match (&input.principal_name, input.principal_type) {
                (_, PrincipalType::AwsSts) | (None, _) => true,
                (Some(name), _) => name.as_str().eq_ignore_ascii_case(principal.name.as_str()),
            };
            is_named && PrincipalType::of(Some(protocol), principal) == input.principal_type
        };
        let of_credential = definitions.principals.iter().filter(|principal| principal.external_credential == credential.id);
        let may_use = |principal: &&Principal| principal.identity_type == IdentityType::Named || has_access(definitions, caller, principal);
        // Lowest sequence number first, as for callouts.
        let principal = of_credential.filter(is_wanted).find(may_use)?;
        let (owner, identity) = match principal.identity_type {
            IdentityType::Named => (None, Identity::shared(principal.id)),
            IdentityType::PerUser => (Some(caller.user.user.name.clone()), Identity::of_user(principal.id, caller.user.user.id)),
        };
        let (credential, principal) = (credential.clone(), principal.clone());
        Some(Self { credential, principal, protocol, principal_type: input.principal_type, owner, identity })
    }

    pub(super) fn reference(&self) -> PrincipalReference {
        PrincipalReference { external_credential: self.credential.name.clone(), principal: self.principal.name.clone() }
    }

    pub(super) fn names(&self) -> (&str, &str) {
        (self.credential.name.as_str(), self.principal.name.as_str())
    }
}

/// Whether one of the caller's permission sets, or the profile, enables the principal.
pub(in crate::api) fn has_access(definitions: &Definitions, caller: &ApiCaller, principal: &Principal) -> bool {
    let is_callers = |grantee: Grantee| match grantee {
        Grantee::PermissionSet(id) => caller.user.permission_sets.contains(&id),
        Grantee::Profile(id) => caller.user.user.profile == Some(id),
    };
    definitions.principal_access.iter().any(|access| access.principal == principal.id && is_callers(access.grantee))
}

/// In Salesforce's words, which do not tell either whether there is one.
fn no_access(input: &PlaceInput) -> Problem {
    let detail = format!(
        "We couldn't access the credential(s). You might not have the required permissions, or the external credential \"{}\" might not exist.",
        input.external_credential
    );
    Problem::new(
        StatusCode::NOT_FOUND,
        "principal_unknown",
        detail,
        "check the names; then ask an admin for a permission set that enables the principal",
    )
}
