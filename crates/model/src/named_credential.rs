//! Named credentials: where a callout goes.

use crate::{ApiName, CertificateId, CustomHeader, Endpoint, ExternalCredentialId, Label, NamedCredentialId};

/// The place that a name stands for, and which external credential opens it.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCredential {
    /// Identity.
    pub id: NamedCredentialId,
    /// Unique developer name; this is what `callout:` uses. Never changes after creation.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// Scheme, host, port and base path.
    pub url: Endpoint,
    /// The one external credential.
    pub external_credential: ExternalCredentialId,
    /// The certificate that is presented where the connection is made, if the upstream wants one: mutual TLS. The URL is `https` then.
    pub client_certificate: Option<CertificateId>,
    /// Switched off: callouts are refused.
    pub is_enabled: bool,
    /// Whether the protocol's own header (`Authorization`) is sent. Off: a custom header or the caller supplies one.
    pub generate_authorization_header: bool,
    /// What `{!…}` means in callers' headers.
    pub allow_formulas_in_header: CallerFormulas,
    /// What `{!…}` means in callers' bodies.
    pub allow_formulas_in_body: CallerFormulas,
    /// Names of caller headers that are forwarded although they are withheld by default, such as `cookie` or `x-ms-version`, in
    /// lower case. Headers that frame the message or carry credentials of ours cannot be listed.
    pub forwarded_headers: Vec<String>,
    /// Headers added to every callout with this name; one of the same name replaces the external credential's.
    pub headers: Vec<CustomHeader>,
    /// How long a callout may take.
    pub timeouts: Timeouts,
}

/// What `{!…}` means in what a caller sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerFormulas {
    /// The callout is refused: a formula that is sent as text would show that it was meant to be one.
    #[default]
    Refused,
    /// It is a formula, and its result is sent.
    Evaluated,
    /// It is text like any other.
    Literal,
}

impl CallerFormulas {
    const ALL: [Self; 3] = [Self::Refused, Self::Evaluated, Self::Literal];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Evaluated => "evaluated",
            Self::Literal => "literal",
        }
    }

    /// Reads the stored form.
    pub fn parse(stored: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == stored)
    }
}

/// Time limits of one callout, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect_ms: u32,
    /// From sending the request until the answer's head has arrived.
    pub answer_ms: u32,
    /// The longest silence while a body is streamed, in either direction.
    pub idle_ms: u32,
}

impl Default for Timeouts {
    /// 10 s to connect; 120 s for the head, the longest that Salesforce allows; 60 s of silence.
    fn default() -> Self {
        Self { connect_ms: 10_000, answer_ms: 120_000, idle_ms: 60_000 }
    }
}
