//! Amazon's own test suite, read from where the package `aws-sigv4` 1.6.4 brings it: nothing of it is copied here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use sortie_model::{Secret, Timestamp};

use super::*;

/// How many whole cases the suite has: one that is not found would not be missed otherwise.
const CASES: usize = 38;

/// Cases without a context: the package has a canonical request for them, and not what it would be signed with.
const PATHS: [&str; 2] = ["double-encode-path", "double-url-encode"];

/// 2015-08-30T12:36:00Z, in every case.
const AT: Timestamp = Timestamp::from_millis(1_440_938_160_000);

fn suite() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline", "--manifest-path"]).arg(manifest);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "aws-sigv4").unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().join("aws-signing-test-suite/v4")
}

/// A request of the suite: line, headers as written (some folded), body.
struct Raw {
    method: String,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

fn read(text: &str) -> Raw {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    // A folded line begins with white space (RFC 9112, section 5.2).
    let head = head.replace("\n ", "\t ");
    let mut lines = head.lines();
    let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
    let target = rest.rsplit_once(' ').unwrap().0.to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers
        .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.trim().as_bytes()).unwrap()));
    Raw { method: method.to_owned(), target, headers: headers.collect(), body: body.as_bytes().to_vec() }
}

/// What a case asks for.
struct Case {
    raw: Raw,
    context: Value,
    key: SigningKey,
    scope: (String, String),
    token: Option<String>,
    rule: PathRule,
}

impl Case {
    fn load(folder: &Path) -> Self {
        let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let context: Value = serde_json::from_str(&file("context.json")).unwrap();
        assert_eq!(context["timestamp"], "2015-08-30T12:36:00Z");
        let text = |name: &str| context[name].as_str().unwrap().to_owned();
        let scope = (text("region"), text("service"));
        let credentials = &context["credentials"];
        let secret = Secret::new(credentials["secret_access_key"].as_str().unwrap());
        let signing = SigningScope { region: &scope.0, service: &scope.1 };
        let key = SigningKey::derive(&secret, Moment::of(AT).day(), &signing);
        let is_omitted = context["omit_session_token"].as_bool().unwrap_or(false);
        let token = credentials["token"].as_str().filter(|_| !is_omitted).map(ToOwned::to_owned);
        let normalisation = if context["normalize"].as_bool().unwrap() { Normalisation::Resolved } else { Normalisation::Kept };
        // Sent with `%20` in this package, and expected to be encoded once; a context has no word for that.
        let encoding = if folder.ends_with("get-space-normalized") { Encoding::Once } else { Encoding::Twice };
        let rule = PathRule { encoding, normalisation };
        Self { raw: read(&file("request.txt")), context, key, scope, token, rule }
    }

    fn check(&self, folder: &Path, flavour: &str, extra: &[(&'static str, String)], target: &str, payload: &str) {
        let expected = |name: &str| std::fs::read_to_string(folder.join(format!("{flavour}-{name}.txt"))).unwrap();
        let extra = extra.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let headers: Vec<_> = self.raw.headers.iter().cloned().chain(extra).collect();
        let headers = headers.iter().map(|(name, value)| (name, value));
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let canonical = canonical_request(&self.raw.method, path, query, headers, payload, self.rule);
        let name = folder.display();
        assert_eq!(String::from_utf8_lossy(canonical.as_bytes()), expected("canonical-request"), "{name} {flavour}");
        let (moment, scope) = (Moment::of(AT), SigningScope { region: &self.scope.0, service: &self.scope.1 });
        let string_to_sign = string_to_sign(HMAC_ALGORITHM, &moment, &scope, &canonical);
        assert_eq!(string_to_sign, expected("string-to-sign"), "{name} {flavour}");
        assert_eq!(self.key.sign(&string_to_sign).as_str(), expected("signature"), "{name} {flavour}");
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(suite()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases.retain(|folder| !PATHS.iter().any(|name| folder.ends_with(name)));
    assert_eq!(cases.len(), CASES);
    cases
}

#[test]
fn headers_are_signed_as_amazons_suite_says() {
    for folder in cases() {
        let case = Case::load(&folder);
        let payload = Hex::sha256(&case.raw.body);
        let mut extra = vec![("x-amz-date", Moment::of(AT).as_str().to_owned())];
        if case.context["sign_body"].as_bool().unwrap() {
            extra.push(("x-amz-content-sha256", payload.as_str().to_owned()));
        }
        extra.extend(case.token.iter().map(|token| ("x-amz-security-token", token.clone())));
        case.check(&folder, "header", &extra, &case.raw.target, payload.as_str());
    }
}

#[test]
fn paths_are_encoded_twice_as_amazons_suite_says() {
    for folder in PATHS.map(|name| suite().join(name)) {
        let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let raw = read(&file("request.txt"));
        let canonical = canonical_request(&raw.method, &raw.target, None, [], "", PathRule::OTHERS);
        let path = |text: &str| text.lines().nth(1).unwrap().to_owned();
        assert_eq!(path(&String::from_utf8_lossy(canonical.as_bytes())), path(&file("header-canonical-request.txt")));
    }
}

#[test]
fn queries_are_signed_as_amazons_suite_says() {
    for folder in cases() {
        let case = Case::load(&folder);
        let headers: Vec<&str> = {
            let mut names: Vec<&str> = case.raw.headers.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let payload = Hex::sha256(&case.raw.body);
        let mut parameters = vec![
            ("X-Amz-Algorithm", HMAC_ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("AKIDEXAMPLE/20150830/{}/{}/aws4_request", case.scope.0, case.scope.1)),
            ("X-Amz-Date", Moment::of(AT).as_str().to_owned()),
            ("X-Amz-SignedHeaders", headers.join(";")),
            ("X-Amz-Expires", case.context["expiration_in_seconds"].to_string()),
        ];
        parameters.extend(case.token.iter().map(|token| ("X-Amz-Security-Token", token.clone())));
        let mut target = case.raw.target.clone();
        for (name, value) in parameters {
            let mut encoded = Vec::new();
            spelling::encode_again(value.as_bytes(), b"", &mut encoded);
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&format!("{name}={}", String::from_utf8(encoded).unwrap()));
        }
        case.check(&folder, "query", &[], &target, payload.as_str());
    }
}
