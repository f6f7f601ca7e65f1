//! The load that a counting program learns from: real use in its mix, not in its amount.
//!
//! A compiler favours what ran often. So all that a gateway does often is here, in like shares: every protocol's proof, bodies small and large in both directions, TLS,
//! many callers at once and few, new connections, refusals, and a start with very many names.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::case::{CASES, Case};
use super::load::Pace;
use super::machine::{LOAD_CORE, stay_on};
use super::measure::Candidate;
use super::nginx::Upstream;
use super::progress::Progress;
use super::sortie::Sortie;
use super::subject::Subject;
use crate::process::{Failure, during};

/// Enough that what happens once a connection, or once a token, does not seem to be common.
const CALLOUTS: u64 = 4_000;

/// Fewer than keep a core busy, so that most callouts are alone.
const FEW: Pace = Pace::Rate { per_second: 500, duration: Duration::from_secs(2) };

/// What has no peer to be compared with.
const MORE: &[Case] = &[
    Case { key: "signed_1k", title: "1 KiB, signed", named_credential: "Signed", targets: None, ..CASES[0] },
    Case {
        key: "signed_post_2k",
        title: "POST 2 KiB, signed",
        sent_bytes: 2 * 1024,
        named_credential: "Signed",
        targets: None,
        ..CASES[0]
    },
    Case {
        key: "secure_post_32k",
        title: "POST 32 KiB, upstream TLS 1.3",
        sent_bytes: 32 * 1024,
        named_credential: "Secure",
        targets: None,
        ..CASES[0]
    },
    Case {
        key: "secure_64k",
        title: "64 KiB, upstream TLS 1.3",
        named_credential: "Secure",
        path: "/64k",
        answer_bytes: 64 * 1024,
        targets: None,
        ..CASES[0]
    },
];

/// How often each refusal is asked for.
const REFUSALS: u32 = 250;

/// Lets this program do what it will do for others.
pub(crate) fn train(program: &Path) -> Result<(), Failure> {
    // On a thread of its own: what is started after the training may use all cores.
    let trained = thread::scope(|scope| scope.spawn(|| train_here(program)).join());
    trained.map_err(|_| Failure::new("a thread ended early"))?
}

fn train_here(program: &Path) -> Result<(), Failure> {
    let temporary = tempfile::Builder::new().prefix("sortie-training-").tempdir().map_err(during("cannot make a directory"))?;
    let directory = temporary.path();
    stay_on(LOAD_CORE)?;
    let upstream = Upstream::start(directory)?;
    let (running, names) = Sortie::build(Some(program))?.start_with_thousand(&directory.join("sortie"), &upstream)?;
    let subject = Subject::sortie(running);
    let mut candidate = Candidate::open(subject.title, subject.server.pid(), subject.address, subject.authorization.clone())?;
    let mut progress = Progress::new(CASES.len() + MORE.len() + 2);
    for case in CASES.iter().chain(MORE) {
        progress.step(case.title);
        let request = candidate.request(&subject.path(case), case);
        candidate.send(&request, Pace::Count(CALLOUTS))?;
        candidate.send(&request, FEW)?;
    }
    progress.step("many names");
    for name in &names {
        let request = candidate.request(&format!("/callout/{name}{}", CASES[0].path), &CASES[0]);
        candidate.send(&request, Pace::Count(2))?;
    }
    progress.step("refusals and new connections");
    let key = subject.authorization.as_str();
    for number in 0..REFUSALS {
        // The upstream's own 404, a name that nobody has, no key, and a key that nobody has.
        for (path, key) in
            [("Custom/none", key), ("None/1k", key), ("Custom/1k", ""), ("Custom/1k", "Proxy-Authorization: Bearer sortie_1_2\r\n")]
        {
            ask_once(&subject, &format!("/callout/{path}?number={number}"), key)?;
        }
    }
    progress.end();
    drop(candidate);
    subject.server.stop()
}

/// One callout on a connection of its own, whatever its answer.
fn ask_once(subject: &Subject, path: &str, key: &str) -> Result<(), Failure> {
    let failed = || during("Sortie gives no answer while it is trained");
    let mut stream = TcpStream::connect(subject.address).map_err(failed())?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n{key}Connection: close\r\n\r\n", subject.address);
    stream.write_all(request.as_bytes()).map_err(failed())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed())?;
    if answer.starts_with(b"HTTP/1.1 4") {
        Ok(())
    } else {
        Err(Failure::new(format!("Sortie does not refuse {path}: {}", String::from_utf8_lossy(&answer))))
    }
}
