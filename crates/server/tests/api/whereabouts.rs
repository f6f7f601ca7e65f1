//! P21: whoever does not know a secret cannot have it sent somewhere new. Groups API-07 to API-11, by every way that a change can take.

use serde_json::json;
use sortie_model::{Secret, Timestamp};
use sortie_store::{Identity, SealedGrant};

use crate::office::Office;

/// What admin stores over HTTP, and knows therefore.
const STORED: &str = "
external_auth_identity_providers:
- {name: Idp, flow: client_credentials, token_endpoint: 'https://id.test/t'}
- {name: People, flow: authorization_code, authorize_endpoint: 'https://id.test/a', token_endpoint: 'https://id.test/t'}
external_credentials:
- {name: Box, protocol: basic, principals: [{name: Main, sequence_number: 1}]}
- name: Client
  protocol: oauth_client_credentials
  settings: {token_endpoint: 'https://id.test/token'}
  principals: [{name: Main, sequence_number: 1}]
- {name: Managed, protocol: oauth_managed, settings: {external_auth_identity_provider: Idp}, principals: [{name: Main, sequence_number: 1}]}
- {name: Cal, protocol: oauth_browser, settings: {external_auth_identity_provider: People}, principals: [{name: Main, sequence_number: 1}]}
- {name: Empty, protocol: basic, principals: [{name: Main, sequence_number: 1}]}
- {name: Own, protocol: basic, principals: [{name: Me, identity_type: per_user, sequence_number: 1}]}
named_credentials:
- {name: Box, url: 'https://api.test', external_credential: Box}
- {name: Managed, url: 'https://api.test', external_credential: Managed}
- {name: Cal, url: 'https://api.test', external_credential: Cal}
- {name: Empty, url: 'https://elsewhere.test', external_credential: Empty}
- {name: Own, url: 'https://api.test', external_credential: Own}
";

const KEEPER: &str = "
permission_sets: [{name: Keepers, permissions: [view_setup, manage_named_credentials]}]
users: [{name: keeper, permission_sets: [Keepers]}]
";

/// How a named credential may be described, one line each.
fn named(name: &str, url: &str, credential: &str) -> String {
    format!("named_credentials: [{{name: {name}, url: '{url}', external_credential: {credential}}}]")
}

/// The same with a client certificate, and nothing that could be sent besides.
fn presenting(name: &str, url: &str, certificate: &str) -> String {
    format!("named_credentials: [{{name: {name}, url: '{url}', external_credential: Plain, client_certificate: {certificate}}}]")
}

const EVIL: &str = "https://evil.test";

/// Every way to have a secret of somebody else sent to another place.
fn attempts() -> Vec<(&'static str, String)> {
    let credential = |text: &str| format!("external_credentials: [{text}]");
    vec![
        ("API-07 another host", named("Box", EVIL, "Box")),
        ("API-07 another port", named("Box", "https://api.test:8443", "Box")),
        ("API-07 without TLS", named("Box", "http://api.test", "Box")),
        ("API-07 of a provider", named("Managed", EVIL, "Managed")),
        (
            "API-08 a token endpoint",
            credential("{name: Client, protocol: oauth_client_credentials, settings: {token_endpoint: 'https://evil.test/t'}}"),
        ),
        (
            "API-08 a provider's endpoint",
            "external_auth_identity_providers: [{name: Idp, flow: client_credentials, token_endpoint: 'https://evil.test/t'}]".to_owned(),
        ),
        ("API-09 a second name", named("Mine", EVIL, "Box")),
        ("API-09 a second name of a provider's", named("Mine", EVIL, "Managed")),
        ("API-09 a name that was another's", named("Empty", "https://elsewhere.test", "Box")),
        (
            "API-09 a credential of one's own at the provider",
            format!(
                "{}\n{}",
                credential(
                    "{name: Mine, protocol: oauth_managed, settings: {external_auth_identity_provider: Idp}, principals: [{name: Main, sequence_number: 1}]}"
                ),
                named("Mine", EVIL, "Mine")
            ),
        ),
        (
            "API-09 one that had a provider of its own",
            credential("{name: Other, protocol: oauth_managed, settings: {external_auth_identity_provider: Idp}}"),
        ),
        (
            "a client certificate of a new name",
            "named_credentials: [{name: Mine, url: 'https://bank.test', external_credential: Empty, client_certificate: Other_Bank}]"
                .to_owned(),
        ),
        (
            "a client certificate of a name that had none",
            "named_credentials: [{name: Empty, url: 'https://elsewhere.test', external_credential: Empty, client_certificate: Signer}]"
                .to_owned(),
        ),
        ("a client certificate at another host", presenting("Mutual", EVIL, "Signer")),
        ("another client certificate", presenting("Mutual", "https://bank.test", "Other_Bank")),
        (
            "a certificate",
            credential(
                "{name: Signed, protocol: oauth_jwt_bearer, settings: {token_endpoint: 'https://id.test/t', signing_certificate: Signer, signing_algorithm: ES256, claims: {body: {iss: a, sub: b, aud: c}}}}",
            ),
        ),
    ]
}

struct Scene {
    office: Office,
    keeper: Secret,
}

impl Scene {
    fn open() -> Self {
        let office = Office::open();
        office.apply(KEEPER);
        let keeper = office.key("keeper");
        let scene = Self { office, keeper };
        assert_eq!(scene.apply(&scene.office.admin, STORED), (200, String::new()));
        scene.store_at_provider(&scene.office.admin, "Idp");
        scene.store_at_provider(&scene.office.admin, "People");
        assert_eq!(scene.put(&scene.office.admin, "Box", [("username", "u"), ("password", "SECRET-box")]), 200);
        assert_eq!(scene.put(&scene.office.admin, "Client", [("clientId", "c"), ("clientSecret", "SECRET-client")]), 200);
        let signer = json!({"name": "Signer", "key_algorithm": "p256", "lifetime_days": 30});
        assert_eq!(scene.office.ask_as(&scene.office.admin, "POST", "/api/v1/certificates", Some(&signer)).0, 201);
        let other = json!({"name": "Other_Bank", "key_algorithm": "p256", "lifetime_days": 30});
        assert_eq!(scene.office.ask_as(&scene.office.admin, "POST", "/api/v1/certificates", Some(&other)).0, 201);
        let mutual = format!(
            "external_credentials: [{{name: Plain, protocol: no_authentication}}]\n{}",
            presenting("Mutual", "https://bank.test", "Signer")
        );
        assert_eq!(scene.apply(&scene.office.admin, &mutual), (200, String::new()));
        // Theirs, at a place of their own: nothing is wrong with that.
        let other = "
external_auth_identity_providers: [{name: Mine, flow: client_credentials, token_endpoint: 'https://evil.test/t'}]
external_credentials: [{name: Other, protocol: oauth_managed, settings: {external_auth_identity_provider: Mine}, principals: [{name: Main, sequence_number: 1}]}]
named_credentials: [{name: Other, url: 'https://evil.test', external_credential: Other}]";
        assert_eq!(scene.apply(&scene.keeper, other), (200, String::new()));
        scene.store_at_provider(&scene.keeper, "Mine");
        scene
    }

    /// The status, and the code of a refusal.
    fn apply(&self, key: &Secret, definition: &str) -> (u16, String) {
        let (status, answer) = self.office.ask_as(key, "POST", "/api/v1/definitions/apply", Some(&json!({ "definition": definition })));
        assert!(status != 400, "{definition}: {answer}");
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    }

    fn put(&self, key: &Secret, credential: &str, values: [(&str, &str); 2]) -> u16 {
        let values: serde_json::Map<_, _> = values.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value }))).collect();
        let body =
            json!({"externalCredential": credential, "principalName": "Main", "principalType": "NamedPrincipal", "credentials": values});
        self.office.ask_as(key, "PUT", "/api/v1/named-credentials/credential", Some(&body)).0
    }

    fn store_at_provider(&self, key: &Secret, provider: &str) {
        let values = json!({"client_id": "c", "client_secret": "SECRET-of provider"});
        let (status, said) = self.office.ask_as(key, "PUT", &format!("/api/v1/providers/{provider}/values"), Some(&values));
        assert!(status < 300, "{said}");
    }
}

fn refused() -> (u16, String) {
    (403, "secrets_of_others".to_owned())
}

#[test]
fn whoever_does_not_know_a_secret_cannot_send_it_elsewhere() {
    let scene = Scene::open();
    let stored = || scene.office.runtime.block_on(scene.office.house.store().definitions()).unwrap();
    let before = stored();
    for (id, definition) in attempts() {
        assert_eq!(scene.apply(&scene.keeper, &definition), refused(), "{id}");
        let dry = json!({ "definition": definition, "dry_run": true });
        assert_eq!(scene.office.ask_as(&scene.keeper, "POST", "/api/v1/definitions/apply", Some(&dry)).0, 403, "{id}");
    }
    assert_eq!(stored(), before);
    // The same over the resources of Salesforce, in its words.
    let path = "/services/data/v67.0/named-credentials/named-credential-setup/Box";
    let (_, mut shown) = scene.office.ask_as(&scene.keeper, "GET", path, None);
    shown["calloutUrl"] = json!(EVIL);
    let (status, said) = scene.office.ask_as(&scene.keeper, "PUT", path, Some(&shown));
    assert_eq!(status, 403, "{said}");
    let message = said[0]["message"].as_str().unwrap();
    assert!(message.contains("external credential `Box`") && message.contains(EVIL), "{message}");
    assert_eq!(stored(), before);
    // Where it goes already, it may go by another name.
    // A client certificate too; and to present none any more sends nothing anywhere, wherever the name leads then.
    for definition in [
        named("Box", "https://api.test/v2", "Box"),
        named("Second", "https://API.test/v3", "Box"),
        named("Empty", EVIL, "Empty"),
        presenting("Mutual", "https://bank.test/v2", "Signer"),
        presenting("Second_Mutual", "https://bank.test", "Signer"),
        named("Mutual", "https://bank.test", "Plain"),
        named("Mutual", EVIL, "Plain"),
    ] {
        assert_eq!(scene.apply(&scene.keeper, &definition), (200, String::new()), "{definition}");
    }
}

#[test]
fn whoever_has_stored_it_can_and_so_can_an_operator() {
    for (id, definition) in attempts() {
        let scene = Scene::open();
        if id.contains("provider of its own") {
            continue;
        }
        assert_eq!(scene.apply(&scene.office.admin, &definition), (200, String::new()), "{id}");
    }
    let scene = Scene::open();
    attempts().iter().for_each(|(_, definition)| scene.office.apply(definition));
}

#[test]
fn whoever_stores_it_again_knows_it() {
    let scene = Scene::open();
    let moved = named("Box", EVIL, "Box");
    // The very same values count too: nobody else could give them.
    assert_eq!(
        (scene.put(&scene.keeper, "Box", [("username", "u"), ("password", "SECRET-box")]), scene.apply(&scene.keeper, &moved)),
        (200, (200, String::new()))
    );
    // From then on they are keeper's, and not admin's any more.
    assert_eq!(scene.apply(&scene.office.admin, &named("Box", "https://third.test", "Box")), refused());
    // Half of them is not enough.
    let scene = Scene::open();
    let half = json!({"externalCredential": "Box", "principalName": "Main", "principalType": "NamedPrincipal",
        "credentials": {"username": {"value": "u"}, "password": {"encrypted": true}}});
    let (status, said) = scene.office.ask_as(&scene.keeper, "PUT", "/api/v1/named-credentials/credential", Some(&half));
    assert_eq!((status, scene.apply(&scene.keeper, &moved)), (200, refused()), "{said}");
    // What moves with its place is sealed anew, and still known to be admin's.
    let endpoint =
        "external_credentials: [{name: Client, protocol: oauth_client_credentials, settings: {token_endpoint: 'https://new.test/t'}}]";
    assert_eq!(scene.apply(&scene.office.admin, endpoint), (200, String::new()));
    assert_eq!(scene.apply(&scene.keeper, &endpoint.replace("new.test", "evil.test")), refused());
    assert_eq!(scene.apply(&scene.office.admin, &endpoint.replace("new.test", "third.test")), (200, String::new()));
}

#[test]
fn what_is_stored_one_by_one_is_known_one_by_one() {
    let scene = Scene::open();
    let (moved, at_provider) = (named("Box", EVIL, "Box"), named("Managed", EVIL, "Managed"));
    let store = |path: &str| {
        let (status, said) = scene.office.ask_as(&scene.keeper, "PUT", path, Some(&json!({ "value": "SECRET-keepers" })));
        assert!(status < 300, "{said}");
    };
    let box_value = |name: &str| format!("/api/v1/external-credentials/Box/principals/Main/values/{name}");
    store(&box_value("username"));
    assert_eq!(scene.apply(&scene.keeper, &moved), refused(), "the password is admin's");
    // To take it away is no way to learn it.
    let (status, _) = scene.office.ask_as(&scene.keeper, "DELETE", &box_value("password"), None);
    assert_eq!(status, 200);
    store(&box_value("password"));
    assert_eq!(scene.apply(&scene.keeper, &moved), (200, String::new()));
    assert_eq!(scene.apply(&scene.office.admin, &named("Box", "https://third.test", "Box")), refused(), "now it is keeper's");
    store("/api/v1/providers/Idp/values/client_id");
    assert_eq!(scene.apply(&scene.keeper, &at_provider), refused(), "the client secret is admin's");
    store("/api/v1/providers/Idp/values/client_secret");
    assert_eq!(scene.apply(&scene.keeper, &at_provider), (200, String::new()));
    assert_eq!(scene.apply(&scene.office.admin, &named("Managed", "https://third.test", "Managed")), refused());
}

#[test]
fn what_users_have_stored_and_where_people_have_logged_in_is_theirs() {
    let scene = Scene::open();
    scene.office.apply("external_credentials: [{name: Own, protocol: basic, principals: [{name: Me, identity_type: per_user, sequence_number: 1, enabled_for: {permission_sets: [Callers]}}]}]");
    assert_eq!(
        scene.apply(&scene.office.admin, &named("Own", "https://second.test", "Own")),
        (200, String::new()),
        "nobody has stored anything"
    );
    let alice = scene.office.key("alice");
    let own = json!({"externalCredential": "Own", "principalName": "Me", "principalType": "PerUserPrincipal",
        "credentials": {"username": {"value": "alice"}, "password": {"value": "SECRET-alice"}}});
    let stored = scene.office.ask_as(&alice, "POST", "/api/v1/named-credentials/credential", Some(&own));
    assert_eq!(stored.0, 201, "{}", stored.1);
    assert_eq!(scene.apply(&scene.office.admin, &named("Own", EVIL, "Own")), refused());
    // Somebody has logged in for everybody.
    let definitions = scene.office.runtime.block_on(scene.office.house.store().definitions()).unwrap();
    let cal = definitions.external_credentials.iter().find(|credential| credential.name.as_str() == "Cal").unwrap();
    let main = definitions.principals.iter().find(|principal| principal.external_credential == cal.id).unwrap();
    assert_eq!(scene.apply(&scene.office.admin, &named("Cal", "https://second.test", "Cal")), (200, String::new()));
    let at = Timestamp::from_millis(1);
    let grant = SealedGrant { revision: 1, sealed: vec![1], issued_at: at, expires_at: Some(at), dies_at: None };
    let grants = scene.office.house.store().grants();
    scene
        .office
        .runtime
        .block_on(grants.replace(Identity::shared(main.id).into(), (uuid::Uuid::now_v7(), 1), grant, uuid::Uuid::now_v7()))
        .unwrap();
    assert_eq!(scene.apply(&scene.office.admin, &named("Cal", EVIL, "Cal")), refused());
    // Nor to whoever would be told to take the login back, or is asked whose it is.
    let people = |more: &str| {
        format!(
            "external_auth_identity_providers: [{{name: People, flow: authorization_code, authorize_endpoint: 'https://id.test/a', token_endpoint: 'https://id.test/t', {more}: 'https://evil.test/x'}}]"
        )
    };
    for more in ["revocation_endpoint", "user_info_endpoint"] {
        assert_eq!(scene.apply(&scene.office.admin, &people(more)), refused(), "{more} of the provider, whose values admin knows");
        let another = format!(
            "{}
external_credentials: [{{name: Cal, protocol: oauth_browser, settings: {{external_auth_identity_provider: Another}}, principals: [{{name: Main, sequence_number: 1}}]}}]",
            people(more).replace("People", "Another")
        );
        assert_eq!(scene.apply(&scene.office.admin, &another), refused(), "{more} of another provider");
    }
    // An operator may; and an endpoint that is taken away is no new place.
    scene.office.apply(&people("revocation_endpoint"));
    assert_eq!(scene.apply(&scene.office.admin, &people("x").replace(", x: 'https://evil.test/x'", "")), (200, String::new()));
    assert_eq!(scene.apply(&scene.office.admin, &named("Cal", "https://second.test/v2", "Cal")), (200, String::new()));
}

/// A definition with a value for `Box`. Only what is not secret may stand in one.
fn with_user_name(value: &str) -> String {
    format!(
        "external_credentials: [{{name: Box, protocol: basic, principals: [{{name: Main, sequence_number: 1, values: {{username: {value}}}}}]}}]"
    )
}

#[test]
fn whoever_guesses_what_is_stored_is_told_nothing_and_stands_in_the_audit() {
    let scene = Scene::open();
    let tried = |value: &str| {
        let body = json!({"definition": with_user_name(value), "dry_run": true});
        scene.office.ask_as(&scene.keeper, "POST", "/api/v1/definitions/apply", Some(&body))
    };
    let (status, right) = tried("u");
    assert_eq!((status, right.clone()), tried("wrong"), "a trial says the same of both");
    assert!(right.to_string().contains("values.username"), "{right}");
    // Given for good, the same value is known to keeper too from then on, and that is recorded.
    assert_eq!(scene.apply(&scene.keeper, &with_user_name("u")), (200, String::new()));
    let audit = scene.office.audit();
    assert_eq!(audit.lines().filter(|line| line.contains("user:keeper") && line.contains("values.username")).count(), 1, "{audit}");
    assert_eq!(scene.apply(&scene.keeper, &named("Box", EVIL, "Box")), refused(), "the password is admin's");
}
