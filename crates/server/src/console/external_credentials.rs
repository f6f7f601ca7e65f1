//! The first page: what the signed-in user may use, how far each is, and what can be done.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use sortie_model::{AuthenticationStatus, IdentityType, SystemPermission};

use super::message::Message;
use super::page::{Frame, Page};
use super::session::{self, SignedIn};
use super::{Console, values};
use crate::manage::personal::{self, LoginState, PersonalCredential, PersonalPrincipal};
use crate::manage::{Manage, status::HealthReport};

#[derive(Template)]
#[template(path = "external_credentials.html")]
struct ExternalCredentialsPage {
    frame: Frame,
    notice: Option<&'static str>,
    credentials: Vec<PersonalCredential>,
    /// Whether the user may log in for everybody.
    may_manage: bool,
}

#[derive(Deserialize)]
pub(super) struct Wish {
    notice: Option<String>,
}

pub(super) async fn show(State(console): State<Arc<Console>>, signed_in: SignedIn, Query(wish): Query<Wish>) -> Result<Response, Message> {
    let (actor, now) = (signed_in.actor(), console.node.world().now());
    let manage = Manage::of(console.node.house(), &actor, now);
    let credentials = personal::list(&manage, &signed_in.user).await.map_err(|error| session::unavailable(&error, error.code()))?;
    let held = console.node.house().store().users().system_permissions(signed_in.user.user.id).await;
    let held = held.map_err(|error| session::unavailable(&error, error.code()))?;
    let may_manage = held.contains(&SystemPermission::ManageNamedCredentials) || held.contains(&SystemPermission::CustomizeApplication);
    // Words of ours for a few known ones: nothing of an address is shown.
    let notice = match wish.notice.as_deref() {
        Some("values_stored") => Some("Your credentials are stored. They are used from the next call on."),
        Some("values_removed") => Some("Your credentials are removed."),
        Some("authenticated") => Some("You are authenticated at the provider. It is used from the next call on."),
        Some("not_authenticated") => Some("Nothing was kept of your authentication at the provider."),
        Some("revoked") => Some("The authentication is revoked, here and at the provider."),
        Some("nothing_revoked") => Some("Nobody was authenticated at the provider: there was nothing to revoke."),
        Some("revoked_here") => Some(
            "The authentication is revoked here. The provider has no place to be told: end it there too, in the settings of your account.",
        ),
        Some("revoked_later") => {
            Some("The authentication is revoked here. The provider could not be told yet: Sortie goes on telling it for a day.")
        }
        _ => None,
    };
    Ok(Page(StatusCode::OK, ExternalCredentialsPage { frame: signed_in.frame(), notice, credentials, may_manage }).into_response())
}

impl ExternalCredentialsPage {
    /// The page of a principal.
    #[allow(clippy::unused_self, reason = "the template calls it")]
    fn path(&self, credential: &PersonalCredential, principal: &PersonalPrincipal) -> String {
        values::path(&credential.name, &principal.report.name)
    }

    /// In one word or two, and how it looks.
    fn state(&self, principal: &PersonalPrincipal) -> (&'static str, &'static str) {
        let has_all = principal.values.iter().all(|value| !value.is_required || value.updated_at.is_some());
        match principal.report.status {
            _ if self.waits_for_admin(principal) => ("Not complete", "bad"),
            _ if principal.login == Some(LoginState::Missing) => ("Needs your authentication", "todo"),
            _ if !has_all => ("Needs your credentials", "todo"),
            AuthenticationStatus::Configured => ("Ready", "good"),
            AuthenticationStatus::NotConfigured => ("Not complete", "bad"),
            AuthenticationStatus::Unknown => ("In use as it is", "plain"),
        }
    }

    /// Whose turn it is, where it is not the user's.
    #[allow(clippy::unused_self, reason = "the template calls it")]
    fn waits_for_admin(&self, principal: &PersonalPrincipal) -> bool {
        let is_theirs = |code: &str| code != "user_values_missing" && code != "login_missing";
        principal.report.status == AuthenticationStatus::NotConfigured && principal.report.missing.iter().any(|step| is_theirs(step.code))
    }

    /// Whether this person can log in: for themselves, or for everybody who may.
    fn may_log_in(&self, principal: &PersonalPrincipal) -> bool {
        // What an administrator has not completed would fail at the provider.
        principal.login.is_some() && !self.waits_for_admin(principal) && (self.may_manage || !self.is_shared(principal))
    }

    #[allow(clippy::unused_self, reason = "the template calls it")]
    fn is_logged_in(&self, principal: &PersonalPrincipal) -> bool {
        principal.login == Some(LoginState::Done)
    }

    #[allow(clippy::unused_self, reason = "the template calls it")]
    fn is_shared(&self, principal: &PersonalPrincipal) -> bool {
        principal.report.identity_type == IdentityType::Named
    }

    /// When it last failed, if it did not work since.
    #[allow(clippy::unused_self, reason = "the template calls it")]
    fn failure<'h>(&self, health: &'h HealthReport) -> Option<(&'h str, &'h str)> {
        let failed_at = health.last_failure.as_deref()?;
        // RFC 3339 in UTC: the order of the texts is that of the times.
        let has_worked_since = health.last_success.as_deref().is_some_and(|success| success >= failed_at);
        (!has_worked_since).then(|| (failed_at, health.last_failure_code.as_deref().unwrap_or("unknown")))
    }
}
