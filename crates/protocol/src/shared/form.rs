//! `application/x-www-form-urlencoded`, as RFC 6749, appendix B asks for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use zeroize::Zeroizing;

/// All but `*-._` and letters and digits (WHATWG URL, "application/x-www-form-urlencoded percent-encode set"); a space becomes `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// What such a text is called.
pub const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// Encodes one name or value.
pub fn encode(text: &str) -> Zeroizing<String> {
    let encoded: Zeroizing<String> = Zeroizing::new(percent_encoding::utf8_percent_encode(text, FORM).collect());
    Zeroizing::new(encoded.replace(' ', "+"))
}

/// A form body that is written once, parameter by parameter.
#[derive(Default)]
pub struct Form(Zeroizing<String>);

impl Form {
    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&encode(name));
        self.0.push('=');
        self.0.push_str(&encode(value));
        self
    }

    /// As written so far.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The body.
    pub fn into_body(self) -> sortie_model::SecretBytes {
        sortie_model::SecretBytes::new(self.0.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_the_example_of_rfc_6749_appendix_b() {
        // The character sequence U+0020 U+0025 U+0026 U+002B U+00A3 U+20AC.
        assert_eq!(encode(" %&+£€").as_str(), "+%25%26%2B%C2%A3%E2%82%AC");
    }

    #[test]
    fn joins_parameters() {
        let body = Form::default().with("grant_type", "client_credentials").with("scope", "a b").into_body();
        assert_eq!(body.expose(), b"grant_type=client_credentials&scope=a+b");
    }
}
