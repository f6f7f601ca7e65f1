//! The egress policy: which addresses Sortie may connect to. Whoever can edit a URL must not be able to turn Sortie, and the
//! credentials it holds, against the network that it stands in.

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sortie_model::Scheme;

use crate::address::{Kind, canonical, kind};

/// Ports that are always open at public addresses.
const PUBLIC_PORTS: &[u16] = &[443, 8443];

/// What an operator allows beyond the public Internet over HTTPS. The default allows nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressPolicy {
    /// Networks that may be reached although they are not public, on any port and over plain HTTP too: `10.1.0.0/16`.
    /// Addresses that serve cloud metadata stay closed even if they are inside.
    pub allow: Vec<IpNet>,
    /// Ports that are open at public addresses, beside 443 and 8443.
    pub ports: Vec<u16>,
}

/// Why an address is refused. Callers are told only that it is; the reason is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It serves a cloud's metadata, which nothing can allow.
    #[error("the address serves cloud metadata")]
    Metadata,
    /// It is not public, and no entry of the policy allows it.
    #[error("the address is not public ({0}) and not allowed by the egress policy")]
    NotPublic(&'static str),
    /// It is public, but its port is closed.
    #[error("port {0} is not open in the egress policy")]
    Port(u16),
    /// Plain HTTP goes only to allowed networks.
    #[error("plain http is not allowed to this address by the egress policy")]
    PlainHttp,
}

impl EgressPolicy {
    /// Judges one address that a connection is about to be made to.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, scheme: Scheme, address: SocketAddr) -> Result<(), Denied> {
        let host = canonical(address.ip());
        let kind = kind(host);
        if kind == Kind::Metadata {
            return Err(Denied::Metadata);
        }
        if self.allow.iter().any(|network| network.contains(&host)) {
            return Ok(());
        }
        if let Kind::Special(name) = kind {
            return Err(Denied::NotPublic(name));
        }
        if scheme == Scheme::Http {
            return Err(Denied::PlainHttp);
        }
        if !PUBLIC_PORTS.contains(&address.port()) && !self.ports.contains(&address.port()) {
            return Err(Denied::Port(address.port()));
        }
        Ok(())
    }

    /// Judges all addresses of one name together. One refused address refuses the name: a name that leads both outside and
    /// inside is an attack or a mistake, and which of its addresses is used is chance.
    ///
    /// # Errors
    /// The first refusal.
    pub fn check_all(&self, scheme: Scheme, addresses: &[SocketAddr]) -> Result<(), Denied> {
        addresses.iter().try_for_each(|address| self.check(scheme, *address))
    }
}
