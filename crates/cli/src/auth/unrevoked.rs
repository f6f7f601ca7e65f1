//! Logins that are gone here, and not at the provider, as they are shown.

use serde::Serialize;
use sortie_server::connect::Unrevoked;

#[derive(Serialize)]
pub(crate) struct ShownUnrevoked {
    since: String,
    attempts: i64,
    /// `None`: nobody tries any more.
    try_at: Option<String>,
    failure_code: Option<String>,
    pub(crate) next_step: &'static str,
}

impl ShownUnrevoked {
    pub(crate) fn in_words(&self) -> String {
        let Self { since, attempts, try_at, failure_code, next_step: _ } = self;
        let next = try_at.as_ref().map_or("nobody tries any more".to_owned(), |at| format!("tried again at {at}"));
        let why = failure_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let times = if *attempts == 1 { "attempt" } else { "attempts" };
        format!("taken away here {since}, not at the provider after {attempts} {times}{why}; {next}")
    }
}

impl From<Unrevoked> for ShownUnrevoked {
    fn from(unrevoked: Unrevoked) -> Self {
        let next_step = unrevoked.next_step();
        let Unrevoked { since, attempts, try_at, failure_code } = unrevoked;
        Self { since: since.to_string(), attempts, try_at: try_at.map(|at| at.to_string()), failure_code, next_step }
    }
}
