//! `sortie secret`: a value comes from standard input, a file or a prompt, and is never seen again.

use std::process::{Command, Stdio};

use crate::harness::Sortie;

#[test]
fn a_value_from_standard_input_is_stored_and_not_echoed() {
    let sortie = Sortie::with_billing();
    let said = sortie.run_with_input(&["secret", "set", "Billing/Service", "client_secret", "--stdin"], "SECRET-stdin\n");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.contains("secret Billing/Service (client_secret)"), "{said:?}");
    let listed = sortie.json(&["secret", "list", "Billing/Service"]);
    assert_eq!(listed["values"][1]["name"], "client_secret");
    assert_eq!((&listed["values"][1]["set"], &listed["values"][1]["version"]), (&true.into(), &2.into()));
}

#[test]
fn a_value_from_a_file_is_stored() {
    let sortie = Sortie::with_billing();
    sortie.file("secret.txt", "SECRET-file\n");
    sortie.ok(&["secret", "set", "Billing/Service", "client_secret", "--from-file", "secret.txt"]);
    let refused = sortie.refused(&["secret", "set", "Billing/Service", "client_secret", "--from-file", "absent.txt"]);
    assert!(refused.contains("absent.txt"), "{refused}");
    sortie.ok(&["secret", "remove", "Billing/Service", "client_secret"]);
    assert_eq!(sortie.code(&["secret", "remove", "Billing/Service", "client_secret"]), "value_unknown");
}

#[test]
fn a_value_cannot_be_given_as_an_argument() {
    // OPS-01 of the attack catalogue: everybody on the machine can read arguments.
    let sortie = Sortie::with_billing();
    for arguments in [
        &["secret", "set", "Billing/Service", "client_secret", "x-on-argv"][..],
        &["secret", "set", "Billing/Service", "client_secret", "--value", "x-on-argv"],
        &["secret", "set", "Billing/Service", "client_secret", "--value=x-on-argv"],
    ] {
        assert_eq!(sortie.run(arguments).code, 2, "{arguments:?}");
    }
    let help = sortie.ok(&["secret", "set", "--help"]);
    assert!(!help.contains("--value") && help.contains("--stdin") && help.contains("--from-file"), "{help}");
}

#[test]
fn without_a_terminal_a_value_is_not_waited_for() {
    let sortie = Sortie::with_billing();
    assert_eq!(sortie.code(&["secret", "set", "Billing/Service", "client_secret"]), "value_missing");
    assert_eq!(sortie.code(&["secret", "set", "Billing/Service", "client_secret", "--stdin"]), "value_empty");
}

#[test]
fn a_prompt_on_a_terminal_does_not_echo() {
    let sortie = Sortie::with_billing();
    let binary = env!("CARGO_BIN_EXE_sortie");
    // `script` (util-linux) gives the command a terminal of its own and shows all that appears on it.
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--echo", "always", "--command"])
        .arg(format!("{binary} secret set Billing/Service client_secret"))
        .arg("/dev/null")
        .current_dir(sortie.directory.path())
        .env("SORTIE_DATA_DIR", sortie.data())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs `script` of util-linux: {error}"));
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut seen = Vec::new();
    // What is typed before the prompt is there would be echoed by the terminal itself.
    while !String::from_utf8_lossy(&seen).contains("(not shown): ") {
        let mut byte = [0];
        assert_eq!(std::io::Read::read(&mut output, &mut byte).unwrap(), 1, "{:?}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    std::io::Write::write_all(&mut input, b"SECRET-typed\n").unwrap();
    std::io::Read::read_to_end(&mut output, &mut seen).unwrap();
    let (status, seen) = (child.wait().unwrap(), String::from_utf8_lossy(&seen).into_owned());
    assert!(status.success() && seen.contains("client_secret"), "{seen}");
    assert!(!seen.contains("SECRET-"), "{seen}");
    assert_eq!(sortie.json(&["secret", "list", "Billing/Service"])["values"][1]["version"], 2);
}

#[test]
fn values_that_break_a_rule_are_refused_without_being_repeated() {
    let sortie = Sortie::with_billing();
    let refused = |arguments: &[&str], input: &str| {
        let said = sortie.run_with_input(arguments, input);
        assert_eq!(said.code, 1, "{said:?}");
        said.err
    };
    let err = refused(&["secret", "set", "Billing/Service", "password", "--stdin"], "SECRET-x");
    assert!(err.contains("it has client_id, client_secret"), "{err}");
    let err = refused(&["secret", "set", "Billing/Service", "client_secret", "--stdin", "--user", "alice"], "SECRET-x");
    assert!(err.starts_with("error[user_not_wanted]"), "{err}");
    let err = refused(&["secret", "set", "Billing/Service", "client_secret", "--stdin"], &"SECRET-x".repeat(10_000));
    assert!(err.starts_with("error[value_too_long]"), "{err}");
}

#[test]
fn every_user_of_a_per_user_principal_has_own_values() {
    let sortie = Sortie::with_billing();
    sortie.file("crm.yaml", "external_credentials:\n- name: Crm\n  protocol: basic\n  principals: [{name: Each, sequence_number: 1, identity_type: per_user}]\n");
    sortie.ok(&["apply", "-f", "crm.yaml"]);
    sortie.ok(&["user", "add", "bob"]);
    let said = sortie.run_with_input(&["secret", "set", "Crm/Each", "password", "--user", "alice", "--stdin"], "SECRET-alice");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(sortie.json(&["secret", "list", "Crm/Each", "--user", "alice"])["values"][1]["set"], true);
    assert_eq!(sortie.json(&["secret", "list", "Crm/Each", "--user", "bob"])["values"][1]["set"], false);
    assert_eq!(sortie.code(&["secret", "list", "Crm/Each"]), "user_required");
}
