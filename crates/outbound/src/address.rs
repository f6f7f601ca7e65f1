//! What kind of address it is: public, or one of the many that lead back inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reachable by everybody, and meant to be.
    Public,
    /// Anything else, with the name of the block.
    Special(&'static str),
    /// Hands out credentials of the machine to whoever asks.
    Metadata,
}

/// Addresses at which clouds serve metadata and credentials to the machines inside.
const METADATA_V4: &[Ipv4Addr] = &[
    Ipv4Addr::new(169, 254, 169, 254), // AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
    Ipv4Addr::new(169, 254, 170, 2),   // AWS ECS tasks
    Ipv4Addr::new(169, 254, 170, 23),  // AWS EKS pod identity
    Ipv4Addr::new(169, 254, 42, 42),   // Scaleway
    Ipv4Addr::new(169, 254, 0, 23),    // Tencent
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle Classic
    Ipv4Addr::new(168, 63, 129, 16),   // Azure's host, in the middle of public space
];

/// The same over IPv6.
const METADATA_V6: &[Ipv6Addr] = &[
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254), // AWS
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x23),  // AWS EKS pod identity
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254), // Google
    Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x42),  // Scaleway
];

/// IANA's special-purpose registry for IPv4 (RFC 6890 and its updates), and multicast.
const SPECIAL_V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 52, 193, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(192, 175, 48, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmark"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// An IPv4-mapped IPv6 address is the IPv4 address: the system's network code treats it so, and so do we.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Judges a [`canonical`] address.
pub(crate) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    if METADATA_V4.contains(&address) {
        return Kind::Metadata;
    }
    let is_in = |network: Ipv4Addr, length: u32| (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0;
    SPECIAL_V4.iter().find(|(network, length, _)| is_in(*network, *length)).map_or(Kind::Public, |(_, _, name)| Kind::Special(name))
}

/// Only 2000::/3 is public, less the blocks within it that are not (IANA's special-purpose registry for IPv6), and a
/// translated IPv4 address is as public as the address inside.
fn kind_v6(address: Ipv6Addr) -> Kind {
    if METADATA_V6.contains(&address) || embedded(address).any(|inner| METADATA_V4.contains(&inner)) {
        return Kind::Metadata;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Special("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Special("loopback"),
        [0, 0, 0, 0, 0, 0, _, _] => Kind::Special("IPv4-compatible"),
        // RFC 6052, section 2.1: what a DNS64 resolver answers where there is no IPv4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => kind_v4(joined(high, low)),
        // RFC 3056, section 2: the IPv4 address of the 6to4 router.
        [0x2002, high, low, ..] => kind_v4(joined(high, low)),
        [0x2001, 0..0x0200, ..] => Kind::Special("protocol assignments"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..0x1000, ..] => Kind::Special("documentation"),
        [0x2620, 0x004f, 0x8000, ..] => Kind::Special("protocol assignments"),
        [0x2000..0x4000, ..] => Kind::Public,
        [0xfc00..0xfe00, ..] => Kind::Special("unique local"),
        [0xfe80..0xfec0, ..] => Kind::Special("link-local"),
        [0xff00..=0xffff, ..] => Kind::Special("multicast"),
        _ => Kind::Special("reserved"),
    }
}

/// The places where an IPv6 address may carry an IPv4 one: the end, whatever the prefix (mapped, compatible, and every
/// translator with a prefix of 96 bits, its own or the well-known one), and behind 2002 (6to4).
fn embedded(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let [first, second, third, _, _, _, seventh, eighth] = address.segments();
    [Some(joined(seventh, eighth)), (first == 0x2002).then(|| joined(second, third))].into_iter().flatten()
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
