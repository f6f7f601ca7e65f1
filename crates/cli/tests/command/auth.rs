//! `sortie auth`: a login with a browser that comes back to the command itself, at npm's `oidc-provider`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use sortie_testkit::peers::OidcProvider;
use sortie_testkit::plain_http;

use crate::harness::Sortie;

/// `Calendar` with the principals `Service` (Named) and `Own` (Per User).
fn sortie(provider: &OidcProvider) -> Sortie {
    let sortie = Sortie::new();
    std::fs::create_dir_all(sortie.data()).unwrap();
    std::fs::write(sortie.data().join("sortie.toml"), "[egress]\nallow = ['127.0.0.0/8']\n").unwrap();
    let (issuer, id) = (provider.issuer(), OidcProvider::PEOPLE.id);
    sortie.file(
        "calendar.yaml",
        &format!(
            "
permission_sets: [{{name: Readers}}, {{name: Owners}}]
users: [{{name: alice, permission_sets: [Owners]}}]
external_auth_identity_providers:
- name: Idp
  flow: authorization_code
  issuer: {issuer}
  revocation_endpoint: {issuer}/token/revocation
  default_scopes: openid offline_access profile read
  request_parameters: [{{request: authorize, place: query, name: prompt, value: consent}}]
  values: {{client_id: {id}}}
external_credentials:
- name: Calendar
  protocol: oauth_browser
  settings: {{external_auth_identity_provider: Idp}}
  principals:
  - {{name: Service, sequence_number: 1, enabled_for: {{permission_sets: [Readers]}}}}
  - {{name: Own, identity_type: per_user, sequence_number: 2, enabled_for: {{permission_sets: [Owners]}}}}
named_credentials: [{{name: Calendar, url: '{issuer}/api', external_credential: Calendar}}]
"
        ),
    );
    sortie.ok(&["apply", "-f", "calendar.yaml"]);
    let said = sortie.run_with_input(&["secret", "set", "provider:Idp", "client_secret", "--stdin"], OidcProvider::PEOPLE.secret);
    assert_eq!(said.code, 0, "{said:?}");
    sortie
}

/// What the command says when a browser has been where it sent it, and its exit code.
fn log_in(sortie: &Sortie, provider: &OidcProvider, arguments: &[&str], account: &str) -> (i32, Value) {
    let mut command = sortie.command(&[&["auth", "login", "--no-browser", "--json"], arguments].concat());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut address = String::new();
    while !address.starts_with("http") {
        let mut line = String::new();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it says no address");
        address = line.trim().to_owned();
    }
    let location = provider.visit(&address, account);
    assert!(location.starts_with("http://127.0.0.1:"), "{location}");
    // What is no answer of a provider is none here either.
    let elsewhere = location.split("/services").next().unwrap();
    assert_eq!(plain_http::get(&format!("{elsewhere}/other")).unwrap().status, 404);
    let page = plain_http::get(&location).unwrap();
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("no-referrer")));
    assert!(page.text().contains("close this window") && !page.text().contains("code="));
    let output = child.wait_with_output().unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    let printed = if output.stdout.is_empty() { json!({ "error": rest }) } else { serde_json::from_slice(&output.stdout).unwrap() };
    (output.status.code().unwrap(), printed)
}

#[test]
fn an_operator_logs_in_for_everybody_or_for_one_user_and_takes_it_away() {
    let provider = OidcProvider::start_for_people(&["http://127.0.0.1/services/externalauthcallback/Idp"]);
    let sortie = sortie(&provider);
    let status = |arguments: &[&str]| {
        let said = sortie.run(&[&["auth", "status", "--json"], arguments].concat());
        (said.code, serde_json::from_str::<Value>(&said.out).unwrap())
    };
    assert_eq!(status(&["Calendar/Service"]).1["state"], "not_authenticated");
    // What is to be registered for the console's pages.
    let shown = sortie.ok(&["provider", "show", "Idp"]);
    assert!(shown.contains("http://127.0.0.1:8586/services/externalauthcallback/Idp"), "{shown}");
    let (code, printed) = log_in(&sortie, &provider, &["callout:Calendar"], "robot");
    assert_eq!(code, 0, "{printed}");
    assert_eq!((&printed["principal"], &printed["account"], &printed["renews"]), (&json!("Service"), &json!("robot"), &json!(true)));
    assert!(printed["expires_at"].as_str().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')), "{printed}");
    let (code, known) = status(&["Calendar/Service"]);
    assert_eq!(
        (code, &known["state"], &known["account"], &known["scope"]),
        (0, &json!("authenticated"), &json!("robot"), &printed["scope"])
    );
    let (code, printed) = log_in(&sortie, &provider, &["callout:Calendar", "--user", "alice"], "alice-at-idp");
    assert_eq!((code, &printed["principal"], &printed["account"]), (0, &json!("Own"), &json!("alice-at-idp")), "{printed}");
    // Another account than before is not kept where nobody can be asked.
    let (code, printed) = log_in(&sortie, &provider, &["Calendar/Service"], "mallory");
    assert!(code != 0 && printed.to_string().contains("login_not_kept"), "{printed}");
    assert_eq!(status(&["Calendar/Service"]).1["account"], "robot");
    assert_eq!(log_in(&sortie, &provider, &["Calendar/Service", "--yes"], "mallory").1["account"], "mallory");
    // Whose it is has to be said, and only where it makes a difference.
    assert_eq!(sortie.code(&["auth", "status", "Calendar/Own"]), "user_required");
    assert_eq!(sortie.code(&["auth", "status", "Calendar/Service", "--user", "alice"]), "user_not_wanted");
    assert_eq!(sortie.code(&["auth", "login", "Calendar"]), "target_invalid");
    assert_eq!(sortie.code(&["auth", "login", "callout:Other"]), "name_unknown");
    let explained = sortie.ok(&["status", "Calendar"]);
    assert!(explained.contains("Configured"), "{explained}");
    assert_eq!(sortie.json(&["auth", "revoke", "Calendar/Service"]), json!({ "revoked": true, "provider": "told" }));
    assert_eq!(sortie.json(&["auth", "revoke", "Calendar/Service"]), json!({ "revoked": false, "provider": "not_asked" }));
    assert_eq!(status(&["Calendar/Service"]).1["state"], "not_authenticated");
}
