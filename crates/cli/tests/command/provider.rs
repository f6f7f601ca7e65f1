//! `sortie provider`: found, applied, given its secret, used, changed, removed, with the binary that is shipped.

use std::io::BufRead as _;
use std::process::Stdio;

use sortie_testkit::peers::OidcProvider;
use sortie_testkit::plain_http;

use crate::harness::{Sortie, files};

const MANAGED: &str = "
permission_sets: [{name: Callers}]
users: [{name: alice, permission_sets: [Callers]}]
external_credentials:
- name: Erp
  protocol: oauth_managed
  settings: {external_auth_identity_provider: Idp}
  principals: [{name: Main, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]
named_credentials: [{name: Erp, url: 'URL', external_credential: Erp}]
";

/// A house that may reach loopback, with a definition of the provider found by asking it.
fn with_provider(provider: &OidcProvider) -> Sortie {
    let sortie = Sortie::new();
    std::fs::create_dir_all(sortie.data()).unwrap();
    let settings = "[gateway]\nlisten = '127.0.0.1:0'\ncores = 1\n[admin]\nlisten = '127.0.0.1:0'\n[egress]\nallow = ['127.0.0.0/8']\n";
    std::fs::write(sortie.data().join("sortie.toml"), settings).unwrap();
    let found = sortie.ok(&["provider", "discover", provider.issuer(), "--name", "Idp"]);
    sortie.file("idp.yaml", &found);
    sortie.ok(&["apply", "-f", "idp.yaml"]);
    sortie.file("managed.yaml", &MANAGED.replace("URL", &provider.api_url()));
    sortie.ok(&["apply", "-f", "managed.yaml"]);
    sortie
}

fn store(sortie: &Sortie, name: &str, value: &str) {
    let said = sortie.run_with_input(&["secret", "set", "provider:Idp", name, "--stdin"], value);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
}

#[test]
fn a_provider_goes_from_its_issuers_url_to_a_callout() {
    let provider = OidcProvider::start();
    let sortie = with_provider(&provider);
    let listed = sortie.json(&["provider", "list"]);
    let one = &listed["providers"][0];
    assert_eq!((&one["name"], &one["token_endpoint"]), (&"Idp".into(), &provider.token_endpoint().into()));
    assert_eq!(one["missing_values"], serde_json::json!(["client_id", "client_secret"]));
    let status = sortie.ok(&["status", "Erp"]);
    assert!(
        status.contains("next: store client_secret (Client Secret) of the provider: sortie secret set provider:Idp client_secret"),
        "{status}"
    );
    let plan = sortie.run(&["--json", "explain", "callout:Erp/x", "--as", "alice"]);
    assert!(plan.code == 1 && plan.out.contains("credential_not_configured"), "{plan:?}");
    store(&sortie, "client_id", OidcProvider::BASIC.id);
    store(&sortie, "client_secret", OidcProvider::BASIC.secret);
    let status = sortie.ok(&["status", "Erp"]);
    assert!(status.contains("Configured") && status.contains("client_id and client_secret come from the provider Idp"), "{status}");
    let plan = sortie.ok(&["explain", "callout:Erp/x", "--as", "alice"]);
    assert!(plan.contains("provider             Idp") && plan.contains("the callout would fetch one first"), "{plan}");
    let (_, key) = sortie.key("alice");
    let mut server =
        sortie.command(&["serve", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let url = format!("{}/callout/Erp/x", ready["gateway"].as_str().unwrap());
    let answer = plain_http::send("GET", &url, &[("Proxy-Authorization", &format!("Bearer {key}"))], b"").unwrap();
    // Killed before anything is judged, so that a failure leaves nothing behind.
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!((answer.status, &answer.json()["client"]), (200, &OidcProvider::BASIC.id.into()), "{}", answer.text());
    for file in files(&sortie.data()) {
        let content = std::fs::read(&file).unwrap();
        assert!(!content.windows(7).any(|window| window == b"SECRET-"), "{}", file.display());
    }
}

#[test]
fn what_is_known_of_a_provider_is_shown_without_its_secret() {
    let provider = OidcProvider::start();
    let sortie = with_provider(&provider);
    store(&sortie, "client_secret", "SECRET-stored");
    let shown = sortie.ok(&["provider", "show", "idp"]);
    for part in ["used by                Erp", "client_credentials", "next: store client_id: sortie secret set provider:Idp client_id"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json = sortie.json(&["provider", "show", "Idp"]);
    assert_eq!(
        (&json["stored_values"], &json["external_credentials"]),
        (&serde_json::json!(["client_secret"]), &serde_json::json!(["Erp"]))
    );
    let suggested = sortie.json(&["provider", "discover", provider.issuer()]);
    assert_eq!((&suggested["token_endpoint"], &suggested["client_authentication"]), (&provider.token_endpoint().into(), &"basic".into()));
    let listed = sortie.json(&["secret", "list", "provider:Idp"]);
    assert_eq!((&listed["values"][0]["set"], &listed["values"][1]["set"]), (&false.into(), &true.into()));
    let own = sortie.ok(&["secret", "list", "Erp/Main"]);
    assert!(own.contains("missing for provider:Idp") && own.contains("stored for provider:Idp"), "{own}");
    sortie.ok(&["secret", "remove", "provider:Idp", "client_secret"]);
    assert_eq!(sortie.code(&["secret", "remove", "provider:Idp", "client_secret"]), "value_unknown");
}

#[test]
fn what_cannot_be_is_refused_with_a_code_and_a_next_step() {
    let provider = OidcProvider::start();
    let sortie = with_provider(&provider);
    assert_eq!(sortie.code(&["remove", "provider", "Idp"]), "in_use");
    assert_eq!(sortie.code(&["provider", "show", "Nobody"]), "provider_unknown");
    assert_eq!(sortie.code(&["secret", "list", "provider:Nobody"]), "provider_unknown");
    assert_eq!(sortie.code(&["secret", "list", "provider:Idp", "--user", "alice"]), "user_not_wanted");
    assert_eq!(sortie.code(&["provider", "discover", &format!("{}/", provider.issuer())]), "metadata_issuer");
    assert_eq!(sortie.code(&["provider", "discover", "idp.test"]), "url_format");
    assert_eq!(sortie.code(&["provider", "discover", &format!("{}/.well-known/openid-configuration", provider.issuer())]), "issuer_format");
    let said = sortie.run_with_input(&["secret", "set", "Erp/Main", "client_secret", "--stdin"], "SECRET-x");
    assert!(said.code == 1 && said.err.starts_with("error[value_of_the_provider]"), "{said:?}");
    sortie.ok(&["remove", "named-credential", "Erp"]);
    sortie.ok(&["remove", "external-credential", "Erp"]);
    sortie.ok(&["remove", "provider", "Idp"]);
    assert_eq!(sortie.json(&["provider", "list"])["providers"], serde_json::json!([]));
}

#[test]
fn an_auth_provider_is_chosen_applied_given_its_secret_and_removed() {
    let sortie = Sortie::new();
    let apple = sortie.ok(&["provider", "types", "apple"]);
    for part in ["settings.team_id", "client_id, private_key", "developer.apple.com/account"] {
        assert!(apple.contains(part), "{part}: {apple}");
    }
    assert_eq!(sortie.json(&["provider", "types"])["types"].as_array().unwrap().len(), 14);
    assert_eq!(sortie.code(&["provider", "types", "twitter"]), "provider_type");
    sortie.file("google.yaml", "auth_providers: [{name: My_Google, type: google, error_url: 'https://portal.test/failed'}]\n");
    sortie.ok(&["apply", "-f", "google.yaml"]);
    let said = sortie.run_with_input(&["secret", "set", "provider:my_google", "client_secret", "--stdin"], "SECRET-stored");
    assert_eq!(said.code, 0, "{said:?}");
    let listed = sortie.json(&["provider", "list"]);
    assert_eq!((&listed["providers"][0]["kind"], &listed["providers"][0]["type"]), (&"auth_provider".into(), &"google".into()));
    assert!(sortie.ok(&["provider", "list"]).contains("auth provider (google)"));
    let shown = sortie.ok(&["provider", "show", "My_Google"]);
    for part in ["auth provider (google)", "https://portal.test/failed", "access_type = offline", "next: store client_id"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("SECRET-"), "{shown}");
    sortie.file(
        "other.yaml",
        "external_auth_identity_providers: [{name: my_google, flow: client_credentials, token_endpoint: 'https://a.test'}]\n",
    );
    let taken = sortie.run(&["apply", "-f", "other.yaml"]);
    assert!(taken.code == 1 && taken.err.contains("the two kinds share their names"), "{taken:?}");
    sortie.ok(&["remove", "provider", "MY_GOOGLE"]);
    assert_eq!(sortie.code(&["provider", "show", "My_Google"]), "provider_unknown");
}
