//! Groups AZ and NAME: who may call, and as whom.
//!
//! Elsewhere: AZ-05 (ties) and NAME-01, -03, -04, -06, -08 are rules of the store and the model; AZ-09 and AZ-10 (delegation), AZ-17 (method rules) and AZ-18
//! (tenants) are not built yet; AZ-14 and AZ-15 need several processes and live connections.

use sortie_callout::{Denial, Refused};
use sortie_model::IdentityType;

use crate::support::{EVERYBODY, Fault, Node, Operation, Reply, Scene, answer, outcome, refusal, settle};

/// Nothing was decrypted, asked, recorded or sent.
fn assert_untouched(scene: &Scene, node: &Node) {
    assert_eq!(scene.custody.total(), 0, "custody");
    assert_eq!(scene.provider.asked(), 0, "provider");
    assert_eq!(node.upstream.count(), 0, "upstream");
    assert!(node.audit.records().is_empty(), "intents");
}

#[tokio::test(start_paused = true)]
async fn without_a_permission_nothing_is_decrypted_asked_or_sent() {
    // AZ-01; 7.1 #1.
    let (mut scene, _) = Scene::oauth();
    let stranger = scene.user_with("stranger", &[]);
    let other = scene.user_with("other", &[0xB0B]);
    let node = scene.node();
    for caller in [&stranger, &other] {
        let refused = refusal(node.get(caller, "callout:Pay/x").await);
        assert_eq!(refused.refused, Refused::NotPermitted { reason: Denial::NoPrincipal });
        assert!(refused.intent.is_none());
    }
    settle().await;
    assert_untouched(&scene, &node);
}

#[tokio::test(start_paused = true)]
async fn unknown_and_forbidden_names_read_the_same() {
    // AZ-02.
    let (mut scene, _) = Scene::oauth();
    let stranger = scene.user_with("stranger", &[]);
    let node = scene.node();
    let forbidden = refusal(node.get(&stranger, "callout:Pay/x").await).refused;
    let unknown = refusal(node.get(&stranger, "callout:Nope/x").await).refused;
    let read = |refused: &Refused| (refused.code(), refused.to_string(), refused.next_step(), refused.turn());
    assert_eq!(read(&forbidden), read(&unknown));
    assert_ne!(forbidden.reason(), unknown.reason(), "the audit tells them apart");
    assert_untouched(&scene, &node);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_switched_off_reveals_itself_only_to_those_who_may_use_it() {
    let (mut scene, _) = Scene::oauth();
    scene.last_named().is_enabled = false;
    let (alice, stranger) = (scene.user("alice"), scene.user_with("stranger", &[]));
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "callout_disabled");
    assert_eq!(outcome(&node.get(&stranger, "callout:Pay/x").await), "not_permitted");
    assert_untouched(&scene, &node);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_principal_opens_nothing() {
    // AZ-03, and AZ-13: removed on this node, gone at once.
    let (mut scene, principal) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    scene.definitions.principals.retain(|kept| kept.id != principal);
    node.refresh(&scene);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "not_permitted");
}

#[tokio::test(start_paused = true)]
async fn a_removed_permission_binds_at_once_while_its_token_is_still_good() {
    // AZ-13.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    scene.definitions.principal_access.clear();
    node.refresh(&scene);
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "not_permitted");
    assert_eq!(node.upstream.count(), 1);
}

/// A credential `Ec` with two Basic principals, 10 before 5 in the definitions, each in a permission set of its own.
fn two_principals() -> (Scene, [sortie_model::PrincipalId; 2]) {
    let mut scene = Scene::new();
    let credential = scene.credential("Ec", "basic");
    let late = scene.principal(credential, "Late", IdentityType::Named, 10);
    let early = scene.principal(credential, "Early", IdentityType::Named, 5);
    scene.enable(late, 1);
    scene.enable(early, 2);
    scene.custody.store(late, None, &[("username", "late"), ("password", "SECRET-late")]);
    scene.custody.store(early, None, &[("username", "early"), ("password", "SECRET-early")]);
    scene.name("Pay", "https://up.test", credential);
    (scene, [early, late])
}

#[tokio::test(start_paused = true)]
async fn the_lowest_sequence_number_wins_and_the_audit_names_it() {
    // AZ-04.
    let (mut scene, _) = two_principals();
    let (both, late_only, early_only) = (scene.user_with("both", &[1, 2]), scene.user_with("late", &[1]), scene.user_with("early", &[2]));
    let node = scene.node();
    for (caller, principal, header) in [
        (&both, "Early", "Basic ZWFybHk6U0VDUkVULWVhcmx5"),
        (&late_only, "Late", "Basic bGF0ZTpTRUNSRVQtbGF0ZQ=="),
        (&early_only, "Early", "Basic ZWFybHk6U0VDUkVULWVhcmx5"),
    ] {
        assert_eq!(outcome(&node.get(caller, "callout:Pay/x").await), "200");
        assert_eq!(node.audit.records().last().unwrap().principal, principal);
        assert_eq!(node.upstream.last().header("authorization").as_deref(), Some(header), "{principal}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_principal_that_cannot_be_used_is_not_replaced_by_the_next_one() {
    // AZ-06: no silent fall-through to another identity, whether nothing is stored or the upstream refuses it.
    let (mut scene, [early, _]) = two_principals();
    let both = scene.user_with("both", &[1, 2]);
    scene.custody.remove_values(early, None);
    let node = scene.node();
    assert_eq!(outcome(&node.get(&both, "callout:Pay/x").await), "credential_not_configured");
    assert_eq!(node.upstream.count(), 0);

    scene.custody.store(early, None, &[("username", "early"), ("password", "SECRET-wrong")]);
    node.upstream.answers(|_| answer(401));
    assert_eq!(outcome(&node.get(&both, "callout:Pay/x").await), "401");
    assert_eq!(node.upstream.count(), 1, "and a static credential is not sent twice");
}

/// A Per User credential with values for `bob` only.
fn per_user() -> (Scene, sortie_model::PrincipalId, [sortie_callout::Caller; 2]) {
    let mut scene = Scene::new();
    let credential = scene.credential("Ec", "basic");
    let principal = scene.principal(credential, "Own", IdentityType::PerUser, 1);
    scene.enable(principal, EVERYBODY);
    scene.name("Pay", "https://up.test", credential);
    let (alice, bob) = (scene.user("alice"), scene.user("bob"));
    scene.custody.store(principal, Some(bob.user), &[("username", "bob"), ("password", "SECRET-bob")]);
    (scene, principal, [alice, bob])
}

#[tokio::test(start_paused = true)]
async fn another_users_credential_does_not_help() {
    // AZ-07; 7.1 #4: whose turn it is, is the user's own.
    let (scene, principal, [alice, bob]) = per_user();
    // Not even a shared one that somebody stored by mistake (AZ-11).
    scene.custody.store(principal, None, &[("username", "shared"), ("password", "SECRET-shared")]);
    let node = scene.node();
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "200");
    let refused = refusal(node.get(&alice, "callout:Pay/x").await).refused;
    assert_eq!(refused.code(), "needs_authentication");
    assert_eq!(refused.turn(), sortie_callout::Turn::Caller);
    assert_eq!(node.upstream.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_acts_for_another_by_saying_so() {
    // AZ-08.
    let (scene, _, [alice, _]) = per_user();
    let node = scene.node();
    let claims = [("X-NC-User", "bob"), ("X-On-Behalf-Of", "bob"), ("X-Remote-User", "bob"), ("Sortie-User", "bob")];
    assert_eq!(outcome(&node.get_with(&alice, "callout:Pay/x?user=bob", &claims).await), "needs_authentication");
    assert_eq!(node.upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_named_principal_never_uses_a_users_own_values() {
    // AZ-11, the other direction.
    let (mut scene, principal) = Scene::of("basic", &[]);
    let alice = scene.user("alice");
    scene.custody.remove_values(principal, None);
    scene.custody.store(principal, Some(alice.user), &[("username", "alice"), ("password", "SECRET-alice")]);
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "credential_not_configured");
    assert_eq!(node.upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_made_again_under_the_same_name_is_another_user() {
    // AZ-12.
    let (mut scene, _, [_, bob]) = per_user();
    let node = scene.node();
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "200");
    let bob_again = scene.user("bob");
    assert_ne!(bob_again.user, bob.user);
    assert_eq!(outcome(&node.get(&bob_again, "callout:Pay/x").await), "needs_authentication");
}

#[tokio::test(start_paused = true)]
async fn what_a_user_stores_or_removes_counts_as_soon_as_the_node_hears_of_it() {
    // P17: no definition has changed, and nobody else's tokens are concerned.
    let (scene, principal, [_, bob]) = per_user();
    let node = scene.node();
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "200");

    scene.custody.store(principal, Some(bob.user), &[("username", "bob"), ("password", "SECRET-new")]);
    node.grants.forget(principal, Some(bob.user));
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "200");
    assert_eq!(node.upstream.last().header("authorization").as_deref(), Some("Basic Ym9iOlNFQ1JFVC1uZXc="));

    scene.custody.remove_values(principal, Some(bob.user));
    node.grants.forget(principal, Some(bob.user));
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "needs_authentication");
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_began_before_a_user_removed_their_values_is_not_kept() {
    let (scene, principal, [_, bob]) = per_user();
    let node = scene.node();
    // The values are read, and then the answer is long on its way while the user removes them.
    scene.custody.on(|operation, _| (operation == Operation::Values).then_some(Fault::DelayAnswer(std::time::Duration::from_secs(1))));
    let (early, ()) = tokio::join!(node.get(&bob, "callout:Pay/x"), async {
        settle().await;
        scene.custody.remove_values(principal, Some(bob.user));
        node.grants.forget(principal, Some(bob.user));
    });
    assert_eq!(outcome(&early), "200", "it was allowed when it began");
    assert_eq!(outcome(&node.get(&bob, "callout:Pay/x").await), "needs_authentication");
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_finish_at_the_old_place_and_new_ones_go_to_the_new() {
    // AZ-16.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    scene.provider.usually(Reply::token(3600).after(std::time::Duration::from_secs(2)));
    let (old, ()) = tokio::join!(node.get(&alice, "callout:Pay/x"), async {
        settle().await;
        scene.definitions.named_credentials.clear();
        let credential = scene.definitions.external_credentials[0].id;
        scene.name("Pay", "https://other.test", credential);
        scene.revise(|_| ());
        node.refresh(&scene);
    });
    assert_eq!(outcome(&old), "200");
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "200");
    let received = node.upstream.received();
    assert_eq!([&received[0].place, &received[1].place], ["https://up.test", "https://other.test"]);
    let tokens = [received[0].header("authorization"), received[1].header("authorization")];
    assert_ne!(tokens[0], tokens[1], "no token of the old definition at the new place");
}

#[tokio::test(start_paused = true)]
async fn names_are_found_in_any_case_and_recorded_as_written() {
    // NAME-02: looked up without regard to ASCII case; NAME-01 is the store's.
    let (mut scene, _) = Scene::oauth();
    let alice = scene.user("alice");
    let node = scene.node();
    for target in ["callout:Pay/x", "callout:PAY/x", "callout:pay/x", "CallOut:pAY/x"] {
        assert_eq!(outcome(&node.get(&alice, target).await), "200", "{target}");
    }
    assert!(node.audit.records().iter().all(|record| record.named == "Pay"));
    assert_eq!(scene.provider.asked(), 1, "one name, one token");
    // NAME-03, URL-11, URL-25: what only looks like the name is unknown or no name at all.
    for target in ["callout:Payevil/x", "callout:Pa/x", "callout:Pay_/x"] {
        assert_eq!(outcome(&node.get(&alice, target).await), "not_permitted", "{target}");
    }
    for target in ["callout:P\u{430}y/x", "callout:Pay@evil.test/x", "callout:P%61y/x"] {
        assert_eq!(outcome(&node.get(&alice, target).await), "target_invalid", "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_longest_name_is_found_and_a_longer_one_is_refused() {
    let (mut scene, _) = Scene::oauth();
    let longest = "N".repeat(80);
    let credential = scene.definitions.external_credentials[0].id;
    scene.name(&longest, "https://up.test", credential);
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, &format!("callout:{longest}/x")).await), "200");
    assert_eq!(outcome(&node.get(&alice, &format!("callout:{longest}N/x")).await), "target_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_protocol_that_this_program_does_not_know_opens_nothing() {
    let (mut scene, _) = Scene::oauth();
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| credential.protocol = "oauth_of_tomorrow".to_owned());
    let alice = scene.user("alice");
    let node = scene.node();
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "not_permitted");
    assert_untouched(&scene, &node);
}

#[test]
fn a_caller_is_matched_by_grantee_and_not_by_position() {
    let mut scene = Scene::new();
    let caller = scene.user_with("x", &[9, 3, 7, 3]);
    let set = |number: u128| sortie_model::Grantee::PermissionSet(sortie_model::PermissionSetId::from_uuid(uuid::Uuid::from_u128(number)));
    let profile = sortie_model::Grantee::Profile(sortie_model::ProfileId::from_uuid(uuid::Uuid::from_u128(3)));
    assert!(caller.is_any_of(&[set(1), set(3)]));
    assert!(caller.is_any_of(&[set(9)]));
    assert!(!caller.is_any_of(&[set(1), set(2), set(4), set(5), set(6), set(8)]));
    assert!(!caller.is_any_of(&[profile]), "a profile is no permission set, whatever its id");
    assert!(!caller.is_any_of(&[]));
}
