//! The example in `examples/management-api`, run as it stands, and a callout with what it has made.

use std::path::Path;
use std::process::Command;

use sortie_testkit::plain_http;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::office::Office;

#[test]
fn what_the_example_sets_up_can_be_called() {
    let office = Office::open();
    let upstream = RecordingUpstream::start(|_| Reply::new(200).body("hello"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/management-api/billing.py");
    let run = || {
        let output = Command::new("python3")
            .arg(&script)
            .args([upstream.url().as_str(), "robot", "Callers"])
            .env("SORTIE_URL", office.url(""))
            .env("SORTIE_KEY", office.admin.expose())
            .env("BILLING_PASSWORD", "SECRET-billing")
            .output()
            .unwrap_or_else(|error| panic!("this test needs `python3`: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(run(), "callout:Billing is Configured\n");
    let definitions = || office.runtime.block_on(office.house.store().definitions()).unwrap();
    let before = definitions();
    assert_eq!(run(), "callout:Billing is Configured\n");
    let after = definitions();
    assert_eq!(
        (before.named_credentials, before.principals, before.principal_access),
        (after.named_credentials, after.principals, after.principal_access)
    );

    let alice = format!("Bearer {}", office.key("alice").expose());
    let url = format!("http://{}/callout/Billing/invoices", office.server().gateway());
    let answer = plain_http::send("GET", &url, &[("Proxy-Authorization", &alice)], b"").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let received = upstream.requests();
    // robot:SECRET-billing
    assert_eq!(received[0].header("authorization"), Some("Basic cm9ib3Q6U0VDUkVULWJpbGxpbmc="));
}
