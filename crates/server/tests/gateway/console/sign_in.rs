//! Signing in and out: AUTH-14 to AUTH-16, UI-08 to UI-11 of the attack catalogue.

use std::time::{Duration, Instant};

use sortie_model::{User, UserName};
use sortie_testkit::peers::TestDatabase;

use super::{Office, PASSWORD};
use crate::support::TestServer;

#[test]
fn somebody_signs_in_sees_their_page_and_signs_out() {
    let office = Office::open();
    let alice = office.visitor();
    let sent_away = alice.get("/");
    assert_eq!((sent_away.status, sent_away.header("location")), (303, Some("/sign-in")));
    assert!(alice.page("/sign-in").contains(r#"<label for="password">Password</label>"#));
    let entered = alice.sign_in("Alice", PASSWORD);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/")));
    assert!(alice.page("/").contains("Signed in as <strong>alice</strong>"));
    assert_eq!(alice.get("/sign-in").header("location"), Some("/"), "who is signed in needs no form");

    let left = alice.post("/sign-out", &[]);
    assert_eq!((left.status, left.header("location")), (303, Some("/sign-in?notice=signed_out")));
    assert!(alice.page("/sign-in?notice=signed_out").contains("You are signed out."));
    assert_eq!((alice.cookie(), alice.get("/").status), (None, 303));

    let record = |action: &str| office.server.wait_for_record("change", |record| record["action"] == action);
    assert_eq!((&record("signed_in")["actor"], &record("signed_in")["fields"]), (&"user:alice".into(), &"password".into()));
    assert_eq!(record("signed_out")["object"], "session");
    assert!(!office.server.audit().contains("SECRET"));
}

#[test]
fn who_came_for_a_page_gets_it_after_the_sign_in() {
    let office = Office::open();
    let alice = office.visitor();
    let sent_away = alice.get("/external-credentials/Mail/Own%20box");
    assert_eq!(sent_away.header("location"), Some("/sign-in?return_to=/external-credentials/Mail/Own%2520box"));
    assert!(alice.page(sent_away.header("location").unwrap()).contains(r#"name="return_to" value="/external-credentials/Mail/Own%20box""#));
    let entered =
        alice.post("/sign-in", &[("name", "alice"), ("password", PASSWORD), ("return_to", "/external-credentials/Mail/Own%20box")]);
    assert_eq!(entered.header("location"), Some("/external-credentials/Mail/Own%20box"));
    assert!(alice.page("/external-credentials/Mail/Own%20box").contains("Own box"));
    // OAU-19: no other place.
    for evil in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"] {
        let entered = office.visitor().post("/sign-in", &[("name", "alice"), ("password", PASSWORD), ("return_to", evil)]);
        assert_eq!(entered.header("location"), Some("/"), "{evil}");
    }
}

#[test]
fn auth_14_nobody_learns_whether_there_is_such_a_user() {
    let office = Office::open();
    office.server.user("carol", &[]);
    let wrong = |name: &str| {
        let started = Instant::now();
        let answer = office.visitor().sign_in(name, "SECRET-wrong password");
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("The user name or the password is wrong."));
        // What was typed as the name comes back, to be corrected; nothing else differs.
        let text = answer.text().replace(&format!(r#"value="{name}""#), "");
        assert!(!text.contains("SECRET"));
        (text, answer.headers.iter().filter(|(name, _)| name != "date").count(), started.elapsed())
    };
    let (known, known_headers, _) = wrong("bob");
    let mut times = [Duration::MAX; 4];
    for _ in 0..3 {
        for (best, name) in times.iter_mut().zip(["alice", "nobody", "carol", "not a name!"]) {
            let (text, headers, time) = wrong(name);
            assert_eq!((&text, headers), (&known, known_headers), "{name}");
            *best = (*best).min(time);
        }
    }
    // A known user, an unknown one, one without a password, and no name at all. Without a hash it would take a hundredth; other tests run beside this one.
    let (slow, fast) = (times.iter().max().unwrap(), times.iter().min().unwrap());
    assert!(*slow < *fast * 5, "{times:?}");
}

#[test]
fn auth_15_every_spelling_of_a_name_is_counted_together() {
    let office = Office::open();
    let mut statuses = Vec::new();
    for name in ["alice", "ALICE", " alice", "alice ", "aLiCe"] {
        for _ in 0..4 {
            statuses.push(office.visitor().sign_in(name, "SECRET-wrong password").status);
        }
    }
    assert_eq!(statuses, [vec![401; 10], vec![429; 10]].concat());
    let closed = office.visitor().sign_in("alice", PASSWORD);
    assert_eq!((closed.status, closed.header("retry-after")), (429, Some("900")));
    assert!(closed.text().contains("Wait 15 minutes"), "not even the right one: {}", closed.text());
    // Nobody else is shut out.
    assert_eq!(office.visitor().sign_in("bob", PASSWORD).status, 303);
}

#[test]
fn auth_15_guessing_with_many_names_ends_too() {
    let office = Office::open();
    let failures = |times: u32| {
        let store = office.server.house.store();
        let now = office.server.runtime.block_on(store.now()).unwrap();
        let places = store.sign_in_failures();
        for _ in 0..times {
            let counted = places.count("*", "127.0.0.1", now, Duration::from_secs(900));
            office.server.runtime.block_on(counted).unwrap();
        }
    };
    failures(98);
    // A right password is no failure.
    assert_eq!(office.visitor().sign_in("alice", PASSWORD).status, 303);
    assert_eq!(office.visitor().sign_in("bob", "SECRET-wrong password").status, 401);
    assert_eq!(office.visitor().sign_in("alice", PASSWORD).status, 303);
    failures(1);
    assert_eq!(office.visitor().sign_in("alice", PASSWORD).status, 429);
}

#[test]
fn auth_16_two_hundred_at_once_do_not_stop_the_others() {
    let office = Office::open();
    let base = office.visitor().base;
    let tries: Vec<_> = (0..200)
        .map(|number| {
            let visitor = super::Visitor { base: base.clone(), cookies: Default::default() };
            std::thread::spawn(move || visitor.sign_in(&format!("user{number}"), "SECRET-wrong password").status)
        })
        .collect();
    // Meanwhile callouts go on.
    let slowest = (0..20)
        .map(|_| {
            let started = Instant::now();
            assert_eq!(office.server.get(&office.key, "/callout/Pay/x").verdict(), (200, None));
            started.elapsed()
        })
        .max()
        .unwrap();
    let mut statuses: Vec<u16> = tries.into_iter().map(|one| one.join().unwrap()).collect();
    statuses.sort_unstable();
    let hashed = statuses.iter().filter(|status| **status == 401).count();
    assert!(statuses.iter().all(|status| [401, 429].contains(status)) && (8..100).contains(&hashed), "{statuses:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert_eq!(office.visitor().sign_in("alice", PASSWORD).status, 303);
}

#[test]
fn ui_08_a_session_that_was_there_before_the_sign_in_is_not_the_one_after_it() {
    let office = Office::open();
    let alice = office.visitor();
    let planted = "A".repeat(43);
    alice.set_cookie(&planted);
    alice.sign_in("alice", PASSWORD);
    let first = alice.cookie().unwrap();
    assert!(first != planted && first.len() == 43, "{first}");
    // Signing in again makes another one, and ends the first.
    alice.sign_in("alice", PASSWORD);
    assert_ne!(alice.cookie().unwrap(), first);
    let old = office.visitor();
    old.set_cookie(&first);
    assert_eq!(old.get("/").status, 303);
}

#[test]
fn ui_09_the_cookie_is_for_us_and_no_script() {
    let office = Office::open();
    let set = office.visitor().sign_in("alice", PASSWORD);
    let line = set.header("set-cookie").unwrap();
    let (_, attributes) = line.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    let tls = Office::on(TestServer::with(None, |config| config.public_url = Some("https://sortie.test".to_owned())));
    let visitor = super::Visitor { base: format!("http://{}", tls.server.server().admin()), cookies: Default::default() };
    let set = visitor.sign_in("alice", PASSWORD);
    let line = set.header("set-cookie").unwrap();
    assert!(line.starts_with("__Host-sortie_session=") && line.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{line}");
}

#[test]
fn ui_10_a_session_ends_with_sign_out_password_and_user_on_every_node() {
    let database = TestDatabase::create();
    let office = Office::on(TestServer::with_database(Some(database.url())));
    let mut second = office.server.second_node();
    second.start();
    let elsewhere = |alice: &super::Visitor| {
        let there = super::Visitor { base: second.server().public_url().unwrap().origin(), cookies: Default::default() };
        there.set_cookie(&alice.cookie().expect("a session"));
        there
    };
    let is_over = |visitor: &super::Visitor| {
        // What was to be read leads to the sign-in, what was to be done is refused.
        let (read, done) = (visitor.get("/").status, visitor.post("/external-credentials/Mail/Own%20box/values/remove", &[]).status);
        assert!([(303, 401), (200, 303)].contains(&(read, done)), "{read} {done}");
        read == 303
    };
    let alice = office.alice();
    let there = elsewhere(&alice);
    assert!(!is_over(&alice) && !is_over(&there), "a session is good on every node");
    alice.post("/sign-out", &[]);
    assert!(is_over(&there));

    let there = elsewhere(&office.alice());
    assert!(!is_over(&there));
    office.server.password("alice", PASSWORD);
    assert!(is_over(&there));

    let there = elsewhere(&office.alice());
    office.server.change(async |change| {
        let alice = change.users().find(&UserName::parse("alice").unwrap()).await.unwrap().unwrap();
        change.users().update(&User { is_active: false, ..alice }).await.unwrap();
    });
    assert!(is_over(&there));
    assert_eq!(office.visitor().sign_in("alice", PASSWORD).status, 401, "who is not active does not come in");
}

#[test]
fn ui_16_the_gateway_takes_no_session_for_a_key() {
    let office = Office::open();
    let session = office.alice().cookie().unwrap();
    for header in [format!("Cookie: sortie_session={session}\r\n"), format!("Authorization: Bearer {session}\r\n")] {
        let request = format!("GET /callout/Pay/x HTTP/1.1\r\nHost: gateway.test\r\n{header}Connection: close\r\n\r\n");
        assert_eq!(office.server.raw(request).verdict(), (401, Some("unauthenticated")));
    }
    assert!(office.upstream.requests().is_empty());
}
