//! Answers that mean "the token is stale" although their status does not say so. Not in Salesforce; some services answer 200 with an error in the body.

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::Violation;

/// An answer with this status and this sign means that the token is stale: `200` with `602` at `/errors/0/code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalRule {
    /// The status, 200 to 999. 401 always counts and needs no rule.
    pub status: u16,
    /// What else must be so.
    #[serde(flatten)]
    pub sign: RenewalSign,
}

/// What tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalSign {
    /// A header has this value.
    Header {
        /// Its name, in lower case.
        name: String,
        /// The value, compared as it stands.
        equals: String,
    },
    /// The body is JSON, and has this value at this place.
    Pointer {
        /// The place (RFC 6901): `/errors/0/code`.
        path: String,
        /// The text, or the number or truth value as it is written in JSON.
        equals: String,
    },
}

/// The most rules of one external credential.
pub const MAX_RENEWAL_RULES: usize = 20;

impl RenewalRule {
    /// A rule over a header.
    ///
    /// # Errors
    /// A [`Violation`] of `status` or `header`.
    pub fn of_header(status: u16, name: &str, equals: &str) -> Result<Self, Violation> {
        let name = HeaderName::try_from(name)
            .map_err(|_| Violation::new("header", "header_name", "must be the name of a header, such as `X-Token-State`"))?;
        Ok(Self { status: check_status(status)?, sign: RenewalSign::Header { name: name.as_str().to_owned(), equals: equals.to_owned() } })
    }

    /// A rule over a place in a JSON body.
    ///
    /// # Errors
    /// A [`Violation`] of `status` or `pointer`.
    pub fn of_pointer(status: u16, path: &str, equals: &str) -> Result<Self, Violation> {
        // RFC 6901, section 3: `~` stands only before `0` or `1`.
        let is_escaped_right = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !(path.starts_with('/') && is_escaped_right && path.len() <= 500) {
            let message = "must be a JSON pointer (RFC 6901) that begins with `/`, such as `/errors/0/code`";
            return Err(Violation::new("pointer", "pointer_format", message));
        }
        Ok(Self { status: check_status(status)?, sign: RenewalSign::Pointer { path: path.to_owned(), equals: equals.to_owned() } })
    }
}

fn check_status(status: u16) -> Result<u16, Violation> {
    match status {
        401 => Err(Violation::new("status", "status_code_range", "401 always means that the token is stale, and needs no rule")),
        200..=999 => Ok(status),
        _ => Err(Violation::new("status", "status_code_range", "must be a status of a final answer, 200 to 999")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_answer_can_have_makes_a_rule() {
        for (status, pointer, rule) in [
            (401, "/a", "status_code_range"),
            (100, "/a", "status_code_range"),
            (1000, "/a", "status_code_range"),
            (200, "", "pointer_format"),
            (200, "errors/0", "pointer_format"),
            (200, "/a~", "pointer_format"),
            (200, "/a~2b", "pointer_format"),
        ] {
            assert_eq!(RenewalRule::of_pointer(status, pointer, "x").unwrap_err().rule, rule, "{status} {pointer}");
        }
        assert!(RenewalRule::of_pointer(500, "/a~1b/~0/0", "x").is_ok());
        assert_eq!(RenewalRule::of_header(200, "X Y", "x").unwrap_err().rule, "header_name");
        let rule = RenewalRule::of_header(200, "X-State", "stale").unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), r#"{"status":200,"header":{"name":"x-state","equals":"stale"}}"#);
    }
}
