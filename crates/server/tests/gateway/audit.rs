//! Group AUD of the attack catalogue, through the front door: nothing leaves without a record, whatever happens to the server, and every record can be trusted.
//!
//! - AUD-04 and -05 (edited, dropped, reordered and cut-off records) are shown by the unit tests of `audit/`; here one edit, so that `verify` is known to look.
//! - AUD-07 needs rights to read the audit over the network, AUD-08 stands with management. AUD-10, known gap: a clock that goes back is not flagged; the order is that of
//!   the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sortie_model::{IdentityType, Secret};
use sortie_server::audit::{Finding, files, verify};
use sortie_store::Identity;
use sortie_testkit::peers::TestDatabase;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{Caller, Child, Credential, Scene, TestServer, request, served_as_child};

/// What is wrong with each lane that is not as it was written; and how many records there are.
fn findings(server: &TestServer) -> (Vec<(String, Finding)>, u64) {
    let (anchors, _) = server.runtime.block_on(server.house.anchors()).unwrap();
    let verified = verify(server.house.audit_directory(), &server.house.chain_key(), &anchors).unwrap();
    let records = verified.iter().map(|lane| lane.records).sum();
    (verified.into_iter().filter_map(|lane| Some((lane.lane, lane.finding?))).collect(), records)
}

/// Every intent has exactly one result (AUD-11), and no result is without its intent.
fn assert_closed(server: &TestServer) {
    let mut open = BTreeMap::<(String, u64), u32>::new();
    for record in server.records() {
        let number = |name: &str| (record["lane"].as_str().unwrap().to_owned(), record[name].as_u64().unwrap_or(0));
        match record["event"].as_str() {
            Some("intent") => drop(open.insert(number("sequence"), 0)),
            Some("result") => *open.get_mut(&number("intent")).expect("a result of some intent") += 1,
            _ => {}
        }
    }
    let odd: Vec<_> = open.iter().filter(|(_, results)| **results != 1).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn after_a_mixed_run_on_two_cores_every_chain_holds_and_every_intent_has_its_result() {
    let server = TestServer::with(None, |config| config.gateway.cores = 2);
    let mut scene = Scene::on(server, |received| match received.target().rsplit_once('/').unwrap().1 {
        "broken" => Reply::new(200).broken_body("0123456789", 3),
        "nothing" => Reply::hang_up(),
        "long" => Reply::new(200).drip("piece", 5, Duration::from_millis(50)),
        _ => Reply::new(200).body("hello"),
    });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for path in ["x", "broken", "nothing", "x", "long", "..", "x"] {
                    let mut caller = scene.server.caller();
                    caller.send(request(&scene.key, "POST", &format!("/callout/Pay/{path}"), "", "body"));
                    let _ = caller.answer();
                    // These leave at once, wherever their callout may be.
                    for path in ["x", "long"] {
                        scene.server.caller().send(request(&scene.key, "GET", &format!("/callout/Pay/{path}"), "", ""));
                    }
                    assert_eq!(scene.server.get(&Secret::new("sortie_x"), "/callout/Pay/x").status, 401);
                }
            });
        }
    });
    scene.server.stop();
    assert_closed(&scene.server);
    let (findings, records) = findings(&scene.server);
    assert_eq!(findings, []);
    assert_eq!(records, scene.server.records().len() as u64);
    let lanes: BTreeSet<_> = scene.server.records().iter().map(|record| record["lane"].to_string()).collect();
    assert_eq!(lanes.len(), 2, "the kernel spread the connections over both cores");
    let endings: BTreeSet<_> = scene.server.records().iter().filter_map(|record| record["ending"].as_str().map(str::to_owned)).collect();
    assert!(
        ["complete", "upstream_truncated", "caller_aborted", "no_answer"].iter().all(|ending| endings.contains(*ending)),
        "{endings:?}"
    );
    scene.server.assert_unmarked("the audit", scene.server.audit());
    // And it would have shown.
    let path = files(scene.server.house.audit_directory()).unwrap().swap_remove(0);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("alice", "malice", 1)).unwrap();
    assert!(!self::findings(&scene.server).0.is_empty());
}

#[test]
fn a_killed_server_has_a_record_of_every_request_that_the_upstream_saw() {
    // AUD-02, REL-A01: SIGKILL while eight callers call as fast as they can.
    if served_as_child(|_| {}) {
        return;
    }
    let mut server = TestServer::new();
    let upstream = RecordingUpstream::answering("hello");
    let key = server.with_pay(&upstream.url());
    let test = "audit::a_killed_server_has_a_record_of_every_request_that_the_upstream_saw";
    for round in 0..12_u64 {
        let child = Child::start(test, &server);
        assert_eq!(findings(&server).0, [], "after restart {round}");
        let (gateway, is_over) = (child.gateway, AtomicBool::new(false));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (key, is_over) = (&key, &is_over);
                scope.spawn(move || {
                    let mut caller = Caller::connect(gateway);
                    for number in 0.. {
                        caller.send(request(key, "GET", &format!("/callout/Pay/{round}/{thread}/{number}"), "", ""));
                        if caller.answer().is_none() || is_over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                });
            }
            // Not the same moment each time; chance would be harder to repeat.
            std::thread::sleep(Duration::from_millis(80 + round * 29));
            child.kill();
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(findings(&server).0, [], "after kill {round}");
    }
    // Once more, to the end.
    server.start();
    assert_eq!(server.get(&key, "/callout/Pay/last").status, 200);
    server.stop();
    assert_eq!(findings(&server).0, []);
    let recorded: BTreeSet<String> = server.records().iter().filter_map(|record| record["path"].as_str().map(str::to_owned)).collect();
    let seen: BTreeSet<String> = upstream.requests().iter().map(|received| received.target().to_owned()).collect();
    let missing: Vec<_> = seen.difference(&recorded).collect();
    assert!(missing.is_empty(), "{} of {} requests have no intent: {missing:?}", missing.len(), seen.len());
    assert!(seen.len() > 500, "{} requests are too few to show anything", seen.len());
}

#[test]
fn without_room_for_records_nothing_is_sent_and_with_room_again_it_goes_on() {
    // AUD-01, REL-D02. The limit on the size of a file stands for a full disk: it takes effect in the middle of a write, and can be raised from outside.
    if served_as_child(|_| {}) {
        return;
    }
    let server = TestServer::new();
    let upstream = RecordingUpstream::answering("hello");
    let key = server.with_pay(&upstream.url());
    const LIMIT: u64 = 1 << 20;
    let child =
        Child::start_limited("audit::without_room_for_records_nothing_is_sent_and_with_room_again_it_goes_on", &server, Some(LIMIT));
    let path = "p".repeat(8 * 1024);
    let mut caller = Caller::connect(child.gateway);
    let mut call = || {
        caller.send(request(&key, "GET", &format!("/callout/Pay/{path}"), "", ""));
        caller.answer().unwrap()
    };
    let mut delivered = 0;
    let refused = loop {
        let answer = call();
        if answer.status != 200 {
            break answer;
        }
        delivered += 1;
        assert!(delivered < 1000, "the limit has no effect");
    };
    assert_eq!(refused.verdict(), (503, Some("audit_unavailable")));
    server.assert_unmarked("the refusal", refused.text());
    let before = upstream.requests().len();
    assert_eq!(before, delivered, "what was refused was not sent");
    for _ in 0..20 {
        assert_eq!(call().verdict(), (503, Some("audit_unavailable")));
    }
    assert_eq!(upstream.requests().len(), before, "NOUP");
    child.lift_limit();
    let lifted = Instant::now();
    while call().status != 200 {
        assert!(lifted.elapsed() < Duration::from_secs(5), "it does not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.stop();
    assert_eq!(findings(&server).0, []);
    assert_closed(&server);
    let intents = server.records().iter().filter(|record| record["event"] == "intent").count();
    assert!(intents >= upstream.requests().len());
}

#[test]
fn a_server_does_not_start_on_an_audit_that_it_cannot_continue() {
    let mut scene = Scene::new();
    assert_eq!(scene.server.get(&scene.key, "/callout/Pay/x").status, 200);
    scene.server.stop();
    let path = files(scene.server.house.audit_directory()).unwrap().swap_remove(0);
    let whole = std::fs::read(&path).unwrap();
    // A record that was never finished is cut off, and the cut is recorded.
    std::fs::write(&path, [whole.as_slice(), br#"{"lane":"core-0","sequ"#].concat()).unwrap();
    scene.server.start();
    assert_eq!(scene.server.get(&scene.key, "/callout/Pay/x").status, 200);
    scene.server.stop();
    let recovered = scene.server.wait_for_record("recovered", |_| true);
    assert_eq!(recovered["torn_bytes"], "22");
    assert_eq!(findings(&scene.server).0, []);
    // One that is whole and not ours is not.
    std::fs::write(&path, [whole.as_slice(), b"{\"event\":\"forged\"}\n"].concat()).unwrap();
    let started = scene.server.runtime.block_on(sortie_server::Server::start(&scene.server.setup));
    let Err(error) = started else { panic!("it started") };
    assert_eq!(error.code(), "audit_unavailable");
    assert!(error.next_step().contains("sortie audit verify"));
}

#[test]
fn refusals_are_recorded_up_to_a_rate_and_counted_beyond_it() {
    // AUD-06, DOS-16: no flood of bad requests fills the disk.
    let mut scene = Scene::new();
    const FLOOD: usize = 3000;
    let mut caller = scene.server.caller();
    let begin = Instant::now();
    // Both kinds in turn, so that every tick's share holds some of each.
    let bad = ["/callout/Pay/../x", "/callout/None/x"].map(|bad| request(&scene.key, "GET", bad, "", "")).concat();
    for _ in 0..FLOOD / 100 {
        caller.send(bad.repeat(50));
        for _ in 0..100 {
            assert!(matches!(caller.answer().unwrap().status, 400 | 403));
        }
    }
    let took = begin.elapsed();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(scene.server.get(&Secret::new("sortie_x"), "/callout/Pay/x").status, 401);
    scene.server.stop();
    let records: Vec<_> = scene.server.records().into_iter().filter(|record| record["event"] == "refused").collect();
    let unrecorded: u64 = records.iter().filter_map(|record| record["unrecorded_before"].as_u64()).sum();
    assert_eq!(records.len() as u64 + unrecorded, FLOOD as u64 + 1, "each is recorded or counted");
    // 50 in each window of 100 ms that the flood touched, and the one that came after it.
    let allowed = 50 * (took.as_millis() / 100 + 2) as usize + 1;
    assert!(records.len() <= allowed, "{} in {took:?}", records.len());
    let codes: BTreeSet<_> = records.iter().map(|record| record["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["not_permitted", "target_invalid", "unauthenticated"].into());
    assert_eq!(findings(&scene.server).0, []);
}

#[test]
fn no_text_of_anybodys_makes_a_second_record() {
    // AUD-03. A principal's name is the freest text that comes into a record; paths hold what a target may hold.
    let mut scene = Scene::new();
    let name = "a\"b\\c\u{2028}\u{2029}\u{202e}d é 🦀 {\"event\":\"intent\"}";
    let server = &scene.server;
    let external = server.external_credential(&Credential::new("Odd", "no_authentication"));
    server.principal(&external, name, 1, IdentityType::Named, &[scene.callers]);
    server.named_credential("Odd", &scene.upstream.url(), &external);
    server.settle();
    let path = "/%22%7D,{'event':'intent'}%E2%80%A8;a=b|c^d~e$(f)${g}";
    let headers = "User-Agent: \",\"x\":\"\r\nX: {\"a\":1}\r\nSortie-Callout: core-0-999\r\n";
    let answer = server.request(&scene.key, "GET", &format!("/callout/Odd{path}?q=1"), headers, "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    // AUD-09: one id in answer and audit, and it is ours.
    let id = answer.header("sortie-callout").unwrap().to_owned();
    scene.server.stop();
    let audit = scene.server.audit();
    assert!(audit.is_ascii() && audit.lines().count() == 2, "{audit}");
    let records = scene.server.records();
    assert_eq!((&records[0]["principal"], &records[0]["path"]), (&name.into(), &path.into()));
    assert_eq!(id, format!("{}-{}", records[0]["lane"].as_str().unwrap(), records[0]["sequence"]));
    assert_eq!(records[1]["intent"], records[0]["sequence"]);
}

#[test]
fn two_nodes_on_one_database_have_chains_of_their_own() {
    // AUD-12.
    let database = TestDatabase::create();
    let mut one = TestServer::with_database(Some(database.url()));
    let upstream = RecordingUpstream::answering("hello");
    let key = one.with_pay(&upstream.url());
    let mut other = one.second_node();
    one.start();
    other.start();
    for number in 0..20 {
        assert_eq!(one.get(&key, "/callout/Pay/x").status, 200);
        if number % 2 == 0 {
            assert_eq!(other.get(&key, "/callout/Pay/x").status, 200);
        }
    }
    one.stop();
    other.stop();
    for (server, records) in [(&one, 40), (&other, 20)] {
        assert_eq!(findings(server), (vec![], records));
        assert_closed(server);
    }
    // A file of the other node's in the place of one's own is noticed.
    let [ours, theirs] = [&one, &other].map(|server| files(server.house.audit_directory()).unwrap().swap_remove(0));
    std::fs::copy(theirs, ours).unwrap();
    assert!(!findings(&one).0.is_empty());
}

#[test]
fn what_an_intent_says_is_who_what_and_as_whom_and_never_the_query() {
    let mut scene = Scene::new();
    let (_, bob) = scene.server.user("bob", &[scene.callers]);
    let external =
        scene.server.external_credential(&Credential { headers: &[("X-A", "{!$Credential.Own.A}")], ..Credential::new("Own", "custom") });
    let principal = scene.server.principal(&external, "Own principal", 3, IdentityType::Named, &[scene.callers]);
    scene.server.value(&external, Identity::shared(principal), "A", "SECRET-a");
    scene.server.named_credential("Own_Name", &scene.upstream.url(), &external);
    scene.server.settle();
    let answer = scene.server.request(&bob, "PUT", "/callout/own_name/a%20b?token=SECRET-query", "", "12345");
    assert_eq!(answer.status, 200);
    scene.server.stop();
    let records = scene.server.records();
    let intent = &records[0];
    for (name, value) in [
        ("event", "intent"),
        ("user", "bob"),
        ("key", crate::support::key_id(&bob).as_str()),
        ("named_credential", "Own_Name"),
        ("external_credential", "Own"),
        ("principal", "Own principal"),
        ("method", "PUT"),
        ("path", "/a%20b"),
    ] {
        assert_eq!(intent[name], value, "{intent}");
    }
    let result = &records[1];
    assert_eq!((&result["status"], &result["sent_bytes"], &result["received_bytes"]), (&200.into(), &5.into(), &5.into()));
    assert!(result["duration_us"].as_u64() > Some(0));
    scene.server.assert_unmarked("the audit", scene.server.audit());
}
