//! Whatever the request, the crate `aws-sigv4`, which Amazon signs with, comes to the same signature.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use sortie_model::{Secret, Timestamp};

use super::*;

const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "SECRET-not/a+real/one";

#[derive(Clone, Debug)]
struct Generated {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    seconds: u32,
    region: String,
    service: String,
    token: Option<String>,
    is_s3: bool,
}

fn generated() -> impl Strategy<Value = Generated> {
    let segment = "(([a-zA-Z0-9_~-]|%20|%2F|%C3%BC|%25|%3A|%2B){0,8})";
    let path = prop::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")));
    let part = "([a-zA-Z0-9_~.-]|%20|%2F|%C3%BC|%3D|%26|%2B){1,6}";
    let query = prop::collection::vec((part, proptest::option::of(part)), 0..5).prop_map(|pairs| {
        let pairs: Vec<String> =
            pairs.into_iter().map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}"))).collect();
        pairs.join("&")
    });
    let target = (path, query).prop_map(|(path, query)| if query.is_empty() { path } else { format!("{path}?{query}") });
    // A name may come twice; the order of its values counts.
    let headers = prop::collection::vec(("x-(amz|test)-[a-c]{1,2}", "[!-~]([ -~]{0,12}[!-~])?"), 0..6);
    let who = ("[a-z]{2}-[a-z]{4}-[1-9]", "[a-z0-9-]{1,12}", proptest::option::of("[A-Za-z0-9+/=]{20,60}"), any::<bool>());
    let what = ("(GET|PUT|POST|DELETE|HEAD)", target, headers, prop::collection::vec(any::<u8>(), 0..64), 0u32..4_000_000_000);
    (what, who).prop_map(|((method, target, headers, body, seconds), (region, service, token, is_s3))| Generated {
        method,
        target,
        headers,
        body,
        seconds,
        region,
        service,
        token,
        is_s3,
    })
}

fn theirs(request: &Generated) -> String {
    let identity: Identity = Credentials::new(ACCESS_KEY_ID, SECRET, request.token.clone(), None, "test").into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    if request.is_s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&request.region)
        .name(&request.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(request.seconds.into()))
        .settings(settings);
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let url = format!("https://service.example.com{}", request.target);
    let signable = SignableRequest::new(&request.method, url, headers, SignableBody::Bytes(&request.body)).unwrap();
    sign(signable, &parameters.build().unwrap().into()).unwrap().signature().to_owned()
}

fn ours(request: &Generated) -> String {
    let moment = Moment::of(Timestamp::from_millis(i64::from(request.seconds) * 1000));
    let payload = Hex::sha256(&request.body);
    let own = [
        ("host", Some("service.example.com")),
        ("x-amz-date", Some(moment.as_str())),
        ("x-amz-content-sha256", Some(payload.as_str())),
        ("x-amz-security-token", request.token.as_deref()),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let given = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<(HeaderName, HeaderValue)> =
        given.chain(own).map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let headers = headers.iter().map(|(name, value)| (name, value));
    let rule = if request.is_s3 { PathRule::S3 } else { PathRule::OTHERS };
    let (path, query) = request.target.split_once('?').map_or((&*request.target, None), |(path, query)| (path, Some(query)));
    let canonical = canonical_request(&request.method, path, query, headers, payload.as_str(), rule);
    let scope = SigningScope { region: &request.region, service: &request.service };
    let key = SigningKey::derive(&Secret::new(SECRET), moment.day(), &scope);
    key.sign(string_to_sign(HMAC_ALGORITHM, &moment, &scope, &canonical)).as_str().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn amazons_own_crate_signs_every_request_alike(request in generated()) {
        prop_assert_eq!(ours(&request), theirs(&request));
    }

    #[test]
    fn amazons_own_crate_signs_every_chunk_alike(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..6), seconds in 0u32..4_000_000_000) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
        let moment = Moment::of(Timestamp::from_millis(i64::from(seconds) * 1000));
        let scope = SigningScope { region: "eu-west-1", service: "s3" };
        let identity: Identity = Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "test").into();
        let parameters = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name("s3").time(time).settings(()).build().unwrap();
        let seed = Hex::sha256(b"seed");
        let mut ours = ChunkSigner::new(SigningKey::derive(&Secret::new(SECRET), moment.day(), &scope), &moment, &scope, seed);
        let mut running = seed.as_str().to_owned();
        for piece in pieces {
            let bytes = bytes::Bytes::from(piece);
            running = v4::sign_chunk(&bytes, &running, &parameters).unwrap().signature().to_owned();
            let signed = ours.chunk(&bytes);
            prop_assert_eq!(signed.as_str(), &running);
        }
    }
}
