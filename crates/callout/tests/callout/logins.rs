//! Logins with a browser: who may, what they give, how it is renewed, and when somebody has to log in again.

use std::time::Duration;

use futures_util::future::join_all;
use sortie_callout::{Authority, Caller, LoginRefused, Redeemed, Revocation, Turn, Unobtainable, place};
use sortie_model::{
    ApiName, AuthenticationFlow, AuthorizationServer, ExternalAuthIdentityProvider, ExternalAuthIdentityProviderId, IdentityType, Label,
    PrincipalId, Secret, ServiceUrl,
};
use sortie_protocol::Brought;
use sortie_protocol::{LoginRequest, NoLogin, Revoked};
use uuid::Uuid;

use crate::support::{EVERYBODY, Fault, Node, Operation, Reply, Scene, advance, outcome, refusal, settle};

const INVALID_GRANT: &str = r#"{"error":"invalid_grant","error_description":"Token has been revoked"}"#;

/// A credential `Cal` with the provider `Idp`, its principal `Main`, and the name `Cal`. Tokens live for 100 s and are rotated.
pub(crate) fn scene(identity_type: IdentityType) -> (Scene, PrincipalId) {
    let mut scene = Scene::new();
    let url = |text: &str| ServiceUrl::parse(text).unwrap();
    scene.definitions.external_auth_identity_providers.push(ExternalAuthIdentityProvider {
        id: ExternalAuthIdentityProviderId::from_uuid(Uuid::from_u128(7)),
        name: ApiName::parse("Idp").unwrap(),
        label: Label::parse("Idp").unwrap(),
        description: String::new(),
        flow: AuthenticationFlow::AuthorizationCode,
        server: AuthorizationServer {
            authorize_endpoint: Some(url("https://idp.test/authorize")),
            revocation_endpoint: Some(url("https://idp.test/revoke")),
            ..AuthorizationServer::at(url("https://idp.test/token"))
        },
    });
    scene.custody.store_of_provider("Idp", &[("client_id", "client"), ("client_secret", "SECRET-client")]);
    let credential = scene.credential("Cal", "oauth_browser");
    scene.change(credential, |credential| {
        credential.settings.insert("external_auth_identity_provider".to_owned(), "Idp".into());
    });
    let principal = scene.principal(credential, "Main", identity_type, 1);
    scene.enable(principal, EVERYBODY);
    scene.name("Cal", "https://up.test", credential);
    scene.provider.usually(Reply::Rotated { lifetime: 100 });
    (scene, principal)
}

pub(crate) async fn redeem(node: &Node, caller: &Caller) -> Result<Redeemed, Unobtainable> {
    let snapshot = node.snapshot();
    let place = place(&snapshot, caller, Authority::Operator, ("cal", "main")).unwrap();
    let [state, code_verifier, nonce, key_seed] = ["SECRET-state", "SECRET-verifier", "SECRET-nonce", "SECRET-seed"].map(Secret::new);
    let (redirect_uri, key_seed) = ("https://sortie.test/cb", &key_seed);
    let request = LoginRequest { redirect_uri, state: &state, code_verifier: &code_verifier, nonce: &nonce, key_seed };
    node.grants.redeem(&place, &request, &Brought::from([("code".to_owned(), Secret::new("SECRET-code"))])).await
}

pub(crate) async fn log_in(node: &Node, caller: &Caller) {
    let redeemed = redeem(node, caller).await.unwrap();
    let snapshot = node.snapshot();
    node.grants.keep(&place(&snapshot, caller, Authority::Operator, ("Cal", "Main")).unwrap(), &redeemed).await.unwrap();
}

pub(crate) async fn revoke(node: &Node, caller: &Caller) -> Revocation {
    let snapshot = node.snapshot();
    node.grants.revoke(&place(&snapshot, caller, Authority::Operator, ("Cal", "Main")).unwrap()).await.unwrap()
}

pub(crate) async fn get(node: &Node, caller: &Caller) -> String {
    outcome(&node.get(caller, "callout:Cal/x").await)
}

pub(crate) fn bearer(node: &Node) -> String {
    node.upstream.last().header("authorization").unwrap()
}

fn said(why: NoLogin) -> String {
    format!("the credential cannot be used: {why}")
}

/// The refresh tokens that the provider was shown, in order.
pub(crate) fn presented(scene: &Scene) -> Vec<String> {
    let forms = scene.provider.questions().into_iter().map(|ask| String::from_utf8(ask.body.expose().to_vec()).unwrap());
    forms.filter_map(|form| form.split('&').find_map(|pair| pair.strip_prefix("refresh_token=").map(str::to_owned))).collect()
}

#[tokio::test(start_paused = true)]
async fn az_only_who_may_logs_in() {
    for (identity_type, authority, has_permission, may) in [
        (IdentityType::PerUser, Authority::User, true, true),
        (IdentityType::PerUser, Authority::User, false, false),
        (IdentityType::PerUser, Authority::Manager, true, true),
        (IdentityType::PerUser, Authority::Manager, false, false),
        (IdentityType::PerUser, Authority::Operator, false, true),
        // OAU-24: nobody but who manages credentials gives everybody a login.
        (IdentityType::Named, Authority::User, true, false),
        (IdentityType::Named, Authority::Manager, false, true),
        (IdentityType::Named, Authority::Operator, false, true),
    ] {
        let (mut scene, _) = scene(identity_type);
        let caller = if has_permission { scene.user("alice") } else { scene.user_with("alice", &[]) };
        let snapshot = scene.node().snapshot();
        let found = place(&snapshot, &caller, authority, ("CAL", "main"));
        assert_eq!(found.is_ok(), may, "{identity_type:?} {authority:?} {has_permission}");
        // What is not there looks the same as what is not for this user.
        let unknown = place(&snapshot, &caller, authority, ("Cal", "Other")).err().unwrap();
        assert_eq!(unknown, LoginRefused::NotPermitted);
        assert!(found.err().is_none_or(|refused| refused == unknown));
    }
    let (mut basic, _) = Scene::of("basic", &[]);
    let (alice, snapshot) = (basic.user("alice"), basic.node().snapshot());
    assert_eq!(place(&snapshot, &alice, Authority::Manager, ("Ec", "Main")).err(), Some(LoginRefused::NoLogin { protocol: "basic" }));
}

#[tokio::test(start_paused = true)]
async fn without_a_login_nobody_is_asked_and_nothing_is_written() {
    for (identity_type, turn) in [(IdentityType::Named, Turn::Admin), (IdentityType::PerUser, Turn::Caller)] {
        let (mut scene, _) = scene(identity_type);
        let (alice, node) = (scene.user("alice"), scene.node());
        for _ in 0..50 {
            let refused = refusal(node.get(&alice, "callout:Cal/x").await);
            assert_eq!((refused.refused.code(), refused.refused.turn()), ("needs_authentication", turn));
            assert!(refused.refused.next_step().contains("sortie auth login"), "{}", refused.refused.next_step());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert_eq!((scene.provider.asked(), node.upstream.count()), (0, 0));
        let looks = scene.custody.count(Operation::Load);
        assert_eq!(scene.custody.total(), looks, "only looks");
        assert!(looks <= 6, "one look a second: {looks} in five");
        let plan = node.explain(&alice, "callout:Cal/x").await;
        let refusal = plan.refusal.unwrap();
        assert_eq!(refusal.code, "needs_authentication");
        assert!(refusal.next_step.contains("sortie auth login 'Cal/Main'"), "{}", refusal.next_step);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_serves_every_node_within_a_second_and_is_renewed_by_itself() {
    let (mut scene, principal) = scene(IdentityType::Named);
    let (alice, bob) = (scene.user("alice"), scene.user("bob"));
    let nodes = [scene.node(), scene.node()];
    assert_eq!(get(&nodes[1], &bob).await, "needs_authentication");
    log_in(&nodes[0], &alice).await;
    assert_eq!(get(&nodes[0], &alice).await, "200", "at once where it was made");
    advance(1).await;
    assert_eq!((get(&nodes[1], &bob).await, bearer(&nodes[1])), ("200".to_owned(), "Bearer SECRET-token-1".to_owned()));
    // REL-T01: over many expiries every refresh token is presented once, whichever node does it.
    for _ in 0..1000 {
        let all = join_all(nodes.iter().map(|node| get(node, &alice))).await;
        assert!(all.iter().all(|outcome| outcome == "200"));
        advance(1).await;
    }
    settle().await;
    let presented = presented(&scene);
    let expected: Vec<String> = (1..=presented.len()).map(|number| format!("SECRET-refresh-{number}")).collect();
    assert_eq!(presented, expected);
    assert!(presented.len() >= 11 && scene.custody.fenced() == 0, "{}", presented.len());
    assert_eq!(scene.custody.version(principal, None), i64::try_from(presented.len()).ok().map(|renewals| renewals + 1));
}

#[tokio::test(start_paused = true)]
async fn each_user_has_a_login_of_their_own() {
    let (mut scene, principal) = scene(IdentityType::PerUser);
    let (alice, bob, node) = (scene.user("alice"), scene.user("bob"), scene.node());
    log_in(&node, &alice).await;
    assert_eq!(get(&node, &bob).await, "needs_authentication");
    log_in(&node, &bob).await;
    assert_eq!((get(&node, &alice).await, bearer(&node)), ("200".to_owned(), "Bearer SECRET-token-1".to_owned()));
    assert_eq!((get(&node, &bob).await, bearer(&node)), ("200".to_owned(), "Bearer SECRET-token-2".to_owned()));
    assert_eq!(revoke(&node, &alice).await, Revocation::Told(Ok(Revoked::AtTheProvider)));
    assert_eq!((get(&node, &alice).await, get(&node, &bob).await), ("needs_authentication".to_owned(), "200".to_owned()));
    assert_eq!(scene.custody.version(principal, Some(alice.user)), None);
    let told = scene.provider.questions().pop().unwrap();
    assert_eq!(told.url.to_string(), "https://idp.test/revoke");
    assert_eq!((revoke(&node, &alice).await, scene.custody.owed()), (Revocation::Absent, vec![]));
}

#[tokio::test(start_paused = true)]
async fn tok_22_what_a_provider_could_not_be_told_is_owed_to_it() {
    let (mut scene, principal) = scene(IdentityType::PerUser);
    let (alice, node) = (scene.user("alice"), scene.node());
    log_in(&node, &alice).await;
    scene.provider.next(Reply::status(503, ""));
    assert!(matches!(revoke(&node, &alice).await, Revocation::Told(Err(Unobtainable::Protocol(_)))));
    // Here it is gone at once.
    assert_eq!((get(&node, &alice).await, scene.custody.version(principal, Some(alice.user))), ("needs_authentication".to_owned(), None));
    assert_eq!(scene.custody.owed(), ["SECRET-refresh-1"]);
    // Before the provider is told: a process that ends meanwhile has forgotten nothing.
    log_in(&node, &alice).await;
    scene.provider.next(Reply::Never);
    let never = tokio::time::timeout(Duration::from_secs(1), revoke(&node, &alice)).await;
    assert!(never.is_err());
    assert_eq!(scene.custody.owed(), ["SECRET-refresh-1", "SECRET-refresh-2"]);
}

#[tokio::test(start_paused = true)]
async fn rel_t10_whoever_sleeps_through_its_lease_asks_nobody_when_it_wakes_up() {
    let (mut scene, principal) = scene(IdentityType::Named);
    let (alice, stale, fresh) = (scene.user("alice"), scene.node(), scene.node());
    log_in(&fresh, &alice).await;
    advance(99).await;
    // The lease is taken, and its holder hears of it 45 s later.
    scene.custody.on({
        let slept = std::sync::atomic::AtomicBool::new(false);
        move |operation, _| {
            let is_first = operation == Operation::Lease && !slept.swap(true, std::sync::atomic::Ordering::SeqCst);
            is_first.then_some(Fault::DelayAnswer(Duration::from_secs(45)))
        }
    });
    let (_, other) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), get(&stale, &alice)), async {
        tokio::time::sleep(Duration::from_secs(31)).await;
        get(&fresh, &alice).await
    });
    assert_eq!(other, "200");
    advance(20).await;
    settle().await;
    assert_eq!((presented(&scene), scene.custody.version(principal, None)), (vec!["SECRET-refresh-1".to_owned()], Some(2)));
    assert_eq!(get(&stale, &alice).await, "200");
    assert_eq!((bearer(&stale), scene.custody.fenced()), ("Bearer SECRET-token-2".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn tok_13_a_refused_login_is_not_tried_again_until_somebody_logs_in() {
    let (mut scene, _) = scene(IdentityType::PerUser);
    let (alice, bob) = (scene.user("alice"), scene.user("bob"));
    let nodes = [scene.node(), scene.node()];
    log_in(&nodes[0], &alice).await;
    log_in(&nodes[0], &bob).await;
    advance(99).await;
    scene.provider.next(Reply::status(400, INVALID_GRANT));
    let refused = refusal(nodes[0].get(&alice, "callout:Cal/x").await).refused;
    assert_eq!((refused.code(), refused.turn()), ("needs_authentication", Turn::Caller));
    assert!(refused.to_string().contains("Token has been revoked") && refused.cause().is_some(), "{refused}");
    let asked = scene.provider.asked();
    for _ in 0..120 {
        for node in &nodes {
            assert_eq!(get(node, &alice).await, "needs_authentication");
        }
        advance(60).await;
    }
    assert_eq!(scene.provider.asked(), asked, "for two hours");
    assert_eq!(get(&nodes[0], &bob).await, "200", "nobody else is concerned");
    log_in(&nodes[0], &alice).await;
    advance(1).await;
    for node in &nodes {
        assert_eq!(get(node, &alice).await, "200");
    }
}

#[tokio::test(start_paused = true)]
async fn tok_12_and_rel_t20_the_newest_login_wins_over_a_renewal_under_way() {
    for late in [Reply::status(400, INVALID_GRANT), Reply::Rotated { lifetime: 100 }, Reply::status(503, "")] {
        let (mut scene, principal) = scene(IdentityType::Named);
        let (alice, node, other) = (scene.user("alice"), scene.node(), scene.node());
        log_in(&node, &alice).await;
        advance(99).await;
        scene.provider.next(late.after(Duration::from_secs(5)));
        let (answered, ()) = tokio::join!(get(&node, &alice), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            log_in(&other, &alice).await;
        });
        // What was refused, or came late, is not what is kept: it is read again.
        assert_eq!(answered, "200");
        assert_eq!(scene.custody.version(principal, None), Some(2));
        assert_eq!(Some(bearer(&node)), scene.custody.kept_token(principal, None).map(|token| format!("Bearer {token}")));
    }
}

#[tokio::test(start_paused = true)]
async fn rel_t21_what_a_renewal_brings_after_a_revocation_is_thrown_away() {
    let (mut scene, principal) = scene(IdentityType::Named);
    let (alice, node, other) = (scene.user("alice"), scene.node(), scene.node());
    log_in(&node, &alice).await;
    advance(99).await;
    scene.provider.next(Reply::Rotated { lifetime: 100 }.after(Duration::from_secs(5)));
    let (answered, ()) = tokio::join!(get(&node, &alice), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        revoke(&other, &alice).await;
    });
    assert_eq!(answered, "needs_authentication");
    assert_eq!(scene.custody.version(principal, None), None);
}

#[tokio::test(start_paused = true)]
async fn a_login_outlives_changes_that_do_not_concern_it() {
    let (mut scene, _) = scene(IdentityType::Named);
    let (alice, node) = (scene.user("alice"), scene.node());
    log_in(&node, &alice).await;
    let asked = scene.provider.asked();
    scene.revise(|credential| credential.description = "other".to_owned());
    node.refresh(&scene);
    assert_eq!((get(&node, &alice).await, scene.provider.asked()), ("200".to_owned(), asked));
    // It is renewed under the new definition.
    advance(99).await;
    assert_eq!((get(&node, &alice).await, scene.provider.asked()), ("200".to_owned(), asked + 1));
    scene.revise(|credential| drop(credential.settings.insert("scope".to_owned(), "everything".into())));
    node.refresh(&scene);
    let refused = refusal(node.get(&alice, "callout:Cal/x").await).refused;
    assert_eq!((refused.code(), refused.to_string()), ("needs_authentication", said(NoLogin::OtherScope)));
    assert_eq!(scene.provider.asked(), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_successor_dies_and_a_refused_one_is_not_sent_again() {
    let (mut scene, _) = scene(IdentityType::Named);
    let (alice, node) = (scene.user("alice"), scene.node());
    scene.provider.usually(Reply::token(100));
    log_in(&node, &alice).await;
    assert_eq!(get(&node, &alice).await, "200");
    advance(95).await;
    let refused = refusal(node.get(&alice, "callout:Cal/x").await).refused;
    assert_eq!(refused.to_string(), said(NoLogin::NoRefreshToken));
    assert_eq!(scene.provider.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_code_is_no_refused_login() {
    let (mut scene, principal) = scene(IdentityType::Named);
    let (alice, node) = (scene.user("alice"), scene.node());
    log_in(&node, &alice).await;
    scene.provider.next(Reply::status(400, INVALID_GRANT));
    assert!(matches!(redeem(&node, &alice).await, Err(Unobtainable::Protocol(_))));
    assert_eq!((get(&node, &alice).await, scene.custody.version(principal, None)), ("200".to_owned(), Some(1)));
}
