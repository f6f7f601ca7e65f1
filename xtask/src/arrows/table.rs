//! The house as a value: which room may know which, and which outside crate belongs where.

/// One crate of the workspace.
pub(super) struct Room {
    /// The package's name without `sortie-`.
    pub(super) name: &'static str,
    /// What belongs there, to end the sentence "`vault` holds …".
    pub(super) holds: &'static str,
    /// The rooms next to it that it may know; what those may know, it may know too.
    pub(super) knows: &'static [&'static str],
}

/// From the ground up: a room stands below every room that may know it.
pub(super) const ROOMS: &[Room] = &[
    Room { name: "formula", holds: "the language of {!…}, without I/O", knows: &[] },
    Room { name: "model", holds: "the nouns, without I/O, async or a clock", knows: &["formula"] },
    Room { name: "protocol", holds: "the ways of proving who calls, which see the world only as `World`", knows: &["model"] },
    Room { name: "callout", holds: "the steps of a callout and the ports they need, without sockets or SQL", knows: &["protocol"] },
    Room { name: "vault", holds: "encryption at rest and signing keys", knows: &["callout"] },
    Room { name: "store", holds: "all SQL", knows: &["callout"] },
    Room { name: "outbound", holds: "HTTP to the world", knows: &["callout"] },
    Room { name: "metadata", holds: "files in and out of the model", knows: &["model"] },
    Room { name: "api", holds: "the wire shapes of the management API", knows: &["model"] },
    Room { name: "client", holds: "the library for Rust programs", knows: &["api"] },
    Room {
        name: "server",
        holds: "listeners, surfaces and the wiring of all rooms below",
        knows: &["vault", "store", "outbound", "metadata", "api"],
    },
    Room { name: "cli", holds: "the one binary", knows: &["server", "client"] },
];

/// What tests share. It may know every room but the binary, and a room may know it as a dev-dependency only.
pub(super) const TESTKIT: &str = "testkit";
/// The chores stand outside: they may know every room, and no room may know them.
pub(super) const XTASK: &str = "xtask";

/// Outside crates that only some rooms may use.
pub(super) struct Restriction {
    pub(super) crates: &'static [&'static str],
    pub(super) rooms: Rooms,
    /// Where such code belongs, as a sentence.
    pub(super) belongs: &'static str,
}

/// Which rooms a restriction lets use its crates.
pub(super) enum Rooms {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

pub(super) const RESTRICTIONS: &[Restriction] = &[
    Restriction {
        crates: &["sqlx", "rusqlite", "libsqlite3-sys"],
        rooms: Rooms::Only(&["store"]),
        belongs: "SQL belongs in `store`, behind a port of `callout` or a query with a name.",
    },
    Restriction {
        crates: &["axum", "hyper", "hyper-util", "socket2", "rustls", "tokio-rustls"],
        rooms: Rooms::AllBut(&["formula", "model", "protocol", "callout"]),
        belongs: "Sockets, TLS and HTTP belong in `outbound` (calls to the world, behind a port of `callout`) or `server` (calls to us).",
    },
    Restriction {
        crates: &["aws-lc-rs"],
        rooms: Rooms::Only(&["formula", "protocol", "callout", "vault", "server", "testkit"]),
        belongs: "Keys and encryption belong in `vault`, signatures of a protocol in `protocol`.",
    },
];

/// An outside crate that nothing we ship may contain, however it gets in.
pub(super) struct Ban {
    pub(super) name: &'static str,
    pub(super) instead: &'static str,
}

/// Must name the same crates as `bans.deny` in `deny.toml`; a test compares them.
pub(super) const BANS: &[Ban] = &[
    Ban { name: "ring", instead: "aws-lc-rs is the one crypto stack; two in one process make rustls panic at its first use" },
    Ban { name: "openssl-sys", instead: "aws-lc-rs and rustls do TLS; OpenSSL would tie the binary to the machine it runs on" },
    Ban { name: "native-tls", instead: "aws-lc-rs and rustls do TLS, the same on every machine" },
    Ban { name: "rsa", instead: "aws-lc-rs signs in constant time; `rsa` leaks its key through timing (RUSTSEC-2023-0071)" },
    Ban { name: "serde_yaml", instead: "serde-saphyr reads YAML; serde_yaml is abandoned" },
    Ban { name: "rustls-pemfile", instead: "`rustls_pki_types::pem::PemObject` reads PEM; rustls-pemfile is archived" },
];
