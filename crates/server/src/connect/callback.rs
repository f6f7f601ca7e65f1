//! The browser comes back from the provider.

use percent_encoding::percent_decode_str;
use sortie_callout::place;
use sortie_model::Secret;
use sortie_protocol::ProviderError;
use sortie_store::{LoginStage, StoredLogin};
use uuid::Uuid;

use super::attempt::Attempt;
use super::{ConnectError, Person, hash};
use crate::node::Node;

/// What the browser brought, as RFC 6749, section 4.1.2 has it.
pub struct CallbackQuery {
    state: Secret,
    answer: Answer,
    issuer: Option<String>,
}

/// What the provider says.
pub enum Answer {
    /// A code, which is good once.
    Code(Secret),
    /// No (section 4.1.2.1).
    Error(ProviderError),
}

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
        let one = |wanted: &str| {
            let mut found = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| *name == wanted);
            let value = found.next().map(|(_, value)| value);
            // Section 3.1: "parameters MUST NOT be included more than once". Two readers could take one each.
            if found.next().is_some() { Err(malformed("it says something twice")) } else { value.map(decoded).transpose() }
        };
        // OAU-01.
        let state = one("state")?.filter(|state| !state.is_empty()).ok_or_else(|| malformed("it has no state"))?;
        let answer = match (one("code")?, one("error")?) {
            (Some(code), None) if !code.is_empty() => Answer::Code(Secret::new(code)),
            (None, Some(error)) => Answer::Error(ProviderError {
                error: plain(&error, 60).unwrap_or_else(|| "an unprintable error".to_owned()),
                description: one("error_description")?.and_then(|description| plain(&description, 200)),
            }),
            _ => return Err(malformed("it has neither one code nor one error")),
        };
        Ok(Self { state: Secret::new(state), answer, issuer: one("iss")? })
    }

    /// SHA-256 of the state, to look it up with.
    fn state_hash(&self) -> [u8; 32] {
        hash(self.state.expose())
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

/// Takes a browser back that came to `provider`'s callback, with what only the browser of the login holds, and redeems its code. What comes of it waits for
/// [`super::confirm`].
///
/// # Errors
/// A [`ConnectError`]. Whoever is not meant changes nothing: the login is still there for the one who is.
pub async fn returned(
    node: &Node,
    person: Option<&Person<'_>>,
    provider: &str,
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
    if attempt.provider != provider {
        return Err(ConnectError::OtherProvider);
    }
    check_issuer(node, &attempt, query.issuer.as_deref())?;
    match query.answer {
        Answer::Code(code) => attempt.code = Some(code),
        Answer::Error(said) => {
            // The login is over: nobody is let in with this state any more.
            logins.end(login.id, LoginStage::Started).await?;
            return Err(ConnectError::Refused(said));
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

async fn redeem(node: &Node, person: &Person<'_>, login: &StoredLogin, mut attempt: Attempt) -> Result<(), ConnectError> {
    let code = attempt.code.take().ok_or(ConnectError::Tampered)?;
    // From here on nobody else goes on with this state, on no node (OAU-03).
    advance(node, &attempt, login.id, (login.stage, LoginStage::Redeeming)).await?;
    let (snapshot, caller) = (node.snapshot(), person.caller());
    let place = place(&snapshot, &caller, person.authority(), (&attempt.credential, &attempt.principal))?;
    if place.identity().key().revision != attempt.revision || place.identity().key().principal != login.identity.principal {
        return Err(ConnectError::Changed);
    }
    attempt.redeemed = Some(node.grants().redeem(&place, &attempt.request(), &code).await?);
    advance(node, &attempt, login.id, (LoginStage::Redeeming, LoginStage::Redeemed)).await
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

/// RFC 9207, section 2.4: OAU-10, OAU-11.
fn check_issuer(node: &Node, attempt: &Attempt, said: Option<&str>) -> Result<(), ConnectError> {
    let snapshot = node.snapshot();
    let server = snapshot.credential(&attempt.credential).and_then(|credential| credential.server().cloned());
    let Some(server) = server else { return Err(ConnectError::Changed) };
    match (server.issuer, said) {
        (Some(issuer), Some(said)) if issuer.as_str() != said => Err(ConnectError::OtherProvider),
        (Some(_), None) if server.issuer_in_response => Err(ConnectError::OtherProvider),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn problem(query: &str) -> String {
        CallbackQuery::parse(query).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn oau_01_what_is_no_answer_is_refused() {
        for query in ["", "code=a", "state=&code=a", "state=a", "state=a&code=", "state=a&code=b&error=c"] {
            assert!(!problem(query).is_empty(), "{query}");
        }
        for query in ["state=a&state=b&code=c", "state=a&code=b&code=c", "state=a&code=b&iss=c&iss=d"] {
            assert!(problem(query).contains("twice"), "{query}");
        }
        assert!(!problem(&format!("state=a&code={}", "x".repeat(9000))).is_empty());
        assert!(!problem("state=%FF&code=a").is_empty());
    }

    #[test]
    fn an_answer_is_decoded_once() {
        let query = CallbackQuery::parse("iss=https%3A%2F%2Fidp.test%2Fa&state=a%2Bb&code=c%2525+d&more=x").unwrap();
        assert_eq!((query.state.expose(), query.issuer.as_deref()), ("a+b", Some("https://idp.test/a")));
        assert!(matches!(query.answer, Answer::Code(code) if code.expose() == "c%25 d"));
    }

    #[test]
    fn oau_18_what_a_provider_says_is_cut_and_plain() {
        let query = CallbackQuery::parse("state=a&error=access_denied&error_description=%3Cscript%3E%0D%0A%1B%5B31mno%E2%80%AE").unwrap();
        let Answer::Error(said) = query.answer else { unreachable!("it is an error") };
        assert_eq!((said.error.as_str(), said.description.as_deref()), ("access_denied", Some("<script>[31mno")));
    }
}
