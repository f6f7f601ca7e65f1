//! Users, keys and grants.

use crate::harness::Sortie;

#[test]
fn users_come_change_and_go() {
    let sortie = Sortie::with_billing();
    sortie.ok(&["user", "add", "bob", "--profile", "Staff", "--permission-set", "Readers", "--attribute", "Team=A=B"]);
    let shown = sortie.ok(&["user", "show", "bob"]);
    assert!(shown.contains("Team = A=B") && shown.contains("Readers") && shown.contains("Staff"), "{shown}");
    sortie.ok(&["user", "set", "bob", "--active", "false", "--no-profile", "--remove-attribute", "Team"]);
    let bob = sortie.json(&["user", "show", "bob"]);
    assert_eq!(
        bob,
        serde_json::json!({ "name": "bob", "active": false, "profile": null, "permission_sets": ["Readers"], "permissions": [], "attributes": {} })
    );
    sortie.ok(&["user", "unassign", "bob", "Readers"]);
    sortie.ok(&["user", "assign", "bob", "Readers"]);
    let table = sortie.ok(&["user", "list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].starts_with("alice ") && lines[2].starts_with("bob ") && lines[2].contains("inactive"), "{table}");
    sortie.ok(&["user", "remove", "bob"]);
    assert_eq!(sortie.code(&["user", "show", "bob"]), "user_unknown");
}

#[test]
fn what_users_cannot_be_is_said() {
    let sortie = Sortie::with_billing();
    assert_eq!(sortie.code(&["user", "add", "alice"]), "conflict");
    assert_eq!(sortie.code(&["user", "add", "a b"]), "user_name_format");
    assert_eq!(sortie.code(&["user", "add", "bob", "--profile", "Nobody"]), "profile_unknown");
    assert_eq!(sortie.code(&["user", "add", "bob", "--permission-set", "a__b"]), "name_format");
    assert_eq!(sortie.code(&["user", "add", "bob", "--attribute", "Email"]), "attribute_format");
    assert_eq!(sortie.code(&["user", "add", "bob", "--attribute", "Email=a\nb"]), "attribute_format");
    assert_eq!(sortie.code(&["user", "assign", "alice", "None"]), "permission_set_unknown");
    // A name that a terminal would obey comes back as harmless text.
    let err = sortie.refused(&["user", "add", "\x1b]0;owned\x07"]);
    assert!(!err.contains('\x1b') && !err.contains('\x07'), "{err:?}");
}

#[test]
fn keys_are_shown_once_listed_and_revoked() {
    let sortie = Sortie::with_billing();
    let out = sortie.ok(&["key", "create", "--user", "alice", "--label", "night run", "--expires", "90d"]);
    let key = out.trim_end();
    assert!(key.starts_with("sortie_") && key.len() == 70 && out.lines().count() == 1, "alone on its line, to be redirected: {out:?}");
    let id = &key[7..19];
    let listed = sortie.ok(&["key", "list", "alice"]);
    assert!(listed.contains(id) && listed.contains("active") && listed.contains("night run"), "{listed}");
    assert!(!listed.contains(&key[20..63]), "the secret part is not shown again");
    sortie.ok(&["key", "revoke", id]);
    assert_eq!(sortie.json(&["key", "list", "alice"])["keys"][0]["state"], "revoked");

    assert_eq!(sortie.code(&["key", "create", "--user", "nobody"]), "user_unknown");
    assert_eq!(sortie.code(&["key", "create", "--user", "alice", "--expires", "soon"]), "duration_format");
    assert_eq!(sortie.code(&["key", "revoke", "abcdefABCDEF"]), "key_unknown");
    assert_eq!(sortie.code(&["key", "revoke", "abc"]), "key_id_format");
}

#[test]
fn a_whole_key_given_to_revoke_is_not_repeated() {
    let sortie = Sortie::with_billing();
    let (_, key) = sortie.key("alice");
    let said = sortie.run(&["key", "revoke", &key]);
    assert!(!said.out.contains(&key[20..63]) && !said.err.contains(&key[20..63]), "{said:?}");
}

#[test]
fn grants_come_and_go() {
    let sortie = Sortie::with_billing();
    assert!(sortie.ok(&["grant", "add", "Billing/Service", "--profile", "Staff"]).contains("created"));
    assert!(sortie.ok(&["grant", "add", "Billing/Service", "--profile", "Staff"]).contains("unchanged"));
    assert_eq!(sortie.ok(&["grant", "list"]).lines().count(), 3);
    assert!(sortie.ok(&["grant", "remove", "billing/service", "--profile", "staff"]).contains("deleted"));
    assert_eq!(sortie.code(&["grant", "add", "Billing", "--profile", "Staff"]), "principal_reference");
    assert_eq!(sortie.code(&["grant", "add", "Billing/Nobody", "--profile", "Staff"]), "principal_unknown");
    assert_eq!(sortie.code(&["grant", "add", "Billing/Service", "--profile", "Nobody"]), "profile_unknown");
    assert_eq!(sortie.run(&["grant", "add", "Billing/Service"]).code, 2);
    assert_eq!(sortie.run(&["grant", "add", "Billing/Service", "--profile", "Staff", "--permission-set", "Readers"]).code, 2);
}
