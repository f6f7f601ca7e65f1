//! The gateway through its front door: real sockets, a real database, a real upstream.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests through the front door meet the real clock and real threads")]
#![allow(dead_code, reason = "not every test uses all of what the support offers")]

mod access;
mod answers;
mod api;
mod audit;
mod aws;
mod aws_certificates;
mod aws_s3;
mod client_certificates;
mod console;
mod first_callout;
mod formulas;
mod framing;
mod headers;
mod identity_providers;
mod jwks;
mod keys;
mod leaks;
mod logins;
mod logins_bound;
mod logins_crossed;
mod logins_ended;
mod logins_nodes;
mod logins_over_http;
mod logins_revoked;
mod many_grants;
mod names;
mod protocols;
mod renewal;
mod sealed;
mod shutdown;
mod signed_tokens;
mod streams;
mod support;
mod targets;
mod upgrades;
