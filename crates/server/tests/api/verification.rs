//! Whether anybody has tampered with the audit, over HTTP.

use std::fs;

use serde_json::{Value, json};

use crate::office::Office;

fn verify(office: &Office) -> (u16, Value) {
    office.ask_as(&office.admin, "GET", "/api/v1/audit/verification", None)
}

fn management(answer: &Value) -> &Value {
    answer["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == "management").unwrap()
}

#[test]
fn what_was_written_is_intact_and_what_somebody_changed_is_found() {
    let office = Office::open();
    let (status, answer) = verify(&office);
    assert_eq!((status, &answer["intact"], &answer["lanes_elsewhere"]), (200, &json!(true), &json!(0)), "{answer}");
    assert!(management(&answer)["records"].as_u64().unwrap() > 5 && management(&answer)["finding"].is_null());
    let path = office.house.audit_directory().join("management.jsonl");
    let written = fs::read_to_string(&path).unwrap();
    fs::write(&path, written.replacen("user viewer", "user nobody", 1)).unwrap();
    let (status, answer) = verify(&office);
    assert_eq!((status, &answer["intact"]), (200, &json!(false)), "{answer}");
    assert_eq!(management(&answer)["finding"]["kind"], "broken");
    fs::write(&path, written).unwrap();
    assert_eq!(verify(&office).1["intact"], true);
}
