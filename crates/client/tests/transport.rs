//! How requests get to a server and back: connections, time limits, lost answers, TLS, and where the key goes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sortie_client::{Client, ClientBuilder, ClientError, NewUser, Secret};
use sortie_testkit::tls_front::TlsFront;
use sortie_testkit::upstream::{Received, RecordingUpstream, Reply};

const KEY: &str = "sortie_SECRET-key";

fn builder(server: &str) -> ClientBuilder {
    Client::builder().url(server).gateway(server).key(Secret::new(KEY))
}

fn client(server: &RecordingUpstream) -> Client {
    builder(&server.url()).build().unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The code of an error which shows no secret.
#[track_caller]
fn code<T>(result: Result<T, ClientError>) -> String {
    let error = result.err().unwrap();
    let text = format!("{error} {error:?} {}", error.next_step());
    assert!(!text.contains("SECRET-"), "{text}");
    error.code().to_owned()
}

/// A user as the API shows one.
fn user(name: &str) -> Reply {
    let body = format!(
        r#"{{"name":"{name}","active":true,"password":false,"profile":null,"permission_sets":[],"permissions":[],"attributes":{{}}}}"#
    );
    Reply::new(200).header("Content-Type", "application/json").body(body)
}

/// Nothing for the first so many requests, then an answer.
fn losing(count: usize, then: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> RecordingUpstream {
    let seen = AtomicUsize::new(0);
    RecordingUpstream::start(move |request| if seen.fetch_add(1, Ordering::SeqCst) < count { Reply::hang_up() } else { then(request) })
}

#[test]
fn a_key_goes_into_the_header_of_its_surface_and_a_name_is_encoded() {
    let server = RecordingUpstream::start(|_| user("a b/c"));
    let client = client(&server);
    let shown = run(async {
        client.get("callout:Billing/x").query("open", "a&b").header("X-Own", "1").send().await.unwrap();
        client.users().show("a b/c?d#e").await.unwrap()
    });
    assert_eq!(shown.name, "a b/c");
    let [callout, management] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(callout.target(), "/callout/Billing/x?open=a%26b");
    assert_eq!(callout.header("proxy-authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!((callout.header("authorization"), callout.header("x-own")), (None, Some("1")));
    assert_eq!(management.target(), "/api/v1/users/a%20b%2Fc%3Fd%23e");
    assert_eq!(management.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
}

#[test]
fn a_connection_is_used_again() {
    let server = RecordingUpstream::start(|_| user("x"));
    let client = client(&server);
    run(async {
        for _ in 0..5 {
            client.clone().users().show("x").await.unwrap();
        }
    });
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}

#[test]
fn a_post_whose_answer_was_lost_is_sent_once_more_under_the_same_key() {
    let server = losing(1, |_| user("bob"));
    let client = client(&server);
    run(client.users().create(&NewUser { name: "bob".to_owned(), ..NewUser::default() })).unwrap();
    run(client.users().create(&NewUser { name: "eve".to_owned(), ..NewUser::default() })).unwrap();
    let requests = server.requests();
    let keys: Vec<&str> = requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    assert_eq!(requests[0].body, requests[1].body);
}

#[test]
fn there_is_one_more_attempt_and_no_third() {
    let server = losing(2, |_| user("bob"));
    assert_eq!(code(run(client(&server).users().show("bob"))), "connection_lost");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn what_cannot_be_told_apart_from_twice_is_sent_once() {
    for index in 0..4 {
        let server = losing(1, |_| user("bob"));
        let client = client(&server);
        let result = run(async {
            match index {
                0 => client.users().remove("bob").await,
                1 => client.users().assign("bob", "Callers").await,
                2 => client.users().amend("bob", &sortie_client::UserChange::default()).await.map(drop),
                _ => client.post("callout:Billing/x").body("{}").send().await.map(drop),
            }
        });
        assert_eq!((code(result).as_str(), server.requests().len()), ("connection_lost", 1), "{index}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let seen = AtomicUsize::new(0);
    let server = RecordingUpstream::start(move |_| {
        if seen.fetch_add(1, Ordering::SeqCst) == 0 { Reply::new(200).broken_body("{\"name\":\"bob\"}", 5) } else { user("bob") }
    });
    assert_eq!(run(client(&server).users().show("bob")).unwrap().name, "bob");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn nobody_waits_for_ever() {
    let server = RecordingUpstream::start(|_| user("bob").delay(Duration::from_secs(20)));
    let limit = Duration::from_millis(200);
    let client = builder(&server.url()).management_limit(limit).callout_limit(limit).build().unwrap();
    assert_eq!(code(run(client.users().show("bob"))), "server_timeout");
    assert_eq!(code(run(client.get("callout:Billing/x").send())), "server_timeout");
    // Nor for a body that stops in its middle, whoever reads it.
    let stalled = RecordingUpstream::start(|_| Reply::new(200).drip("piece", 2, Duration::from_secs(20)));
    let client = builder(&stalled.url()).idle_limit(limit).build().unwrap();
    let answer = || run_in(&client, "callout:Billing/x");
    assert_eq!(code(run(async { answer().await.bytes().await })), "server_timeout");
    assert_eq!(code(run(async { answer().await.json::<String>().await })), "server_timeout");
    // TEST-NET-1 (RFC 5737): nobody is there, and nobody says so.
    let client = builder("https://192.0.2.1").connect_limit(limit).build().unwrap();
    let began = tokio::time::Instant::now();
    assert!(matches!(code(run(client.users().show("bob"))).as_str(), "server_timeout" | "server_unreachable"));
    assert!(began.elapsed() < Duration::from_secs(10), "the limit for connecting, not the one for the answer");
}

async fn run_in(client: &Client, target: &str) -> sortie_client::Answer {
    client.get(target).send().await.unwrap()
}

#[test]
fn a_body_is_read_up_to_a_size() {
    let server = RecordingUpstream::start(|_| Reply::new(200).header("Set-Cookie", "SECRET-cookie").body("0123456789"));
    let client = client(&server);
    let read = |most| run(async { run_in(&client, "callout:Billing/x").await.bytes_up_to(most).await });
    assert_eq!(read(10).unwrap(), "0123456789");
    assert_eq!(code(read(9)), "answer_unexpected");
    let shown = run(async { format!("{:?}", run_in(&client, "callout:Billing/x").await) });
    assert!(shown.contains("200") && !shown.contains("SECRET-"), "{shown}");
}

#[test]
fn a_builder_shows_no_secret() {
    let shown = format!("{:?}", Client::builder().url("https://me:SECRET-password@host").key(Secret::new(KEY)));
    assert!(shown.contains("has_key: true") && !shown.contains("SECRET-"), "{shown}");
}

#[test]
fn a_page_that_failed_is_asked_for_again_and_is_not_the_end() {
    let seen = AtomicUsize::new(0);
    let server = RecordingUpstream::start(move |_| {
        let list = |next: &str| Reply::new(200).header("Content-Type", "application/json").body(format!(r#"{{"users":[],"next":{next}}}"#));
        match seen.fetch_add(1, Ordering::SeqCst) {
            0 => list(r#""/api/v1/users?limit=1&after=x""#),
            1 | 2 => Reply::hang_up(),
            _ => list("null"),
        }
    });
    let client = client(&server);
    let mut pages = client.users().pages(1);
    assert!(run(pages.next()).unwrap().is_some());
    assert_eq!(code(run(pages.next())), "connection_lost");
    assert!(run(pages.next()).unwrap().is_some(), "the second page");
    assert!(run(pages.next()).unwrap().is_none());
}

#[test]
fn what_is_still_under_way_after_a_lost_connection_is_waited_for() {
    let seen = AtomicUsize::new(0);
    let server = RecordingUpstream::start(move |_| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::hang_up(),
        1 | 2 => Reply::new(409).header("Sortie-Error", "idempotency_under_way").body("{}"),
        _ => user("bob"),
    });
    let client = client(&server).under_key("mine").unwrap();
    let new = NewUser { name: "bob".to_owned(), ..NewUser::default() };
    assert_eq!(run(client.users().create(&new)).unwrap().name, "bob");
    let requests = server.requests();
    assert!(requests.len() == 4 && requests.iter().all(|request| request.header("idempotency-key") == Some("mine")));
    for bad in ["", "a b", "\u{e9}", &"x".repeat(256)] {
        assert_eq!(code(client.under_key(bad)), "argument_invalid", "{bad}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = RecordingUpstream::start(|_| user("bob"));
    let url = elsewhere.url();
    let server = RecordingUpstream::start(move |_| Reply::new(307).header("Location", &url));
    let client = client(&server);
    assert_eq!(code(run(client.users().show("bob"))), "answer_unexpected");
    // Of a callout it is the service's answer.
    assert_eq!(run(client.get("callout:Billing/x").send()).unwrap().status(), 307);
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn an_answer_that_is_none_of_ours_is_told_without_what_stands_in_it() {
    for (status, body) in [(200, "{\"name\":\"SECRET-x\"}"), (200, "<html>SECRET-x"), (502, "<html>SECRET-x"), (500, "")] {
        let server = RecordingUpstream::start(move |_| Reply::new(status).body(body));
        assert_eq!(code(run(client(&server).users().show("bob"))), "answer_unexpected", "{status} {body}");
    }
}

#[test]
fn a_list_does_not_lead_the_key_elsewhere() {
    let server = RecordingUpstream::start(|_| Reply::new(200).body(r#"{"users":[],"next":"/callout/Evil/x"}"#));
    let client = client(&server);
    let result = run(async {
        let mut pages = client.users().pages(10);
        assert_eq!(pages.next().await?, Some(Vec::new()));
        pages.next().await
    });
    assert_eq!((code(result).as_str(), server.requests().len()), ("answer_unexpected", 1));
}

#[test]
fn a_refusal_has_its_code_and_what_to_do() {
    let server = RecordingUpstream::start(|_| {
        let body =
            r#"{"status":403,"code":"not_permitted","detail":"this name cannot be used","next":"ask an admin","callout":"core-0-7"}"#;
        Reply::new(403).header("Sortie-Error", "not_permitted").header("Content-Type", "application/problem+json").body(body)
    });
    let client = client(&server);
    let error = run(client.get("callout:Billing/x").send()).unwrap_err();
    assert_eq!(
        (error.code(), error.next_step(), error.to_string().as_str()),
        ("not_permitted", "ask an admin", "this name cannot be used")
    );
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, refusal.callout.as_deref(), error.is_retryable()), (403, Some("core-0-7"), false));
    run(async {
        let untouched = client.get("callout:Billing/x").send_untouched().await.unwrap();
        assert!(untouched.is_refusal() && untouched.status() == 403);
        assert!(untouched.text().await.unwrap().contains("ask an admin"));
    });
}

#[test]
fn an_answer_of_the_service_is_no_error_whatever_its_status() {
    let server = RecordingUpstream::start(|_| Reply::new(500).header("X-Own", "1").body("{\"count\":3}"));
    let client = client(&server);
    run(async {
        let answer = client.delete("callout:Billing/x").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["x-own"].to_str().unwrap()), (500, "1"));
        let read: std::collections::BTreeMap<String, u32> = answer.json().await.unwrap();
        assert_eq!(read["count"], 3);
    });
}

#[test]
fn an_answer_streams_in() {
    let server = RecordingUpstream::start(|_| Reply::new(200).drip("piece;", 3, Duration::from_millis(300)));
    let client = builder(&server.url()).callout_limit(Duration::from_millis(500)).build().unwrap();
    let pieces = run(async {
        let mut answer = client.get("callout:Files/x").send().await.unwrap();
        let (mut pieces, mut text) = (0, String::new());
        while let Some(piece) = answer.chunk().await.unwrap() {
            pieces += 1;
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        assert_eq!(text, "piece;piece;piece;");
        pieces
    });
    assert!(pieces > 1, "it came as it was sent");
}

#[test]
fn a_body_is_sent_as_it_comes() {
    let server = RecordingUpstream::start(|_| Reply::echo());
    let client = client(&server);
    run(async {
        let answer = client.put("callout:Files/x").stream(http_body_util::Full::new(bytes::Bytes::from("hello"))).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "hello");
        let answer = client.post("callout:Files/x").json(&serde_json::json!({"a": 1})).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "{\"a\":1}");
    });
    assert_eq!(server.requests()[1].header("content-type"), Some("application/json"));
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    let server = RecordingUpstream::start(|_| Reply::new(200));
    let client = client(&server);
    for callout in [
        client.get("Billing/x"),
        client.get("callout:Billing/a b"),
        client.get("callout:Billing/x").header("X Y", "1"),
        client.get("callout:Billing/x").header("X-Y", "SECRET-\n1"),
    ] {
        assert_eq!(code(run(callout.send())), "argument_invalid");
    }
    let nowhere = Client::builder().key(Secret::new(KEY)).build().unwrap();
    assert_eq!(code(run(nowhere.get("callout:Billing/x").send())), "gateway_missing");
    assert_eq!(code(run(nowhere.users().show("x"))), "url_missing");
    let nobody = Client::builder().url(server.url()).gateway(server.url()).build().unwrap();
    assert_eq!(code(run(nobody.get("callout:Billing/x").send())), "unauthenticated");
    assert_eq!(code(run(nobody.users().show("x"))), "unauthenticated");
    let deputy = client.on_behalf_of("alice").unwrap();
    assert_eq!(code(run(deputy.get("callout:Billing/x").send())), "argument_invalid", "a callout is the caller's own");
    assert_eq!(code(client.on_behalf_of("SECRET-\n")), "argument_invalid");
    assert!(server.requests().is_empty());
}

#[test]
fn tls_believes_the_authorities_that_it_is_given_and_nobody_else() {
    let server = RecordingUpstream::start(|_| user("bob"));
    let front = TlsFront::of(&server.url());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authorities.pem");
    std::fs::write(&file, front.certificate()).unwrap();
    let trusting = builder(&front.url()).certificate_authorities(&file).build().unwrap();
    assert_eq!(run(trusting.users().show("bob")).unwrap().name, "bob");
    let other = TlsFront::of(&server.url());
    std::fs::write(&file, other.certificate()).unwrap();
    let doubting = builder(&front.url()).certificate_authorities(&file).build().unwrap();
    assert_eq!(code(run(doubting.users().show("bob"))), "server_unreachable");
    assert_eq!(server.requests().len(), 1);
    for bad in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, bad).unwrap();
        assert_eq!(builder(&front.url()).certificate_authorities(&file).build().map(|_| ()).unwrap_err().code(), "roots_unusable");
    }
    assert_eq!(builder(&front.url()).certificate_authorities("/nonexistent").build().map(|_| ()).unwrap_err().code(), "roots_unusable");
}

#[test]
fn certificates_and_passwords_are_asked_for_as_the_api_reads_them() {
    use sortie_client::{CertificateName, CertificateToRequest, Handover, KeyAndChain, Subject};
    let shown = r#"{"name":"S","label":"S","description":"","used_by":[],"versions":[]}"#;
    let server = RecordingUpstream::start(move |request| {
        let body = match request.request_line.split([' ', '?']).collect::<Vec<_>>()[..2] {
            [_, "/api/v1/certificate-requests" | "/api/v1/certificates/S/renewals"] => {
                format!(r#"{{"request":"PEM","certificate":{shown}}}"#)
            }
            ["GET", "/api/v1/certificates/S/request"] => r#"{"request":"PEM"}"#.to_owned(),
            ["GET", _] => r#"{"chain":"PEM"}"#.to_owned(),
            _ => shown.to_owned(),
        };
        Reply::new(200).body(body)
    });
    let client = client(&server);
    let handover = Handover { delay_seconds: Some(60), overlap_seconds: None };
    let pem = KeyAndChain::Pem { private_key: Secret::new("SECRET-key"), chain: "PEM".to_owned() };
    let pkcs12 = KeyAndChain::Pkcs12 { file: Secret::new("SECRETbase64"), password: Secret::new("SECRET-pw") };
    assert!(!format!("{pem:?} {pkcs12:?}").contains("SECRET"));
    run(async {
        let certificates = client.certificates();
        let subject = Subject { organization: Some("Example".to_owned()), ..Subject::default() };
        let new = CertificateToRequest { name: "S".to_owned(), subject: Some(subject), ..CertificateToRequest::default() };
        assert_eq!(certificates.request(&new).await.unwrap().request.as_deref(), Some("PEM"));
        assert_eq!(certificates.pending_request("S").await.unwrap(), "PEM");
        certificates.install("S", "PEM", handover).await.unwrap();
        assert_eq!(certificates.chain("S", Some(2)).await.unwrap(), "PEM");
        certificates.import(&CertificateName { name: "S".to_owned(), ..CertificateName::default() }, &pem).await.unwrap();
        certificates.import_version("S", &pkcs12, handover).await.unwrap();
        certificates.renew("S", Handover::default()).await.unwrap();
        certificates.retire("S", 1, Some(5)).await.unwrap();
        client.users().set_password("alice", &Secret::new("SECRET-pw")).await.unwrap();
        client.users().remove_password("alice").await.unwrap();
    });
    let asked =
        |request: &Received| format!("{} {}", request.request_line.trim_end_matches(" HTTP/1.1"), String::from_utf8_lossy(&request.body));
    let asked: Vec<String> = server.requests().iter().map(asked).collect();
    assert_eq!(
        asked,
        [
            r#"POST /api/v1/certificate-requests {"name":"S","subject":{"organization":"Example"}}"#,
            "GET /api/v1/certificates/S/request ",
            r#"PUT /api/v1/certificates/S/chain {"chain":"PEM","delay_seconds":60}"#,
            "GET /api/v1/certificates/S/chain?version=2 ",
            r#"POST /api/v1/certificate-imports {"name":"S","private_key":"SECRET-key","chain":"PEM"}"#,
            r#"POST /api/v1/certificates/S/imports {"delay_seconds":60,"pkcs12":"SECRETbase64","password":"SECRET-pw"}"#,
            "POST /api/v1/certificates/S/renewals {}",
            "DELETE /api/v1/certificates/S/versions/1?after_seconds=5 ",
            r#"PUT /api/v1/users/alice/password {"password":"SECRET-pw"}"#,
            "DELETE /api/v1/users/alice/password ",
        ]
    );
}
