//! `action=Refresh`: another token, now.

use http::StatusCode;
use sortie_callout::RefreshError;

use crate::api::caller::ApiCaller;
use crate::api::connect::place::Place;
use crate::api::{Api, Problem};
use crate::audit::{ChangeRecord, record_changes};

pub(super) async fn refresh(api: &Api, caller: &ApiCaller, place: &Place) -> Result<(), Problem> {
    let (house, actor) = (api.node.house(), caller.actor());
    let object = format!("grant {}", place.reference());
    let change = ChangeRecord { at: api.node.world().now(), actor: &actor, action: "refreshed", object: &object, fields: "" };
    record_changes(house.audit_directory(), &house.chain_key(), &[change]).await.map_err(|error| {
        tracing::error!("the audit cannot be written: {error}");
        Problem::from(sortie_callout::Refused::Audit(sortie_callout::AuditUnavailable))
    })?;
    let (snapshot, as_caller) = (api.node.snapshot(), api.node.caller(caller.user.clone()));
    match sortie_callout::refresh(&snapshot, &api.node.grants(), &as_caller, place.names()).await {
        Ok(()) => Ok(()),
        Err(RefreshError::Static) => {
            let detail = "nothing can be refreshed: this protocol presents what is stored";
            Err(Problem::new(StatusCode::BAD_REQUEST, "not_renewable", detail, "store other credentials with PUT"))
        }
        Err(RefreshError::NotUsed) => {
            let detail = "no named credential uses this external credential yet, so there is nothing to get a token for";
            Err(Problem::new(StatusCode::CONFLICT, "credential_not_used", detail, "make a named credential first"))
        }
        Err(RefreshError::Refused(refused)) => Err(refused.into()),
    }
}
