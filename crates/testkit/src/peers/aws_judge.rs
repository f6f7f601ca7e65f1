//! A judge of AWS signatures: `awscrt`, `cryptography` and OpenSSL decide, and share no code with whoever signed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::child::Child;
use super::fail;
use crate::plain_http;

/// A service on loopback that takes signed requests only, with a token service and IAM Roles Anywhere; killed when dropped.
#[derive(Debug)]
pub struct AwsJudge {
    url: String,
    _process: Child,
}

impl AwsJudge {
    /// The key that it knows from the start.
    pub const KEY_ID: &str = "AKIDJUDGE0000000001";
    /// The secret that belongs to it.
    pub const SECRET: &str = "SECRET-judge/not+a/real/one";
    /// The role that may be assumed.
    pub const ROLE: &str = "arn:aws:iam::000000000000:role/callout";

    /// Starts it. Certificates are taken from the authority whose certificate is given as PEM, if one is.
    ///
    /// # Panics
    /// If Python or its packages are missing; the message says how to install them.
    pub fn start(anchor: &str) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = home.join("../../xtask/peers/python");
        if !packages.join("awscrt").is_dir() {
            fail("the Python package `awscrt` is not installed", &format!("{} is missing", packages.display()));
        }
        let mut process = Child::spawn(
            Command::new("python3")
                // Nothing of the machine's own packages, and no files beside ours.
                .args(["-s", "-B"])
                .arg(home.join("peers/aws_judge.py"))
                .env("PYTHONPATH", packages)
                .env("KEYS", json!({ (Self::KEY_ID): Self::SECRET }).to_string())
                .env("ROLES", json!([Self::ROLE]).to_string())
                .env("ANCHOR", anchor)
                .stdout(Stdio::piped()),
        );
        let line = process.first_line().unwrap_or_default();
        match serde_json::from_str::<Value>(&line) {
            Ok(ready) => Self { url: format!("http://127.0.0.1:{}", ready["port"]), _process: process },
            Err(error) => fail("the judge did not start (its standard error says why)", &error),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The verdicts since the last time that somebody asked.
    pub fn verdicts(&self) -> Vec<Value> {
        self.control("log")
    }

    /// Sets its clock ahead by so many seconds.
    pub fn skew(&self, seconds: i32) {
        self.control(&format!("skew/{seconds}"));
    }

    /// Ends the life of every temporary key.
    pub fn expire(&self) {
        self.control("expire");
    }

    fn control(&self, what: &str) -> Vec<Value> {
        let Ok(answer) = plain_http::get(&format!("{}/judge/{what}", self.url)) else { fail("the judge is gone", &what) };
        answer.json().as_array().cloned().unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TARGET: &str = "/2015-03-31/functions/f";

    /// A request that curl has signed by itself (`--aws-sigv4`): neither the judge's code nor ours.
    struct Signed {
        method: &'static str,
        url: String,
        headers: Vec<(String, String)>,
        body: String,
    }

    impl Signed {
        /// By the key that the judge knows, for a service other than S3.
        fn by_curl(judge: &AwsJudge, more: &[&str], body: &str) -> Self {
            Self::with(judge, "lambda", TARGET, (AwsJudge::KEY_ID, AwsJudge::SECRET), more, body)
        }

        fn with(judge: &AwsJudge, service: &str, target: &str, (id, secret): (&str, &str), more: &[&str], body: &str) -> Self {
            let (scope, user) = (format!("aws:amz:eu-west-1:{service}"), format!("{id}:{secret}"));
            let url = format!("{}{target}", judge.url());
            let mut curl = Command::new("curl");
            curl.args(["-sv", "-m", "20", "-o", "/dev/null", "--aws-sigv4", &scope, "--user", &user]).args(more);
            if !body.is_empty() {
                curl.args(["-d", body]);
            }
            let output = curl.arg(&url).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let sent = said.lines().filter_map(|line| line.strip_prefix("> ")?.trim_end().split_once(": "));
            let headers = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            Self { method: if body.is_empty() { "GET" } else { "POST" }, url, headers, body: body.to_owned() }
        }

        /// The same with a header of another value, or one more.
        fn header(mut self, name: &str, value: &str) -> Self {
            self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            self.headers.push((name.to_owned(), value.to_owned()));
            self
        }

        fn body(self, body: &str) -> Self {
            Self { body: body.to_owned(), ..self }
        }

        fn send(&self) -> plain_http::Answer {
            let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            plain_http::send(self.method, &self.url, &headers, self.body.as_bytes()).unwrap()
        }

        /// The status, and the code of a refusal.
        fn verdict(&self) -> (u16, String) {
            let answer = self.send();
            (answer.status, answer.header("x-amzn-errortype").unwrap_or_default().to_owned())
        }
    }

    fn refused(status: u16, code: &str) -> (u16, String) {
        (status, code.to_owned())
    }

    #[test]
    fn it_takes_what_curl_signs_and_nothing_else() {
        let judge = AwsJudge::start("");
        assert_eq!(Signed::by_curl(&judge, &[], "").verdict().0, 200);
        assert_eq!(Signed::by_curl(&judge, &[], "{}").verdict().0, 200);
        let wrong = Signed::with(&judge, "lambda", TARGET, (AwsJudge::KEY_ID, "SECRET-wrong"), &[], "");
        assert_eq!(wrong.verdict(), refused(403, "SignatureDoesNotMatch"));
        let nobody = Signed::with(&judge, "lambda", TARGET, ("AKIDNOBODY", AwsJudge::SECRET), &[], "");
        assert_eq!(nobody.verdict(), refused(403, "UnrecognizedClientException"));
        let unsigned = plain_http::get(&format!("{}/x", judge.url())).unwrap();
        assert_eq!(unsigned.header("x-amzn-errortype"), Some("MissingAuthenticationToken"));
    }

    #[test]
    fn another_body_than_the_signed_one_is_refused() {
        let judge = AwsJudge::start("");
        let signed = Signed::by_curl(&judge, &[], "{\"k\":1}");
        assert_eq!(signed.body("{\"k\":2}").verdict(), refused(403, "SignatureDoesNotMatch"));
        // SHA-256 of `hello`, and a body that has it.
        let hash = "x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let claimed = Signed::by_curl(&judge, &["-H", hash], "hello");
        assert_eq!(claimed.verdict().0, 200);
        assert_eq!(claimed.body("jello").verdict(), refused(400, "XAmzContentSHA256Mismatch"));
    }

    #[test]
    fn a_clock_that_differs_by_more_than_five_minutes_is_refused() {
        let judge = AwsJudge::start("");
        for (seconds, status) in [(0, 200), (270, 200), (-270, 200), (310, 403), (-310, 403)] {
            judge.skew(seconds);
            assert_eq!(Signed::by_curl(&judge, &[], "").verdict().0, status, "{seconds}");
        }
        assert!(judge.verdicts().last().unwrap()["message"].as_str().unwrap().starts_with("Signature expired"));
    }

    #[test]
    fn a_header_of_amazons_that_is_not_signed_is_refused() {
        // Whether curl signs such a header itself depends on its version: it is added afterwards.
        let judge = AwsJudge::start("");
        let signed = || Signed::by_curl(&judge, &[], "");
        assert_eq!(signed().header("x-tenant", "evil").verdict().0, 200);
        assert_eq!(signed().header("x-amz-target", "Evil").verdict(), refused(403, "SignatureDoesNotMatch"));
        assert_eq!(judge.verdicts().last().unwrap()["message"], "sent and not signed: ['x-amz-target']");
    }

    #[test]
    fn a_session_needs_its_own_token_and_ends() {
        let judge = AwsJudge::start("");
        let (mine, others) = (Session::of(&judge), Session::of(&judge));
        let with = |token: &str| {
            let token = format!("x-amz-security-token: {token}");
            Signed::with(&judge, "lambda", TARGET, (&mine.id, &mine.secret), &["-H", &token], "")
        };
        assert_eq!(with(&mine.token).verdict().0, 200);
        assert_eq!(with(&others.token).verdict(), refused(403, "InvalidClientTokenId"));
        let without = Signed::with(&judge, "lambda", TARGET, (&mine.id, &mine.secret), &[], "");
        assert_eq!(without.verdict(), refused(403, "InvalidClientTokenId"));
        // A token beside a key that has none.
        let foreign = format!("x-amz-security-token: {}", mine.token);
        assert_eq!(Signed::by_curl(&judge, &["-H", &foreign], "").verdict(), refused(403, "InvalidClientTokenId"));
        judge.expire();
        assert_eq!(with(&mine.token).verdict(), refused(403, "ExpiredToken"));
    }

    /// A temporary key.
    struct Session {
        id: String,
        secret: String,
        token: String,
    }

    impl Session {
        fn of(judge: &AwsJudge) -> Self {
            let body = format!("Action=AssumeRole&RoleArn={}&RoleSessionName=judged", AwsJudge::ROLE);
            let asked = Signed::with(judge, "sts", "/", (AwsJudge::KEY_ID, AwsJudge::SECRET), &[], &body);
            let answer = asked.send().text();
            let element = |name: &str| {
                let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
                rest.split('<').next().unwrap().to_owned()
            };
            Self { id: element("AccessKeyId"), secret: element("SecretAccessKey"), token: element("SessionToken") }
        }
    }
}
