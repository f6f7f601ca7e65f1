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

    /// curl signs by itself (`--aws-sigv4`): neither the judge's code nor ours.
    fn curl(judge: &AwsJudge, secret: &str, more: &[&str]) -> u16 {
        let user = format!("{}:{secret}", AwsJudge::KEY_ID);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:eu-west-1:lambda", "--user", &user]);
        let output = curl.args(more).arg(format!("{}/2015-03-31/functions/f", judge.url())).output().unwrap();
        String::from_utf8_lossy(&output.stdout).parse().unwrap()
    }

    #[test]
    fn it_takes_what_curl_signs_and_nothing_else() {
        let judge = AwsJudge::start("");
        assert_eq!(curl(&judge, AwsJudge::SECRET, &["-d", "{\"k\":1}"]), 200);
        assert_eq!(curl(&judge, "SECRET-wrong", &["-d", "{\"k\":1}"]), 403);
        assert_eq!(plain_http::get(&format!("{}/x", judge.url())).unwrap().status, 403);
        judge.skew(310);
        assert_eq!(curl(&judge, AwsJudge::SECRET, &["-d", "{\"k\":1}"]), 403);
        judge.skew(0);
        // What curl has signed, and a header that somebody added on the way. Whether curl signs such a header itself depends on its version.
        let signed = signed_by_curl(&judge);
        let mut headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let send = |headers: &[(&str, &str)]| plain_http::send("GET", &format!("{}/x", judge.url()), headers, b"").unwrap().status;
        assert_eq!(send(&headers), 200);
        headers.push(("x-amz-target", "Evil"));
        assert_eq!(send(&headers), 403);
    }

    /// The headers of a GET of `/x` that curl has signed.
    fn signed_by_curl(judge: &AwsJudge) -> Vec<(String, String)> {
        let user = format!("{}:{}", AwsJudge::KEY_ID, AwsJudge::SECRET);
        let arguments = ["-sv", "-m", "20", "-o", "/dev/null", "--aws-sigv4", "aws:amz:eu-west-1:lambda", "--user", &user];
        let output = Command::new("curl").args(arguments).arg(format!("{}/x", judge.url())).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let sent = said.lines().filter_map(|line| line.strip_prefix("> ")?.trim_end().split_once(": "));
        sent.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
