//! Many people log in at once, each in two browsers, and their browsers come back crossed (OAU-16): nobody ever gets anybody else's token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use sortie_model::{IdentityProviderKind, Secret, UserName};
use sortie_server::connect::{Landing, confirm};
use sortie_store::StoredUser;

use crate::logins::{Scene, code, user};
use crate::support::Stage;

const EXTERNAL: IdentityProviderKind = IdentityProviderKind::ExternalAuth;
const USERS: usize = 20;
const BROWSERS: usize = 2;
const ROUNDS: usize = 10;

/// What a browser has been given, and brings back.
struct Flight {
    query: String,
    browser: Secret,
}

/// What came of all of them.
#[derive(Default)]
struct Ledger {
    logins: AtomicUsize,
    refused: AtomicUsize,
    callouts: AtomicUsize,
}

#[test]
fn oau_16_of_twenty_people_in_two_browsers_each_nobody_gets_anothers_token() {
    let scene = Scene::on(Stage::new(), EXTERNAL, Scene::provider_for(EXTERNAL), None);
    let people: Vec<(StoredUser, Secret)> = (0..USERS).map(|number| person(&scene, number)).collect();
    let flights: Vec<Mutex<Option<Flight>>> = (0..USERS * BROWSERS).map(|_| Mutex::default()).collect();
    let (everybody, ledger) = (Barrier::new(USERS * BROWSERS), Ledger::default());
    thread::scope(|scope| {
        for seat in 0..USERS * BROWSERS {
            let (scene, people, flights, everybody, ledger) = (&scene, &people, &flights, &everybody, &ledger);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    sit(scene, people, (flights, seat), (everybody, round), ledger);
                }
            });
        }
    });
    let all = USERS * BROWSERS * ROUNDS;
    assert_eq!(ledger.logins.load(Ordering::Relaxed), all);
    assert_eq!(ledger.refused.load(Ordering::Relaxed), all * 4);
    assert_eq!(ledger.callouts.load(Ordering::Relaxed), all * 3);
    // Every code was redeemed once, and none that was brought by the wrong one.
    let redeemed = scene.provider.log().into_iter().filter(|request| request.body.contains("grant_type=authorization_code"));
    assert!(redeemed.map(|request| request.status).eq(std::iter::repeat_n(Some(200), all)));
}

fn person(scene: &Scene, number: usize) -> (StoredUser, Secret) {
    let (server, name) = (&scene.stage.server, format!("user-{number}"));
    let (_, key) = server.user(&name, &[scene.stage.callers]);
    let stored = scene.run(server.house.store().caller_by_user(&UserName::parse(&name).unwrap()));
    (stored.unwrap().unwrap(), key)
}

/// One browser of one person, in one round.
fn sit(
    scene: &Scene,
    people: &[(StoredUser, Secret)],
    (flights, seat): (&[Mutex<Option<Flight>>], usize),
    (everybody, round): (&Barrier, usize),
    ledger: &Ledger,
) {
    let number = seat / BROWSERS;
    let (me, key) = (user(&people[number]), &people[number].1);
    let begun = scene.begin(&me, "Own").unwrap();
    let account = format!("at-idp-{number}-{}-{round}", seat % BROWSERS);
    let query = scene.at_provider(&begun, &account);
    *flights[seat].lock().unwrap() = Some(Flight { query: query.clone(), browser: begun.browser.clone() });
    everybody.wait();
    // All browsers are back, with each other's answers first: of the other browser of the same person, and of a neighbour.
    let (own, neighbour) = (seat ^ 1, (seat + BROWSERS) % flights.len());
    for (other, browser, expected) in [
        (own, Cookie::Mine, "login_other_browser"),
        (neighbour, Cookie::Mine, "login_other_browser"),
        (neighbour, Cookie::Theirs, "login_other_user"),
    ] {
        let (query, theirs) = {
            let flight = flights[other].lock().unwrap();
            let Flight { query, browser } = flight.as_ref().expect("everybody has begun");
            (query.clone(), browser.clone())
        };
        let browser = match browser {
            Cookie::Mine => &begun.browser,
            Cookie::Theirs => &theirs,
        };
        let came = code(scene.returned(Some(&me), "Idp", &query, Some(browser.expose())));
        // Its owner may have been faster: then it is over.
        assert!(came == expected || came == "login_not_under_way", "{account}: {came}");
        ledger.refused.fetch_add(1, Ordering::Relaxed);
    }
    let browser = Some(begun.browser.expose());
    assert_eq!(scene.returned(Some(&me), "Idp", &query, browser).unwrap(), Landing::Confirm(begun.id));
    // Nobody else agrees to it.
    let neighbour = user(&people[(number + 1) % people.len()]);
    assert_eq!(code(scene.run(confirm(scene.node(), &neighbour, begun.id, browser))), "login_other_user");
    ledger.refused.fetch_add(1, Ordering::Relaxed);
    scene.run(confirm(scene.node(), &me, begun.id, browser)).unwrap();
    ledger.logins.fetch_add(1, Ordering::Relaxed);
    // While others still log in: as one of the two browsers of this person, whichever was confirmed last.
    let mine = [format!("at-idp-{number}-0-{round}"), format!("at-idp-{number}-1-{round}")];
    for _ in 0..3 {
        let seen = scene.account_seen("Own", key);
        assert!(mine.contains(&seen), "user-{number} called out with the token of {seen}");
        ledger.callouts.fetch_add(1, Ordering::Relaxed);
    }
    everybody.wait();
}

enum Cookie {
    Mine,
    Theirs,
}
