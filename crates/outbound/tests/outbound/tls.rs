//! No credential goes to a server whose certificate is not right (group TLS).

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use rustls::HandshakeKind;
use sortie_callout::ForwardError;
use sortie_outbound::{AnswerError, Connector, PoolLimits, Roots, Trust, TrustError};

use crate::certificates::{Authority, Issued, TlsServer, self_signed};
use crate::common::{Core, loopback, on_one_core, read, resolving_to};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn trusting(authority: &Authority) -> Trust {
    Trust::new(Roots::OnlyAdded).with_ca_pem(authority.pem.as_bytes()).unwrap()
}

/// A core whose every name leads to loopback.
fn core(trust: Trust, url: &str) -> Core {
    let connector = Connector::new(loopback(), trust).unwrap().with_resolver(resolving_to(&["127.0.0.1"]));
    Core::with(connector, PoolLimits::default(), url)
}

/// Calls `https://<host>:<port>/` and tells why the server was refused.
fn refusal(trust: Trust, host: &str, port: u16) -> String {
    let core = core(trust, &format!("https://{host}:{port}"));
    match on_one_core(core.get("/SECRET-path")) {
        Err(ForwardError::Tls(reason)) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(answer) => panic!("answered {}", answer.status()),
    }
}

#[test]
fn a_server_with_the_right_certificate_is_reached_over_http_1_1() {
    let authority = Authority::default();
    let server = TlsServer::start(authority.sign(&["up.test"], |_| {}), OK);
    let core = core(trusting(&authority), &format!("https://up.test:{}", server.port()));
    on_one_core(async {
        for _ in 0..3 {
            assert_eq!(core.fetch("/x").await.1.unwrap(), "ok");
        }
    });
    server.seen(|seen| {
        assert_eq!(seen.handshakes, [(HandshakeKind::Full, Some(b"http/1.1".to_vec()))]);
        assert!(seen.decrypted.starts_with(b"GET /x HTTP/1.1\r\nhost: up.test:"));
    });
}

#[test]
fn an_address_can_be_in_a_certificate_too() {
    let authority = Authority::default();
    let server = TlsServer::start(authority.sign(&["127.0.0.1"], |_| {}), OK);
    let core = core(trusting(&authority), &format!("https://127.0.0.1:{}", server.port()));
    assert_eq!(on_one_core(core.fetch("/")).1.unwrap(), "ok");
}

#[test]
fn a_wrong_certificate_sees_nothing_of_the_request() {
    let authority = Authority::default();
    let expired = |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let early = |params: &mut rcgen::CertificateParams| params.not_before = rcgen::date_time_ymd(2200, 1, 1);
    let other_authority = Authority::default();
    let cases: [(&str, &str, Issued, &str); 7] = [
        ("TLS-01", "up.test", authority.sign(&["up.test"], expired), "its certificate has expired"),
        ("TLS-01", "up.test", authority.sign(&["up.test"], early), "its certificate is not valid yet"),
        ("TLS-01", "up.test", self_signed(&["up.test"]), "its certificate is not signed by a trusted authority"),
        ("TLS-01", "up.test", authority.sign(&["evil.test"], |_| {}), "its certificate is for another name"),
        ("TLS-02", "api.up.test", authority.sign(&["up.test"], |_| {}), "its certificate is for another name"),
        ("TLS-02", "api.up.test", authority.sign(&["*.test"], |_| {}), "its certificate is for another name"),
        ("TLS-04", "up.test", other_authority.sign(&["up.test"], |_| {}), "its certificate is not signed by a trusted authority"),
    ];
    for (case, host, identity, expected) in cases {
        let server = TlsServer::start(identity, OK);
        assert_eq!(refusal(trusting(&authority), host, server.port()), expected, "{case}");
        server.seen(|seen| {
            assert_eq!(seen.connections, 1, "{case}");
            assert_eq!(String::from_utf8_lossy(&seen.decrypted), "", "{case}");
        });
    }
}

#[test]
fn a_public_certificate_is_not_good_enough_where_only_one_authority_is_trusted_and_the_other_way_round() {
    let authority = Authority::default();
    let server = TlsServer::start(authority.sign(&["up.test"], |_| {}), OK);
    for roots in [Roots::Mozilla, Roots::System] {
        assert_eq!(refusal(Trust::new(roots), "up.test", server.port()), "its certificate is not signed by a trusted authority");
        let both = Trust::new(roots).with_ca_pem(authority.pem.as_bytes()).unwrap();
        assert_eq!(on_one_core(core(both, &format!("https://up.test:{}", server.port())).fetch("/")).1.unwrap(), "ok");
    }
}

/// Answers the first bytes with these, and hands over what it was sent.
fn not_really_tls(answer: &'static [u8]) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut got = vec![0; 8192];
        let count = stream.read(&mut got).unwrap();
        got.truncate(count);
        stream.write_all(answer).unwrap();
        let _ = stream.read_to_end(&mut got);
        sender.send(got).unwrap();
    });
    (port, receiver)
}

#[test]
fn what_does_not_speak_modern_tls_is_refused_without_a_word() {
    // RFC 5246, section 7.4.1.3: a ServerHello of TLS 1.1 that picks TLS_RSA_WITH_AES_128_CBC_SHA.
    const TLS_1_1: &[u8] = &[
        0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
        26, 27, 28, 29, 30, 31, 32, 0, 0, 0x2f, 0,
    ];
    for (case, answer, expected) in [
        ("TLS-03", TLS_1_1, "it has no TLS version or cipher in common with us"),
        ("TLS-07", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".as_slice(), "what answers does not speak TLS"),
    ] {
        let (port, sent) = not_really_tls(answer);
        assert_eq!(refusal(Trust::new(Roots::Mozilla), "up.test", port), expected, "{case}");
        let sent = sent.recv().unwrap();
        assert!(!sent.windows(6).any(|window| window == b"SECRET"), "{case}");
    }
}

#[test]
fn a_second_connection_resumes_the_session() {
    let authority = Authority::default();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let server = TlsServer::start(authority.sign(&["up.test"], |_| {}), answer);
    let core = core(trusting(&authority), &format!("https://up.test:{}", server.port()));
    on_one_core(async {
        for _ in 0..2 {
            assert_eq!(core.fetch("/").await.1.unwrap(), "ok");
        }
    });
    server.seen(|seen| {
        assert_eq!(seen.handshakes.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [HandshakeKind::Full, HandshakeKind::Resumed])
    });
}

#[test]
fn a_connection_that_ends_without_goodbye_is_a_truncated_answer() {
    // TLS-09, also where only the end of the connection ends the answer: without TLS nobody could tell.
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nok", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"]
    {
        let authority = Authority::default();
        let server = TlsServer::start(authority.sign(&["up.test"], |_| {}), answer);
        let core = core(trusting(&authority), &format!("https://up.test:{}", server.port()));
        assert_eq!(on_one_core(async { read(core.get("/").await.unwrap()).await }), Err(AnswerError::Truncated));
    }
}

#[test]
fn trust_in_nobody_or_in_nonsense_is_an_error_at_the_start() {
    assert_eq!(Connector::new(loopback(), Trust::new(Roots::OnlyAdded)).err(), Some(TrustError::Nobody));
    assert!(matches!(Trust::default().with_ca_pem(b"hello"), Err(TrustError::NotPem(_))));
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let trust = Trust::new(Roots::OnlyAdded).with_ca_pem(broken).unwrap();
    assert!(matches!(Connector::new(loopback(), trust).err(), Some(TrustError::NotAnAuthority(_))));
}
