//! How a client proves itself to a token endpoint (RFC 6749, section 2.3.1).

use serde::{Deserialize, Serialize};

/// Where client id and secret stand in a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClientAuthentication {
    /// `Authorization: Basic`, id and secret form-encoded first, as section 2.3.1 says. Servers that decode strictly (such as
    /// node's oidc-provider) refuse reserved characters otherwise.
    #[default]
    #[serde(rename = "basic")]
    BasicHeader,
    /// `Authorization: Basic` over plain `id:secret`, for servers that never decode.
    #[serde(rename = "basic_plain")]
    PlainBasicHeader,
    /// `client_id` and `client_secret` in the body.
    #[serde(rename = "body")]
    Body,
}

impl ClientAuthentication {
    /// The words in definitions, the default first.
    pub const WORDS: &'static [&'static str] = &["basic", "basic_plain", "body"];

    /// Reads one of [`Self::WORDS`].
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "basic" => Some(Self::BasicHeader),
            "basic_plain" => Some(Self::PlainBasicHeader),
            "body" => Some(Self::Body),
            _ => None,
        }
    }

    /// The word in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BasicHeader => "basic",
            Self::PlainBasicHeader => "basic_plain",
            Self::Body => "body",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for word in ClientAuthentication::WORDS {
            assert_eq!(ClientAuthentication::parse(word).map(ClientAuthentication::as_str), Some(*word));
        }
        assert_eq!(ClientAuthentication::parse("Basic"), None);
        assert_eq!(ClientAuthentication::WORDS[0], ClientAuthentication::default().as_str());
    }
}
