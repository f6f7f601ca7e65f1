//! The page of one principal on which a user stores their own values, such as user name and password. They go in and never come out.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sortie_model::Secret;
use sortie_protocol::Secrecy;

use super::Console;
use super::message::Message;
use super::page::{Frame, Page};
use super::session::{self, SignedIn};
use crate::manage::personal::{self, PersonalPrincipal, PersonalValue};
use crate::manage::secret::{self, SecretError};
use crate::manage::{Manage, PrincipalReference};

/// What stands as it is in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Template)]
#[template(path = "values.html")]
struct ValuesPage {
    frame: Frame,
    credential_label: String,
    principal: PersonalPrincipal,
    path: String,
    /// Name of the field, its label, and what is wrong with it.
    problems: Vec<(String, String, String)>,
}

/// The page of a principal.
pub(super) fn path(credential: &str, principal: &str) -> String {
    format!("/external-credentials/{}/{}", utf8_percent_encode(credential, SEGMENT), utf8_percent_encode(principal, SEGMENT))
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    signed_in: SignedIn,
    Path(names): Path<(String, String)>,
) -> Result<Response, Message> {
    let found = find(&console, &signed_in, &names).await?;
    Ok(found.page(StatusCode::OK, &signed_in, Vec::new()))
}

pub(super) async fn store(
    State(console): State<Arc<Console>>,
    signed_in: SignedIn,
    Path(names): Path<(String, String)>,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Result<Response, Message> {
    let typed: BTreeMap<String, Secret> = typed.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    let found = find(&console, &signed_in, &names).await?;
    let typed_for = |value: &PersonalValue| typed.get(value.name).filter(|typed| !typed.is_empty());
    // All that are needed, each time: a new user name beside an old password would be somebody else's.
    let missing = found.principal.values.iter().filter(|value| value.is_required && typed_for(value).is_none());
    let problems: Vec<_> = missing.map(|value| (value.name.to_owned(), value.label.to_owned(), "must be filled in".to_owned())).collect();
    if !problems.is_empty() {
        return Ok(found.page(StatusCode::UNPROCESSABLE_ENTITY, &signed_in, problems));
    }
    let wanted: Vec<(&str, &Secret)> = found.principal.values.iter().filter_map(|value| Some((value.name, typed_for(value)?))).collect();
    let actor = signed_in.actor();
    let manage = Manage::of(console.node.house(), &actor, console.node.world().now()).by(signed_in.user.user.id);
    match secret::set_all(&manage, &found.reference, Some(signed_in.name()), &wanted).await {
        Ok(_) => Ok(session::lead("/?notice=values_stored", &[])),
        Err(SecretError::Invalid(violation)) => {
            let label = found
                .principal
                .values
                .iter()
                .find(|value| value.name == violation.field)
                .map_or(violation.field.as_str(), |value| value.label);
            let problem = (violation.field.clone(), label.to_owned(), violation.message.clone());
            Ok(found.page(StatusCode::UNPROCESSABLE_ENTITY, &signed_in, vec![problem]))
        }
        Err(error) => Err(refused(&error)),
    }
}

pub(super) async fn remove(
    State(console): State<Arc<Console>>,
    signed_in: SignedIn,
    Path(names): Path<(String, String)>,
) -> Result<Response, Message> {
    let found = find(&console, &signed_in, &names).await?;
    let actor = signed_in.actor();
    let manage = Manage::of(console.node.house(), &actor, console.node.world().now());
    secret::remove_all(&manage, &found.reference, Some(signed_in.name())).await.map_err(|error| refused(&error))?;
    Ok(session::lead("/?notice=values_removed", &[]))
}

/// A principal for which this user stores values.
struct Found {
    credential_label: String,
    reference: PrincipalReference,
    principal: PersonalPrincipal,
}

/// Unknown, not allowed and not one's own look the same.
async fn find(console: &Console, signed_in: &SignedIn, (credential, principal): &(String, String)) -> Result<Found, Message> {
    let unknown = || Message::not_found().signed_in(signed_in.name());
    let reference = PrincipalReference::parse(&format!("{credential}/{principal}")).map_err(|_| unknown())?;
    let actor = signed_in.actor();
    let manage = Manage::of(console.node.house(), &actor, console.node.world().now());
    let usable = personal::list(&manage, &signed_in.user).await.map_err(|error| session::unavailable(&error, error.code()))?;
    let credential = usable.into_iter().find(|known| known.name == *credential).ok_or_else(unknown)?;
    let principal = credential.principals.into_iter().find(|known| known.report.name == *principal && !known.values.is_empty());
    Ok(Found { credential_label: credential.label, reference, principal: principal.ok_or_else(unknown)? })
}

fn refused(error: &SecretError) -> Message {
    tracing::warn!(code = error.code(), "a user's own values were not changed: {error}");
    Message::ours("values_not_changed")
}

impl Found {
    fn page(&self, status: StatusCode, signed_in: &SignedIn, problems: Vec<(String, String, String)>) -> Response {
        let path = path(self.reference.external_credential.as_str(), self.reference.principal.as_str());
        let (credential_label, principal) = (self.credential_label.clone(), self.principal.clone());
        Page(status, ValuesPage { frame: signed_in.frame(), credential_label, principal, path, problems }).into_response()
    }
}

impl ValuesPage {
    /// A secret is not shown while it is typed.
    #[allow(clippy::unused_self, reason = "the template calls it")]
    fn input(&self, value: &PersonalValue) -> (&'static str, &'static str) {
        match value.secrecy {
            Secrecy::Secret => ("password", "new-password"),
            Secrecy::Public => ("text", "off"),
        }
    }

    fn problem(&self, value: &PersonalValue) -> Option<&str> {
        self.problems.iter().find(|(name, _, _)| name == value.name).map(|(_, _, problem)| problem.as_str())
    }

    fn is_stored(&self) -> bool {
        self.principal.values.iter().any(|value| value.updated_at.is_some())
    }
}
