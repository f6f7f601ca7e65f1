//! `Idempotency-Key`: what is asked twice is done once.

use serde_json::{Value, json};

use crate::office::Office;

fn post(office: &Office, user: &sortie_model::Secret, key: &str, path: &str, body: &Value) -> sortie_testkit::plain_http::Answer {
    office.send(Some(user), "POST", &format!("/api/v1{path}"), Some(body), &[("Idempotency-Key", key)])
}

#[test]
fn who_asks_again_gets_the_same_answer_and_nothing_is_done_twice() {
    let office = Office::open();
    let path = "/users/viewer/keys";
    let first = post(&office, &office.admin, "one", path, &json!({"label": "ci"}));
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
    let again = post(&office, &office.admin, "one", path, &json!({"label": "ci"}));
    assert_eq!((again.status, again.header("idempotency-replayed"), again.json()), (201, Some("true"), first.json()));
    let (_, keys) = office.ask_as(&office.admin, "GET", &format!("/api/v1{path}"), None);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    // Another request under the same key is a mistake; the same key of somebody else is another key.
    let other = post(&office, &office.admin, "one", path, &json!({"label": "other"}));
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("idempotency_key_reused")));
    let alice = office.key("alice");
    let hers = post(&office, &alice, "one", "/formulas/check", &json!({"formula": "1 + 1"}));
    assert_eq!((hers.status, hers.header("idempotency-replayed")), (200, None));
    // The key that was made stands nowhere in clear.
    let key = first.json()["key"].as_str().unwrap().to_owned();
    let secret = key.rsplit('_').next().unwrap();
    let stored = std::fs::read_dir(office.house.audit_directory().parent().unwrap()).unwrap();
    for file in stored.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file:?}");
    }
}

#[test]
fn what_was_refused_can_be_corrected_under_the_same_key() {
    let office = Office::open();
    let refused = post(&office, &office.admin, "two", "/users", &json!({"name": "bob", "role": "x"}));
    assert_eq!(refused.status, 400);
    assert_eq!(post(&office, &office.admin, "two", "/users", &json!({"name": "bob"})).status, 201);
    assert_eq!(post(&office, &office.admin, "two", "/users", &json!({"name": "bob"})).status, 201, "it is not tried again");
    assert_eq!(post(&office, &office.admin, "three", "/users", &json!({"name": "bob"})).status, 409);
    for bad in ["", &"x".repeat(256)] {
        assert_eq!(post(&office, &office.admin, bad, "/users", &json!({"name": "carol"})).status, 400);
    }
}

#[test]
fn of_many_at_once_one_is_done() {
    let office = Office::open();
    let path = "/users/viewer/keys";
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || post(&office, &office.admin, "four", path, &json!({"label": "ci"})).status;
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.contains(&201) && statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(keys_of_viewer(&office), 1);
}

fn keys_of_viewer(office: &Office) -> usize {
    let (_, keys) = office.ask_as(&office.admin, "GET", "/api/v1/users/viewer/keys", None);
    keys["keys"].as_array().unwrap().len()
}

#[test]
fn what_was_begun_is_done_to_its_end_when_nobody_waits_for_it_any_more() {
    let office = Office::open();
    let body = json!({"label": "ci"});
    for number in 0..20_u64 {
        // Gone at one moment or another of the request.
        let mut gone = std::net::TcpStream::connect(office.server().admin()).unwrap();
        let text = body.to_string();
        let head = format!(
            "POST /api/v1/users/viewer/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nIdempotency-Key: gone-{number}\r\nContent-Length: {}\r\n\r\n{text}",
            office.admin.expose(),
            text.len()
        );
        std::io::Write::write_all(&mut gone, head.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(number / 2));
        drop(gone);
        let begin = std::time::Instant::now();
        let again = loop {
            let again = post(&office, &office.admin, &format!("gone-{number}"), "/users/viewer/keys", &body);
            if again.status != 409 {
                break again;
            }
            assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{}", again.text());
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        assert_eq!(again.status, 201, "{}", again.text());
        assert_eq!(keys_of_viewer(&office) as u64, number + 1, "made once");
    }
}
