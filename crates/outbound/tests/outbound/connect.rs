//! Which address is dialled, and when none is (group SSRF, from resolving to dialling).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sortie_callout::ForwardError;
use sortie_outbound::{Connector, EgressPolicy, PoolLimits, Resolver, Roots, Trust};
use sortie_testkit::upstream::RecordingUpstream;

use crate::common::{Core, loopback, on_one_core, resolving_to};

fn core(policy: EgressPolicy, resolver: Resolver, url: &str) -> Core {
    let connector = Connector::new(policy, Trust::new(Roots::Mozilla)).unwrap().with_resolver(resolver);
    Core::with(connector, PoolLimits::default(), url)
}

fn only(network: &str) -> EgressPolicy {
    EgressPolicy { allow: vec![network.parse().unwrap()], ports: Vec::new() }
}

#[test]
fn a_denied_address_is_not_even_knocked_at() {
    let upstream = RecordingUpstream::answering("inside");
    let port = upstream.address().port();
    // SSRF-04, -05, -08, -09: by address, by name, and in disguise.
    for url in ["http://127.0.0.1", "http://localhost", "http://[::ffff:127.0.0.1]", "https://127.0.0.1"] {
        let core = core(EgressPolicy::default(), Resolver::system(), &format!("{url}:{port}"));
        assert_eq!(on_one_core(core.get("/")).err(), Some(ForwardError::Denied), "{url}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_name_that_begins_to_lead_inside_is_denied_at_that_moment() {
    // SSRF-13. 127.0.0.1 plays the public address here, 127.0.0.2 the one inside.
    let upstream = RecordingUpstream::answering("outside");
    let inside = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), upstream.address().port())).unwrap();
    inside.set_nonblocking(true).unwrap();
    let asked = AtomicUsize::new(0);
    let rebinding = Resolver::new(move |_, port| {
        let host = if asked.fetch_add(1, Ordering::SeqCst) == 0 { [127, 0, 0, 1] } else { [127, 0, 0, 2] };
        Box::pin(async move { Ok(vec![SocketAddr::new(host.into(), port)]) })
    });
    let core = core(only("127.0.0.1/32"), rebinding, &format!("http://up.test:{}", upstream.address().port()));
    on_one_core(async {
        // Not read to its end, so that the second request needs a connection of its own.
        drop(core.get("/1").await.unwrap());
        assert_eq!(core.get("/2").await.err(), Some(ForwardError::Denied));
    });
    assert_eq!(upstream.connections(), 1);
    assert!(inside.accept().is_err(), "somebody knocked inside");
}

#[test]
fn a_name_with_one_denied_address_is_denied_whatever_the_order() {
    let upstream = RecordingUpstream::answering("outside");
    for addresses in [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]] {
        let core = core(only("127.0.0.1/32"), resolving_to(&addresses), &format!("http://up.test:{}", upstream.address().port()));
        assert_eq!(on_one_core(core.get("/")).err(), Some(ForwardError::Denied)); // SSRF-14, SSRF-19
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn addresses_are_tried_in_turn() {
    let upstream = RecordingUpstream::answering("hello");
    let core = core(loopback(), resolving_to(&["127.0.0.3", "127.0.0.1"]), &format!("http://up.test:{}", upstream.address().port()));
    assert_eq!(on_one_core(core.fetch("/")).1.unwrap(), "hello");
}

/// A port that does not answer: its queue is full, so that the system drops what knocks.
struct Silent {
    address: SocketAddr,
    _held: (socket2::Socket, Vec<socket2::Socket>),
}

impl Silent {
    fn on(host: [u8; 4], port: u16) -> Self {
        let socket = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&SocketAddr::new(IpAddr::from(host), port).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let fill = |_| {
            let filler = socket();
            filler.set_nonblocking(true).unwrap();
            // In progress, or connected; both fill the queue.
            let _ = filler.connect(&address.into());
            filler
        };
        Self { address, _held: (listener, (0..4).map(fill).collect()) }
    }
}

#[test]
fn a_silent_address_costs_only_its_share_of_the_time() {
    let upstream = RecordingUpstream::answering("hello");
    let silent = Silent::on([127, 0, 0, 4], upstream.address().port());
    let addresses = [silent.address.ip().to_string(), "127.0.0.1".to_owned()];
    let resolver = resolving_to(&addresses.each_ref().map(String::as_str));
    let mut core = core(loopback(), resolver, &format!("http://up.test:{}", upstream.address().port()));
    core.timeouts.connect_ms = 2000; // so that a busy machine is not taken for a silent address
    assert_eq!(on_one_core(core.fetch("/")).1.unwrap(), "hello");
}

#[test]
fn a_connection_that_does_not_come_about_is_given_up_in_time() {
    let silent = Silent::on([127, 0, 0, 1], 0);
    let slow = Resolver::new(|_, _| Box::pin(std::future::pending()));
    for (resolver, host) in [(Resolver::system(), "127.0.0.1"), (slow, "up.test")] {
        let core = core(loopback(), resolver, &format!("http://{host}:{}", silent.address.port()));
        let begun = Instant::now();
        assert_eq!(on_one_core(core.get("/")).err(), Some(ForwardError::Timeout), "{host}");
        let limit = Duration::from_millis(u64::from(core.timeouts.connect_ms));
        assert!((limit..limit * 6).contains(&begun.elapsed()), "{host}: {:?}", begun.elapsed());
    }
}

#[test]
fn what_callers_are_told_names_no_address() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = Resolver::new(|_, _| Box::pin(async { Ok(Vec::new()) }));
    let unknown = Resolver::new(|_, _| Box::pin(async { Err(std::io::Error::other("10.0.0.53 says no")) }));
    for (resolver, expected) in [
        (resolving_to(&["127.0.0.1"]), "no connection to the upstream: the connection was refused"),
        (nowhere, "no connection to the upstream: the name has no address"),
        (unknown, "no connection to the upstream: the name cannot be resolved"),
    ] {
        let core = core(loopback(), resolver, &format!("http://up.test:{closed}"));
        assert_eq!(on_one_core(core.get("/")).err().unwrap().to_string(), expected);
    }
}

/// SSRF-17. The environment of a running test cannot be changed safely, so another test is run in one where every proxy variable leads
/// to a closed port.
#[test]
fn proxies_of_the_environment_are_not_used() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(variable, "http://127.0.0.1:1").env(variable.to_lowercase(), "http://127.0.0.1:1");
    }
    let output = child.args(["--exact", "connect::addresses_are_tried_in_turn"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}
