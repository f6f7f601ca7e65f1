//! The load against a server of a few lines.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Crowd, Pace, Request};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers requests of four bytes, each after a pause, and counts them. Its threads end with the connections.
fn server(pause: Duration, answer: &'static str) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&served);
    let serve = move |mut stream: TcpStream, count: Arc<AtomicU64>| {
        let mut request = [0; 4];
        while stream.read_exact(&mut request).is_ok() {
            assert_eq!(&request, b"ask\n");
            count.fetch_add(1, Ordering::Relaxed);
            thread::sleep(pause);
            if stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            thread::spawn(move || serve(stream, count));
        }
    });
    (address, served)
}

fn ask() -> Request {
    Request { bytes: b"ask\n".to_vec(), answer_bytes: 2 }
}

#[test]
fn exactly_so_many_requests_are_sent_and_every_answer_is_awaited() {
    let (address, served) = server(Duration::ZERO, ANSWER);
    let mut crowd = Crowd::open(address, 4).unwrap();
    for count in [1, 3, 4, 250] {
        let before = served.load(Ordering::Relaxed);
        assert_eq!(crowd.send(&ask(), Pace::Count(count)).unwrap().answers(), count);
        assert_eq!(served.load(Ordering::Relaxed) - before, count);
    }
}

#[test]
fn a_window_ends_with_all_its_answers() {
    let (address, served) = server(Duration::ZERO, ANSWER);
    let tally = Crowd::open(address, 4).unwrap().send(&ask(), Pace::Closed(Duration::from_millis(50))).unwrap();
    assert!(tally.answers() >= 4 && tally.elapsed >= Duration::from_millis(50));
    assert_eq!(served.load(Ordering::Relaxed), tally.answers());
}

#[test]
fn a_slow_server_does_not_make_its_own_load_lighter() {
    let (address, _) = server(Duration::from_millis(20), ANSWER);
    let pace = Pace::Rate { per_second: 1_000, duration: Duration::from_millis(101) };
    let mut tally = Crowd::open(address, 2).unwrap().send(&ask(), pace).unwrap();
    assert_eq!(tally.answers(), 100);
    // Two connections take a second for what was due within 100 ms: the last request has waited for some 900 ms.
    assert!(tally.quantile_us(1.0) > 800_000.0, "{}", tally.quantile_us(1.0));
}

#[test]
fn a_wrong_answer_ends_the_run() {
    for (answer, words) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "not 200"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbig", "2 bytes long"),
    ] {
        let (address, _) = server(Duration::ZERO, answer);
        let failure = Crowd::open(address, 2).unwrap().send(&ask(), Pace::Count(10)).unwrap_err();
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[test]
fn a_server_that_closes_ends_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(drop));
    assert!(Crowd::open(address, 1).and_then(|mut crowd| crowd.send(&ask(), Pace::Count(1))).is_err());
}
