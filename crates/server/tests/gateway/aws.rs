//! Callouts to AWS, judged by programs that share no code with ours: `awscrt`, moto, and boto3 as the caller.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sortie_callout::Presigning;
use sortie_model::{IdentityType, UserName};
use sortie_store::Identity;
use sortie_testkit::peers::{AwsJudge, Moto};
use sortie_testkit::plain_http;

use crate::identity_providers::apply;
use crate::support::{Answer, Credential, Stage};

/// A name with one principal, and the values on the principal that holds them.
pub(crate) fn add(stage: &Stage, credential: &Credential<'_>, url: &str, key: Option<(&str, &str)>) {
    let server = &stage.server;
    let external = server.external_credential(credential);
    let main = server.principal(&external, "Main", 1, IdentityType::Named, &[stage.callers]);
    let holder = match credential.protocol {
        "aws_sts" => server.principal(&external, "AwsStsPrincipal", 2, IdentityType::Named, &[]),
        _ => main,
    };
    if let Some((id, secret)) = key {
        server.value(&external, Identity::shared(holder), "access_key_id", id);
        server.value(&external, Identity::shared(holder), "secret_access_key", secret);
    }
    server.named_credential(credential.name, url, &external);
    server.settle();
}

const JUDGED: Option<(&str, &str)> = Some((AwsJudge::KEY_ID, AwsJudge::SECRET));

pub(crate) fn verdict(answer: &Answer) -> Value {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{} {}", answer.head, answer.text()));
    assert_eq!(answer.status, 200, "{body}");
    body
}

#[test]
fn boto3_needs_no_key_of_amazons() {
    let (moto, stage) = (Moto::start(), Stage::new());
    let key = Some((moto.key_id.as_str(), moto.secret.as_str()));
    for (name, service) in [("S3", "s3"), ("Tables", "dynamodb"), ("Tokens", "sts")] {
        let settings = [("region", "us-east-1"), ("service", service)];
        add(&stage, &Credential { settings: &settings, ..Credential::new(name, "aws_access_key") }, moto.url(), key);
    }
    let role = [("region", "us-east-1"), ("service", "s3"), ("role_arn", moto.role.as_str()), ("sts_endpoint", moto.url())];
    add(&stage, &Credential { settings: &role, ..Credential::new("S3Role", "aws_sts") }, moto.url(), key);
    let gateway = format!("http://{}", stage.server.address());
    let seen = Moto::boto3("boto3_client.py", &[&gateway, stage.key.expose(), Moto::BUCKET]);
    let seen: Value = serde_json::from_str(&seen).unwrap();
    for name in ["S3", "S3Role"] {
        let one = &seen[name];
        assert_eq!((&one["body"], &one["note"]), (&json!("hello"), &json!("two   words")), "{name}");
        assert_eq!(one["keys"], json!([format!("{name}/a b/ü+&=~!.txt")]));
        assert_eq!((&one["large"], &one["parts"]), (&json!(true), &json!(10 * 1024 * 1024)));
        assert_eq!(one["deleted"], json!([format!("{name}/parts")]));
    }
    assert_eq!((&seen["item"], &seen["forbidden"]), (&json!("7"), &json!(403)));
    assert!(seen["identity"].as_str().unwrap().ends_with("user/caller"), "{seen}");
    stage.server.assert_unmarked("what boto3 saw", seen.to_string());
}

#[test]
fn amazons_own_signer_agrees_with_every_request() {
    let (judge, stage) = (AwsJudge::start(""), Stage::new());
    let headers = [("X-Tenant", "  two   words "), ("X-Amz-Meta-Tenant", "acme")];
    let settings = [("region", "eu-central-1"), ("service", "execute-api")];
    let credential = Credential { settings: &settings, headers: &headers, ..Credential::new("Api", "aws_access_key") };
    add(&stage, &credential, &format!("{}/base", judge.url()), JUDGED);
    let s3 = [("region", "eu-central-1"), ("service", "s3"), ("max_hashed_bytes", "1024")];
    add(&stage, &Credential { settings: &s3, ..Credential::new("Files", "aws_access_key") }, judge.url(), JUDGED);
    let send = |method: &str, target: &str, headers: &str, body: &str| stage.server.request(&stage.key, method, target, headers, body);
    for (method, target, headers, body) in [
        ("GET", "/callout/Api/", "", ""),
        ("GET", "/callout/Api/a%20b/%C3%BC/c%2Fd/@e?z=1&a=b%20c&a=a+b&empty=&flag", "", ""),
        (
            "POST",
            "/callout/Api/x//y?q=%7e",
            "Content-Type: application/json\r\nX-Amz-Target: T.Op\r\nAccept-Encoding: gzip\r\n",
            "{\"a\":1}",
        ),
        ("DELETE", "/callout/Api/x", "X-Empty:\r\nTE: trailers\r\nUser-Agent: me\r\nX-List: a\r\nX-List:   b  \r\n", ""),
        ("PUT", "/callout/Files/k%20y+%2b%2Fz~%7e//t?versionId=a+b", "", "small"),
        ("GET", "/callout/Files/?list-type=2&prefix=a%2Fb&acl", "Range: bytes=0-9\r\n", ""),
    ] {
        let judged = verdict(&send(method, target, headers, body));
        assert_eq!(judged["length"], body.len(), "{target}");
    }
    // The judge refuses all of these: it would have noticed.
    let signed = verdict(&send("POST", "/callout/Api/x", "", "{}"));
    let names: Vec<&str> = signed["signed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(names, ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-meta-tenant", "x-tenant"]);
    judge.skew(310);
    assert_eq!(send("GET", "/callout/Api/x", "", "").status, 403);
}

#[test]
fn large_bodies_arrive_in_chunks_that_the_judge_verifies() {
    let (judge, stage) = (AwsJudge::start(""), Stage::new());
    let settings = [("region", "eu-central-1"), ("service", "s3"), ("max_hashed_bytes", "65536")];
    add(&stage, &Credential { settings: &settings, ..Credential::new("Files", "aws_access_key") }, judge.url(), JUDGED);
    let send = |headers: &str, body: &str| stage.server.request(&stage.key, "PUT", "/callout/Files/k", headers, body);
    let large = "0123456789abcdef".repeat(20_000);
    let judged = verdict(&send("", &large));
    assert_eq!((&judged["payload"], &judged["length"]), (&json!("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), &json!(large.len())));
    // In chunks of the caller's own, signed with a key that nobody knows, and a checksum behind them.
    let chunk = "x".repeat(9_000);
    let framed = format!("{:x};chunk-signature={}\r\n{chunk}\r\n", chunk.len(), "0".repeat(64)).repeat(10);
    let end = "0;chunk-signature=00\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:00\r\n\r\n";
    let headers = |length: usize| {
        format!(
            "Content-Encoding: aws-chunked\r\nX-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\r\n\
             X-Amz-Decoded-Content-Length: {length}\r\nX-Amz-Trailer: x-amz-checksum-crc32\r\n"
        )
    };
    let judged = verdict(&send(&headers(90_000), &format!("{framed}{end}")));
    assert_eq!((&judged["payload"], &judged["length"]), (&json!("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), &json!(90_000)));
    // What is not as long as it says never becomes a whole request over there.
    let refused = send(&headers(90_001), &format!("{framed}{end}"));
    assert_eq!(refused.verdict(), (400, Some("body_malformed")), "{}", refused.text());
    assert_eq!(judge.verdicts().len(), 2);
    let post = stage.server.request(&stage.key, "POST", "/callout/Files/k", "", &large);
    assert_eq!(post.verdict(), (413, Some("signed_body_too_large")));
}

#[test]
fn a_role_is_assumed_for_each_user_and_again_when_its_session_has_ended() {
    let (judge, stage) = (AwsJudge::start(""), Stage::new());
    let settings = [("region", "eu-central-1"), ("service", "execute-api"), ("role_arn", AwsJudge::ROLE), ("sts_endpoint", judge.url())];
    let s3: Vec<_> = settings.iter().map(|(name, value)| (*name, if *name == "service" { "s3" } else { value })).collect();
    add(&stage, &Credential { settings: &settings, ..Credential::new("Api", "aws_sts") }, judge.url(), JUDGED);
    add(&stage, &Credential { settings: &s3, ..Credential::new("Files", "aws_sts") }, judge.url(), JUDGED);
    let get = || stage.get("/callout/Api/x");
    let first = verdict(&get())["key"].clone();
    assert_eq!(verdict(&get())["key"], first);
    let verdicts = judge.verdicts();
    assert_eq!((&verdicts[0]["service"], &verdicts[0]["session"]), (&json!("sts"), &json!("alice")));
    assert_eq!(verdicts.len(), 3, "asked for once: {verdicts:?}");
    judge.expire();
    assert_ne!(verdict(&get())["key"], first);
    let codes: Vec<Value> = judge.verdicts().iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, [json!("ExpiredToken"), Value::Null, Value::Null]);
    // S3 says it with 400, in a document.
    let first = verdict(&stage.get("/callout/Files/x"))["key"].clone();
    judge.expire();
    assert_ne!(verdict(&stage.get("/callout/Files/x"))["key"], first);
}

#[test]
fn a_session_has_the_tags_that_formulas_make() {
    let (judge, stage) = (AwsJudge::start(""), Stage::new());
    let (_, bob) = stage.server.user("bob", &[stage.callers]);
    let text = format!(
        "
external_credentials:
- name: Tagged
  protocol: aws_sts
  settings:
    region: eu-central-1
    service: execute-api
    role_arn: {}
    sts_endpoint: {url}
    session_name: shared
    session_tags: {{Caller: 'u-{{!UPPER($User.UserName)}}', Cost Center: '4711'}}
    transitive_tag_keys: Cost Center
  principals:
  - {{name: AwsStsPrincipal, sequence_number: 2, values: {{access_key_id: {}, secret_access_key: {{from_environment: CLIENT_SECRET}}}}}}
  - {{name: Main, sequence_number: 1, enabled_for: {{permission_sets: [Callers]}}}}
named_credentials: [{{name: Tagged, url: '{url}', external_credential: Tagged}}]
",
        AwsJudge::ROLE,
        AwsJudge::KEY_ID,
        url = judge.url()
    );
    apply(&stage, &text, AwsJudge::SECRET);
    let mut keys = Vec::new();
    for (key, caller) in [(&stage.key, "u-ALICE"), (&bob, "u-BOB")] {
        keys.push(verdict(&stage.server.get(key, "/callout/Tagged/x"))["key"].clone());
        let asked = judge.verdicts().remove(0);
        assert_eq!(asked["tags"], json!({ "Caller": caller, "Cost Center": "4711" }));
        assert_eq!((&asked["transitive"], &asked["session"]), (&json!(["Cost Center"]), &json!("shared")));
    }
    assert_ne!(keys[0], keys[1], "whoever has other tags has another session");
}

#[test]
fn a_role_that_may_not_be_assumed_is_the_admins_to_correct() {
    let (judge, stage) = (AwsJudge::start(""), Stage::new());
    let role = format!("{}x", AwsJudge::ROLE);
    let settings = [("region", "eu-central-1"), ("service", "s3"), ("role_arn", role.as_str()), ("sts_endpoint", judge.url())];
    add(&stage, &Credential { settings: &settings, ..Credential::new("Denied", "aws_sts") }, judge.url(), JUDGED);
    let answer = stage.get("/callout/Denied/x");
    assert_eq!(answer.verdict(), (502, Some("token_refused")), "{}", answer.text());
    assert!(answer.text().contains("trust policy"), "{}", answer.text());
    stage.server.assert_unmarked("the refusal", answer.text());
}

#[test]
fn a_url_is_presigned_under_the_callers_permissions_and_recorded() {
    let (judge, stage) = (AwsJudge::start(""), Stage::new());
    let s3 = [("region", "eu-central-1"), ("service", "s3")];
    add(&stage, &Credential { settings: &s3, ..Credential::new("Files", "aws_access_key") }, judge.url(), JUDGED);
    let role = [("region", "eu-central-1"), ("service", "lambda"), ("role_arn", AwsJudge::ROLE), ("sts_endpoint", judge.url())];
    add(&stage, &Credential { settings: &role, ..Credential::new("Role", "aws_sts") }, &format!("{}/base", judge.url()), JUDGED);
    add(&stage, &Credential::new("Open", "no_authentication"), judge.url(), None);
    stage.server.user("mallory", &[]);
    let presign = |user: &str, target: &str, method: &Method, seconds: u64| {
        let store = stage.server.house.store();
        let user = stage.server.runtime.block_on(store.caller_by_user(&UserName::parse(user).unwrap())).unwrap().unwrap();
        let presigning = Presigning { target, method, lifetime: Duration::from_secs(seconds) };
        stage.server.runtime.block_on(stage.server.server().node().unwrap().presign(user, "operator:tester", presigning))
    };
    for (target, method) in [
        ("callout:Files/b/k%20y+z?versionId=a+b", Method::GET),
        ("callout:Files/b/new", Method::PUT),
        ("callout:Role/f/x%20y?a=b", Method::POST),
    ] {
        let url = presign("alice", target, &method, 900).unwrap().url;
        assert_eq!(plain_http::send(method.as_str(), url.expose(), &[], b"").unwrap().status, 200, "{}", url.expose());
        // Another method, another object, another header: none of them is what was signed.
        assert_eq!(plain_http::send("DELETE", url.expose(), &[], b"").unwrap().status, 403);
        assert_eq!(plain_http::send(method.as_str(), &url.expose().replacen('?', "x?", 1), &[], b"").unwrap().status, 403);
        assert_eq!(plain_http::send(method.as_str(), url.expose(), &[("x-amz-acl", "public-read")], b"").unwrap().status, 403);
    }
    let short = presign("alice", "callout:Files/b/k", &Method::GET, 60).unwrap();
    // It lives no longer than the temporary key behind it.
    let long = presign("alice", "callout:Role/f", &Method::GET, 86_400).unwrap();
    assert!(long.expires_at.since(short.expires_at) < Duration::from_secs(3600));
    judge.skew(61);
    assert_eq!(plain_http::get(short.url.expose()).unwrap().status, 403);
    for (user, target, code) in [("mallory", "callout:Files/b/k", "not_permitted"), ("alice", "callout:Open/x", "not_presignable")] {
        assert_eq!(presign(user, target, &Method::GET, 60).unwrap_err().code(), code);
    }
    let audit = stage.server.audit();
    let records: Vec<&str> = audit.lines().filter(|line| line.contains("presigned")).collect();
    assert_eq!(records.len(), 5, "{audit}");
    assert!(records[0].contains("GET /b/k%20y+z for alice as Main, 900 s") && records[0].contains("operator:tester"), "{}", records[0]);
    assert!(!audit.contains("X-Amz-Signature") && !audit.contains("versionId"));
}
