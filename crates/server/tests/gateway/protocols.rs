//! The four protocols against servers that nobody here wrote: npm's `oidc-provider` and Debian's nginx, well-behaved and broken.

use std::time::Duration;

use serde_json::json;
use sortie_model::IdentityType;
use sortie_store::Identity;
use sortie_testkit::peers::{Fault, NginxUpstream, OidcProvider};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{Credential, OAuthName, Stage};

#[test]
fn all_four_protocols_work_end_to_end() {
    let (provider, nginx) = (OidcProvider::start(), NginxUpstream::start());
    let stage = Stage::new();
    let server = &stage.server;
    let make = |credential: &Credential<'_>, values: &[(&str, &str)]| {
        let external = server.external_credential(credential);
        let principal = server.principal(&external, "Main", 1, IdentityType::Named, &[stage.callers]);
        for (name, value) in values {
            server.value(&external, Identity::shared(principal), name, value);
        }
        server.named_credential(credential.name, &nginx.url(), &external);
    };
    make(&Credential::new("Open", "no_authentication"), &[]);
    make(&Credential::new("Box", "basic"), &[("username", NginxUpstream::USER), ("password", NginxUpstream::PASSWORD)]);
    let headers = [("X-Api-Key", "{!$Credential.Pay.Key}"), ("User-Agent", "sortie/{!$Credential.Pay.Version}")];
    make(&Credential { headers: &headers, ..Credential::new("Pay", "custom") }, &[("Key", "SECRET-key"), ("Version", "1")]);
    stage.add(OAuthName::at(&provider, "Tok"));

    let open = stage.get("/callout/Open/hdr");
    let echo: serde_json::Value = serde_json::from_slice(&open.body).unwrap();
    assert_eq!((open.status, &echo["authorization"], &echo["proxy_authorization"]), (200, &json!(""), &json!("")));
    let boxed = stage.get("/callout/Box/basic");
    assert_eq!((boxed.status, boxed.text()), (200, format!("{{\"user\":\"{}\"}}", NginxUpstream::USER)));
    let pay: serde_json::Value = serde_json::from_slice(&stage.get("/callout/Pay/hdr?a=%2F").body).unwrap();
    assert_eq!((&pay["x_api_key"], &pay["user_agent"], &pay["target"]), (&json!("SECRET-key"), &json!("sortie/1"), &json!("/hdr?a=%2F")));
    let token = server.request(&stage.key, "PUT", "/callout/Tok/x?y=1", "Content-Type: text/plain\r\n", "body");
    let echo: serde_json::Value = serde_json::from_slice(&token.body).unwrap();
    assert_eq!((token.status, &echo["method"], &echo["path"], &echo["body"]), (200, &json!("PUT"), &json!("/api/x?y=1"), &json!("body")));
    assert_eq!(echo["client"], OidcProvider::BASIC.id);
}

#[test]
fn client_and_secret_go_where_the_definition_says_encoded_as_the_server_reads_them() {
    let provider = OidcProvider::start();
    let stage = Stage::new();
    for (name, client, scope) in [
        ("Plain", OidcProvider::BASIC, None),
        ("Odd", OidcProvider::RESERVED, Some("read write")),
        ("Body", OidcProvider::POST, Some("read")),
    ] {
        stage.add(OAuthName { client, scope, ..OAuthName::at(&provider, name) });
        let answer = stage.get(&format!("/callout/{name}/x"));
        let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &echo["client"], &echo["scope"]), (200, &json!(client.id), &json!(scope)), "{name}");
    }
    let log = provider.log();
    // RFC 6749, section 2.3.1: form-encoded, then base64 of the pair.
    assert_eq!(log[0].authorization.as_deref(), Some("Basic c29ydGllOlNFQ1JFVC1iYXNpYw=="));
    assert_eq!(log[0].body, "grant_type=client_credentials", "no scope is sent where none is set");
    assert_eq!(log[1].body, "grant_type=client_credentials&scope=read+write");
    assert!(log[1].authorization.is_some());
    assert_eq!(log[2].authorization, None);
    assert!(log[2].body.contains("client_id=sortie-post") && log[2].body.contains("client_secret=SECRET-post"), "{}", log[2].body);
}

#[test]
fn what_is_static_is_never_sent_again() {
    let nginx = NginxUpstream::start();
    let stage = Stage::new();
    let recorder = RecordingUpstream::start(|_| Reply::new(401).header("WWW-Authenticate", "Basic realm=\"sortie\""));
    let external = stage.server.external_credential(&Credential::new("Box", "basic"));
    let principal = stage.server.principal(&external, "Main", 1, IdentityType::Named, &[stage.callers]);
    stage.server.value(&external, Identity::shared(principal), "username", NginxUpstream::USER);
    stage.server.value(&external, Identity::shared(principal), "password", "SECRET-wrong");
    stage.server.named_credential("Nginx", &nginx.url(), &external);
    stage.server.named_credential("Recorder", &recorder.url(), &external);
    stage.server.settle();
    for target in ["/callout/Nginx/basic", "/callout/Recorder/basic"] {
        let answer = stage.get(target);
        assert_eq!((answer.verdict(), answer.header("www-authenticate")), ((401, None), Some("Basic realm=\"sortie\"")), "{target}");
    }
    assert_eq!(recorder.requests().len(), 1);
}

#[test]
fn every_way_in_which_a_provider_fails_has_a_code_and_shows_no_secret() {
    // REL-T15, TOK and RDR-08 as far as a caller sees them.
    let provider = OidcProvider::start();
    let evil = RecordingUpstream::answering(r#"{"access_token":"SECRET-evil","token_type":"Bearer"}"#);
    let stage = Stage::new();
    let on = || Fault::on("/token");
    let json = "application/json";
    let faults = [
        (
            "Busy",
            on().answer(500, json, r#"{"error":"server_error","error_description":"SECRET-basic"}"#),
            503,
            "token_endpoint_unavailable",
        ),
        ("Proxy", on().answer(502, "text/html", "<h1>SECRET-basic</h1>"), 503, "token_endpoint_unavailable"),
        ("Later", on().answer(429, json, "{}").header("retry-after", "3600"), 503, "token_endpoint_unavailable"),
        ("Html", on().answer(200, "text/html", "<h1>SECRET-basic</h1>"), 502, "token_answer_malformed"),
        ("Half", on().answer(200, json, r#"{"access_token":"SECRET-t"#), 502, "token_answer_malformed"),
        ("Empty", on().answer(200, json, ""), 502, "token_answer_malformed"),
        ("None", on().answer(200, json, r#"{"token_type":"Bearer"}"#), 502, "token_answer_malformed"),
        (
            "Break",
            on().answer(200, json, "{\"access_token\":\"SECRET-a\\r\\nX: y\",\"token_type\":\"Bearer\"}"),
            502,
            "token_answer_malformed",
        ),
        (
            "Client",
            on().answer(401, json, r#"{"error":"invalid_client","error_description":"SECRET-basic is wrong"}"#),
            502,
            "token_refused",
        ),
        ("Elsewhere", on().answer(302, json, "").header("location", &evil.url()), 424, "credential_misconfigured"),
        ("Kept", on().answer(307, json, "").header("location", &evil.url()), 424, "credential_misconfigured"),
        ("Cut", on().hang_up(), 504, "token_endpoint_timeout"),
    ];
    for (name, fault, status, code) in faults {
        stage.add(OAuthName::at(&provider, name));
        let before = provider.log().len();
        provider.fault(fault);
        for again in [false, true] {
            let answer = stage.get(&format!("/callout/{name}/x"));
            assert_eq!(answer.verdict(), (status, Some(code)), "{name}, again {again}: {}", answer.text());
            stage.server.assert_unmarked(name, format!("{}{}", answer.head, answer.text()));
        }
        assert_eq!(provider.log().len(), before + 1, "{name}: the second waits for the pause and asks nobody");
    }
    assert_eq!(evil.connections(), 0, "NOEVIL");
    // The pause over, what was only a fault is over too.
    std::thread::sleep(Duration::from_millis(1_100));
    for name in ["Busy", "Proxy", "Html", "Half", "Cut"] {
        assert_eq!(stage.get(&format!("/callout/{name}/x")).status, 200, "{name}");
    }
    assert_eq!(stage.get("/callout/Later/x").code(), Some("token_endpoint_unavailable"), "it said when");
}
