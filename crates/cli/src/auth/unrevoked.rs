//! Logins that are gone here, and not at the provider, in words.

use sortie_client::UnrevokedLogin;

pub(crate) fn in_words(unrevoked: &UnrevokedLogin) -> String {
    let UnrevokedLogin { since, attempts, try_at, failure_code, next_step: _ } = unrevoked;
    let next = try_at.as_ref().map_or("nobody tries any more".to_owned(), |at| format!("tried again at {at}"));
    let why = failure_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let times = if *attempts == 1 { "attempt" } else { "attempts" };
    format!("taken away here {since}, not at the provider after {attempts} {times}{why}; {next}")
}
