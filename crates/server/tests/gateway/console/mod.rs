//! The console, as a browser without scripts sees it: real sockets, forms and cookies. What only a browser can judge is in `browser.rs`.

mod browser;
mod departure;
mod flow;
mod forgery;
mod leaks;
mod logins;
mod openid;
mod pages;
mod reference;
mod sign_in;
mod transport;
mod values;

use std::sync::Mutex;

use sortie_model::{IdentityType, Secret, UserId, UserName};
use sortie_server::manage::{Manage, user};
use sortie_testkit::plain_http::{self, Answer};
use sortie_testkit::upstream::{RecordingUpstream, Reply};

use crate::support::{Credential, TestServer};

/// Alice's.
pub(crate) const PASSWORD: &str = "SECRET-correct horse battery";

/// A server with a console: `alice`, who may use `Mail` (Basic, each their own) and `Pay` (shared), and `bob`, who may use nothing.
pub(crate) struct Office {
    pub(crate) upstream: RecordingUpstream,
    pub(crate) server: TestServer,
    pub(crate) alice: UserId,
    /// Alice's API key.
    pub(crate) key: Secret,
}

impl Office {
    pub(crate) fn open() -> Self {
        Self::on(TestServer::new())
    }

    /// On a server that is not started yet.
    pub(crate) fn on(mut server: TestServer) -> Self {
        let upstream = RecordingUpstream::start(|_| Reply::new(200).body("hello"));
        let callers = server.permission_set("Callers");
        let (alice, key) = server.user("alice", &[callers]);
        server.user("bob", &[]);
        server.pay(&upstream.url(), &[callers]);
        let mail = server.external_credential(&Credential::new("Mail", "basic"));
        server.principal(&mail, "Own box", 1, IdentityType::PerUser, &[callers]);
        server.principal(&mail, "Hidden", 2, IdentityType::PerUser, &[]);
        server.named_credential("Mail", &upstream.url(), &mail);
        server.password("alice", PASSWORD);
        server.password("bob", PASSWORD);
        server.start();
        Self { upstream, server, alice, key }
    }

    /// Somebody who comes for the first time.
    pub(crate) fn visitor(&self) -> Visitor {
        let base = self.server.server().public_url().expect("there is a console").origin();
        Visitor { base, cookies: Mutex::default() }
    }

    /// Alice, signed in.
    pub(crate) fn alice(&self) -> Visitor {
        let alice = self.visitor();
        let answer = alice.sign_in("alice", PASSWORD);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text());
        alice
    }
}

impl TestServer {
    pub(crate) fn password(&self, name: &str, password: &str) {
        let manage = Manage::of(&self.house, "operator:test", sortie_model::Timestamp::from_millis(0));
        let (name, password) = (UserName::parse(name).unwrap(), Secret::new(password));
        self.runtime.block_on(user::set_password(&manage, &name, &password)).unwrap();
    }
}

/// A browser as far as it keeps cookies and says where a form comes from. It follows no redirect.
pub(crate) struct Visitor {
    base: String,
    cookies: Mutex<Vec<(String, String)>>,
}

impl Visitor {
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// A form of one of our own pages.
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("POST", path, &[("Sec-Fetch-Site", "same-origin"), ("Origin", "null")], &form(fields))
    }

    /// With these headers and no others but what every form has.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("Cookie", &cookies));
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "Content-Type") {
            all.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let answer = plain_http::send(method, &format!("{}{path}", self.base), &all, body.as_bytes()).unwrap();
        self.keep_cookies(&answer);
        answer
    }

    pub(crate) fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("name", name), ("password", password)])
    }

    /// The text of a page that must be there.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {:?} {}", answer.header("location"), answer.text());
        answer.text()
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookies.lock().unwrap().iter().find(|(name, _)| name == "sortie_session").map(|(_, value)| value.clone())
    }

    pub(crate) fn set_cookie(&self, value: &str) {
        *self.cookies.lock().unwrap() = vec![("sortie_session".to_owned(), value.to_owned())];
    }

    fn keep_cookies(&self, answer: &Answer) {
        let mut cookies = self.cookies.lock().unwrap();
        for (_, line) in answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// As browsers write forms (the URL standard's `application/x-www-form-urlencoded`).
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let one = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(one).collect::<String>()
    };
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}
