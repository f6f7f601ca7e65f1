//! Lists that go on: `limit`, and `after`, which an answer's `next` holds.

use http::StatusCode;

use crate::api::Problem;
use crate::api::document::{Needed, Query, Schema};

/// 100 unless asked otherwise, and 1,000 at most.
const USUAL: u32 = 100;
const MOST: u32 = 1_000;

/// The parameters of a list that goes on.
pub(super) const PAGE: &[Query] = &[LIMIT, AFTER];

pub(super) const LIMIT: Query = Query {
    name: "limit",
    needed: Needed::IfWanted,
    schema: || Schema::count(MOST.into()).usually(USUAL),
    description: "How many at most.",
};

pub(super) const AFTER: Query =
    Query { name: "after", needed: Needed::IfWanted, schema: Schema::text, description: "Where to go on, as `next` of an answer says." };

/// What a query asks for.
pub(super) struct Page {
    pub(super) limit: u32,
    pub(super) after: Option<String>,
}

impl Page {
    pub(super) fn of_query(query: &[(String, String)]) -> Result<Self, Problem> {
        let limit = match parameter(query, "limit") {
            None => USUAL,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MOST).contains(limit))
                .ok_or_else(|| wrong("limit", "must be a whole number from 1 to 1000"))?,
        };
        Ok(Self { limit, after: parameter(query, "after").map(str::to_owned) })
    }
}

pub(super) fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

pub(super) fn wrong(name: &str, message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "parameter_invalid", format!("the parameter `{name}` {message}"), "correct it")
}
