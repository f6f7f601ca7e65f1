//! Group AZ of the attack catalogue: who may use which name, and as whom.
//!
//! - AZ-05 (equal sequence numbers) is refused by `sortie-store`, whose tests say so.
//! - AZ-09 and -10 need delegation, AZ-17 rules for methods and paths, AZ-18 tenants: there are none. Of AZ-17 stands here what holds without rules.
//! - The timing half of AZ-02 is not measured here.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sortie_model::{Endpoint, Grantee, IdentityType, NamedCredential, PrincipalAccess, User, UserId};
use sortie_server::new_id;
use sortie_store::Identity;
use sortie_testkit::peers::TestDatabase;
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{Credential, Expected, Scene, TestServer, request};

use Expected::{Forwarded, Refused};

const NOT_PERMITTED: (u16, Option<&str>) = (403, Some("not_permitted"));

#[test]
fn nothing_happens_for_a_caller_who_may_not() {
    // AZ-01: no token is asked for, no connection is made.
    let mut scene = Scene::new();
    let (_, bob) = scene.server.user("bob", &[]);
    let tokens = RecordingUpstream::answering("{}");
    let endpoint = format!("{}/token", tokens.url());
    let external = scene.server.external_credential(&Credential {
        settings: &[("token_endpoint", &endpoint)],
        ..Credential::new("Tok", "oauth_client_credentials")
    });
    let principal = scene.server.principal(&external, "Main", 1, IdentityType::Named, &[scene.callers]);
    for (name, value) in [("client_id", "id"), ("client_secret", "SECRET-client")] {
        scene.server.value(&external, Identity::shared(principal), name, value);
    }
    scene.server.named_credential("Tok", &scene.upstream.url(), &external);
    scene.server.settle();
    for name in ["Pay", "Tok"] {
        assert_eq!(scene.server.get(&bob, &format!("/callout/{name}/x")).verdict(), NOT_PERMITTED);
    }
    assert_eq!((scene.upstream.connections(), tokens.connections()), (0, 0));
    // P4: the same for a request that is permitted and not well-formed.
    for (line, code) in [
        ("X: \u{e9}\r\n", "header_invalid"),
        ("Content-Type: a\r\nContent-Type: b\r\n", "header_invalid"),
        ("X: {!$Credential.Tok.client_secret}\r\n", "formula_not_allowed"),
    ] {
        let answer = scene.server.request(&scene.key, "GET", "/callout/Tok/x", line, "");
        assert_eq!(answer.verdict(), (400, Some(code)), "{line}");
    }
    assert_eq!((scene.upstream.connections(), tokens.connections()), (0, 0));
    // And they would have been reached: the scene is able to fail.
    assert_eq!(scene.server.get(&scene.key, "/callout/Tok/x").code(), Some("token_answer_malformed"));
    assert_eq!(tokens.connections(), 1);
    scene.server.stop();
    let reasons: Vec<_> =
        scene.server.records().into_iter().filter(|record| record["event"] == "refused").map(|record| record["reason"].clone()).collect();
    assert_eq!(reasons[..2], ["no_principal", "no_principal"]);
}

#[test]
fn a_name_that_one_may_not_use_looks_like_one_that_does_not_exist() {
    // AZ-02; also a name that is switched off.
    let mut scene = Scene::new();
    let (_, bob) = scene.server.user("bob", &[]);
    scene.server.named_credential_with("Off", &scene.upstream.url(), &scene.pay.external, |named| named.is_enabled = false);
    scene.server.settle();
    let [unmapped, off, unknown] = ["/callout/Pay/x", "/callout/Off/x", "/callout/None/x"].map(|target| scene.server.get(&bob, target));
    assert_eq!(unknown.verdict(), NOT_PERMITTED);
    assert_eq!(unmapped.without_date(), unknown.without_date());
    assert_eq!(off.without_date(), unknown.without_date());
    // Who may use it is told.
    assert_eq!(scene.server.get(&scene.key, "/callout/Off/x").verdict(), (403, Some("callout_disabled")));
    assert_eq!(scene.upstream.connections(), 0);
    scene.server.stop();
    let records = scene.server.records();
    let reasons: Vec<_> =
        records.iter().map(|record| (record["named_credential"].as_str().unwrap(), record["reason"].as_str().unwrap())).collect();
    assert_eq!(reasons, [("Pay", "no_principal"), ("Off", "no_principal"), ("None", "unknown_name"), ("Off", "callout_disabled")]);
}

#[test]
fn the_lowest_sequence_number_is_chosen_and_no_other_is_tried() {
    let mut scene = Scene::new();
    let server = &scene.server;
    let [gold, silver] = ["Gold", "Silver"].map(|name| server.permission_set(name));
    let external =
        server.external_credential(&Credential { headers: &[("X-Who", "{!$Credential.Two.Who}")], ..Credential::new("Two", "custom") });
    let ten = server.principal(&external, "Ten", 10, IdentityType::Named, &[silver]);
    let five = server.principal(&external, "Five", 5, IdentityType::Named, &[gold]);
    server.value(&external, Identity::shared(ten), "Who", "SECRET-ten");
    server.value(&external, Identity::shared(five), "Who", "SECRET-five");
    let (_, both) = server.user("both", &[silver, gold]);
    let (_, one) = server.user("one", &[silver]);
    server.named_credential("Two", &scene.upstream.url(), &external);
    // AZ-06: the best one has no value stored.
    let broken =
        server.external_credential(&Credential { headers: &[("X-Who", "{!$Credential.Half.Who}")], ..Credential::new("Half", "custom") });
    let second = server.principal(&broken, "Second", 10, IdentityType::Named, &[silver]);
    server.principal(&broken, "First", 5, IdentityType::Named, &[gold]);
    server.value(&broken, Identity::shared(second), "Who", "SECRET-second");
    server.named_credential("Half", &scene.upstream.url(), &broken);
    server.settle();

    // AZ-04.
    assert_eq!(server.get(&both, "/callout/Two/x").status, 200);
    assert_eq!(server.get(&one, "/callout/Two/x").status, 200);
    let received = scene.upstream.requests();
    assert_eq!((received[0].header("x-who"), received[1].header("x-who")), (Some("SECRET-five"), Some("SECRET-ten")));
    assert_eq!(server.get(&both, "/callout/Half/x").verdict(), (424, Some("formula_unresolved")));
    assert_eq!(scene.upstream.requests().len(), 2, "AZ-06: never as somebody else");
    assert_eq!(server.get(&one, "/callout/Half/x").status, 200);
    scene.server.stop();
    let records = scene.server.records();
    let principals: Vec<_> = records.iter().filter(|record| record["event"] == "intent").map(|record| &record["principal"]).collect();
    assert_eq!(principals, ["Five", "Ten", "First", "Second"]);
}

#[test]
fn a_per_user_principal_is_used_for_its_own_user_only() {
    let scene = Scene::new();
    let server = &scene.server;
    let (bob, bobs) = server.user("bob", &[scene.callers]);
    let own = server.external_credential(&Credential::new("Own", "basic"));
    let principal = server.principal(&own, "Each", 1, IdentityType::PerUser, &[scene.callers]);
    let store = |user: UserId, name: &str| {
        server.value(&own, Identity::of_user(principal, user), "username", name);
        server.value(&own, Identity::of_user(principal, user), "password", "SECRET-own");
    };
    store(bob, "bob");
    server.named_credential("Own", &scene.upstream.url(), &own);
    server.settle();
    let seen = || scene.upstream.requests().last().unwrap().header("authorization").unwrap().to_owned();
    const BOB: &str = "Basic Ym9iOlNFQ1JFVC1vd24=";
    const ALICE: &str = "Basic YWxpY2U6U0VDUkVULW93bg==";

    assert_eq!(server.get(&bobs, "/callout/Own/x").status, 200);
    assert_eq!(seen(), BOB);
    // AZ-07.
    assert_eq!(server.get(&scene.key, "/callout/Own/x").verdict(), (424, Some("needs_authentication")));
    // AZ-08: what a caller says about who they are is not believed.
    for line in ["X-Sortie-User: bob\r\n", "X-On-Behalf-Of: bob\r\n", "Sortie-User: bob\r\n", "From: bob\r\n"] {
        let answer = server.request(&scene.key, "GET", "/callout/Own/x?user=bob", line, "");
        assert_eq!(answer.verdict(), (424, Some("needs_authentication")), "{line}");
    }
    assert_eq!(scene.upstream.requests().len(), 1);
    store(scene.alice, "alice");
    server.settle();
    assert_eq!(server.get(&scene.key, "/callout/Own/x").status, 200);
    assert_eq!(seen(), ALICE);

    // AZ-12: bob goes and comes again under the same name.
    server.change(async |change| change.users().delete(bob).await.unwrap());
    let (_, again) = server.user("bob", &[scene.callers]);
    server.settle();
    assert_eq!(server.get(&bobs, "/callout/Own/x").verdict(), (401, Some("unauthenticated")));
    assert_eq!(server.get(&again, "/callout/Own/x").verdict(), (424, Some("needs_authentication")));
    assert_eq!(scene.upstream.requests().len(), 2);
}

#[test]
fn a_shared_secret_is_not_used_for_a_per_user_principal_nor_the_other_way_round() {
    // AZ-11.
    let scene = Scene::new();
    let server = &scene.server;
    let everyone = server.permission_set("Everyone");
    let mixed =
        server.external_credential(&Credential { headers: &[("X-Who", "{!$Credential.Mixed.Who}")], ..Credential::new("Mixed", "custom") });
    let shared = server.principal(&mixed, "Shared", 1, IdentityType::Named, &[scene.callers]);
    let each = server.principal(&mixed, "Each", 2, IdentityType::PerUser, &[everyone]);
    let (carol, carols) = server.user("carol", &[everyone]);
    server.value(&mixed, Identity::shared(shared), "Who", "SECRET-shared");
    server.value(&mixed, Identity::of_user(each, scene.alice), "Who", "SECRET-alices");
    server.named_credential("Mixed", &scene.upstream.url(), &mixed);
    server.settle();
    assert_eq!(server.get(&carols, "/callout/Mixed/x").verdict(), (424, Some("formula_unresolved")));
    assert_eq!(scene.upstream.connections(), 0);
    assert_eq!(server.get(&scene.key, "/callout/Mixed/x").status, 200);
    assert_eq!(scene.upstream.requests()[0].header("x-who"), Some("SECRET-shared"));
    server.value(&mixed, Identity::of_user(each, carol), "Who", "SECRET-carols");
    server.settle();
    assert_eq!(server.get(&carols, "/callout/Mixed/x").status, 200);
    assert_eq!(scene.upstream.requests()[1].header("x-who"), Some("SECRET-carols"));
}

#[test]
fn what_is_taken_away_is_gone_at_once_on_the_node_that_took_it_away() {
    let scene = Scene::new();
    let server = &scene.server;
    let node = server.server().node().unwrap().clone();
    let access = PrincipalAccess { principal: scene.pay.principal, grantee: Grantee::PermissionSet(scene.callers) };
    let call = || match server.get(&scene.key, "/callout/Pay/x") {
        answer if answer.status == 200 => (200, None),
        answer => (answer.status, answer.code().map(|code| if code == "not_permitted" { "not_permitted" } else { "something else" })),
    };
    // The node's own change: in force before whoever made it is told.
    let here = |make: &dyn Fn()| {
        make();
        server.runtime.block_on(node.refresh()).unwrap();
    };
    for round in 0..5 {
        assert_eq!(call(), (200, None), "round {round}");
        here(&|| server.change_in(node.house().store(), async |change| change.principal_access().delete(access).await.unwrap()));
        assert_eq!(call(), NOT_PERMITTED, "AZ-13, round {round}");
        here(&|| server.change_in(node.house().store(), async |change| change.principal_access().insert(access).await.unwrap()));
    }
    // AZ-03: the principal itself, and the other ways to lose it.
    here(&|| server.change_in(node.house().store(), async |change| change.users().unassign(scene.alice, scene.callers).await.unwrap()));
    assert_eq!(call(), NOT_PERMITTED);
    here(&|| server.change_in(node.house().store(), async |change| change.users().assign(scene.alice, scene.callers).await.unwrap()));
    assert_eq!(call(), (200, None));
    here(&|| server.change_in(node.house().store(), async |change| change.principals().delete(scene.pay.principal).await.unwrap()));
    assert_eq!(call(), NOT_PERMITTED, "AZ-03");
}

#[test]
fn what_is_taken_away_on_one_node_is_gone_on_the_other_within_five_seconds() {
    // AZ-14 and P17, on PostgreSQL; the change is made by a third party, as the command line is one.
    let database = TestDatabase::create();
    let mut one = TestServer::with_database(Some(database.url()));
    let upstream = RecordingUpstream::answering("hello");
    let callers = one.permission_set("Callers");
    let (alice, key) = one.user("alice", &[callers]);
    one.pay(&upstream.url(), &[callers]);
    let mut other = one.second_node();
    one.start();
    other.start();
    let longest = |expected: u16| {
        let begin = Instant::now();
        let mut last = [Duration::ZERO; 2];
        while begin.elapsed() < Duration::from_secs(5) {
            for (server, last) in [&one, &other].iter().zip(&mut last) {
                if server.get(&key, "/callout/Pay/x").status != expected {
                    *last = begin.elapsed();
                }
            }
            if last.iter().all(|last| begin.elapsed() > *last + Duration::from_millis(500)) {
                return last;
            }
        }
        last
    };
    assert_eq!(longest(200), [Duration::ZERO; 2]);
    for assign in [false, true, false] {
        one.change(async |change| match assign {
            true => change.users().assign(alice, callers).await.unwrap(),
            false => change.users().unassign(alice, callers).await.unwrap(),
        });
        let longest = longest(if assign { 200 } else { 403 });
        assert!(longest.iter().all(|took| *took < Duration::from_secs(3)), "P17 says 5 s; it took {longest:?}");
    }
    one.stop();
    other.stop();
}

#[test]
fn a_value_of_ones_own_that_is_stored_or_removed_anywhere_binds_on_every_node() {
    let database = TestDatabase::create();
    let mut one = TestServer::with_database(Some(database.url()));
    let upstream = RecordingUpstream::answering("hello");
    let callers = one.permission_set("Callers");
    let (alice, key) = one.user("alice", &[callers]);
    let own = one.external_credential(&Credential::new("Own", "basic"));
    let each = Identity::of_user(one.principal(&own, "Each", 1, IdentityType::PerUser, &[callers]), alice);
    one.value(&own, each, "username", "alice");
    one.named_credential("Own", &upstream.url(), &own);
    let mut other = one.second_node();
    one.start();
    other.start();
    let both = |expected: u16| {
        for node in [&one, &other] {
            node.settle();
            assert_eq!(node.get(&key, "/callout/Own/x").status, expected);
        }
    };
    both(424);
    for password in ["SECRET-own", "SECRET-own-too"] {
        one.value(&own, each, "password", password);
        both(200);
        let sent = upstream.requests().into_iter().rev().take(2).map(|request| request.header("authorization").unwrap().to_owned());
        let expected = format!("Basic {}", STANDARD.encode(format!("alice:{password}")));
        assert!(sent.into_iter().all(|sent| sent == expected), "on both nodes the new one");
        one.change(async |change| change.credential_values().delete(each, "password").await.unwrap());
        both(424);
    }
    one.stop();
    other.stop();
}

#[test]
fn a_stream_under_way_ends_as_it_began_when_its_key_is_revoked() {
    // AZ-15. The documented behaviour: what was permitted when it began is allowed to finish; new calls are refused.
    let scene = Scene::answering(|_| Reply::new(200).drip("piece ", 20, Duration::from_millis(100)));
    let mut caller = scene.server.caller();
    caller.send(request(&scene.key, "GET", "/callout/Pay/x", "", ""));
    let head = caller.head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    scene.server.change(async |change| change.api_keys().revoke(crate::support::key_id(&scene.key)).await.unwrap());
    scene.server.settle();
    assert_eq!(scene.server.get(&scene.key, "/callout/Pay/x").verdict(), (401, Some("unauthenticated")));
    scene.server.wait_for_record("result", |record| record["ending"] == "complete" && record["received_bytes"] == 120);
    // The same connection gets no more out of it.
    caller.send(request(&scene.key, "GET", "/callout/Pay/x", "", ""));
    let rest = caller.rest_until(|received| received.ends_with(b"}\n"));
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert_eq!(rest.matches("piece ").count(), 20, "{rest}");
    assert!(rest.contains("HTTP/1.1 401"), "{rest}");
}

#[test]
fn a_name_that_is_made_again_leads_only_to_its_new_place() {
    // AZ-16.
    let scene = Scene::answering(|received| match received.target() {
        "/v1/base/slow" => Reply::new(200).body("old").delay(Duration::from_millis(700)),
        _ => Reply::new(200).body("old"),
    });
    let server = &scene.server;
    assert_eq!(server.get(&scene.key, "/callout/Pay/warm").text(), "old", "leaves a connection behind");
    let place = RecordingUpstream::answering("new");
    let mut caller = server.caller();
    caller.send(request(&scene.key, "GET", "/callout/Pay/slow", "", ""));
    scene.upstream.wait_for(2);
    let again = NamedCredential {
        id: sortie_model::NamedCredentialId::from_uuid(new_id()),
        url: Endpoint::parse(&place.url()).unwrap(),
        ..scene.pay.named.clone()
    };
    server.change(async |change| {
        change.named_credentials().delete(scene.pay.named.id).await.unwrap();
        change.named_credentials().insert(&again).await.unwrap();
    });
    server.settle();
    for _ in 0..3 {
        assert_eq!(server.get(&scene.key, "/callout/Pay/x").text(), "new");
    }
    assert_eq!(caller.answer().unwrap().text(), "old", "what was under way ends where it began");
    // The same when only the URL changes.
    let moved = NamedCredential { url: Endpoint::parse(&format!("{}/moved", scene.upstream.url())).unwrap(), ..again };
    server.change(async |change| change.named_credentials().update(&moved).await.unwrap());
    server.settle();
    assert_eq!(server.get(&scene.key, "/callout/Pay/x").text(), "old");
    assert_eq!((scene.upstream.requests().len(), place.requests().len()), (3, 3));
    assert_eq!(scene.upstream.requests()[2].target(), "/moved/x");
}

#[test]
fn methods_are_taken_as_they_are_written() {
    // AZ-17, as far as it goes without rules for methods; UPG-09.
    let scene = Scene::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"] {
        let text =
            format!("{method} /callout/Pay/x HTTP/1.1\r\nHost: g\r\nProxy-Authorization: Bearer {{KEY}}\r\nContent-Length: 0\r\n\r\n");
        let received = scene.check("AZ-17", text.as_bytes(), Forwarded("/v1/base/x")).1.unwrap();
        assert!(received.request_line.starts_with(&format!("{method} ")), "{}", received.request_line);
    }
    for method in ["get", "Get", "pOST", "TRACE", "trace", "GET2", "G.T"] {
        let text = format!("{method} /callout/Pay/x HTTP/1.1\r\nHost: g\r\nProxy-Authorization: Bearer {{KEY}}\r\n\r\n");
        scene.check("AZ-17", text.as_bytes(), Refused(405, "method_not_allowed"));
    }
    let head = scene.server.request(&scene.key, "HEAD", "/callout/Pay/x", "", "");
    assert_eq!((head.status, head.header("content-length"), head.text().as_str()), (200, Some("5"), ""));
}

#[test]
fn an_inactive_user_of_a_permitted_set_may_nothing() {
    let scene = Scene::new();
    let alice = scene.server.runtime.block_on(scene.server.house.store().users().load(scene.alice)).unwrap().unwrap();
    scene.server.change(async |change| change.users().update(&User { is_active: false, ..alice.clone() }).await.unwrap());
    scene.server.settle();
    assert_eq!(scene.server.get(&scene.key, "/callout/Pay/x").verdict(), (401, Some("unauthenticated")));
    assert_eq!(scene.upstream.connections(), 0);
}
