//! The browser comes back from the provider.

use percent_encoding::percent_decode_str;
use sortie_callout::place;
use sortie_model::{AuthorizationServer, IdentityProvider, IdentityProviderKind, Secret, ServiceUrl};
use sortie_protocol::{Brought, ProviderError};
use sortie_store::{LoginStage, StoredLogin};
use uuid::Uuid;

use super::attempt::Attempt;
use super::{ConnectError, Person, hash};
use crate::node::Node;

/// What the browser brought, as RFC 6749, section 4.1.2 has it, with whatever else the provider gave it.
pub struct CallbackQuery {
    state: Secret,
    parameters: Brought,
}

/// What the provider says.
enum Answer {
    /// Yes.
    Brought(Brought),
    /// No (section 4.1.2.1).
    Error(ProviderError),
}

/// What servers say whose registered callback URL is another one. RFC 6749 has no word for it: they must not send the browser back then (section 4.1.2.1), but
/// GitHub sends it to the one that is registered, and others say it when the code is redeemed.
const REDIRECT_URI_MISMATCH: &str = "redirect_uri_mismatch";

/// 8 KiB: longer than any code in use.
const MAX_QUERY_BYTES: usize = 8 * 1024;

impl CallbackQuery {
    /// Reads the query of the address that the browser came back to.
    ///
    /// # Errors
    /// [`ConnectError::Malformed`].
    pub fn parse(query: &str) -> Result<Self, ConnectError> {
        let malformed = |problem| ConnectError::Malformed { problem };
        if query.len() > MAX_QUERY_BYTES {
            return Err(malformed("it is too long"));
        }
        let mut parameters = Brought::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Section 3.1: "parameters MUST NOT be included more than once". Two readers could take one each.
            if parameters.insert(decoded(name)?, Secret::new(decoded(value)?)).is_some() {
                return Err(malformed("it says something twice"));
            }
        }
        // OAU-01.
        let state = parameters.get("state").filter(|state| !state.is_empty()).ok_or_else(|| malformed("it has no state"))?.clone();
        Ok(Self { state, parameters })
    }

    /// SHA-256 of the state, to look it up with.
    fn state_hash(&self) -> [u8; 32] {
        hash(self.state.expose())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(Secret::expose)
    }

    /// What this server says with it.
    fn answer(self, server: &AuthorizationServer) -> Result<Answer, ConnectError> {
        // A plug-in knows what its service calls a yes.
        let is_yes = server.plugin.is_some() || self.text("code").is_some_and(|code| !code.is_empty());
        match (is_yes, self.text("error")) {
            (true, None) => Ok(Answer::Brought(self.parameters)),
            (_, Some(error)) if server.plugin.is_some() || self.text("code").is_none() => Ok(Answer::Error(ProviderError {
                error: plain(error, 60).unwrap_or_else(|| "an unprintable error".to_owned()),
                description: self.text("error_description").and_then(|description| plain(description, 200)),
            })),
            _ => Err(ConnectError::Malformed { problem: "it has neither one code nor one error" }),
        }
    }
}

fn decoded(value: &str) -> Result<String, ConnectError> {
    let spaced = value.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| ConnectError::Malformed { problem: "it is not UTF-8" })?;
    Ok(decoded.into_owned())
}

/// Printable ASCII, cut: it is shown to the person, in a page that escapes it (OAU-18).
fn plain(text: &str, most: usize) -> Option<String> {
    let plain: String = text.chars().filter(|character| (' '..='~').contains(character)).take(most).collect();
    Some(plain).filter(|plain| !plain.is_empty())
}

/// Where a browser that came back goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// The code is redeemed: to what there is to agree to.
    Confirm(Uuid),
    /// Nobody is signed in any more (OAU-08): to sign in, and then to [`resume`].
    SignIn(Uuid),
}

/// Takes a browser back that came to the callback at `path`, with what only the browser of the login holds, and redeems its code. What comes of it waits for
/// [`super::confirm`].
///
/// # Errors
/// A [`ConnectError`]. Whoever is not meant changes nothing: the login is still there for the one who is.
pub async fn returned(
    node: &Node,
    person: Option<&Person<'_>>,
    path: &str,
    query: CallbackQuery,
    browser: Option<&str>,
) -> Result<Landing, ConnectError> {
    let logins = node.house().store().logins();
    let login = logins.by_state(query.state_hash()).await?.filter(|login| login.stage == LoginStage::Started);
    let login = login.ok_or(ConnectError::NotUnderWay)?;
    check_browser(&login, browser)?;
    person.map_or(Ok(()), |person| check_person(&login, person))?;
    let mut attempt = Attempt::open(node.house().vault(), &login)?;
    // OAU-09: the answer of one provider at the callback of another.
    if !attempt.is_back_at(path) {
        return Err(ConnectError::OtherProvider);
    }
    let server = current_server(node, &attempt)?;
    check_issuer(&server, query.text("iss"))?;
    match query.answer(&server)? {
        Answer::Brought(brought) => attempt.brought = Some(brought),
        Answer::Error(said) => {
            // The login is over: nobody is let in with this state any more.
            logins.end(login.id, LoginStage::Started).await?;
            return Err(refused(node, &attempt, said).await);
        }
    }
    let Some(person) = person else {
        advance(node, &attempt, login.id, (LoginStage::Started, LoginStage::Returned)).await?;
        return Ok(Landing::SignIn(login.id));
    };
    redeem(node, person, &login, attempt).await?;
    Ok(Landing::Confirm(login.id))
}

/// Whether [`resume`] comes next. The login is this person's, in this browser.
///
/// # Errors
/// A [`ConnectError`].
pub async fn waits_for_sign_in(node: &Node, person: &Person<'_>, id: Uuid, browser: Option<&str>) -> Result<bool, ConnectError> {
    let login = node.house().store().logins().load(id).await?.ok_or(ConnectError::NotUnderWay)?;
    check_browser(&login, browser)?;
    check_person(&login, person)?;
    Ok(login.stage == LoginStage::Returned)
}

/// Goes on with a login whose browser came back when nobody was signed in.
///
/// # Errors
/// A [`ConnectError`].
pub async fn resume(node: &Node, person: &Person<'_>, id: Uuid, browser: Option<&str>) -> Result<(), ConnectError> {
    let login = node.house().store().logins().load(id).await?.filter(|login| login.stage == LoginStage::Returned);
    let login = login.ok_or(ConnectError::NotUnderWay)?;
    check_browser(&login, browser)?;
    check_person(&login, person)?;
    let attempt = Attempt::open(node.house().vault(), &login)?;
    redeem(node, person, &login, attempt).await
}

/// Where an admin wants a browser to be sent whose login has failed: the `error_url` of the auth provider whose callback is at `path`.
pub fn error_url(node: &Node, path: &str) -> Option<ServiceUrl> {
    let name = path.strip_prefix(super::callback_path(IdentityProviderKind::Auth))?;
    let snapshot = node.snapshot();
    snapshot.all_credentials().find_map(|credential| match credential.provider()? {
        IdentityProvider::Auth(provider) if provider.name.as_str() == name => provider.error_url.clone(),
        IdentityProvider::Auth(_) | IdentityProvider::ExternalAuth(_) => None,
    })
}

async fn redeem(node: &Node, person: &Person<'_>, login: &StoredLogin, mut attempt: Attempt) -> Result<(), ConnectError> {
    let brought = attempt.brought.take().ok_or(ConnectError::Tampered)?;
    // From here on nobody else goes on with this state, on no node (OAU-03).
    advance(node, &attempt, login.id, (login.stage, LoginStage::Redeeming)).await?;
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), (&attempt.credential, &attempt.principal))?;
    if place.identity().key().revision != attempt.revision || place.identity().key().principal != login.identity.principal {
        return Err(ConnectError::Changed);
    }
    attempt.redeemed = match node.grants().redeem(&place, &attempt.request(), &brought).await {
        Ok(redeemed) => Some(redeemed),
        Err(error) => {
            return Err(match error.said().filter(|said| said.error == REDIRECT_URI_MISMATCH).cloned() {
                Some(said) => refused(node, &attempt, said).await,
                None => error.into(),
            });
        }
    };
    if let (Person::User { .. }, Some(provider)) = (person, place.credential().provider())
        && let Err(error) = node.house().store().callback_urls().accept(provider.id(), &attempt.redirect_uri).await
    {
        // It is for warnings alone.
        tracing::warn!(code = error.code(), "a callback URL that works cannot be noted: {error}");
    }
    advance(node, &attempt, login.id, (LoginStage::Redeeming, LoginStage::Redeemed)).await
}

/// What the provider said, with both callback URLs beside each other where that is what it complains about: the one that it was sent, and the one that it has
/// accepted before.
async fn refused(node: &Node, attempt: &Attempt, said: ProviderError) -> ConnectError {
    if said.error != REDIRECT_URI_MISMATCH {
        return ConnectError::Refused(said);
    }
    let snapshot = node.snapshot();
    let provider = snapshot.credential(&attempt.credential).and_then(|credential| credential.provider().cloned());
    let accepted = match provider {
        Some(provider) => node.house().store().callback_urls().of(provider.id()).await.ok().flatten(),
        None => None,
    };
    ConnectError::CallbackMismatch { said, sent: attempt.redirect_uri.clone(), accepted: accepted.map(|accepted| accepted.url) }
}

async fn advance(node: &Node, attempt: &Attempt, id: Uuid, (from, to): (LoginStage, LoginStage)) -> Result<(), ConnectError> {
    let sealed = attempt.seal(node.house().vault(), id, to)?;
    if node.house().store().logins().advance(id, (from, to), &sealed).await? { Ok(()) } else { Err(ConnectError::NotUnderWay) }
}

/// OAU-05, OAU-07: the address alone is worth nothing.
pub(super) fn check_browser(login: &StoredLogin, browser: Option<&str>) -> Result<(), ConnectError> {
    let is_same =
        browser.is_some_and(|browser| aws_lc_rs::constant_time::verify_slices_are_equal(&hash(browser), &login.browser_hash).is_ok());
    if is_same { Ok(()) } else { Err(ConnectError::OtherBrowser) }
}

/// OAU-06, OAU-08.
pub(super) fn check_person(login: &StoredLogin, person: &Person<'_>) -> Result<(), ConnectError> {
    if login.user == person.user() { Ok(()) } else { Err(ConnectError::OtherUser) }
}

fn current_server(node: &Node, attempt: &Attempt) -> Result<AuthorizationServer, ConnectError> {
    let snapshot = node.snapshot();
    snapshot.credential(&attempt.credential).and_then(|credential| credential.server().cloned()).ok_or(ConnectError::Changed)
}

/// RFC 9207, section 2.4: OAU-10, OAU-11.
fn check_issuer(server: &AuthorizationServer, said: Option<&str>) -> Result<(), ConnectError> {
    match (&server.issuer, said) {
        (Some(issuer), Some(said)) if issuer.as_str() != said => Err(ConnectError::OtherProvider),
        (Some(_), None) if server.issuer_in_response => Err(ConnectError::OtherProvider),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_model::Plugin;

    use super::*;

    fn server() -> AuthorizationServer {
        AuthorizationServer::at(ServiceUrl::parse("https://idp.test/token").unwrap())
    }

    fn answer(query: &str) -> Result<Answer, ConnectError> {
        CallbackQuery::parse(query).and_then(|query| query.answer(&server()))
    }

    fn problem(query: &str) -> String {
        answer(query).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn oau_01_what_is_no_answer_is_refused() {
        for query in ["", "code=a", "state=&code=a", "state", "state=a", "state=a&code=", "state=a&code", "state=a&code=b&error=c"] {
            assert!(!problem(query).is_empty(), "{query}");
        }
        for query in ["state=a&state=b&code=c", "state=a&code=b&code=c", "state=a&code=b&iss=c&iss=d", "state=a&code=b&%63ode=c"] {
            assert!(problem(query).contains("twice"), "{query}");
        }
        assert!(!problem(&format!("state=a&code={}", "x".repeat(9000))).is_empty());
        assert!(!problem("state=%FF&code=a").is_empty());
    }

    #[test]
    fn an_answer_is_decoded_once() {
        let query = CallbackQuery::parse("iss=https%3A%2F%2Fidp.test%2Fa&state=a%2Bb&code=c%2525+d&more=x").unwrap();
        assert_eq!((query.state.expose(), query.text("iss")), ("a+b", Some("https://idp.test/a")));
        assert!(matches!(query.answer(&server()), Ok(Answer::Brought(brought)) if brought["code"].expose() == "c%25 d"));
    }

    #[test]
    fn oau_18_what_a_provider_says_is_cut_and_plain() {
        let query = "state=a&error=access_denied&error_description=%3Cscript%3E%0D%0A%1B%5B31mno%E2%80%AE";
        let Ok(Answer::Error(said)) = answer(query) else { unreachable!("it is an error") };
        assert_eq!((said.error.as_str(), said.description.as_deref()), ("access_denied", Some("<script>[31mno")));
    }

    #[test]
    fn a_plug_in_knows_what_its_service_calls_a_yes() {
        let server = AuthorizationServer { plugin: Some(Plugin::default()), ..server() };
        let of = |query: &str| CallbackQuery::parse(query).unwrap().answer(&server);
        assert!(matches!(of("state=a&ticket=t"), Ok(Answer::Brought(brought)) if brought["ticket"].expose() == "t"));
        assert!(matches!(of("state=a&code=c&error=no"), Ok(Answer::Error(_))));
    }
}
