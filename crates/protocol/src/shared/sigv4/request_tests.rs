//! Signatures of whole requests: the examples of the S3 reference, and which headers are signed.

#![allow(clippy::unwrap_used, reason = "tests")]

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sortie_model::{Secret, Timestamp};

use super::*;

/// 2013-05-24T00:00:00Z, the moment of the examples in the S3 reference.
const AT: Timestamp = Timestamp::from_millis(1_369_353_600_000);

fn signer(token: Option<&str>, place: TokenPlace) -> RequestSigner {
    let options = SigningOptions {
        region: "us-east-1".into(),
        service: "s3".into(),
        paths: PathRule::S3,
        token: place,
        payload: PayloadRule::Streamed,
        max_hashed_bytes: 1024,
    };
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    RequestSigner::new(&Secret::new("AKIAIOSFODNN7EXAMPLE"), &secret, token.map(Secret::new).as_ref(), options).unwrap()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn signs_the_examples_of_the_s3_reference() {
    // "Authenticating Requests: Using the Authorization Header", examples "GET Object" and "PUT Object".
    let mut get = headers(&[("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9")]);
    signer(None, TokenPlace::Signed).sign(&Method::GET, "/test.txt", &mut get, Payload::Hash(Hex::sha256(b"")), AT);
    assert_eq!(
        get[header::AUTHORIZATION],
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
    assert!(get[header::AUTHORIZATION].is_sensitive());
    let mut put = headers(&[
        ("host", "examplebucket.s3.amazonaws.com"),
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ]);
    let payload = Payload::Hash(Hex::sha256(b"Welcome to Amazon S3."));
    signer(None, TokenPlace::Signed).sign(&Method::PUT, "/test%24file.text", &mut put, payload, AT);
    let authorization = put[header::AUTHORIZATION].to_str().unwrap();
    assert!(authorization.ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"), "{authorization}");
}

#[test]
fn a_body_in_chunks_is_signed_as_in_the_example_of_the_s3_reference() {
    // "Transferring payload in multiple chunks (chunked upload)", "Example: PUT Object". It signs Content-Length, which we leave to the connection: the
    // canonical request is made of its headers, and key, seed and chunks as ever.
    let put = headers(&[
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", Payload::Chunked.as_str()),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
    ]);
    let (signer, moment) = (signer(None, TokenPlace::Signed), Moment::of(AT));
    let canonical = canonical_request("PUT", "/examplebucket/chunkObject.txt", None, &put, Payload::Chunked.as_str(), PathRule::S3);
    let scope = signer.options().scope();
    let seed = signer.key(&moment).sign(string_to_sign(HMAC_ALGORITHM, &moment, &scope, &canonical));
    assert_eq!(seed.as_str(), "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    let body = CallerBody { is_chunked: false, length: Some(66_560), trailers: Vec::new() };
    let mut recoder = Recoder::signed(&body, 66_560, ChunkSigner::new(signer.key(&moment), &moment, &scope, seed));
    assert_eq!(recoder.length(), Some(66_824));
    let plain = recoder.plain(vec![b'a'; 66_560].into()).unwrap();
    let sent = [recoder.framed(plain), recoder.finish().unwrap()].concat();
    let expected = [
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n".as_slice(),
        &[b'a'; 65_536],
        b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        &[b'a'; 1024],
        b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    ];
    assert!(sent == expected.concat());
}

#[test]
fn a_body_in_chunks_has_what_tells_so_among_its_signed_headers() {
    let mut put = headers(&[("host", "s3.amazonaws.com"), ("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", "66560")]);
    let signed = signer(None, TokenPlace::Signed).sign(&Method::PUT, "/b/k", &mut put, Payload::Chunked, AT);
    assert_eq!(put[X_AMZ_CONTENT_SHA256], "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_eq!(signed.canonical.signed_headers(), "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length");
}

#[test]
fn a_signature_allocates_what_it_leaves_behind_and_little_more() {
    // Three headers, the canonical request, the string to sign, and the lists of header lines and parameters are seven; aws-lc-rs makes the others.
    let signer = signer(None, TokenPlace::Signed);
    let payload = Payload::Hash(Hex::sha256(b""));
    let mut sent = headers(&[("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9"), ("x-request-id", "7d4b1f0e")]);
    // Once for the day's key, and so that the map has room.
    signer.sign(&Method::GET, "/", &mut sent, payload, AT);
    let counted = allocation_counter::measure(|| {
        signer.sign(&Method::GET, "/test.txt?list-type=2&prefix=a", &mut sent, payload, AT);
    });
    assert!(counted.count_total <= 9, "{counted:?}");
}

#[test]
fn what_a_caller_signed_before_is_replaced() {
    // SIG-13
    let mut sent = headers(&[
        ("host", "h"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=theirs"),
        ("x-amz-date", "19990101T000000Z"),
        ("x-amz-security-token", "theirs"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ]);
    signer(None, TokenPlace::Signed).sign(&Method::GET, "/", &mut sent, Payload::Hash(Hex::sha256(b"")), AT);
    assert_eq!((sent.get(X_AMZ_SECURITY_TOKEN), &sent[X_AMZ_DATE]), (None, &HeaderValue::from_static("20130524T000000Z")));
    assert!(!format!("{:?}", sent.get_all(header::AUTHORIZATION)).contains("theirs"));
    assert_eq!(sent[X_AMZ_CONTENT_SHA256], Hex::sha256(b"").as_str());
}

#[test]
fn the_session_token_is_signed_or_appended() {
    for (place, is_signed) in [(TokenPlace::Signed, true), (TokenPlace::Appended, false)] {
        let mut sent = headers(&[("host", "h")]);
        let signed = signer(Some("SECRET-token"), place).sign(&Method::GET, "/", &mut sent, Payload::Hash(Hex::sha256(b"")), AT);
        assert_eq!(signed.canonical.signed_headers().contains("x-amz-security-token"), is_signed);
        assert!(sent[X_AMZ_SECURITY_TOKEN] == "SECRET-token" && sent[X_AMZ_SECURITY_TOKEN].is_sensitive());
    }
}

#[test]
fn what_a_hop_may_change_is_never_signed() {
    // SIG-16
    let mut sent = headers(&[
        ("host", "h"),
        ("content-type", "text/plain"),
        ("connection", "close"),
        ("user-agent", "x"),
        ("transfer-encoding", "chunked"),
        ("content-length", "3"),
        ("accept-encoding", "gzip"),
        ("x-amzn-trace-id", "Root=1"),
    ]);
    let signed = signer(None, TokenPlace::Signed).sign(&Method::POST, "/", &mut sent, Payload::Unsigned, AT);
    assert_eq!(signed.canonical.signed_headers(), "content-type;host;x-amz-content-sha256;x-amz-date");
}

#[test]
fn what_is_shown_holds_no_secret() {
    let signer = signer(Some("SECRET-token"), TokenPlace::Signed);
    let mut sent = headers(&[("host", "h")]);
    let mut custom = HeaderValue::from_static("SECRET-custom");
    custom.set_sensitive(true);
    sent.insert("x-custom", custom);
    let payload = Payload::Hash(Hex::sha256(b""));
    signer.sign(&Method::GET, "/", &mut sent, payload, AT);
    let shown = signer.shown(&Method::GET, "/", &sent, payload);
    assert!(shown.contains("x-amz-security-token:***\n") && shown.contains("x-custom:***\n") && shown.contains("host:h\n"), "{shown}");
    assert!(!shown.contains("SECRET") && !format!("{signer:?}").contains("SECRET"));
}

#[test]
fn a_key_id_with_a_separator_is_refused() {
    for id in ["", "A/B", "A,B", "A B", "Ä", "A\n"] {
        assert!(!is_access_key_id(id), "{id:?}");
    }
}
