//! What a provider says when it refuses, as far as it can be shown.

use http::{HeaderMap, header};
use sortie_model::Secret;
use zeroize::Zeroizing;

use super::form;

/// What was sent in confidence, in every form in which it went out: a provider that echoes a request echoes it as it came, or decoded (TOK-16).
#[derive(Default)]
pub struct Confidential(Vec<Zeroizing<String>>);

impl Confidential {
    /// These secrets, and the credentials in the headers of the question.
    pub fn new(secrets: &[&Secret], headers: &HeaderMap) -> Self {
        let plain = secrets.iter().map(|secret| Zeroizing::new(secret.expose().to_owned()));
        let in_forms = secrets.iter().map(|secret| form::encode(secret.expose()));
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        let in_header = authorization.map(|(_, credentials)| Zeroizing::new(credentials.to_owned()));
        Self(plain.chain(in_forms).chain(in_header).filter(|text| !text.is_empty()).collect())
    }

    /// Whether some of it stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret.as_str()))
    }
}

/// What a provider says, if it can be shown: short, printable ASCII (RFC 6749, section 5.2 allows no other), and no echo of a secret.
pub fn presentable(text: &str, max_length: usize, confidential: &Confidential) -> Option<String> {
    let is_echo = confidential.is_in(text);
    let is_plain = text.bytes().all(|byte| (0x20..=0x7E).contains(&byte));
    (!is_echo && is_plain).then(|| text.chars().take(max_length).collect())
}
