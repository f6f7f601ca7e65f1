//! OAU-22, LEAK-01, -03 and -04 for the console: after visits with all that is secret in them, none of it stands in a log line, a record or a file.

use std::path::Path;

use super::PASSWORD;
use super::openid::{CALLBACK, departure, log_in, with_provider};

/// Every file below a directory, whole.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[test]
fn a_visit_leaves_no_secret_behind() {
    let log = crate::leaks::log();
    let (office, provider) = with_provider();
    let alice = office.visitor();
    alice.sign_in("alice", "SECRET-wrong password");
    alice.sign_in("alice", PASSWORD);
    let mut secrets = vec!["SECRET".to_owned(), alice.cookie().unwrap()];
    alice.post("/external-credentials/Mail/Own%20box/values", &[("username", "alice"), ("password", "SECRET-box")]);
    alice.post("/external-credentials/Mail/Own%20box/values", &[("username", "ali:ce"), ("password", "SECRET-other")]);
    alice.post("/sign-out", &[]);
    let bob = office.visitor();
    let url = departure(&bob);
    let query = log_in(&provider, &url, "bob");
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap().to_owned();
    secrets.extend([value("code"), value("state")]);
    assert_eq!(bob.get(&format!("{CALLBACK}?{query}")).status, 303);
    secrets.push(bob.cookie().unwrap());
    assert!(bob.page("/").contains("bob"));
    bob.get(&format!("{CALLBACK}?code=SECRET-code&state=SECRET-state&iss=SECRET-iss"));
    bob.get("/sign-in?return_to=SECRET-path&notice=SECRET-notice");

    let mut read = files(&office.server.setup.data_directory);
    read.push(("the log".to_owned(), log.lock().unwrap().clone()));
    assert!(read.iter().any(|(name, bytes)| name.contains("sortie.sqlite") && holds(bytes, "sign_in_failures")));
    assert!(read.iter().any(|(name, bytes)| name == "the log" && holds(bytes, CALLBACK)), "it was logged");
    for (name, bytes) in &read {
        for secret in &secrets {
            assert!(!holds(bytes, secret), "{name} holds {secret}");
        }
    }
}
