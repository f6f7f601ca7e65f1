//! Servers that nobody here wrote, started for one test and killed when it ends.

mod assertion_server;
mod aws_judge;
mod child;
mod moto;
mod mutual_tls;
mod nginx;
mod oidc;
mod plugin;
mod postgres;
mod postgres_server;
mod s3_server;

pub use assertion_server::{AssertionServer, TrustedIssuer};
pub use aws_judge::AwsJudge;
pub(crate) use child::{Child, free_address};
pub use moto::Moto;
pub use mutual_tls::{Admission, MutualTlsNginx, MutualTlsOpenssl, TlsVersion};
pub use nginx::NginxUpstream;
pub use oidc::{AssertionClient, Fault, OidcClient, OidcProvider, TokenRequest};
pub use plugin::PluginExample;
pub use postgres::TestDatabase;
pub use postgres_server::PostgresServer;
pub use s3_server::S3Server;

/// Ends the test with a reason and with what to do about it.
#[allow(clippy::panic, reason = "a real server that is missing fails the test; it is never skipped")]
#[track_caller]
pub(crate) fn fail(what: &str, why: &dyn std::fmt::Display) -> ! {
    panic!("{what}: {why}\n  `cargo xtask test` installs and starts what the tests need, then runs them.")
}
