//! Discovery through management: what an issuer publishes becomes part of a definition, against a server that nobody here wrote and against one that records.

use serde_json::{Value, json};
use sortie_model::{AuthenticationFlow, Issuer};
use sortie_outbound::OutboundWorld;
use sortie_server::manage::Change;
use sortie_server::manage::apply::{ApplyError, Mode, Unlisted};
use sortie_server::manage::provider::{discover, show};
use sortie_server::{Config, outside_world};
use sortie_testkit::peers::OidcProvider;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::fixture::{Fixture, both_databases, name, said};

both_databases! {
    an_issuer_fills_in_what_the_file_leaves_to_it,
    an_issuer_that_moves_its_endpoint_is_followed,
    what_cannot_be_discovered_is_refused_and_nothing_is_stored,
}

/// Sees loopback.
fn world() -> OutboundWorld {
    let mut config = Config::default();
    config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
    outside_world(&config).unwrap()
}

/// A server that publishes this at the OpenID address, with its own URL in the place of `{self}`.
fn publishing(page: Value) -> RecordingUpstream {
    RecordingUpstream::start(move |received| {
        if received.target() != "/.well-known/openid-configuration" {
            return Reply::new(404);
        }
        let host = received.header("host").unwrap();
        Reply::new(200).header("Content-Type", "application/json").body(page.to_string().replace("{self}", &format!("http://{host}")))
    })
}

fn definition(issuer: &str) -> String {
    format!("external_auth_identity_providers:\n- name: Idp\n  flow: authorization_code\n  issuer: {issuer}\n")
}

async fn apply(fixture: &Fixture, text: &str, mode: Mode) -> Result<Vec<Change>, ApplyError> {
    fixture.try_apply_asking(Some(&world()), text, mode, Unlisted::Leave).await
}

async fn an_issuer_fills_in_what_the_file_leaves_to_it(fixture: Fixture) {
    let provider = OidcProvider::start();
    let text = definition(provider.issuer());
    let planned = apply(&fixture, &text, Mode::DryRun).await.unwrap();
    assert_eq!(said(&planned), ["created external_auth_identity_provider Idp"]);
    assert!(show(&fixture.manage(), &name("Idp")).await.is_err());
    apply(&fixture, &text, Mode::Store).await.unwrap();
    let shown = show(&fixture.manage(), &name("Idp")).await.unwrap();
    assert_eq!(shown.token_endpoint, provider.token_endpoint());
    assert_eq!(shown.authorize_endpoint, Some(format!("{}/auth", provider.issuer())));
    assert_eq!(shown.user_info_endpoint, Some(format!("{}/me", provider.issuer())));
    assert_eq!(shown.key_set_endpoint, Some(format!("{}/jwks", provider.issuer())));
    assert_eq!(shown.pushed_authorization_endpoint, Some(format!("{}/request", provider.issuer())));
    assert!(shown.issuer_in_response);
    assert_eq!(said(&apply(&fixture, &text, Mode::Store).await.unwrap()), ["unchanged external_auth_identity_provider Idp"]);
    // What is written counts, and nobody is asked for it.
    let written = format!("{text}  token_endpoint: https://idp.test/token\n  authorize_endpoint: https://idp.test/authorize\n");
    let changed = fixture.try_apply(&written, Mode::Store, Unlisted::Leave).await.unwrap();
    let fields = "authorize_endpoint token_endpoint user_info_endpoint pushed_authorization_endpoint revocation_endpoint key_set_endpoint issuer_in_response";
    assert_eq!(said(&changed), [format!("updated external_auth_identity_provider Idp {fields}")]);
}

async fn an_issuer_that_moves_its_endpoint_is_followed(fixture: Fixture) {
    let moved = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (seen, page) =
        (std::sync::Arc::clone(&moved), r#"{"issuer":"SELF","token_endpoint":"SELF/PATH","authorization_endpoint":"SELF/a"}"#);
    let server = RecordingUpstream::start(move |received| {
        let path = if seen.load(std::sync::atomic::Ordering::SeqCst) { "new" } else { "old" };
        Reply::new(200).body(page.replace("SELF", &format!("http://{}", received.header("host").unwrap())).replace("PATH", path))
    });
    let text = definition(&server.url());
    apply(&fixture, &text, Mode::Store).await.unwrap();
    moved.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(said(&apply(&fixture, &text, Mode::Store).await.unwrap()), ["updated external_auth_identity_provider Idp token_endpoint"]);
}

async fn what_cannot_be_discovered_is_refused_and_nothing_is_stored(fixture: Fixture) {
    let place = "4:11 external_auth_identity_providers[0].issuer";
    let refused = async |world: Option<&OutboundWorld>, issuer: &str| {
        let world = world.map(|world| world as _);
        match fixture.try_apply_asking(world, &definition(issuer), Mode::Store, Unlisted::Leave).await {
            Err(ApplyError::Refused(problems)) => {
                let problem = &problems[0];
                assert!(!problem.message.contains("SECRET-"), "{problem}");
                format!("{}:{} {} {}", problem.place.line, problem.place.column, problem.path, problem.rule)
            }
            other => panic!("was to be refused: {other:?}"),
        }
    };
    let other = publishing(json!({ "issuer": "{self}/", "token_endpoint": "{self}/token" }));
    assert_eq!(refused(Some(&world()), &other.url()).await, format!("{place} metadata_issuer"));
    let none = publishing(json!({ "issuer": "{self}" }));
    assert_eq!(refused(Some(&world()), &none.url()).await, format!("{place} metadata_unusable"));
    let silent = RecordingUpstream::start(|_| Reply::new(404));
    assert_eq!(refused(Some(&world()), &silent.url()).await, format!("{place} metadata_not_found"));
    assert_eq!(silent.requests().len(), 2);
    // The egress policy of an untouched configuration (SSRF of the attack catalogue).
    let fresh = RecordingUpstream::start(|_| Reply::new(404));
    let closed = outside_world(&Config::default()).unwrap();
    assert_eq!(refused(Some(&closed), &fresh.url()).await, format!("{place} egress_denied"));
    assert_eq!(fresh.connections(), 0);
    assert_eq!(refused(None, &fresh.url()).await, format!("{place} discovery_impossible"));
    assert!(fixture.house.store().definitions().await.unwrap().external_auth_identity_providers.is_empty());
}

#[tokio::test]
async fn a_suggested_definition_can_be_applied_as_it_is() {
    let fixture = Fixture::sqlite().await;
    let provider = OidcProvider::start();
    let issuer = Issuer::parse(provider.issuer()).unwrap();
    let suggested = discover(&world(), &issuer, Some(name("Found")), None).await.unwrap();
    assert_eq!(suggested.source, format!("{issuer}/.well-known/openid-configuration"));
    assert_eq!((suggested.client_authentication, suggested.token_endpoint.as_str()), (Some("basic"), provider.token_endpoint().as_str()));
    assert!(suggested.grant_types.unwrap().contains(&"client_credentials".to_owned()));
    fixture.apply(&suggested.definition).await;
    let shown = show(&fixture.manage(), &name("Found")).await.unwrap();
    assert_eq!((shown.flow, shown.issuer.as_deref()), ("client_credentials", Some(issuer.as_str())));
    let login = discover(&world(), &issuer, None, Some(AuthenticationFlow::AuthorizationCode)).await.unwrap();
    assert!(login.definition.contains("  - name: Provider_127_0_0_1\n    flow: authorization_code\n"), "{}", login.definition);
    assert!(login.pkce && login.definition.contains("    pkce: true\n") && !login.definition.contains("does not say"));
    fixture.apply(&login.definition).await;
}

#[tokio::test]
async fn oau_13_whoever_does_not_say_that_it_checks_proof_keys_is_pointed_out() {
    for methods in [json!(null), json!(["plain"])] {
        let server = publishing(json!({
            "issuer": "{self}", "authorization_endpoint": "{self}/a", "token_endpoint": "{self}/t", "code_challenge_methods_supported": methods,
        }));
        let suggested = discover(&world(), &Issuer::parse(&server.url()).unwrap(), Some(name("Idp")), None).await.unwrap();
        assert!(!suggested.pkce && suggested.definition.contains("does not say that it checks proof keys"), "{}", suggested.definition);
        Fixture::sqlite().await.apply(&suggested.definition).await;
    }
}

#[tokio::test]
async fn what_a_server_says_cannot_become_another_definition() {
    let server = publishing(json!({
        "issuer": "{self}", "token_endpoint": "{self}/t\u{22}\n  - name: Evil", "scopes_supported": ["a", "b\n- name: Evil", "c\"d"],
    }));
    let issuer = Issuer::parse(&server.url()).unwrap();
    assert_eq!(discover(&world(), &issuer, None, None).await.unwrap_err().code(), "metadata_unusable");
    let server = publishing(json!({ "issuer": "{self}", "token_endpoint": "{self}/t?a='b'&c=#d", "scopes_supported": ["#", "{x}"] }));
    let issuer = Issuer::parse(&server.url()).unwrap();
    assert_eq!(discover(&world(), &issuer, None, None).await.unwrap_err().code(), "metadata_unusable");
    let server = publishing(json!({ "issuer": "{self}", "token_endpoint": "{self}/t?a='b'&c=:%23d", "scopes_supported": ["#", "{x}"] }));
    let issuer = Issuer::parse(&server.url()).unwrap();
    let fixture = Fixture::sqlite().await;
    let suggested = discover(&world(), &issuer, Some(name("Idp")), None).await.unwrap();
    fixture.apply(&suggested.definition).await;
    assert_eq!(show(&fixture.manage(), &name("Idp")).await.unwrap().token_endpoint, suggested.token_endpoint);
}
