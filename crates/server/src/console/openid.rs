//! Signing in at an OpenID provider.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderMap, SET_COOKIE};
use sortie_model::{UserId, UserName};
use sortie_protocol::shared::id_token::IdToken;
use sortie_store::{ChangeError, SignInMethod};
use sortie_vault::operating_system_random;
use zeroize::Zeroizing;

use super::cookie::Cookie;
use super::hand_over::HandOver;
use super::message::Message;
use super::return_path::ReturnPath;
use super::sign_in::Wanted;
use super::{Console, session};
use crate::sign_in::{Answer, OpenId, OpenIdError};

/// Where the provider sends people back to.
pub(crate) const CALLBACK: &str = "/sign-in/openid/callback";

pub(super) async fn depart(State(console): State<Arc<Console>>, axum::Form(wanted): axum::Form<Wanted>) -> Result<Response, Message> {
    let openid = console.openid.as_ref().ok_or_else(Message::not_found)?;
    let return_path = ReturnPath::of(wanted.return_to.as_deref());
    let mut secret = Zeroizing::new([0; 32]);
    operating_system_random(&mut *secret).map_err(|error| session::unavailable(&error, error.code()))?;
    let world = console.node.world();
    let departure = openid.depart(&*world, &secret, return_path.as_str()).await.map_err(|error| failed(openid, &error))?;
    let mut response = HandOver::to(openid.issuer().as_str(), departure.url).answer();
    response.headers_mut().append(SET_COOKIE, Cookie::SignIn.set(&departure.cookie, &console.public_url));
    Ok(response)
}

pub(super) async fn arrive(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Message> {
    let openid = console.openid.as_ref().ok_or_else(Message::not_found)?;
    let cookie = Cookie::SignIn.read(&headers, &console.public_url);
    let answer = Answer::read(query).map_err(|error| failed(openid, &error))?;
    let (token, return_path) = openid.arrive(&*console.node.world(), cookie, answer).await.map_err(|error| failed(openid, &error))?;
    let (user, name) = user_of(&console, openid, &token).await?;
    let return_path = ReturnPath::of(Some(&return_path));
    // 303 to an address without the code (OAU-20).
    let mut response = session::begin(&console, &headers, (user, &name), SignInMethod::OpenId, &return_path).await?;
    response.headers_mut().append(SET_COOKIE, Cookie::SignIn.clear(&console.public_url));
    Ok(response)
}

/// Who this is here: by issuer and subject, which are linked to the user that a claim names when they come for the first time, and never again.
async fn user_of(console: &Console, openid: &OpenId, token: &IdToken) -> Result<(UserId, UserName), Message> {
    let store = console.node.house().store();
    let (issuer, subject) = (token.issuer(), token.subject());
    let known = store.openid_identities().find(issuer, subject).await.map_err(|error| session::unavailable(&error, error.code()))?;
    if let Some(known) = known {
        return if known.user.is_active { Ok((known.user.id, known.user.name)) } else { Err(not_a_user()) };
    }
    let name = claimed_name(token, &openid.user_claim).ok_or_else(not_a_user)?;
    let unavailable = |error: ChangeError| session::unavailable(&error, error.code());
    let mut change = store.change().await.map_err(unavailable)?;
    let user = change.users().find(&name).await.map_err(unavailable)?.filter(|user| user.is_active).ok_or_else(not_a_user)?;
    if change.openid_identities().is_linked(issuer, user.id).await.map_err(unavailable)? {
        return Err(linked_to_another());
    }
    change.openid_identities().link(issuer, subject, user.id).await.map_err(unavailable)?;
    console.record(&format!("user:{}", user.name), "linked", &format!("user {}", user.name), "openid_identity").await?;
    change.commit().await.map_err(unavailable)?;
    Ok((user.id, user.name))
}

/// An address of which the provider does not say that it is the person's own names nobody.
fn claimed_name(token: &IdToken, claim: &str) -> Option<UserName> {
    let is_proven = claim != "email" || token.claims().get("email_verified") == Some(&serde_json::Value::Bool(true));
    token.text(claim).filter(|_| is_proven).and_then(|name| UserName::parse(name).ok())
}

fn not_a_user() -> Message {
    let happened = "The provider knows you, but there is no active user of Sortie for you.";
    Message::new(StatusCode::FORBIDDEN, "user_unknown", "You are not signed in", happened)
        .next("Ask an administrator to add you as a user with the name that the provider has for you.")
        .link("Sign in", "/sign-in")
}

fn linked_to_another() -> Message {
    let happened = "The user of Sortie with your name belongs to another account at the provider.";
    Message::new(StatusCode::FORBIDDEN, "user_linked_to_another", "You are not signed in", happened)
        .next("Ask an administrator. If you have a new account at the provider, they release the old one: sortie user unlink NAME")
        .link("Sign in", "/sign-in")
}

fn failed(openid: &OpenId, error: &OpenIdError) -> Message {
    let code = error.code();
    tracing::warn!(code, issuer = openid.issuer().as_str(), "a sign-in failed: {error}");
    let (status, happened, next) = match error {
        OpenIdError::NotBegunHere => (
            StatusCode::BAD_REQUEST,
            "This sign-in was not begun in this browser, or more than 10 minutes ago, or it is done already.",
            "Begin again.",
        ),
        OpenIdError::Refused { .. } => (
            StatusCode::FORBIDDEN,
            "The provider did not let you in, or you said no there.",
            "Begin again, or ask the provider's administrator.",
        ),
        OpenIdError::Malformed | OpenIdError::OtherIssuer | OpenIdError::IdToken(_) => (
            StatusCode::BAD_REQUEST,
            "What came back is not what the provider should have sent, so it was not believed.",
            "Begin again. If it happens again, tell an administrator this code.",
        ),
        OpenIdError::Discovery(_)
        | OpenIdError::NotPublished { .. }
        | OpenIdError::Ask(_)
        | OpenIdError::Token { .. }
        | OpenIdError::Keys(_) => (
            StatusCode::BAD_GATEWAY,
            "The provider cannot be asked, or did not answer as it should.",
            "Try again in a minute. If it fails again, tell an administrator this code: Sortie's log says more.",
        ),
    };
    Message::new(status, code, "You are not signed in", happened).next(next).link("Sign in", "/sign-in")
}
