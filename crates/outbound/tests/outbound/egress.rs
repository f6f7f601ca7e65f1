//! The egress policy by the cases of the catalogue (SSRF), without a network.

use std::net::{IpAddr, SocketAddr};

use sortie_model::Scheme;
use sortie_outbound::{Denied, EgressPolicy};

fn https(policy: &EgressPolicy, address: &str) -> Result<(), Denied> {
    policy.check(Scheme::Https, SocketAddr::new(address.parse().unwrap(), 443))
}

fn allowing(networks: &[&str]) -> EgressPolicy {
    EgressPolicy { allow: networks.iter().map(|network| network.parse().unwrap()).collect(), ports: Vec::new() }
}

#[test]
fn by_default_nothing_inside_is_reachable() {
    for (case, address, expected) in [
        ("SSRF-01", "169.254.169.254", Denied::Metadata),
        ("SSRF-03", "fd00:ec2::254", Denied::Metadata),
        ("SSRF-04", "127.0.0.1", Denied::NotPublic("loopback")),
        ("SSRF-06", "::1", Denied::NotPublic("loopback")),
        ("SSRF-07", "0.0.0.0", Denied::NotPublic("this network")),
        ("SSRF-07", "::", Denied::NotPublic("unspecified")),
        ("SSRF-08", "::ffff:169.254.169.254", Denied::Metadata),
        ("SSRF-09", "::ffff:7f00:1", Denied::NotPublic("loopback")),
        ("SSRF-10", "64:ff9b::a9fe:a9fe", Denied::Metadata),
        ("SSRF-10", "64:ff9b::10.0.0.1", Denied::NotPublic("private")),
        ("SSRF-10", "64:ff9b:1::10.0.0.1", Denied::NotPublic("reserved")),
        ("SSRF-12", "10.0.0.5", Denied::NotPublic("private")),
        ("SSRF-12", "172.16.0.1", Denied::NotPublic("private")),
        ("SSRF-12", "192.168.1.1", Denied::NotPublic("private")),
        ("SSRF-12", "100.64.0.1", Denied::NotPublic("carrier-grade NAT")),
        ("SSRF-12", "198.18.0.1", Denied::NotPublic("benchmark")),
        ("SSRF-12", "224.0.0.1", Denied::NotPublic("multicast")),
        ("SSRF-12", "255.255.255.255", Denied::NotPublic("reserved")),
        ("SSRF-12", "fe80::1", Denied::NotPublic("link-local")),
        ("SSRF-12", "fc00::1", Denied::NotPublic("unique local")),
        ("SSRF-12", "ff02::1", Denied::NotPublic("multicast")),
        ("SSRF-15", "::ffff:10.0.0.1", Denied::NotPublic("private")),
        ("6to4", "2002:a00:1::1", Denied::NotPublic("private")),
        ("6to4", "2002:a9fe:a9fe::1", Denied::Metadata),
        ("compatible", "::10.0.0.1", Denied::NotPublic("IPv4-compatible")),
        ("compatible", "::8.8.8.8", Denied::NotPublic("IPv4-compatible")),
        ("documentation", "192.0.2.1", Denied::NotPublic("documentation")),
        ("documentation", "2001:db8::1", Denied::NotPublic("documentation")),
        ("site-local", "fec0::1", Denied::NotPublic("reserved")),
        ("Teredo", "2001::1", Denied::NotPublic("protocol assignments")),
    ] {
        assert_eq!(https(&EgressPolicy::default(), address), Err(expected), "{case} {address}");
    }
}

#[test]
fn public_addresses_are_reachable_on_the_usual_ports_over_https_only() {
    let policy = EgressPolicy { allow: Vec::new(), ports: vec![9443] };
    let judge = |scheme, port| policy.check(scheme, SocketAddr::new([8, 8, 8, 8].into(), port));
    for port in [443, 8443, 9443] {
        assert_eq!(judge(Scheme::Https, port), Ok(()));
    }
    for port in [22, 25, 80, 6379, 11211, 8444] {
        assert_eq!(judge(Scheme::Https, port), Err(Denied::Port(port)), "SSRF-20");
    }
    assert_eq!(judge(Scheme::Http, 80), Err(Denied::PlainHttp));
    assert_eq!(judge(Scheme::Http, 443), Err(Denied::PlainHttp));
    for address in ["2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"] {
        assert_eq!(https(&policy, address), Ok(()), "{address}");
    }
}

#[test]
fn an_allowed_network_is_open_on_every_port_and_over_plain_http() {
    let policy = allowing(&["10.1.0.0/16", "fd12::/16"]); // SSRF-16
    for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"] {
        for scheme in [Scheme::Http, Scheme::Https] {
            assert_eq!(policy.check(scheme, SocketAddr::new(address.parse().unwrap(), 6379)), Ok(()), "{address}");
        }
    }
    assert_eq!(https(&policy, "10.2.0.1"), Err(Denied::NotPublic("private")));
    // A translator could sit anywhere: allowing an address is not allowing its translated form.
    assert_eq!(https(&policy, "64:ff9b::10.1.2.3"), Err(Denied::NotPublic("private")));
}

#[test]
fn nothing_opens_the_metadata_of_a_cloud() {
    let everything = allowing(&["0.0.0.0/0", "::/0"]);
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1:2:3:4:a9fe:a9fe",
        "2a00:64::a9fe:a9fe", // a translator with a prefix of its own
        "2002:a9fe:a9fe::",
    ] {
        assert_eq!(https(&everything, address), Err(Denied::Metadata), "SSRF-16 {address}");
    }
    assert_eq!(https(&everything, "169.254.169.253"), Ok(()));
}

#[test]
fn one_refused_address_refuses_the_whole_name() {
    let policy = EgressPolicy::default();
    let at = |host: [u8; 4]| SocketAddr::new(host.into(), 443);
    assert_eq!(policy.check_all(Scheme::Https, &[at([8, 8, 8, 8]), at([1, 1, 1, 1])]), Ok(()));
    let mixed = [at([8, 8, 8, 8]), at([10, 0, 0, 1])];
    assert_eq!(policy.check_all(Scheme::Https, &mixed), Err(Denied::NotPublic("private"))); // SSRF-14
}

#[test]
fn a_policy_is_read_strictly() {
    let policy: EgressPolicy = serde_json::from_str(r#"{"allow": ["127.0.0.0/8"], "ports": [9443]}"#).unwrap();
    assert_eq!(policy, EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: vec![9443] });
    assert_eq!(serde_json::from_str::<EgressPolicy>("{}").unwrap(), EgressPolicy::default());
    for bad in [r#"{"alow": []}"#, r#"{"allow": ["127.0.0.1/33"]}"#, r#"{"ports": [70000]}"#] {
        assert!(serde_json::from_str::<EgressPolicy>(bad).is_err(), "{bad}");
    }
}

/// Where we are stricter than Python 3.11: what it calls global and we refuse must be in here.
const STRICTER: &[&str] = &[
    "192.0.0.0/24",      // Python knows exceptions (PCP and TURN anycast), of which none is a web server
    "192.31.196.0/24",   // AS112, for answers to misdirected reverse look-ups
    "192.52.193.0/24",   // AMT relays
    "192.175.48.0/24",   // AS112
    "192.88.99.0/24",    // 6to4 relay anycast, gone since RFC 7526
    "224.0.0.0/4",       // some multicast is global
    "168.63.129.16/32",  // metadata
    "64:ff9b::/96",      // judged by the address inside
    "64:ff9b:1::/48",    // local translators (RFC 8215)
    "2001::/23",         // anycast of protocols, ORCHID
    "2002::/16",         // judged by the address inside
    "2620:4f:8000::/48", // AS112
    "3fff::/20",         // documentation (RFC 9637), younger than Python 3.11
    "::/96",             // IPv4-compatible, deprecated by RFC 4291
    "::ffff:0:0/96",     // judged by the address inside
    // Outside of 2000::/3 IANA has assigned nothing that is public.
    "::/3",
    "4000::/2",
    "8000::/1",
];

#[test]
fn whatever_python_calls_not_global_is_refused() {
    let policy = EgressPolicy::default();
    let stricter: Vec<ipnet::IpNet> = STRICTER.iter().map(|network| network.parse().unwrap()).collect();
    let vectors = include_str!("vectors/python-is-global.txt");
    let mut counted = [0, 0];
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let (address, verdict) = line.split_once(' ').unwrap();
        let (host, is_open): (IpAddr, bool) = (address.parse().unwrap(), https(&policy, address).is_ok());
        counted[usize::from(is_open)] += 1;
        match verdict {
            "not" => assert!(!is_open, "{address}"),
            _ => assert!(is_open || stricter.iter().any(|network| network.contains(&host)), "{address}"),
        }
    }
    assert!(counted.iter().all(|count| *count > 150), "{counted:?}");
}
