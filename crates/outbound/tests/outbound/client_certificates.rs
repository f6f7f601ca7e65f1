//! Client certificates against servers that nobody here wrote: who is let in, what is said of who is not, and that names keep apart (TLS-05).

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use sortie_callout::{ClientIdentity, ForwardError};
use sortie_model::{CertificateVersionId, KeyAlgorithm, NamedCredentialId, Timeouts};
use sortie_outbound::{Connector, PoolLimits, RequestBody, Roots, Trust};
use sortie_testkit::authority::{Authority, Issued, self_signed};
use sortie_testkit::keys::TestKey;
use sortie_testkit::peers::{Admission, MutualTlsNginx, MutualTlsOpenssl, TlsVersion};
use sortie_testkit::upstream::RecordingUpstream;

use crate::certificates::TlsServer;
use crate::common::{Core, loopback, on_one_core, read, resolving_to, until};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The number stands for the version of a certificate.
fn identity(version: u128, algorithm: KeyAlgorithm, issued: &Issued) -> (Arc<ClientIdentity>, Arc<TestKey>) {
    let key = TestKey::of_issued("SECRET-kid", issued);
    let version = CertificateVersionId::from_uuid(uuid::Uuid::from_u128(version));
    (Arc::new(ClientIdentity { version, algorithm, signer: Arc::clone(&key) as _ }), key)
}

fn signed_by(authority: &Authority, version: u128, name: &str) -> Arc<ClientIdentity> {
    identity(version, KeyAlgorithm::P256, &authority.sign_client(name, KeyAlgorithm::P256)).0
}

fn core(authority_pem: &str, url: &str) -> Core {
    let trust = Trust::new(Roots::OnlyAdded).with_ca_pem(authority_pem.as_bytes()).unwrap();
    let connector = Connector::new(loopback(), trust).unwrap().with_resolver(resolving_to(&["127.0.0.1"]));
    // `s_server` has one thread, and takes its time to throw away what a client has sent that it refused.
    let timeouts = Timeouts { connect_ms: 20_000, answer_ms: 20_000, idle_ms: 20_000 };
    let mut core = Core::with(connector, PoolLimits::default(), url);
    core.timeouts = timeouts;
    core
}

/// What nginx knows of the connection that the request came over.
async fn seen(core: &Core, path: &str) -> Value {
    let (status, body) = core.fetch(path).await;
    assert_eq!(status, 200, "{body:?}");
    serde_json::from_slice(&body.unwrap()).unwrap()
}

async fn failure(core: &Core, method: Method, body: RequestBody) -> ForwardError {
    match core.send(method, "/", body).await {
        Err(error) => error,
        Ok(answer) => panic!("answered {}: {:?}", answer.status(), read(answer).await),
    }
}

#[test]
fn every_kind_of_key_is_taken_by_either_version_of_tls() {
    let authority = Authority::default();
    for version in TlsVersion::ALL {
        let nginx = MutualTlsNginx::start(version, Admission::Certified, &authority.pem);
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa4096, KeyAlgorithm::P256, KeyAlgorithm::Ed25519] {
            let (presented, key) = identity(1, algorithm, &authority.sign_client("billing", algorithm));
            on_one_core(async {
                let mut core = core(nginx.authority(), &nginx.url());
                core.identity = Some(presented);
                let first = seen(&core, "/").await;
                let expected = (json!("SUCCESS"), json!("CN=billing"), json!(version.as_str()));
                assert_eq!(
                    (&first["verify"], &first["subject"], &first["protocol"]),
                    (&expected.0, &expected.1, &expected.2),
                    "{algorithm}"
                );
                // The connection is kept: nothing is signed for the second request.
                assert_eq!(seen(&core, "/").await["connection"], first["connection"]);
            });
            assert_eq!(key.signed(), 1, "{algorithm}");
        }
    }
}

#[test]
fn what_nginx_says_to_whom_it_does_not_know_is_its_own_answer() {
    // It lets the handshake pass and answers 400: an upstream's answer, which is handed on.
    let (authority, other) = (Authority::default(), Authority::new("Another"));
    for version in TlsVersion::ALL {
        let nginx = MutualTlsNginx::start(version, Admission::Certified, &authority.pem);
        for (presented, words) in [(None, "No required SSL certificate was sent"), (Some(&other), "The SSL certificate error")] {
            on_one_core(async {
                let mut core = core(nginx.authority(), &nginx.url());
                core.identity = presented.map(|authority| signed_by(authority, 1, "mallory"));
                let (status, body) = core.fetch("/").await;
                assert_eq!(status, 400);
                assert!(String::from_utf8_lossy(&body.unwrap()).contains(words));
            });
        }
    }
}

#[test]
fn a_connection_that_is_refused_says_whose_turn_it_is() {
    let (authority, other) = (Authority::default(), Authority::new("Another"));
    // The year 4188: by its clock every certificate of a test has expired.
    const LATER: u64 = 70_000_000_000;
    let good = || Some(signed_by(&authority, 1, "billing"));
    for version in TlsVersion::ALL {
        let (server, late) =
            (MutualTlsOpenssl::start(version, &authority.pem, None), MutualTlsOpenssl::start(version, &authority.pem, Some(LATER)));
        let refused = ForwardError::ClientCertificateRefused;
        for (server, presented, expected) in [
            (&server, None, ForwardError::ClientCertificateRequired),
            (&server, Some(signed_by(&other, 2, "mallory")), refused("it does not know the authority that signed it")),
            (&late, good(), refused("it has expired, or is not valid yet, by the clock of the service")),
        ] {
            for (method, body) in [(Method::GET, 0), (Method::POST, 4), (Method::POST, 4 << 20)] {
                on_one_core(async {
                    let mut core = core(server.authority(), &server.url());
                    core.identity = presented.clone();
                    let error = failure(&core, method.clone(), RequestBody::from(Bytes::from(vec![b'x'; body]))).await;
                    assert_eq!(error, expected, "{version:?} {method} {body}");
                });
            }
        }
        on_one_core(async {
            let mut core = core(server.authority(), &server.url());
            core.identity = good();
            assert_eq!(core.fetch("/").await.0, 200);
        });
    }
}

#[test]
fn a_request_whose_connection_was_refused_is_not_sent_again() {
    // TLS 1.3: by the time that the refusal comes, the request may be there. REL-U02.
    let authority = Authority::default();
    let server = TlsServer::asking(authority.sign(&["127.0.0.1"], |_| {}), Some(&authority), OK);
    on_one_core(async {
        let mut core = core(&authority.pem, &format!("https://127.0.0.1:{}", server.port()));
        for turn in 1..=20 {
            let error = failure(&core, Method::POST, RequestBody::from(Bytes::from_static(b"body"))).await;
            assert_eq!(error, ForwardError::ClientCertificateRequired);
            server.seen(|seen| assert_eq!((seen.connections, seen.handshakes.len()), (turn, 0)));
        }
        core.identity = Some(signed_by(&authority, 1, "billing"));
        assert_eq!(core.fetch("/").await.1.unwrap(), "ok");
    });
}

#[test]
fn names_at_one_host_never_share_a_connection_or_a_session() {
    // TLS-05. `/close` ends the connection, so that the next one may go on from its session.
    let authority = Authority::default();
    for version in TlsVersion::ALL {
        let nginx = MutualTlsNginx::start(version, Admission::OrNobody, &authority.pem);
        on_one_core(async {
            let mut core = core(nginx.authority(), &nginx.url());
            let names = [1, 2, 3].map(|number| NamedCredentialId::from_uuid(uuid::Uuid::from_u128(number)));
            let one = signed_by(&authority, 1, "one");
            // The third name presents nothing, the second has a certificate of its own.
            let presented = [Some(Arc::clone(&one)), Some(signed_by(&authority, 2, "two")), None];
            let prepared = names.iter().zip(&presented).filter_map(|(name, identity)| Some((*name, identity.as_ref()?)));
            core.present(prepared);
            let subjects = [json!("CN=one"), json!("CN=two"), json!("")];
            let mut connections = [Value::Null, Value::Null, Value::Null];
            for path in ["/", "/", "/close", "/close", "/"] {
                for at in 0..3 {
                    (core.name, core.identity) = (names[at], presented[at].clone());
                    let answer = seen(&core, path).await;
                    assert_eq!(answer["subject"], subjects[at], "{version:?} {path}");
                    assert!(connections.iter().enumerate().all(|(other, number)| other == at || *number != answer["connection"]));
                    connections[at] = answer["connection"].clone();
                }
            }
            // Each has resumed a session of its own by now, which is the earlier identity by another way.
            for at in 0..3 {
                (core.name, core.identity) = (names[at], presented[at].clone());
                seen(&core, "/close").await;
                let resumed = seen(&core, "/close").await;
                assert_eq!((&resumed["reused"], &resumed["subject"]), (&json!("r"), &subjects[at]), "{version:?}");
            }
            // The name that had none has the first one's now: no session of before, and no connection.
            core.name = names[2];
            core.identity = Some(Arc::clone(&one));
            core.present([(names[2], &one)].into_iter());
            let fresh = seen(&core, "/close").await;
            assert_eq!((&fresh["reused"], &fresh["subject"]), (&json!("."), &json!("CN=one")), "{version:?}");
            // And none again: the session without a certificate goes on from one without.
            core.identity = None;
            assert_eq!(seen(&core, "/close").await["subject"], "");
        });
    }
}

#[test]
fn another_version_of_a_certificate_gets_connections_of_its_own() {
    let authority = Authority::default();
    let nginx = MutualTlsNginx::start(TlsVersion::Tls13, Admission::Certified, &authority.pem);
    on_one_core(async {
        let mut core = core(nginx.authority(), &nginx.url());
        let mut before = Value::Null;
        for version in 1..4 {
            core.identity = Some(signed_by(&authority, version, &format!("billing-{version}")));
            // Nobody has prepared it, as for a callout that began under earlier definitions.
            let first = seen(&core, "/").await;
            assert_eq!(first["subject"], format!("CN=billing-{version}"));
            assert_ne!(first["connection"], before["connection"]);
            assert_eq!(seen(&core, "/").await["connection"], first["connection"]);
            before = first;
        }
        core.identity = None;
        assert_eq!(core.fetch("/").await.0, 400, "no connection of the certificate's is used without it");
    });
}

#[test]
fn a_server_that_is_not_trusted_is_shown_nothing() {
    let authority = Authority::default();
    let server = TlsServer::asking(self_signed(&["127.0.0.1"]), Some(&authority), OK);
    let (presented, key) = identity(1, KeyAlgorithm::P256, &authority.sign_client("billing", KeyAlgorithm::P256));
    on_one_core(async {
        let mut core = core(&authority.pem, &format!("https://127.0.0.1:{}", server.port()));
        core.identity = Some(presented);
        let error = failure(&core, Method::GET, RequestBody::empty()).await;
        assert_eq!(error, ForwardError::Tls("its certificate is not signed by a trusted authority".to_owned()));
        until("the server to give up", || server.seen(|seen| seen.connections == 1)).await;
    });
    assert_eq!(key.signed(), 0);
    server.seen(|seen| assert!(seen.decrypted.is_empty() && seen.handshakes.is_empty()));
}

#[test]
fn without_tls_no_connection_is_made_that_should_present_something() {
    let upstream = RecordingUpstream::answering("hello");
    let authority = Authority::default();
    on_one_core(async {
        let mut core = core(&authority.pem, &upstream.url());
        core.identity = Some(signed_by(&authority, 1, "billing"));
        assert!(matches!(failure(&core, Method::GET, RequestBody::empty()).await, ForwardError::Tls(_)));
    });
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn nothing_that_is_printed_shows_a_key() {
    let issued = Authority::default().sign_client("billing", KeyAlgorithm::P256);
    let (presented, _key) = identity(1, KeyAlgorithm::P256, &issued);
    let printed = format!("{presented:?} {:?}", ForwardError::ClientCertificateRefused("x"));
    assert!(printed.contains("P256") && !printed.contains("SECRET-"), "{printed}");
}
