//! Who is asked, and what is not asked at all.

use super::{Served, code_of};

#[test]
fn what_cannot_be_done_over_http_is_said() {
    let served = Served::start();
    served.sortie.file("people.yaml", "users: [{name: eve}]");
    for arguments in [
        &["user", "unlink", "alice"][..],
        &["secret", "list", "Pay/Main"],
        &["secret", "remove", "Pay/Main", "Key"],
        &["secret", "set", "provider:Idp", "client_secret", "--stdin"],
        &["provider", "discover", "https://id.test"],
        &["auth", "status", "Pay/Main"],
        &["audit", "verify"],
        &["formula", "eval", "1 + 1", "--as", "alice"],
    ] {
        let said = served.run(arguments, "SECRET-value");
        assert_eq!((said.code, code_of(&said).as_str()), (1, "not_over_http"), "{arguments:?}: {said:?}");
    }
    assert_eq!(served.code(&["key", "create", "--user", "alice", "--expires", "12h"]), "whole_days_only");
    assert_eq!(served.code(&["apply", "-f", "people.yaml"]), "request_invalid");
    // Values that belong together are stored together, by the API.
    let said = served.run(&["secret", "set", "Basic/Main", "username", "--stdin"], "robot");
    assert_eq!((said.code, code_of(&said).as_str()), (1, "request_invalid"), "{said:?}");
    let said = served.run(&["secret", "set", "Basic/Own", "username", "--user", "alice", "--stdin"], "robot");
    assert_eq!((said.code, code_of(&said).as_str()), (1, "request_invalid"), "asked for her: {said:?}");
}

#[test]
fn who_asks_and_whom_is_checked_before_anything_is_sent() {
    let served = Served::start();
    let run = |arguments: &[&str]| served.sortie.code(arguments);
    assert_eq!(run(&["--server", &served.url, "status"]), "unauthenticated");
    assert_eq!(run(&["--server", &served.url, "--key-file", "nowhere", "status"]), "file_unusable");
    served.sortie.file("key", &format!("{}\n", served.key));
    assert!(served.sortie.ok(&["--server", &served.url, "--key-file", "key", "status"]).contains("callout:Pay"));
    assert_eq!(run(&["--server", "http://192.0.2.1:8586", "--key-file", "key", "status"]), "plain_http");
    assert_eq!(run(&["--server", "ftp://x", "--key-file", "key", "status"]), "url_invalid");
    assert_eq!(run(&["--server", "http://127.0.0.1:1", "--key-file", "key", "status"]), "server_unreachable");
    assert_eq!(run(&["--server", "https://x.test", "--ca-file", "nowhere", "--key-file", "key", "status"]), "roots_unusable");
}

#[test]
fn who_types_where_the_house_is_means_the_house() {
    let served = Served::start();
    let data = served.sortie.data().display().to_string();
    let run = |arguments: &[&str]| {
        let mut command = served.sortie.command(arguments);
        command.env("SORTIE_URL", "http://127.0.0.1:1").env("SORTIE_KEY", "sortie_none").output().unwrap()
    };
    for arguments in [&["--data-dir", &data, "user", "list"][..], &["user", "list", "--data-dir", &data]] {
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    assert_eq!(run(&["user", "list"]).status.code(), Some(1), "the environment names a server that is not there");
    assert_eq!(run(&["--data-dir", &data, "--server", &served.url, "user", "list"]).status.code(), Some(2));
    assert_eq!(run(&["--data-dir", &data, "user", "list", "--server", &served.url]).status.code(), Some(2));
}
