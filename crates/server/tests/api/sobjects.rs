//! What a script does that gives access to a principal, as it does it at Salesforce.

use serde_json::{Value, json};

use crate::office::{Office, error_code};

fn query(office: &Office, text: &str) -> (u16, Value) {
    office.ask("GET", &format!("/query?q={}", text.replace(' ', "+").replace('\'', "%27").replace('=', "%3D")), None)
}

#[test]
fn a_script_gives_access_by_inserting_setup_entity_access() {
    let office = Office::open();
    office.apply("external_credentials: [{name: Pay, protocol: basic, principals: [{name: Main, sequence_number: 1}]}]");
    let (_, found) = query(&office, "SELECT Id, Name FROM PermissionSet WHERE Name = 'callers' LIMIT 1");
    assert_eq!((&found["totalSize"], &found["done"], &found["records"][0]["Name"]), (&json!(1), &json!(true), &json!("Callers")));
    let set = found["records"][0]["Id"].as_str().unwrap().to_owned();
    assert!(set.starts_with("0PS") && found["records"][0]["attributes"]["type"] == "PermissionSet");
    let (_, credential) = office.ask("GET", "/named-credentials/external-credentials/Pay", None);
    let principal = credential["principals"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({"ParentId": &set[..15], "SetupEntityId": principal});
    let (status, made) = office.ask("POST", "/sobjects/SetupEntityAccess", Some(&body));
    assert_eq!((status, &made["success"], &made["errors"]), (201, &json!(true), &json!([])), "{made}");
    let (_, credential) = office.ask("GET", "/named-credentials/external-credentials/Pay", None);
    let expected = json!([{"developerName": "Callers", "id": set, "type": "PermissionSet"}]);
    assert_eq!(credential["principals"][0]["principalAccess"], expected);
    let (status, again) = office.ask("POST", "/sobjects/SetupEntityAccess", Some(&body));
    assert_eq!((status, error_code(&again)), (400, "DUPLICATE_VALUE"));
    let (_, rows) = query(&office, &format!("SELECT Id, ParentId FROM SetupEntityAccess WHERE SetupEntityId IN ('{principal}')"));
    assert_eq!((&rows["records"][0]["Id"], &rows["records"][0]["ParentId"]), (&made["id"], &json!(set)));
    let path = format!("/sobjects/SetupEntityAccess/{}", made["id"].as_str().unwrap());
    assert_eq!(office.ask("DELETE", &path, None).0, 204);
    assert_eq!(office.ask("DELETE", &path, None).0, 404);
    assert_eq!(office.ask("GET", "/named-credentials/external-credentials/Pay", None).1["principals"][0]["principalAccess"], json!([]));
    for (body, code) in [
        (json!({"ParentId": "0PSnope", "SetupEntityId": principal}), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({"ParentId": set, "SetupEntityId": "x"}), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({"ParentId": set}), "INVALID_API_INPUT"),
        (json!({"ParentId": set, "SetupEntityId": principal, "OwnerId": "x"}), "POST_BODY_PARSE_ERROR"),
    ] {
        let (status, answer) = office.ask("POST", "/sobjects/SetupEntityAccess", Some(&body));
        assert_eq!((status, error_code(&answer)), (400, code), "{body}");
    }
}

#[test]
fn permission_on_stored_credentials_comes_with_access() {
    let office = Office::open();
    let (_, found) = query(&office, "SELECT Id FROM PermissionSet WHERE Name = 'Callers'");
    let set = found["records"][0]["Id"].as_str().unwrap().to_owned();
    let text = format!(
        "SELECT Id, PermissionsRead, PermissionsModifyAllRecords FROM ObjectPermissions WHERE ParentId = '{set}' AND SobjectType = 'UserExternalCredential'"
    );
    let (_, rows) = query(&office, &text);
    let row = &rows["records"][0];
    assert_eq!(
        (&rows["totalSize"], &row["PermissionsRead"], &row["PermissionsModifyAllRecords"]),
        (&json!(1), &json!(true), &json!(false))
    );
    let body = json!({"ParentId": set, "SobjectType": "UserExternalCredential", "PermissionsRead": true, "PermissionsCreate": true});
    let (status, made) = office.ask("POST", "/sobjects/ObjectPermissions", Some(&body));
    assert_eq!((status, &made["id"], &made["success"]), (201, &row["Id"], &json!(true)), "{made}");
    for (body, code) in [
        (json!({"ParentId": set, "SobjectType": "Account", "PermissionsRead": true}), "POST_BODY_PARSE_ERROR"),
        (json!({"ParentId": "0PSnope", "SobjectType": "UserExternalCredential"}), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({"SobjectType": "UserExternalCredential"}), "INVALID_API_INPUT"),
    ] {
        let (status, answer) = office.ask("POST", "/sobjects/ObjectPermissions", Some(&body));
        assert_eq!((status, error_code(&answer)), (400, code), "{body}");
    }
}

#[test]
fn a_question_beyond_what_is_understood_says_so() {
    let office = Office::open();
    for (text, code) in [
        ("", "MALFORMED_QUERY"),
        ("SELECT Id FROM PermissionSet WHERE Name LIKE 'x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account", "INVALID_TYPE"),
        ("SELECT Password FROM PermissionSet", "INVALID_FIELD"),
        ("SELECT Id FROM PermissionSet WHERE Secret = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM PermissionSet ORDER BY Nonsense", "INVALID_FIELD"),
        ("SELECT Id FROM PermissionSet ORDER BY Name SIDEWAYS", "MALFORMED_QUERY"),
    ] {
        let (status, answer) = query(&office, text);
        assert_eq!((status, error_code(&answer)), (400, code), "{text}");
    }
}

#[test]
fn rows_come_in_the_order_that_was_asked_for() {
    let office = Office::open();
    let names = |order: &str| {
        let (_, found) = query(&office, &format!("SELECT Name FROM PermissionSet ORDER BY {order}"));
        found["records"].as_array().unwrap().iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("Name"), ["Callers", "Everything", "Viewers"]);
    assert_eq!(names("Name ASC"), names("isownedbyprofile, name"));
    assert_eq!(names("Name DESC LIMIT 2"), ["Viewers", "Everything"]);
}
