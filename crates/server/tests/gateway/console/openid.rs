//! Single sign-on, and every way in which the answer can be another's: OAU-01 to OAU-11, OAU-18, OAU-20, OAU-22 as far as they concern signing in, AUTH-11.

use sortie_model::UserName;
use sortie_testkit::peers::{Fault, OidcProvider};
use sortie_testkit::plain_http::Answer;

use super::{Office, Visitor};
use crate::support::TestServer;

pub(crate) const CALLBACK: &str = "/sign-in/openid/callback";

/// A server that is reached as `localhost`, and a provider as 127.0.0.1: two sites.
pub(crate) fn with_provider() -> (Office, OidcProvider) {
    let port = sortie_testkit::free_port();
    let redirect_uri = format!("http://localhost:{port}{CALLBACK}");
    let provider = OidcProvider::start_for_people(&[&redirect_uri]);
    let directory = tempfile::tempdir().unwrap();
    let secret_file = directory.path().join("secret");
    std::fs::write(&secret_file, "SECRET-people\n").unwrap();
    let office = Office::on(TestServer::with(None, |config| {
        config.admin.listen = format!("127.0.0.1:{port}").parse().unwrap();
        config.public_url = Some(format!("http://localhost:{port}"));
        config.sign_in.openid = Some(sortie_server::OpenIdProvider {
            issuer: provider.issuer().to_owned(),
            client_id: OidcProvider::PEOPLE.id.to_owned(),
            client_secret_file: Some(secret_file.clone()),
            scopes: "openid profile".to_owned(),
            user_claim: "preferred_username".to_owned(),
        });
    }));
    (office, provider)
}

/// Where the page between us and the provider leads.
pub(crate) fn departure(visitor: &Visitor) -> String {
    let page = visitor.post("/sign-in/openid", &[("return_to", "/")]);
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let url = text.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap();
    url.replace("&#38;", "&").replace("&amp;", "&")
}

/// Logs in at the provider as a person without a browser would, and gives back the query with which the browser is sent back.
pub(crate) fn log_in(provider: &OidcProvider, url: &str, name: &str) -> String {
    provider.visit(url, name).split_once('?').unwrap().1.to_owned()
}

fn back(visitor: &Visitor, query: &str) -> Answer {
    visitor.get(&format!("{CALLBACK}?{query}"))
}

/// The code of a page with one message; nothing of it is a secret, and nobody is signed in by it.
#[track_caller]
fn refused(answer: &Answer) -> String {
    let text = answer.text();
    assert!(answer.status >= 400 && !answer.headers.iter().any(|(_, value)| value.contains("sortie_session=")), "{} {text}", answer.status);
    text.split("Code: <code>").nth(1).unwrap_or_else(|| panic!("{text}")).split('<').next().unwrap().to_owned()
}

#[test]
fn oau_12_the_request_has_all_that_binds_the_answer_and_no_secret() {
    let (office, provider) = with_provider();
    let (one, other) = (departure(&office.visitor()), departure(&office.visitor()));
    assert!(
        one.starts_with(&format!(
            "{}/auth?response_type=code&client_id=sortie-people&redirect_uri=http%3A%2F%2Flocalhost%3A",
            provider.issuer()
        )),
        "{one}"
    );
    let parameter = |url: &str, name: &str| url.split(&format!("&{name}=")).nth(1).unwrap().split('&').next().unwrap().to_owned();
    for name in ["state", "nonce", "code_challenge"] {
        // 256 bits, and others each time.
        assert!(parameter(&one, name).len() == 43 && parameter(&one, name) != parameter(&other, name), "{name}");
    }
    assert_eq!((parameter(&one, "code_challenge_method"), parameter(&one, "scope")), ("S256".to_owned(), "openid+profile".to_owned()));
    assert!(!one.contains("SECRET") && !one.contains("secret"));
}

#[test]
fn an_answer_counts_once_in_the_browser_that_began() {
    let (office, provider) = with_provider();
    let alice = office.visitor();
    let query = log_in(&provider, &departure(&alice), "alice");
    let asked = || provider.log().len();
    // OAU-05 and OAU-07: another browser, with and without a sign-in of its own under way.
    let victim = office.visitor();
    assert_eq!(refused(&back(&victim, &query)), "sign_in_not_begun_here");
    departure(&victim);
    assert_eq!(refused(&back(&victim, &query)), "sign_in_not_begun_here");
    // OAU-01, OAU-02: no state, another, a cut one; OAU-10, OAU-11: another issuer, none, though it says that it names itself.
    let without = |name: &str| query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect::<Vec<_>>().join("&");
    for (query, code) in [
        (without("state"), "sign_in_not_begun_here"),
        (format!("{}&state=AAAA", without("state")), "sign_in_not_begun_here"),
        (query.replace("state=", "state=A"), "sign_in_not_begun_here"),
        (format!("{}&iss=https%3A%2F%2Fevil.test", without("iss")), "sign_in_other_issuer"),
        (without("iss"), "sign_in_other_issuer"),
        (without("code"), "sign_in_answer_malformed"),
        (format!("{query}&code=second"), "sign_in_answer_malformed"),
        (format!("{query}&state=second"), "sign_in_answer_malformed"),
        (String::new(), "sign_in_not_begun_here"),
    ] {
        assert_eq!(refused(&back(&alice, &query)), code, "{query}");
    }
    // OAU-18: words of a stranger are not repeated.
    let evil = format!("{}&error=%3Cscript%3E&error_description=%3Cimg%20src%3Dx%3E", without("code"));
    let answer = back(&alice, &evil);
    assert!(refused(&answer) == "sign_in_refused_by_provider" && !answer.text().contains("script") && !answer.text().contains("img"));
    assert_eq!(asked(), 0, "nothing was asked for an answer that is not ours");

    let entered = back(&alice, &query);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/")), "{}", entered.text());
    assert!(alice.page("/").contains("Signed in as <strong>alice</strong>"));
    assert_eq!(asked(), 1);
    let request = &provider.log()[0];
    assert!(
        request.authorization.as_deref().unwrap().starts_with("Basic ")
            && request.body.contains("code_verifier=")
            && !request.body.contains("SECRET")
    );
    // OAU-03: what is used is used.
    assert_eq!(refused(&back(&alice, &query)), "sign_in_not_begun_here");
    assert_eq!(asked(), 1);
}

#[test]
fn an_identity_is_a_subject_and_no_name() {
    let (office, provider) = with_provider();
    let alice = office.visitor();
    back(&alice, &log_in(&provider, &departure(&alice), "alice"));
    assert!(alice.page("/").contains("alice"));
    // Who is not active does not come in, and comes in again when they are.
    for (is_active, expected) in [(false, Some("user_unknown")), (true, None)] {
        office.server.change(async |change| {
            let user = change.users().find(&UserName::parse("alice").unwrap()).await.unwrap().unwrap();
            change.users().update(&sortie_model::User { is_active, ..user }).await.unwrap();
        });
        let visitor = office.visitor();
        let answer = back(&visitor, &log_in(&provider, &departure(&visitor), "alice"));
        match expected {
            Some(code) => assert_eq!(refused(&answer), code),
            None => assert_eq!(answer.status, 303),
        }
    }
    // Another account of the provider that calls itself by a name that is taken: `ALICE` is another subject.
    let mallory = office.visitor();
    assert_eq!(refused(&back(&mallory, &log_in(&provider, &departure(&mallory), "ALICE"))), "user_linked_to_another");
    let stranger = office.visitor();
    assert_eq!(refused(&back(&stranger, &log_in(&provider, &departure(&stranger), "nobody"))), "user_unknown");
}

#[test]
fn a_provider_that_fails_lets_nobody_in() {
    let (office, provider) = with_provider();
    let sign_in = || {
        let visitor = office.visitor();
        let query = log_in(&provider, &departure(&visitor), "alice");
        back(&visitor, &query)
    };
    provider.fault(Fault::on("/token").answer(500, "text/plain", "oops"));
    assert_eq!(refused(&sign_in()), "provider_refused_code");
    provider.fault(Fault::on("/token").answer(200, "application/json", r#"{"access_token":"x"}"#));
    assert_eq!(refused(&sign_in()), "provider_refused_code");
    // AUTH-07: a token that nobody signed (`{"alg":"none"}`).
    let none = r#"{"access_token":"x","id_token":"eyJhbGciOiJub25lIn0.e30."}"#;
    provider.fault(Fault::on("/token").answer(200, "application/json", none));
    assert_eq!(refused(&sign_in()), "id_token_algorithm");
    assert_eq!(sign_in().status, 303);
    // AUTH-11: unknown keys are asked for at most every 30 s. This header names `ES256` and `kid` `none-of-yours`.
    let unknown = r#"{"access_token":"x","id_token":"eyJhbGciOiJFUzI1NiIsImtpZCI6Im5vbmUtb2YteW91cnMifQ.e30.AAAA"}"#;
    provider.fault(Fault::on("/token").times(2).answer(200, "application/json", unknown));
    provider.fault(Fault::on("/jwks").times(1).answer(500, "text/plain", "nobody asks"));
    assert_eq!([refused(&sign_in()), refused(&sign_in())], ["id_token_key_unknown", "id_token_key_unknown"]);
    assert!(!office.server.audit().contains("SECRET"));
}
