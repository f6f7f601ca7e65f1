//! `sortie call`, at a gateway that the test plays.

use std::time::Duration;

use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::harness::{Said, Sortie};

const KEY: &str = "sortie_SECRET-key";

fn call(sortie: &Sortie, gateway: &str, arguments: &[&str]) -> Said {
    sortie.file("key", &format!("{KEY}\n"));
    sortie.run(&[&["call", "--gateway", gateway, "--key-file", "key"], arguments].concat())
}

#[test]
fn what_is_asked_goes_out_and_what_is_answered_comes_back() {
    let gateway = RecordingUpstream::start(|_| Reply::new(201).header("X-Own", "1").body("hello"));
    let sortie = Sortie::new();
    let address = gateway.address().to_string();
    let said = call(&sortie, &address, &["callout:Billing/x?open=true", "-d", "{}", "-H", "Content-Type: application/json", "-i"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.starts_with("HTTP/1.1 201 Created\n") && said.out.contains("x-own: 1\n") && said.out.ends_with("\n\nhello"),
        "{said:?}"
    );
    let requests = gateway.requests();
    assert_eq!(
        (requests[0].request_line.as_str(), requests[0].body.as_slice()),
        ("POST /callout/Billing/x?open=true HTTP/1.1", &b"{}"[..])
    );
    assert_eq!(requests[0].header("proxy-authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!((requests[0].header("host"), requests[0].header("content-type")), (Some(address.as_str()), Some("application/json")));
    let said = call(&sortie, &gateway.url(), &["callout:Billing/x", "-X", "DELETE", "--json", "-i", "-o", "answer"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    let written = std::fs::read_to_string(sortie.directory.path().join("answer")).unwrap();
    let (head, body) = written.split_once('\n').unwrap();
    let head: serde_json::Value = serde_json::from_str(head).unwrap();
    assert_eq!((head["status"].as_u64(), body), (Some(201), "hello"));
}

#[test]
fn a_refusal_a_failed_service_and_a_broken_answer_end_differently() {
    let problem = "{\"code\":\"not_permitted\"}";
    let gateway = RecordingUpstream::start(move |request| match request.target() {
        "/callout/No/x" => Reply::new(403).header("Sortie-Error", "not_permitted").body(problem),
        "/callout/Broken/x" => Reply::new(200).broken_body("hello", 2),
        _ => Reply::new(500).body("oops"),
    });
    let (sortie, url) = (Sortie::new(), gateway.url());
    let said = call(&sortie, &url, &["callout:No/x"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, problem, ""));
    assert_eq!(call(&sortie, &url, &["callout:Other/x"]).code, 0);
    assert_eq!(call(&sortie, &url, &["callout:Other/x", "--fail"]).code, 22);
    let said = call(&sortie, &url, &["callout:Broken/x"]);
    assert!(said.code == 1 && said.out == "he" && said.err.starts_with("error[answer_broken_off]"), "{said:?}");
    assert_eq!(gateway.requests().len(), 4, "none is made twice");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_sent() {
    let gateway = RecordingUpstream::start(|_| Reply::new(200));
    let (sortie, url) = (Sortie::new(), gateway.url());
    let code = |arguments: &[&str]| {
        let said = call(&sortie, &url, arguments);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        said.err.trim_start_matches("error[").split(']').next().unwrap().to_owned()
    };
    assert_eq!(code(&["Billing/x"]), "target_invalid");
    assert_eq!(code(&["callout:Billing/a b"]), "argument_invalid");
    assert_eq!(code(&["callout:Billing/x", "-X", "a b"]), "argument_invalid");
    assert_eq!(code(&["callout:Billing/x", "-H", "nothing"]), "argument_invalid");
    assert_eq!(code(&["callout:Billing/x", "-d", "@/nonexistent"]), "file_unusable");
    assert_eq!(sortie.code(&["call", "callout:Billing/x", "--gateway", &url]), "unauthenticated");
    assert_eq!(sortie.code(&["call", "callout:Billing/x", "--gateway", &url, "--key-file", "/nonexistent"]), "file_unusable");
    // The key would be everybody's who listens.
    assert_eq!(sortie.code(&["call", "callout:Billing/x", "--gateway", "192.0.2.1:8585", "--key-file", "key"]), "plain_http");
    assert_eq!(sortie.code(&["call", "callout:Billing/x", "--gateway", "127.0.0.1:1", "--key-file", "key"]), "gateway_unreachable");
    assert!(gateway.requests().is_empty());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how long a process takes is the machine's time")]
fn an_answer_is_shown_as_it_streams_in() {
    use std::io::Read as _;
    use std::process::Stdio;
    let gateway = RecordingUpstream::start(|_| Reply::new(200).drip("piece;", 2, Duration::from_secs(3)));
    let sortie = Sortie::new();
    let mut command = sortie.command(&["call", "callout:Files/x", "--gateway", &gateway.url()]);
    let mut child = command.env("SORTIE_KEY", KEY).stdout(Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    let mut first = [0; 6];
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut first).unwrap();
    assert!(first == *b"piece;" && begun.elapsed() < Duration::from_secs(3), "the second piece is not there yet");
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("piece;", Some(0)));
}
