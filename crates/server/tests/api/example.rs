//! The examples in `examples/management-api`, run as they stand, and a callout with what they have made.

use std::path::{Path, PathBuf};
use std::process::Command;

use sortie_testkit::plain_http;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::office::Office;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/management-api").join(name)
}

/// Runs it twice: the second time changes nothing.
#[track_caller]
fn sets_up_billing(office: &Office, upstream: &RecordingUpstream, program: &str, script: &Path) {
    let run = || {
        let mut command = Command::new(program);
        command.arg(script).args([upstream.url().as_str(), "robot", "Callers"]).env("SORTIE_URL", office.url(""));
        command.env("SORTIE_KEY", office.admin.expose()).env("BILLING_PASSWORD", "SECRET-billing");
        let (code, out, err) = output(&mut command);
        assert_eq!(code, Some(0), "{err}");
        out
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
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("this test needs {:?}: {error}", command.get_program()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!out.contains(crate::office::MARK) && !err.contains(crate::office::MARK), "LEAK: {out} {err}");
    (output.status.code(), out, err)
}

/// robot:SECRET-billing
const CREDENTIAL: &str = "Basic cm9ib3Q6U0VDUkVULWJpbGxpbmc=";

#[test]
fn what_the_example_sets_up_can_be_called() {
    let office = Office::open();
    let upstream = RecordingUpstream::start(|_| Reply::new(200).body("hello"));
    sets_up_billing(&office, &upstream, "python3", &example("billing.py"));
    let alice = format!("Bearer {}", office.key("alice").expose());
    let url = format!("http://{}/callout/Billing/invoices", office.server().gateway());
    let answer = plain_http::send("GET", &url, &[("Proxy-Authorization", &alice)], b"").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    assert_eq!(upstream.requests()[0].header("authorization"), Some(CREDENTIAL));
}

#[test]
fn the_same_in_typescript_which_also_calls_it() {
    let office = Office::open();
    let upstream = RecordingUpstream::start(|_| Reply::new(200).body("hello"));
    let directory = tempfile::tempdir().unwrap();
    let compiler = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/peers/node_modules/typescript/bin/tsc");
    assert!(compiler.is_file(), "this test needs the npm package `typescript`: `cargo xtask peers` installs it");
    let mut command = Command::new("node");
    command.arg(compiler).args(["--strict", "--target", "es2022", "--module", "es2022", "--lib", "es2022,dom", "--outDir"]);
    let (code, out, _) = output(command.arg(directory.path()).arg(example("billing.mts")));
    assert_eq!(code, Some(0), "{out}");
    let script = directory.path().join("billing.mjs");
    sets_up_billing(&office, &upstream, "node", &script);

    let run = |key: &sortie_model::Secret, caller: &str, set: &str| {
        let mut command = Command::new("node");
        command
            .arg(&script)
            .args([upstream.url().as_str(), "robot", set])
            .env("SORTIE_URL", office.url(""))
            .env("SORTIE_KEY", key.expose());
        command.env("BILLING_PASSWORD", "SECRET-billing").env("SORTIE_CALLER_KEY", office.key(caller).expose());
        output(command.env("SORTIE_GATEWAY", format!("http://{}", office.server().gateway())))
    };
    let (code, out, err) = run(&office.admin, "alice", "Callers");
    assert_eq!((code, out.as_str()), (Some(0), "callout:Billing is Configured\n200 hello\n"), "{err}");
    assert_eq!(upstream.requests()[0].header("authorization"), Some(CREDENTIAL));
    // What is refused is said with its code and what to do.
    let (code, _, err) = run(&office.admin, "nobody", "Callers");
    assert!(code == Some(1) && err.starts_with("callout:Billing/invoices: not_permitted: ") && err.contains(" next: "), "{err}");
    let (code, _, err) = run(&office.admin, "alice", "Nope");
    assert!(code == Some(1) && err.starts_with("POST /principal-access: permission_set_unknown: "), "{err}");
    let (code, _, err) = run(&office.key("viewer"), "alice", "Callers");
    assert!(code == Some(1) && err.contains("permission_missing"), "{err}");
}
