//! What is shown of what is stored.

use std::collections::BTreeMap;

use serde::Serialize;
use sortie_model::{AuthenticationStatus, ExternalCredential};
use sortie_protocol::{ROLE_SETTING, salesforce_value_name};
use utoipa::ToSchema;

use crate::api::caller::ApiCaller;
use crate::api::connect::place::Place;
use crate::api::connect::words::{self, PrincipalType};
use crate::api::mount::Mount;
use crate::api::{Api, Problem};
use crate::manage::secret::{self, Shown};
use crate::manage::status::{PrincipalReport, status};
use crate::manage::{NotStored, personal};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Credential)]
pub(super) struct CredentialOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authentication_protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authentication_protocol_variant: Option<&'static str>,
    authentication_status: AuthenticationStatus,
    credentials: BTreeMap<String, ValueOutput>,
    external_credential: String,
    principal_name: String,
    principal_type: PrincipalType,
}

/// `value` is there for what is nothing secret: a user name, a client id, a role.
#[derive(Serialize, ToSchema)]
#[schema(as = CredentialValue)]
struct ValueOutput {
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revision: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    value: Option<String>,
}

pub(super) async fn output(api: &Api, caller: &ApiCaller, mount: Mount, place: &Place) -> Result<CredentialOutput, Problem> {
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let shown = secret::show(&manage, &place.credential, &place.principal, place.identity).await?;
    let mut credentials: BTreeMap<String, ValueOutput> = shown.into_iter().map(|shown| value(place, shown)).collect();
    if let Some(role) = place.principal.settings.get(ROLE_SETTING).and_then(serde_json::Value::as_str) {
        let shown = ValueOutput { encrypted: false, revision: None, value: Some(role.to_owned()) };
        credentials.insert(salesforce_value_name(ROLE_SETTING).into_owned(), shown);
    }
    let name = words::name_of(&place.credential);
    Ok(CredentialOutput {
        authentication_protocol: name.map(|name| name.protocol),
        authentication_protocol_variant: name.and_then(|name| name.variant).filter(|_| mount.version >= 57),
        authentication_status: status_of(api, caller, place).await?,
        credentials,
        external_credential: place.credential.name.to_string(),
        principal_name: place.principal.name.to_string(),
        principal_type: place.principal_type,
    })
}

fn value(place: &Place, shown: Shown) -> (String, ValueOutput) {
    let is_declared = place.protocol.fields().iter().any(|field| field.name == shown.name);
    let name = if is_declared { salesforce_value_name(&shown.name).into_owned() } else { shown.name };
    (name, ValueOutput { encrypted: shown.public.is_none(), revision: Some(shown.version), value: shown.public })
}

/// Of the shared identity, or of the caller's own.
async fn status_of(api: &Api, caller: &ApiCaller, place: &Place) -> Result<AuthenticationStatus, Problem> {
    let actor = caller.actor();
    let manage = api.manage(&actor);
    let is_it = |report: &PrincipalReport| report.name == place.principal.name.as_str();
    if place.owner.is_none() {
        let reports = status(&manage, Some(&place.credential.name)).await?;
        return Ok(reports
            .iter()
            .flat_map(|report| &report.principals)
            .find(|report| is_it(report))
            .map_or_else(missing, |report| report.status));
    }
    let own = personal::list(&manage, &caller.user).await.map_err(NotStored::from)?;
    let is_of = |name: &str, credential: &ExternalCredential| name == credential.name.as_str();
    let own = own.iter().filter(|known| is_of(&known.name, &place.credential)).flat_map(|known| &known.principals);
    Ok(own.map(|principal| &principal.report).find(|report| is_it(report)).map_or_else(missing, |report| report.status))
}

/// It went away in between.
const fn missing() -> AuthenticationStatus {
    AuthenticationStatus::NotConfigured
}
