//! Tokens of an external auth identity provider: its secret goes to its own endpoint and nowhere else, and every change of it ends the tokens.

use sortie_callout::{CustodyError, Turn};
use sortie_model::{
    ApiName, AuthenticationFlow, AuthorizationServer, ClientAuthentication, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId,
    IdentityType, Label, ParameterKind, RequestParameter, Scopes, ServiceUrl,
};
use uuid::Uuid;

use crate::support::{EVERYBODY, Fault, Operation, Scene, answer, custom_header, outcome, refusal};

/// A scene with the provider `Idp`, two credentials that it manages, and the names `One` and `Two`.
fn managed() -> Scene {
    let mut scene = Scene::new();
    scene.definitions.external_auth_identity_providers.push(provider());
    scene.custody.store_of_provider("Idp", &[("client_id", "client"), ("client_secret", "SECRET-client")]);
    for (credential, name) in [("First", "One"), ("Second", "Two")] {
        let id = scene.credential(credential, "oauth_managed");
        scene.change(id, |credential| {
            credential.settings.insert("external_auth_identity_provider".to_owned(), "iDP".into());
        });
        let principal = scene.principal(id, "Main", IdentityType::Named, 1);
        scene.enable(principal, EVERYBODY);
        scene.name(name, "https://up.test", id);
    }
    scene
}

fn provider() -> ExternalAuthIdentityProvider {
    ExternalAuthIdentityProvider {
        id: ExternalAuthIdentityProviderId::from_uuid(Uuid::from_u128(7)),
        name: ApiName::parse("Idp").unwrap(),
        label: Label::parse("Idp").unwrap(),
        description: String::new(),
        flow: AuthenticationFlow::ClientCredentials,
        server: AuthorizationServer {
            client_authentication: ClientAuthentication::Body,
            parameters: vec![RequestParameter::parse(ParameterKind::TokenBody, "audience", "a", 1, "").unwrap()],
            ..AuthorizationServer::at(ServiceUrl::parse("https://idp.test/token").unwrap())
        },
    }
}

fn forms(scene: &Scene) -> Vec<String> {
    scene.provider.questions().into_iter().map(|ask| String::from_utf8(ask.body.expose().to_vec()).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn credentials_share_a_provider_and_not_their_tokens() {
    let mut scene = managed();
    let alice = scene.user("alice");
    let node = scene.node();
    for target in ["callout:One/x", "callout:Two/x", "callout:One/x"] {
        assert_eq!(outcome(&node.get(&alice, target).await), "200");
    }
    let form = "grant_type=client_credentials&client_id=client&client_secret=SECRET-client&audience=a";
    assert_eq!(forms(&scene), [form, form]);
    let sent: Vec<_> = node.upstream.received().iter().map(|received| received.header("authorization").unwrap()).collect();
    assert_eq!(sent, ["Bearer SECRET-token-1", "Bearer SECRET-token-2", "Bearer SECRET-token-1"]);
    // A kept token needs no secret: another node adopts it without opening one.
    let opened = scene.custody.count(Operation::ProviderValues);
    assert_eq!(outcome(&scene.node().get(&alice, "callout:One/x").await), "200");
    assert_eq!((opened, scene.custody.count(Operation::ProviderValues)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_provider_is_asked_anew_by_those_that_name_it() {
    let mut scene = managed();
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:One/x").await), "200");
    // As management does it: the definition, and the revision of the credentials that name it.
    scene.definitions.external_auth_identity_providers[0].server.token_endpoint = ServiceUrl::parse("https://new.test/token").unwrap();
    scene.revise(|_| {});
    node.refresh(&scene);
    assert_eq!(outcome(&node.get(&alice, "callout:One/x").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Bearer SECRET-token-2"));
    assert_eq!(scene.provider.questions()[1].url.to_string(), "https://new.test/token");
}

#[tokio::test(start_paused = true)]
async fn no_formula_reads_the_secret_of_a_provider() {
    let mut scene = managed();
    let alice = scene.user("alice");
    scene.revise(|credential| credential.headers.push(custom_header("x-leak", "{!$Credential.First.client_secret}", 1)));
    let node = scene.node();
    assert_eq!(refusal(node.get(&alice, "callout:One/x").await).refused.code(), "formula_unresolved");
    assert_eq!(node.upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_provider_is_said_before_and_at_the_callout() {
    type Break = fn(&mut Scene);
    let cases: [(Break, &str, &str); 3] = [
        (|scene| scene.definitions.external_auth_identity_providers.clear(), "credential_misconfigured", "which does not exist"),
        (
            |scene| scene.definitions.external_auth_identity_providers[0].flow = AuthenticationFlow::AuthorizationCode,
            "credential_misconfigured",
            "of the flow authorization_code",
        ),
        (
            |scene| scene.custody.store_of_provider("Idp", &[("client_id", "client")]),
            "credential_not_configured",
            "`client_secret of the provider` is not set",
        ),
    ];
    for (damage, code, words) in cases {
        let mut scene = managed();
        damage(&mut scene);
        let alice = scene.user("alice");
        let node = scene.node();
        let planned = node.explain(&alice, "callout:One/x").await;
        let refused = refusal(node.get(&alice, "callout:One/x").await).refused;
        assert_eq!((refused.code(), refused.turn()), (code, Turn::Admin));
        let planned = planned.refusal.unwrap();
        assert_eq!((planned.code, planned.message), (code, refused.to_string()));
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!((scene.provider.asked(), node.upstream.count()), (0, 0));
    }
    let mut scene = managed();
    let alice = scene.user("alice");
    let plan = scene.node().explain(&alice, "callout:One/x").await;
    assert!(plan.refusal.is_none());
    assert_eq!(plan.identity_provider.as_deref(), Some("Idp"));
    assert_eq!(scene.provider.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_opened_gives_the_lease_back() {
    let mut scene = managed();
    let alice = scene.user("alice");
    scene.custody.on(|operation, _| (operation == Operation::ProviderValues).then_some(Fault::Fail(CustodyError::Tampered)));
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:One/x").await), "secret_tampered");
    let principal = scene.definitions.principals[0].id;
    assert!(!scene.custody.is_leased(principal, None));
    assert_eq!(scene.provider.asked(), 0);
    scene.custody.calm_down();
    crate::support::advance(2).await;
    assert_eq!(outcome(&node.get(&alice, "callout:One/x").await), "200");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    let mut scene = managed();
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream
        .answers(|received| answer(if received.header("authorization").as_deref() == Some("Bearer SECRET-token-1") { 401 } else { 200 }));
    assert_eq!(outcome(&node.get(&alice, "callout:One/x").await), "200");
    assert_eq!((scene.provider.asked(), node.upstream.count()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn users_with_other_scopes_have_other_tokens_and_replace_the_default() {
    let mut scene = managed();
    scene.definitions.external_auth_identity_providers[0].server.default_scopes = Scopes::parse("everything").unwrap();
    let mut users = ["alice", "bob", "carol"].map(|name| scene.user(name));
    for (user, department) in users.iter_mut().zip(["sales", "legal", "sales"]) {
        user.attributes = [("Department".to_owned(), department.to_owned())].into();
    }
    // A principal's own, which replaces the credential's, which replaces the provider's.
    scene.revise(|credential| {
        credential.settings.insert("scope".to_owned(), "of_the_credential".into());
    });
    scene.definitions.principals[0].settings.insert("scope".to_owned(), "of:{!$User.Department}".into());
    let node = scene.node();
    let mut tokens = Vec::new();
    for user in &users {
        assert_eq!(outcome(&node.get(user, "callout:One/x").await), "200");
        tokens.push(node.upstream.last().header("authorization"));
    }
    assert_eq!((tokens[0] == tokens[2], tokens[0] == tokens[1]), (true, false));
    assert_eq!(outcome(&node.get(&users[0], "callout:Two/x").await), "200");
    let scopes: Vec<_> = forms(&scene).iter().map(|form| form.split('&').nth(1).unwrap().to_owned()).collect();
    assert_eq!(scopes, ["scope=of%3Asales", "scope=of%3Alegal", "scope=everything"]);
}
