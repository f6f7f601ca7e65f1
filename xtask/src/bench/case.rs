//! What is measured: a table.

/// One shape of a callout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// Its key in the JSON.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    /// Name of the named credential, which is also the name of the external credential where there is only one.
    pub(super) named_credential: &'static str,
    /// What follows the named credential's own URL.
    pub(super) path: &'static str,
    /// The peer's path for the same answer.
    pub(super) peer_path: &'static str,
    /// The peer's path with its buffers switched off, where that matters.
    pub(super) unbuffered_path: Option<&'static str>,
    /// Bytes of the request's body; 0 is a GET.
    pub(super) sent_bytes: usize,
    pub(super) answer_bytes: usize,
    pub(super) targets: Option<Targets>,
}

/// What the ratios may be at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets {
    pub(super) instructions_ratio: f64,
    pub(super) cpu_ratio: f64,
}

const KIB: usize = 1024;

/// A custom header beside a static header: the same work but for what Sortie adds. The other cases look at what it could hide.
const GATED: Case = Case {
    key: "custom_1k",
    title: "1 KiB, custom header",
    named_credential: "Custom",
    path: "/1k",
    peer_path: "/plain/custom/1k",
    unbuffered_path: None,
    sent_bytes: 0,
    answer_bytes: KIB,
    targets: Some(Targets { instructions_ratio: 1.3, cpu_ratio: 1.2 }),
};

/// The gated case first: the other measurements use it too.
pub(super) const CASES: &[Case] = &[
    GATED,
    Case {
        key: "custom_64k",
        title: "64 KiB, custom header",
        path: "/64k",
        peer_path: "/plain/custom/64k",
        unbuffered_path: Some("/unbuffered/custom/64k"),
        answer_bytes: 64 * KIB,
        targets: None,
        ..GATED
    },
    Case {
        key: "tls_1k",
        title: "1 KiB, upstream TLS 1.3",
        named_credential: "Secure",
        peer_path: "/secure/custom/1k",
        targets: None,
        ..GATED
    },
    Case { key: "post_2k", title: "POST 2 KiB, 1 KiB back", sent_bytes: 2 * KIB, targets: None, ..GATED },
    Case { key: "no_authentication_1k", title: "1 KiB, no authentication", named_credential: "Open", targets: None, ..GATED },
    Case { key: "basic_1k", title: "1 KiB, basic", named_credential: "Basic", targets: None, ..GATED },
    Case { key: "oauth_client_credentials_1k", title: "1 KiB, client credentials", named_credential: "Token", targets: None, ..GATED },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_unique_and_only_the_first_case_is_gated() {
        let keys: HashSet<_> = CASES.iter().map(|case| case.key).collect();
        assert_eq!(keys.len(), CASES.len());
        let gated: Vec<_> = CASES.iter().filter(|case| case.targets.is_some()).map(|case| case.key).collect();
        assert_eq!(gated, [CASES[0].key]);
    }
}
