//! What providers say when they refuse, what usually causes it, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A provider's own words, with nothing in them that was sent to it in confidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// `error` of RFC 6749, section 5.2, such as `invalid_client`; `status_403` if the provider speaks something else.
    pub error: String,
    /// `error_description` as the provider wrote it; or the beginning of what it said instead of an error of its protocol, with `***` in the place of whatever looks
    /// like a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl fmt::Display for ProviderError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.error)?;
        self.description.as_ref().map_or(Ok(()), |description| write!(formatter, " ({description})"))
    }
}

/// What is known of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What usually causes it.
    pub cause: &'static str,
    /// What to do, and whose turn it is.
    pub next_step: &'static str,
}

/// When a remedy is meant.
struct Known {
    /// These errors; none means any.
    errors: &'static [&'static str],
    /// One of these in what is said, in lower case; none means whatever is said.
    words: &'static [&'static str],
    remedy: Remedy,
}

/// The more particular first. Codes with capitals are Amazon's: no word of OAuth's is meant by them.
const KNOWN: &[Known] = &[
    Known {
        errors: &["AccessDenied", "AccessDeniedException"],
        words: &[],
        remedy: Remedy {
            cause: "AWS does not let this identity have the role",
            next_step: "an admin must let the role be assumed: its trust policy must name the user (with this external id) or the trust anchor, and the user must be allowed `sts:AssumeRole` on it (and `sts:TagSession`, with session tags)",
        },
    },
    Known {
        errors: &["InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException"],
        words: &[],
        remedy: Remedy {
            cause: "AWS does not know the access key, or computes another signature: wrong secret, wrong region, or a clock that is wrong",
            next_step: "an admin must store the right access key and set the right region; if both are right, the operator must set this machine's clock",
        },
    },
    Known {
        errors: &["RequestExpired", "RequestTimeTooSkewed"],
        words: &[],
        remedy: Remedy {
            cause: "this machine's clock and Amazon's differ by more than five minutes",
            next_step: "the operator must set this machine's clock: it is wrong by more than five minutes",
        },
    },
    Known {
        errors: &["ExpiredToken", "ExpiredTokenException"],
        words: &[],
        remedy: Remedy {
            cause: "the stored access key was a temporary one",
            next_step: "an admin must store an access key that has not expired",
        },
    },
    Known {
        errors: &["RegionDisabledException"],
        words: &[],
        remedy: Remedy {
            cause: "the region's token service is switched off for the account",
            next_step: "an admin must have the region's token service switched on for the account, or choose another `sts_region`",
        },
    },
    Known {
        errors: &["ValidationError", "ValidationException", "MalformedPolicyDocument", "PackedPolicyTooLarge"],
        words: &[],
        remedy: Remedy {
            cause: "AWS does not take the role, the duration, the session's name or its policy",
            next_step: "an admin must correct what the message names: the role, the duration, the session's name or its policy",
        },
    },
    Known {
        errors: &["invalid_grant", "invalid_client", "invalid_request"],
        words: &["clock", "issued in the future", "not yet valid", "iat", "nbf", "expired", "exp claim", "too far in the future"],
        remedy: Remedy {
            cause: "the provider's clock and ours differ, or the signed token lives too long or too short for the provider",
            next_step: "an admin must check that this machine's clock is synchronised, then `expiration_seconds` and the claims `iat`, `nbf` and `exp`; leaving `nbf` out helps against a provider whose clock is behind",
        },
    },
    Known {
        errors: &["invalid_grant", "invalid_client", "invalid_request"],
        words: &["audience", "aud "],
        remedy: Remedy {
            cause: "the signed token is made out to another audience than the provider expects",
            next_step: "an admin must set `audience` to what the provider's documentation asks for: often its issuer or its token endpoint, letter by letter",
        },
    },
    Known {
        errors: &["invalid_grant", "invalid_client", "invalid_request"],
        words: &["signature", "kid", "no matching key", "certificate"],
        remedy: Remedy {
            cause: "the provider does not know the key that signed, or takes no such algorithm",
            next_step: "an admin must register the certificate's public key with the provider (`sortie certificate export`, or the JWK Set's address), and compare `signing_algorithm` and `kid`",
        },
    },
    Known {
        errors: &["invalid_grant"],
        words: &["not supported on this domain"],
        remedy: Remedy {
            cause: "the token endpoint belongs to a login host that does not serve this flow",
            next_step: "an admin must use the token endpoint of the organisation's own host instead of the general login host",
        },
    },
    Known {
        errors: &[],
        words: &["no client credentials user"],
        remedy: Remedy {
            cause: "the client has no user over there to run as",
            next_step: "an admin must choose a run-as user for the client credentials flow in the application at the provider",
        },
    },
    Known {
        errors: &[],
        words: &["hasn't approved", "not approved", "consent"],
        remedy: Remedy {
            cause: "the user has not allowed the application at the provider",
            next_step: "an admin must authorise the application for that user over there (pre-authorised profile or permission set), or the user must consent once",
        },
    },
    Known {
        errors: &["invalid_request"],
        words: &["scope"],
        remedy: Remedy { cause: "the token endpoint takes no scope for this flow", next_step: "an admin must leave `scope` empty" },
    },
    Known {
        errors: &["invalid_request"],
        words: &["client_id", "consumer key", "issuer", "iss"],
        remedy: Remedy {
            cause: "the provider cannot tell which client asks",
            next_step: "an admin must set the client id; with a signed token, the claim `iss`",
        },
    },
    Known {
        errors: &["invalid_client", "status_401"],
        words: &[],
        remedy: Remedy {
            cause: "the client is unknown over there, its secret is wrong or stale, it is passed in another way than the provider wants, or the signing certificate is not the one registered",
            next_step: "an admin must check client id and client secret (`sortie secret set`), then `client_authentication` (`basic`, `basic_plain` or `body`); with a signed token, the registered certificate, the audience and `signing_algorithm`",
        },
    },
    Known {
        errors: &["invalid_grant"],
        words: &[],
        remedy: Remedy {
            cause: "the assertion or the stored grant is not good over there: expired, revoked, for another client, or for a user who may not",
            next_step: "an admin must compare the claims `iss`, `sub` and `aud` with what is registered at the provider, and authenticate the principal again where a user once did",
        },
    },
    Known {
        errors: &["unauthorized_client"],
        words: &[],
        remedy: Remedy {
            cause: "the client is known and may not use this flow",
            next_step: "an admin must allow this grant type for the client at the provider",
        },
    },
    Known {
        errors: &["invalid_scope"],
        words: &[],
        remedy: Remedy {
            cause: "a scope is misspelt, unknown over there, or not allowed for this client",
            next_step: "an admin must correct `scope` of the external credential or of the principal, or allow the scope for the client at the provider",
        },
    },
    Known {
        errors: &["unsupported_grant_type"],
        words: &[],
        remedy: Remedy {
            cause: "the token endpoint does not know this flow",
            next_step: "an admin must check that `token_endpoint` is the right one, and choose a protocol that the provider supports",
        },
    },
    Known {
        errors: &["invalid_target"],
        words: &[],
        remedy: Remedy {
            cause: "the resource or audience parameter is not known to the provider",
            next_step: "an admin must correct the resource or audience that is asked for",
        },
    },
    Known {
        errors: &["access_denied", "status_403"],
        words: &[],
        remedy: Remedy {
            cause: "the provider, or a firewall before it, does not let this client or this machine's address in",
            next_step: "an admin must allow the client over there, and this machine's outgoing address",
        },
    },
    Known {
        errors: &["status_404", "status_405", "status_410"],
        words: &[],
        remedy: Remedy {
            cause: "there is no token endpoint at this address",
            next_step: "an admin must correct `token_endpoint`; the provider's discovery document names it",
        },
    },
];

impl Remedy {
    /// What is known of this refusal; `None` for one that nobody has met.
    pub fn of(said: &ProviderError) -> Option<&'static Self> {
        // Some providers write the description where the code belongs.
        let words = format!("{} {}", said.error, said.description.as_deref().unwrap_or_default()).to_ascii_lowercase();
        let is_meant = |known: &&Known| {
            (known.errors.is_empty() || known.errors.contains(&said.error.as_str()))
                && (known.words.is_empty() || known.words.iter().any(|word| holds_word(&words, word)))
        };
        KNOWN.iter().find(is_meant).map(|known| &known.remedy)
    }
}

/// Whether a text holds a word that is not part of a longer one: `iat` is not in `associated`.
fn holds_word(text: &str, word: &str) -> bool {
    let is_letter = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, found)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + found.len()..].chars().next());
        !is_letter(before) && (!is_letter(after) || word.ends_with(' '))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_refusal_has_its_cause() {
        // Words that real providers use.
        for (error, description, cause) in [
            ("invalid_client", "invalid client credentials", "its secret is wrong"),
            ("invalid_client", "", "its secret is wrong"),
            ("status_401", "", "its secret is wrong"),
            ("invalid_grant", "audience is invalid", "another audience"),
            ("invalid_client", "unexpected JWT \"aud\" (audience) claim value", "another audience"),
            ("invalid_grant", "Token iat claim is in the future", "clock"),
            ("invalid_grant", "assertion is expired", "clock"),
            ("invalid_client", "JWT expired, exp claim timestamp check failed", "clock"),
            ("invalid_grant", "request not supported on this domain", "login host"),
            ("invalid_grant", "user hasn't approved this consumer", "has not allowed"),
            ("invalid_grant", "The account associated with this grant is locked", "not good over there"),
            ("invalid_client", "client assertion signature is invalid", "does not know the key"),
            ("invalid_request", "no client credentials user enabled", "run as"),
            ("no client credentials user enabled", "", "run as"),
            ("invalid_request", "scope parameter not supported", "takes no scope"),
            ("invalid_scope", "requested scope is not allowed", "scope is misspelt"),
            ("unauthorized_client", "requested grant type is not allowed for this client", "may not use this flow"),
            ("unsupported_grant_type", "", "does not know this flow"),
            ("status_403", "Request unsuccessful. Incident ID: 1", "firewall"),
            ("status_404", "", "no token endpoint"),
        ] {
            let description = Some(description.to_owned()).filter(|text| !text.is_empty());
            let said = ProviderError { error: error.to_owned(), description };
            let remedy = Remedy::of(&said).map(|remedy| remedy.cause);
            assert!(remedy.is_some_and(|found| found.contains(cause)), "{said}: {remedy:?}");
        }
        assert_eq!(Remedy::of(&ProviderError { error: "teapot".to_owned(), description: None }), None);
    }
}
