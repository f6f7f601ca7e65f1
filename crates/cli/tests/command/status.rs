//! `sortie status`, `explain` and `audit`.

use std::fs;

use crate::harness::Sortie;

#[test]
fn status_says_what_to_do_next_until_nothing_is_missing() {
    let sortie = Sortie::new();
    assert!(sortie.ok(&["status"]).contains("sortie apply -f"));
    sortie.file("crm.yaml", "external_credentials:\n- name: Crm\n  protocol: basic\n  principals: [{name: All, sequence_number: 1}]\n");
    sortie.ok(&["apply", "-f", "crm.yaml"]);
    let missing = sortie.ok(&["status"]);
    assert!(missing.contains("Not Configured") && missing.contains("sortie secret set Crm/All username"), "{missing}");
    assert_eq!(sortie.run(&["status", "--check"]).code, 3);
    for value in ["username", "password"] {
        assert_eq!(sortie.run_with_input(&["secret", "set", "Crm/All", value, "--stdin"], "SECRET-x").code, 0);
    }
    assert_eq!(sortie.run(&["status", "--check", "crm"]).code, 0);
    assert!(!sortie.ok(&["status"]).contains("next:"));
    assert_eq!(sortie.code(&["status", "Other"]), "external_credential_unknown");
}

#[test]
fn a_client_certificate_is_shown_where_it_is_presented() {
    let sortie = Sortie::with_billing();
    sortie.ok(&["certificate", "request", "Bank", "--key-algorithm", "p256"]);
    sortie.file(
        "bank.yaml",
        "named_credentials:\n- {name: Bank, url: 'https://bank.test', external_credential: Billing, client_certificate: bank}\n",
    );
    sortie.ok(&["apply", "-f", "bank.yaml"]);
    let status = sortie.ok(&["status", "Billing"]);
    assert!(status.contains("callout:Bank -> https://bank.test  (presents the certificate Bank)"), "{status}");
    assert!(status.contains("next: the client certificate `Bank` has no chain yet") && status.contains("sortie certificate install Bank"));
    assert_eq!(sortie.run(&["status", "--check", "Billing"]).code, 3);
    let plan = sortie.run(&["explain", "callout:Bank/x", "--as", "alice"]);
    assert_eq!(plan.code, 1);
    assert!(plan.out.contains("client certificate   Bank, of which no version is in force"), "{plan:?}");
    assert!(plan.out.contains("it would be refused: client_certificate_not_usable") && plan.out.contains("whose turn           admin"));
    sortie.ok(&["certificate", "create", "Own", "--key-algorithm", "p256"]);
    sortie.file(
        "bank.yaml",
        "named_credentials:\n- {name: Bank, url: 'https://bank.test', external_credential: Billing, client_certificate: Own}\n",
    );
    assert!(sortie.ok(&["apply", "-f", "bank.yaml"]).contains("client_certificate"));
    let status = sortie.ok(&["status", "Billing"]);
    assert!(status.contains("(presents the certificate Own, good until 20"), "{status}");
    let plan = sortie.ok(&["explain", "callout:Bank/x", "--as", "alice"]);
    assert!(plan.contains("client certificate   Own, version 1, good until 20") && plan.contains("it would be sent"), "{plan}");
    assert_eq!(sortie.code(&["certificate", "remove", "Own"]), "in_use");
}

#[test]
fn explain_names_each_reason_by_its_code() {
    let sortie = Sortie::with_billing();
    let plan = sortie.ok(&["explain", "callout:Billing/invoices?open=true", "--as", "alice"]);
    assert!(plan.contains("https://api.test/v1/invoices?open=true") && plan.contains("it would be sent"), "{plan}");
    sortie.ok(&["user", "add", "bob"]);
    let said = sortie.run(&["--json", "explain", "callout:Billing/x", "--as", "bob"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    let plan: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(plan["principals"][0]["verdict"], "not_enabled");
    assert!(plan["refusal"]["next_step"].as_str().unwrap().contains("sortie grant add"), "{plan}");
    assert_eq!(sortie.run(&["explain", "callout:Nothing/x", "--as", "bob"]).code, 1);
    assert_eq!(sortie.code(&["explain", "callout:Billing/x", "--as", "nobody"]), "user_unknown");
    let said = sortie.run(&["explain", "callout:\x1b[2J/x", "--as", "bob"]);
    assert!(said.code == 1 && !said.out.contains('\x1b'), "{said:?}");
}

#[test]
fn the_audit_shows_changes_and_a_changed_record() {
    let sortie = Sortie::with_billing();
    sortie.ok(&["user", "add", "bob"]);
    let tail = sortie.ok(&["audit", "tail", "-n", "1"]);
    assert!(tail.contains("object=user bob") && tail.contains("actor=operator:tester") && tail.lines().count() == 1, "{tail}");
    assert_eq!(sortie.json(&["audit", "verify"])["intact"], true);
    // What somebody wrote into the file is shown, and not obeyed.
    let file = sortie.data().join("audit/management.jsonl");
    let forged = fs::read_to_string(&file).unwrap().replace("user bob", "user \\u001b[2J");
    fs::write(&file, forged).unwrap();
    let tail = sortie.ok(&["audit", "tail", "-n", "1"]);
    assert!(tail.contains("\\u{1b}[2J") && !tail.contains('\x1b'), "{tail:?}");
    let repaired = fs::read_to_string(&file).unwrap().replace("user \\u001b[2J", "user bob");
    fs::write(&file, repaired).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("user bob", "user eve")).unwrap();
    let said = sortie.run(&["audit", "verify"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.out.contains("broken at line 7"), "{said:?}");
}
