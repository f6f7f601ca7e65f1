//! One callout, end to end.

use sortie_testkit::upstream::RecordingUpstream;

use crate::support::TestServer;

#[test]
fn a_callout_reaches_the_place_that_its_name_stands_for() {
    let upstream = RecordingUpstream::answering("hello");
    let mut server = TestServer::new();
    let key = server.with_pay(&format!("{}/v1/base", upstream.url()));
    server.start();
    let answer = server.get(&key, "/callout/Pay/ok?x=1&x=2");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"), "{}", answer.head);
    let received = upstream.wait_for(1);
    assert_eq!(received[0].request_line, "GET /v1/base/ok?x=1&x=2 HTTP/1.1");
    assert_eq!(received[0].header("x-api-key"), Some("SECRET-pay-key"));
    assert_eq!(received[0].header("host"), Some(upstream.address().to_string().as_str()));
    assert_eq!(received[0].header("proxy-authorization"), None);
    server.stop();
    let audit = server.audit();
    assert!(audit.contains(r#""event":"intent""#) && audit.contains(r#""event":"result""#) && audit.contains(r#""status":200"#), "{audit}");
    assert!(!audit.contains("SECRET") && !audit.contains("x=1"));
}
