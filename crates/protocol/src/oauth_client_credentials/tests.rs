#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use sortie_model::{Secret, Settings, Timestamp};

use super::OAuthClientCredentials;
use crate::{Answer, Ask, AskError, Grant, Material, ObtainError, Pending, Proof, Protocol as _, Values, World};

/// A world in which time stands still and one answer is given; it remembers the question.
struct Scripted {
    answer: &'static str,
    asked: Mutex<Option<Ask>>,
}

impl World for Scripted {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        *self.asked.lock().unwrap() = Some(ask);
        Box::pin(async {
            Ok(Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from_static(self.answer.as_bytes()) })
        })
    }
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

/// Runs a future that never waits: the scripted world answers at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("the scripted world answers at once"),
    }
}

fn obtain(settings: &Settings, id: &str, secret: &str) -> (Result<Grant, ObtainError>, Ask) {
    let world = Scripted { answer: r#"{"access_token":"SECRET-token","token_type":"bearer","expires_in":60}"#, asked: Mutex::new(None) };
    let values = Values::from([("client_id".to_owned(), Secret::new(id)), ("client_secret".to_owned(), Secret::new(secret))]);
    let grant = now(OAuthClientCredentials.obtain(&world, Material { settings, values: &values, grant: None }));
    (grant, world.asked.into_inner().unwrap().unwrap())
}

#[test]
fn id_and_secret_are_form_encoded_in_the_basic_header() {
    // RFC 6749, section 2.3.1. Base64 made with coreutils: printf '%s' 'cc+basic%3Aodd:p%25c%2Bd+%2F%3D%26%3A%7E%21' | base64 -w0
    let settings = settings(&[("token_endpoint", "https://idp.test/token")]);
    let (_, asked) = obtain(&settings, "cc basic:odd", "p%c+d /=&:~!");
    assert_eq!(asked.headers["authorization"], "Basic Y2MrYmFzaWMlM0FvZGQ6cCUyNWMlMkJkKyUyRiUzRCUyNiUzQSU3RSUyMQ==");
    assert_eq!(asked.body.expose(), b"grant_type=client_credentials");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.url.to_string(), "https://idp.test/token");
}

#[test]
fn id_and_secret_go_into_the_body_if_asked_for() {
    let settings = settings(&[("token_endpoint", "https://idp.test/token"), ("client_authentication", "body"), ("scope", "read write")]);
    let (_, asked) = obtain(&settings, "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw");
    // Id and secret of the example in RFC 6749, section 2.3.1.
    assert_eq!(
        asked.body.expose(),
        b"grant_type=client_credentials&scope=read+write&client_id=s6BhdRkqt3&client_secret=7Fjfp0ZBr1KtDRbnfVdmIw"
    );
    assert!(!asked.headers.contains_key("authorization"));
}

#[test]
fn an_empty_scope_sends_no_scope() {
    let settings = settings(&[("token_endpoint", "https://idp.test/token"), ("scope", "")]);
    let (_, asked) = obtain(&settings, "a", "b");
    assert_eq!(asked.body.expose(), b"grant_type=client_credentials");
}

#[test]
fn the_token_is_sent_as_a_bearer() {
    let settings = settings(&[("token_endpoint", "https://idp.test/token")]);
    let (grant, _) = obtain(&settings, "a", "b");
    let grant = grant.unwrap();
    let Proof::Place(headers) =
        OAuthClientCredentials.prove(Material { settings: &settings, values: &Values::new(), grant: Some(&grant) }).unwrap();
    assert_eq!(headers[0].1, "Bearer SECRET-token");
    assert!(headers[0].1.is_sensitive());
}
