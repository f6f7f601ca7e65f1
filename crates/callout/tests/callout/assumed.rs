//! Roles: one user's key for all principals of an external credential, one role for each, temporary keys as grants.

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use serde_json::json;
use sortie_callout::{Caller, Turn};
use sortie_model::IdentityType;

use crate::support::{EVERYBODY, Received, Reply, Scene, TestBody, advance, answer, outcome, refusal, settle};

const OTHERS: u128 = 0x07E;

/// A credential whose lender holds the key, with the roles `first` for everybody and `second` for the others.
fn scene() -> (Scene, Caller, Caller) {
    let mut scene = Scene::new();
    let credential = scene.credential("Aws", "aws_sts");
    scene.change(credential, |credential| {
        let settings = json!({ "region": "eu-central-1", "service": "s3", "session_name": "sortie" });
        credential.settings = settings.as_object().unwrap().clone();
    });
    let lender = scene.principal(credential, "AwsStsPrincipal", IdentityType::Named, 1);
    scene.custody.store(lender, None, &[("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "SECRET-user")]);
    // Whoever is given the lender by mistake is not given the user's own key.
    scene.enable(lender, EVERYBODY);
    for (name, permission_set, order) in [("first", EVERYBODY, 2), ("second", OTHERS, 3)] {
        let principal = scene.principal(credential, name, IdentityType::Named, order);
        scene.enable(principal, permission_set);
        let settings = &mut scene.definitions.principals.last_mut().unwrap().settings;
        settings.insert("role_arn".to_owned(), format!("arn:aws:iam::123456789012:role/{name}").into());
    }
    scene.name("Files", "https://files.test", credential);
    let (alice, bob) = (scene.user("alice"), scene.user_with("bob", &[OTHERS]));
    (scene, alice, bob)
}

/// An answer to AssumeRole.
fn key(scene: &Scene, id: &str) -> Reply {
    let expiration = scene.clock.now().after(std::time::Duration::from_secs(3600)).to_string();
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>SECRET-{id}</SecretAccessKey>\
         <SessionToken>SECRET-session-{id}</SessionToken><Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::status(200, body.leak())
}

fn key_id(received: &Received) -> String {
    let authorization = received.header("authorization").unwrap();
    authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap().split('/').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_permission_set_is_a_role() {
    let (scene, alice, bob) = scene();
    let node = scene.node();
    for (caller, id, role) in [(&alice, "ASIA1", "first"), (&bob, "ASIA2", "second")] {
        scene.provider.next(key(&scene, id));
        assert_eq!(outcome(&node.get(caller, "callout:Files/x").await), "200");
        let received = node.upstream.last();
        assert_eq!(key_id(&received), id);
        assert_eq!(received.header("x-amz-security-token"), Some(format!("SECRET-session-{id}")));
        let asked = scene.provider.questions().pop().unwrap();
        let body = String::from_utf8_lossy(asked.body.expose()).into_owned();
        assert!(body.contains(&format!("role%2F{role}&RoleSessionName=sortie")), "{body}");
        assert!(asked.headers["authorization"].to_str().unwrap().contains("Credential=AKIDEXAMPLE/"));
    }
    // Each is asked for once.
    for caller in [&alice, &bob, &alice] {
        assert_eq!(outcome(&node.get(caller, "callout:Files/x").await), "200");
    }
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_sent_again_is_signed_again() {
    // A retry with the date of the first attempt is refused as too old: one of the known failures of others.
    let (scene, alice, _) = scene();
    let node = scene.node();
    scene.provider.next(key(&scene, "ASIA1"));
    node.upstream.answers(|received| answer(if key_id(received) == "ASIA1" { 401 } else { 200 }));
    // The upstream takes its time to refuse, and the token service to answer.
    node.upstream.takes(std::time::Duration::from_secs(90));
    scene.provider.next(key(&scene, "ASIA2").after(std::time::Duration::from_secs(10)));
    let put = node.call(&alice, "callout:Files/x", Method::PUT, &[], TestBody::buffered("hello")).await;
    assert_eq!(outcome(&put), "200");
    let sent = node.upstream.received();
    assert_eq!(sent.iter().map(key_id).collect::<Vec<_>>(), ["ASIA1", "ASIA2"]);
    assert_ne!(sent[0].header("x-amz-date"), sent[1].header("x-amz-date"));
    assert_eq!(sent[1].header("x-amz-security-token").as_deref(), Some("SECRET-session-ASIA2"));
    assert_eq!((&sent[0].body, &sent[1].body), (&b"hello"[..].into(), &b"hello"[..].into()));
}

#[tokio::test(start_paused = true)]
async fn a_temporary_key_is_renewed_before_its_end_and_serves_meanwhile() {
    let (scene, alice, _) = scene();
    let node = scene.node();
    scene.provider.next(key(&scene, "ASIA1"));
    assert_eq!(outcome(&node.get(&alice, "callout:Files/x").await), "200");
    advance(2900).await;
    scene.provider.next(key(&scene, "ASIA2"));
    assert_eq!(outcome(&node.get(&alice, "callout:Files/x").await), "200");
    assert_eq!(key_id(&node.upstream.last()), "ASIA1");
    settle().await;
    assert_eq!(outcome(&node.get(&alice, "callout:Files/x").await), "200");
    assert_eq!(key_id(&node.upstream.last()), "ASIA2");
}

/// An answer with a status, a header and a body.
fn says(status: u16, header: (&'static str, &'static str), body: &'static str) -> Response<Bytes> {
    Response::builder().status(status).header(header.0, header.1).body(Bytes::from_static(body.as_bytes())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_renewed_whatever_the_status() {
    let xml = ("content-type", "application/xml");
    for (status, header, body) in [
        (400, xml, "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"),
        (403, ("content-type", "text/xml"), "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"),
        (400, ("content-type", "application/x-amz-json-1.0"), r#"{"__type":"com.amazon.coral.service#ExpiredTokenException"}"#),
        (403, ("x-amzn-errortype", "ExpiredTokenException"), ""),
    ] {
        let (scene, alice, _) = scene();
        let node = scene.node();
        scene.provider.next(key(&scene, "ASIA1"));
        scene.provider.next(key(&scene, "ASIA2"));
        node.upstream.answers(move |received| if key_id(received) == "ASIA1" { says(status, header, body) } else { answer(200) });
        let delivered = node.call(&alice, "callout:Files/x", Method::PUT, &[], TestBody::buffered("hello")).await;
        assert_eq!(outcome(&delivered), "200", "{status} {body}");
        assert_eq!(node.upstream.received().iter().map(key_id).collect::<Vec<_>>(), ["ASIA1", "ASIA2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn any_other_refusal_is_the_callers_and_arrives_whole() {
    let (scene, alice, _) = scene();
    let xml = ("content-type", "application/xml");
    let long: &'static str = format!("{}<Error><Code>ExpiredToken</Code></Error>", " ".repeat(70_000)).leak();
    for (status, header, body) in
        [(403, xml, "<Error><Code>AccessDenied</Code></Error>"), (404, xml, "<Error><Code>ExpiredToken</Code></Error>"), (400, xml, long)]
    {
        let node = scene.node();
        scene.provider.next(key(&scene, "ASIA1"));
        node.upstream.answers(move |_| says(status, header, body));
        let delivered = node.get(&alice, "callout:Files/x").await.ok().unwrap();
        assert_eq!((delivered.answer.status().as_u16(), node.upstream.count()), (status, 1));
        let arrived = delivered.answer.into_body().collect().await.unwrap().to_bytes();
        assert!(arrived == body, "{} bytes of {}", arrived.len(), body.len());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_session_is_not_looked_into() {
    let (mut scene, _) = Scene::of("aws_access_key", &[("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "SECRET-user")]);
    let credential = scene.definitions.external_credentials[0].id;
    scene.change(credential, |credential| {
        credential.settings = json!({ "region": "eu-central-1", "service": "s3" }).as_object().unwrap().clone();
    });
    let alice = scene.user("alice");
    let node = scene.node();
    node.upstream.answers(|_| says(400, ("content-type", "application/xml"), "<Error><Code>ExpiredToken</Code></Error>"));
    assert_eq!(outcome(&node.get(&alice, "callout:Pay/x").await), "400");
    assert_eq!(node.upstream.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn tags_say_who_has_the_session() {
    let (mut scene, alice, _) = scene();
    let carol = scene.user("carol");
    scene.revise(|credential| {
        let tags = json!({ "Caller": "u-{!UPPER($User.UserName)}", "Team": "Platform" });
        credential.settings.insert("session_tags".to_owned(), tags);
        credential.settings.insert("transitive_tag_keys".to_owned(), "Caller".into());
    });
    let node = scene.node();
    for (caller, id) in [(&alice, "ASIA1"), (&carol, "ASIA2"), (&alice, "ASIA1")] {
        if id != "ASIA1" || scene.provider.asked() == 0 {
            scene.provider.next(key(&scene, id));
        }
        assert_eq!(outcome(&node.get(caller, "callout:Files/x").await), "200");
        // Whoever has other tags has another session.
        assert_eq!(key_id(&node.upstream.last()), id);
    }
    let asked: Vec<String> = scene.provider.questions().iter().map(|ask| String::from_utf8_lossy(ask.body.expose()).into_owned()).collect();
    for (body, user) in asked.iter().zip(["ALICE", "CAROL"]) {
        let expected = format!(
            "&Tags.member.1.Key=Caller&Tags.member.1.Value=u-{user}&Tags.member.2.Key=Team&Tags.member.2.Value=Platform\
             &TransitiveTagKeys.member.1=Caller"
        );
        assert!(body.ends_with(&expected), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_user_has_a_session_unless_a_text_says_otherwise() {
    let (mut scene, alice, _) = scene();
    let carol = scene.user("carol");
    scene.revise(|credential| {
        credential.settings.remove("session_name");
    });
    let node = scene.node();
    for (caller, id) in [(&alice, "ASIA1"), (&carol, "ASIA2")] {
        scene.provider.next(key(&scene, id));
        assert_eq!(outcome(&node.get(caller, "callout:Files/x").await), "200");
        assert_eq!(key_id(&node.upstream.last()), id);
    }
    let names: Vec<String> = scene.provider.questions().iter().map(|ask| String::from_utf8_lossy(ask.body.expose()).into_owned()).collect();
    assert!(names[0].contains("RoleSessionName=alice&") && names[1].contains("RoleSessionName=carol&"), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_be_assumed_says_what_to_do() {
    let (scene, alice, _) = scene();
    for (code, advice) in [
        ("AccessDenied", "trust policy"),
        ("SignatureDoesNotMatch", "access key"),
        ("RequestExpired", "clock"),
        ("ExpiredToken", "expired"),
    ] {
        let node = scene.node();
        let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>not authorized</Message></Error></ErrorResponse>");
        scene.provider.next(Reply::status(403, body.leak()));
        let refused = refusal(node.get(&alice, "callout:Files/x").await).refused;
        assert_eq!((refused.code(), refused.turn()), ("token_refused", Turn::Admin));
        assert!(refused.next_step().contains(advice), "{code}: {}", refused.next_step());
        assert!(refused.to_string().contains(code), "{refused}");
        advance(61).await;
    }
}
