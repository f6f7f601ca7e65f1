//! Who is asked, and what is not asked at all.

use serde_json::{Value, json};

use super::Served;

#[test]
fn what_cannot_be_done_over_http_is_said() {
    let served = Served::start();
    served.sortie.file("people.yaml", "users: [{name: eve}]");
    assert_eq!(served.code(&["key", "create", "--user", "alice", "--expires", "12h"]), "whole_days_only");
    assert_eq!(served.code(&["apply", "-f", "people.yaml"]), "request_invalid");
}

#[test]
fn a_login_goes_on_in_a_browser_at_the_server() {
    let served = Served::start();
    let address = |arguments: &[&str]| {
        let said = served.run(&[&["--json", "auth", "login", "--no-browser"], arguments].concat(), "");
        let said: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        said["authentication_url"].as_str().unwrap().to_owned()
    };
    let shared = address(&["Calendar/Service"]);
    assert!(shared.starts_with(&served.url) && shared.contains("Calendar"), "{shared}");
    assert_eq!(address(&["callout:Calendar"]), shared);
    assert_ne!(address(&["callout:Calendar", "--user", "alice"]), shared);
    let said = served.run(&["auth", "login", "Calendar/Service", "--no-browser"], "");
    assert_eq!((said.code, said.out.trim_end()), (0, shared.as_str()), "alone on standard output");
    assert_eq!(served.code(&["auth", "login", "Pay/Main"]), "no_login");
}

#[test]
fn a_server_says_less_than_the_operators_terminal() {
    let served = Served::start();
    let eval = |formula| ["--json", "formula", "eval", formula, "--as", "alice", "--for", "callout:Pay/x"];
    let counted = "Bearer {!$Credential.Pay.Api_Key}";
    let set = ["secret", "set", "Pay/Main", "Api_Key", "--stdin"];
    assert_eq!(served.run(&set, "SECRET-key").code, 0);
    assert!(served.sortie.ok(&eval(counted)).contains("\"characters\": 17"));
    assert_eq!(served.run(&eval(counted), "").out.split_whitespace().collect::<String>(), "{\"secret\":true}");
    let said = served.run(&["formula", "eval", counted, "--as", "alice", "--for", "callout:Pay/x"], "");
    assert_eq!(said.out, "a secret, which is not shown\n");
    // What looks into one is for the operator.
    let guess = "IF(LEFT($Credential.Pay.Api_Key, 1) = 'S', 'a', 'b')";
    assert_eq!(served.sortie.run(&eval(guess)).code, 0);
    assert_eq!(served.code(&["formula", "eval", guess, "--as", "alice", "--for", "callout:Pay/x"]), "formula_inspects_secret");
    // Nor what there is around it.
    let said = served.sortie.run(&["provider", "discover", "http://127.0.0.1:1"]);
    assert!(said.code == 1 && said.err.contains("error[egress_denied]"), "{said:?}");
    assert_eq!(served.code(&["provider", "discover", "http://127.0.0.1:1"]), "metadata_not_found");
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

#[test]
fn what_a_server_finds_wrong_is_told_with_its_place() {
    let served = Served::start();
    let said = served.run(&["--json", "apply", "-f", "wrong.yaml"], "");
    let error: Value = serde_json::from_str(said.err.lines().last().unwrap()).unwrap();
    let error = &error["error"];
    assert_eq!(
        (said.code, &error["code"], &error["errors"][0]["pointer"]),
        (1, &json!("request_invalid"), &json!("/definition")),
        "{said:?}"
    );
    assert!(
        error["message"].as_str().unwrap().contains("`external_credentials[0].protocol`") && error["request_id"].is_string(),
        "{said:?}"
    );
    // What belongs to a protocol is not said to be gone while it is there.
    let reader = "{name: Reader, sequence_number: 2, settings: {role_arn: 'arn:aws:iam::123456789012:role/reader'}}";
    let sts = format!(
        "external_credentials: [{{name: Aws, protocol: aws_sts, settings: {{region: eu-west-1, service: s3}}, principals: [{{name: AwsStsPrincipal, sequence_number: 1}}, {reader}]}}]"
    );
    served.sortie.file("sts.yaml", &sts);
    assert_eq!(served.run(&["apply", "-f", "sts.yaml"], "").code, 0);
    assert_eq!(served.code(&["remove", "principal", "Aws/AwsStsPrincipal"]), "principal_needed");
    assert_eq!(served.run(&["remove", "principal", "Aws/Reader"], "").code, 0);
}
