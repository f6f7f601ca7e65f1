//! A request that is signed in its URL, to be sent by somebody else and later (*IAM*, "Add the signature to the request", query string).

use http::{HeaderName, HeaderValue, Method, header};
use sortie_model::Timestamp;

use super::canonical::canonical_request;
use super::request::{RequestSigner, TokenPlace};
use super::spelling::encode_again;
use super::{HMAC_ALGORITHM, Hex, Moment, string_to_sign};

/// 7 days: the most that Amazon takes.
pub const MAX_PRESIGNED_SECONDS: u32 = 7 * 86_400;

impl RequestSigner {
    /// Path and query of the presigned request. Only `Host` is signed of its headers, so that whoever has the URL needs nothing else.
    pub fn presign(&self, method: &Method, host: &HeaderValue, target: &str, lifetime_seconds: u32, at: Timestamp) -> String {
        let moment = Moment::of(at);
        let mut credential = format!("{}/", self.access_key_id());
        self.options().scope().write(&moment, &mut credential);
        let mut target = target.to_owned();
        let mut add = |name: &str, value: &[u8]| {
            let mut encoded = Vec::with_capacity(value.len());
            encode_again(value, b"", &mut encoded);
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.push_str(&String::from_utf8_lossy(&encoded));
        };
        add("X-Amz-Algorithm", HMAC_ALGORITHM.as_bytes());
        add("X-Amz-Credential", credential.as_bytes());
        add("X-Amz-Date", moment.as_str().as_bytes());
        add("X-Amz-Expires", lifetime_seconds.to_string().as_bytes());
        add("X-Amz-SignedHeaders", b"host");
        let token = self.session_token().map(HeaderValue::as_bytes);
        if let (Some(token), TokenPlace::Signed) = (token, self.options().token) {
            add("X-Amz-Security-Token", token);
        }
        let signature = self.presigned_signature(method, host, &target, &moment);
        target.push_str("&X-Amz-Signature=");
        target.push_str(signature.as_str());
        if let (Some(token), TokenPlace::Appended) = (token, self.options().token) {
            let mut encoded = Vec::with_capacity(token.len());
            encode_again(token, b"", &mut encoded);
            target.push_str("&X-Amz-Security-Token=");
            target.push_str(&String::from_utf8_lossy(&encoded));
        }
        target
    }

    fn presigned_signature(&self, method: &Method, host: &HeaderValue, target: &str, moment: &Moment) -> Hex {
        // *S3*, "Authenticating Requests: Using Query Parameters": nobody knows the body yet. Elsewhere there is none.
        let empty = Hex::sha256(b"");
        let payload = if self.options().stores_objects() { "UNSIGNED-PAYLOAD" } else { empty.as_str() };
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        const HOST: HeaderName = header::HOST;
        let canonical = canonical_request(method.as_str(), path, query, [(&HOST, host)], payload, self.options().paths);
        self.key(moment).sign(string_to_sign(HMAC_ALGORITHM, moment, &self.options().scope(), &canonical))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_model::Secret;

    use super::super::{PathRule, PayloadRule, SigningOptions};
    use super::*;

    #[test]
    fn presigns_the_example_of_the_s3_reference() {
        // "Authenticating Requests: Using Query Parameters", its example of a GET that is good for a day.
        let options = SigningOptions {
            region: "us-east-1".into(),
            service: "s3".into(),
            paths: PathRule::S3,
            token: TokenPlace::Signed,
            payload: PayloadRule::Streamed,
            max_hashed_bytes: 1024,
        };
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let signer = RequestSigner::new(&Secret::new("AKIAIOSFODNN7EXAMPLE"), &secret, None, options).unwrap();
        let host = HeaderValue::from_static("examplebucket.s3.amazonaws.com");
        assert_eq!(
            signer.presign(&Method::GET, &host, "/test.txt", 86_400, Timestamp::from_millis(1_369_353_600_000)),
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }
}
