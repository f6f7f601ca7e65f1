//! Renewal: npm's `oidc-provider` gives the tokens, and its log says how often it was asked.

use std::collections::HashSet;
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sortie_model::{CallerFormulas, ExternalCredential, RenewalRule, Secret};
use sortie_testkit::peers::{Fault, OidcProvider, TestDatabase};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{BodyEnd, OAuthName, Stage, TestServer, request};

/// An upstream that takes every token until it is told that those seen so far are dead.
struct Api {
    upstream: RecordingUpstream,
    seen: Arc<Mutex<HashSet<String>>>,
    dead: Arc<Mutex<HashSet<String>>>,
}

impl Api {
    fn start() -> Self {
        let (seen, dead) = (Arc::<Mutex<HashSet<String>>>::default(), Arc::<Mutex<HashSet<String>>>::default());
        let (seeing, judging) = (Arc::clone(&seen), Arc::clone(&dead));
        let upstream = RecordingUpstream::start(move |received| {
            let token = received.header("authorization").unwrap_or_default().to_owned();
            seeing.lock().unwrap().insert(token.clone());
            if judging.lock().unwrap().contains(&token) { Reply::new(401).body("stale") } else { Reply::new(200).body("hello") }
        });
        Self { upstream, seen, dead }
    }

    fn expire(&self) {
        self.dead.lock().unwrap().extend(self.seen.lock().unwrap().drain());
    }
}

#[test]
fn two_hundred_first_callouts_at_once_make_one_token_request() {
    // REL-T03.
    let provider = OidcProvider::start();
    let stage = Stage::new();
    stage.add(OAuthName::at(&provider, "Tok"));
    provider.fault(Fault::on("/token").delay(Duration::from_millis(300)));
    assert_eq!(at_once(200, &[&stage.server], &stage.key), [200; 200]);
    assert_eq!(provider.log().len(), 1);
}

#[test]
fn two_nodes_on_one_database_make_one_token_request_between_them() {
    // REL-T02, REL-T03.
    let provider = OidcProvider::start();
    let database = TestDatabase::create();
    let stage = Stage::on(TestServer::with_database(Some(database.url())));
    let mut other = stage.server.second_node();
    stage.add(OAuthName::at(&provider, "Tok"));
    other.start();
    other.settle();
    provider.fault(Fault::on("/token").delay(Duration::from_millis(500)));
    assert_eq!(at_once(40, &[&stage.server, &other], &stage.key), [200; 40]);
    assert_eq!(provider.log().len(), 1);
    // And one when it has died.
    provider.expire_all_tokens();
    assert_eq!(at_once(40, &[&stage.server, &other], &stage.key), [200; 40]);
    assert_eq!(provider.log().len(), 2);
}

fn wait_for_log(provider: &OidcProvider, count: usize) {
    for _ in 0..500 {
        if provider.log().len() >= count {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the token endpoint was not asked {count} times within 5 s")
}

/// So many callers at the same moment, in turn at each of the servers.
fn at_once(count: usize, servers: &[&TestServer], key: &Secret) -> Vec<u16> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..count)
            .map(|number| {
                let (mut caller, barrier) = (servers[number % servers.len()].caller(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    caller.send(request(key, "GET", "/callout/Tok/x", "", ""));
                    caller.answer().unwrap().status
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn a_caller_who_hangs_up_does_not_end_the_renewal_that_others_wait_for() {
    let provider = OidcProvider::start();
    let stage = Stage::new();
    stage.add(OAuthName::at(&provider, "Tok"));
    provider.fault(Fault::on("/token").delay(Duration::from_millis(800)));
    let mut first = stage.server.caller();
    first.send(request(&stage.key, "GET", "/callout/Tok/first", "", ""));
    wait_for_log(&provider, 1);
    drop(first);
    stage.server.wait_for_record("result", |record| record["ending"] == "caller_aborted");
    assert_eq!(stage.get("/callout/Tok/second").status, 200);
    assert_eq!(provider.log().len(), 1);
}

#[test]
fn a_caller_who_hangs_up_while_the_body_is_held_sends_nothing() {
    let provider = OidcProvider::start();
    let upstream = RecordingUpstream::answering("hello");
    let stage = Stage::new();
    let pay = stage.add(OAuthName { url: upstream.url(), ..OAuthName::at(&provider, "Tok") });
    stage.server.named_credential_with("Filled", &upstream.url(), &pay.external, |named| {
        named.allow_formulas_in_body = CallerFormulas::Evaluated;
    });
    stage.server.settle();
    provider.fault(Fault::on("/token").delay(Duration::from_secs(4)));
    let mut caller = stage.server.caller();
    caller.send(request(&stage.key, "POST", "/callout/Filled/x", "", "by {!$User.UserName}"));
    wait_for_log(&provider, 1);
    drop(caller);
    let record = stage.server.wait_for_record("result", |_| true);
    assert_eq!(record["ending"], "caller_aborted", "{record}");
    assert!(record["duration_us"].as_u64() < Some(3_500_000), "noticed only with the token: {record}");
    // The token arrives all the same, and others go on with it.
    assert_eq!(stage.get("/callout/Tok/next").status, 200);
    assert_eq!((provider.log().len(), upstream.requests().len()), (1, 1));
}

#[test]
fn a_dead_token_is_renewed_once_and_the_request_sent_again() {
    let provider = OidcProvider::start();
    let mut stage = Stage::new();
    stage.add(OAuthName::at(&provider, "Tok"));
    assert_eq!(stage.get("/callout/Tok/x").status, 200);
    provider.expire_all_tokens();
    let answer = stage.server.request(&stage.key, "POST", "/callout/Tok/x?y", "", "small body");
    let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (answer.status, &echo["method"], &echo["body"], &echo["path"]),
        (200, &json!("POST"), &json!("small body"), &json!("/api/x?y"))
    );
    assert_eq!(provider.log().len(), 2);
    assert_eq!(stage.get("/callout/Tok/x").status, 200);
    assert_eq!(provider.log().len(), 2);
    stage.server.stop();
    let records = stage.server.records();
    // In no order: each core has a file of its own.
    let results: Vec<_> = records.iter().filter(|record| record["event"] == "result").map(|record| record["renewed"].as_bool()).collect();
    assert_eq!((results.len(), results.iter().filter(|renewed| **renewed == Some(true)).count()), (3, 1));
}

#[test]
fn only_a_body_that_is_remembered_whole_is_sent_again() {
    // HDR-20, P9: at most one replay; else the 401 is handed on, and the next callout finds a good token.
    let provider = OidcProvider::start();
    let stage = Stage::new();
    for (name, length, replayed) in [("Small", 60 * 1024, true), ("Large", 1 << 20, false)] {
        let api = Api::start();
        stage.add(OAuthName { url: api.upstream.url(), ..OAuthName::at(&provider, name) });
        let body = "b".repeat(length);
        let post = || stage.server.request(&stage.key, "POST", &format!("/callout/{name}/x"), "", &body);
        assert_eq!(post().verdict(), (200, None));
        api.expire();
        let before = provider.log().len();
        let answer = post();
        let received = api.upstream.requests();
        if replayed {
            assert_eq!((answer.verdict(), received.len()), ((200, None), 3), "{name}");
            assert_eq!((received[2].body_bytes, &received[2].body), (received[1].body_bytes, &received[1].body), "{name}");
            assert_ne!(received[2].header("authorization"), received[1].header("authorization"), "{name}");
        } else {
            assert_eq!((answer.verdict(), answer.text().as_str(), received.len()), ((401, None), "stale", 2), "{name}");
        }
        assert_eq!(provider.log().len(), before + 1, "{name}: renewed in either case");
        assert_eq!(post().verdict(), (200, None), "{name}");
        assert_eq!(api.upstream.requests().last().unwrap().body_bytes, length as u64, "{name}");
        assert_eq!(provider.log().len(), before + 1, "{name}");
    }
}

#[test]
fn further_statuses_mean_a_dead_token_only_where_the_definition_says_so() {
    let provider = OidcProvider::start();
    let stage = Stage::new();
    for (status, told, untold) in [(403, "Told403", "Untold403"), (498, "Told498", "Untold498")] {
        stage.add(OAuthName { additional_status_codes: &[403, 498], ..OAuthName::at(&provider, told) });
        stage.add(OAuthName::at(&provider, untold));
        for name in [told, untold] {
            assert_eq!(stage.get(&format!("/callout/{name}/x")).status, 200);
        }
        provider.answer_dead_tokens_with(status);
        provider.expire_all_tokens();
        let before = provider.log().len();
        assert_eq!(stage.get(&format!("/callout/{untold}/x")).verdict(), (status, None));
        assert_eq!(provider.log().len(), before, "{status}");
        assert_eq!(stage.get(&format!("/callout/{told}/x")).verdict(), (200, None));
        assert_eq!(provider.log().len(), before + 1, "{status}");
    }
}

#[test]
fn an_upstream_that_refuses_every_token_does_not_make_us_hammer_the_provider() {
    // REL-T19, RSP-14: the answer is the upstream's, so that it bears no `Sortie-Error`.
    let provider = OidcProvider::start();
    let stage = Stage::new();
    let upstream = RecordingUpstream::start(|_| Reply::new(401).header("WWW-Authenticate", "Bearer error=\"invalid_token\""));
    stage.add(OAuthName { url: upstream.url(), ..OAuthName::at(&provider, "Tok") });
    for _ in 0..20 {
        let answer = stage.get("/callout/Tok/x");
        assert_eq!((answer.verdict(), answer.header("www-authenticate")), ((401, None), Some("Bearer error=\"invalid_token\"")));
    }
    assert_eq!(provider.log().len(), 2, "the first, and one renewal");
    assert_eq!(upstream.requests().len(), 21, "one was sent twice");
}

#[test]
fn an_old_token_serves_while_its_successor_cannot_be_had() {
    // REL-T13. Twelve seconds: due after 9.6, not used after 10.8.
    let provider = OidcProvider::start();
    let stage = Stage::new();
    let api = Api::start();
    stage.add(OAuthName { url: api.upstream.url(), ..OAuthName::at(&provider, "Tok") });
    provider.issue_tokens_for_seconds(12);
    let begin = Instant::now();
    assert_eq!(stage.get("/callout/Tok/x").status, 200);
    // Down for whoever asks before the token dies.
    provider.fault(Fault::on("/token").answer(503, "text/html", "<h1>down</h1>"));
    std::thread::sleep(Duration::from_millis(9_700).saturating_sub(begin.elapsed()));
    for _ in 0..5 {
        assert_eq!(stage.get("/callout/Tok/x").verdict(), (200, None));
    }
    assert!(begin.elapsed() < Duration::from_millis(10_700), "too slow a machine to tell");
    wait_for_log(&provider, 2);
    assert_eq!(provider.log().iter().map(|request| request.status).collect::<Vec<_>>(), [Some(200), Some(503)]);
    assert_eq!(api.seen.lock().unwrap().len(), 1, "all with the old token");
    std::thread::sleep(Duration::from_millis(11_200).saturating_sub(begin.elapsed()));
    assert_eq!(stage.get("/callout/Tok/x").verdict(), (200, None));
    assert_eq!(api.seen.lock().unwrap().len(), 2, "and then with a new one");
}

#[test]
fn without_a_provider_a_good_token_is_used_on() {
    let api = Api::start();
    let stage = Stage::new();
    let provider = OidcProvider::start();
    stage.add(OAuthName { url: api.upstream.url(), ..OAuthName::at(&provider, "Tok") });
    assert_eq!(stage.get("/callout/Tok/x").status, 200);
    drop(provider);
    for _ in 0..20 {
        assert_eq!(stage.get("/callout/Tok/x").status, 200);
    }
    // The kept one, sealed in the database, serves a node that starts while the provider is down.
    let mut stage = stage;
    stage.server.stop();
    stage.server.start();
    assert_eq!(stage.get("/callout/Tok/x").status, 200);
    assert_eq!(api.seen.lock().unwrap().len(), 1);
    // Refused, and no other to be had.
    api.expire();
    let answer = stage.get("/callout/Tok/x");
    assert_eq!(answer.verdict(), (503, Some("token_endpoint_unavailable")));
    stage.server.assert_unmarked("the answer", answer.text());
}

#[test]
fn a_body_that_says_that_the_token_is_stale_renews_it_and_one_that_breaks_off_breaks_off() {
    let provider = OidcProvider::start();
    let first = Mutex::new(true);
    let upstream = RecordingUpstream::start(move |received| {
        let json = |reply: Reply| reply.header("Content-Type", "application/json");
        if received.target() == "/broken" {
            return json(Reply::new(200).broken_body(r#"{"errors": [{"code": 602}], "pad": "xxxx"}"#, 30));
        }
        let is_stale = std::mem::replace(&mut *first.lock().unwrap(), false);
        json(Reply::new(200).body(if is_stale { r#"{"errors": [{"code": 602}]}"# } else { r#"{"ok": true}"# }))
    });
    let stage = Stage::new();
    let pay = stage.add(OAuthName { url: upstream.url(), ..OAuthName::at(&provider, "Tok") });
    let renewal_rules = vec![RenewalRule::of_pointer(200, "/errors/0/code", "602").unwrap()];
    let external = ExternalCredential { renewal_rules, ..pay.external };
    stage.server.change(async |change| change.external_credentials().update(&external).await.unwrap());
    stage.server.settle();
    assert_eq!(stage.get("/callout/Tok/x").text(), r#"{"ok": true}"#);
    let received = upstream.requests();
    assert_eq!(received.len(), 2);
    assert_ne!(received[0].header("authorization"), received[1].header("authorization"));
    assert_eq!(provider.log().len(), 2);
    let mut caller = stage.server.caller();
    caller.send(request(&stage.key, "GET", "/callout/Tok/broken", "", ""));
    // What was looked into and broke off is not presented as whole; there may be no answer at all.
    if let Some(broken) = caller.answer() {
        assert_eq!((broken.verdict(), broken.end), ((200, None), BodyEnd::Broken), "{}", broken.head);
    }
    assert!(caller.is_closed());
    let record = stage.server.wait_for_record("result", |record| record["ending"] == "upstream_truncated");
    assert_eq!(record["received_bytes"], 30, "{record}");
}
