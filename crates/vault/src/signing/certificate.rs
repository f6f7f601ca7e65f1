//! Certificates that sign themselves, and requests for those that an authority signs.

use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, PublicKeyData, date_time_ymd};
use sortie_model::{KeyAlgorithm, Timestamp, Violation};

use super::SigningKey;
use super::chain::parse;

/// Whom a certificate is for, in the words of X.509. The common name is required.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// CN.
    pub common_name: String,
    /// O.
    pub organization: Option<String>,
    /// OU.
    pub organizational_unit: Option<String>,
    /// L.
    pub locality: Option<String>,
    /// ST.
    pub state: Option<String>,
    /// C: two letters.
    pub country: Option<String>,
}

/// Why nothing was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// Admin: a field of the subject, or the lifetime.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// The system.
    #[error("the certificate could not be signed")]
    Failed,
}

impl IssueError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(violation) => violation.rule,
            Self::Failed => "signing_failed",
        }
    }

    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid(_) => false,
            Self::Failed => true,
        }
    }
}

impl Subject {
    /// A subject of a common name only.
    pub fn named(common_name: impl Into<String>) -> Self {
        Self { common_name: common_name.into(), ..Self::default() }
    }

    /// The subject of a certificate, as far as Sortie has words for it; for the renewal of one that Sortie made.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let certificate = parse(der, 1).ok()?;
        let name = certificate.subject();
        let first = |mut found: Vec<&str>| (!found.is_empty()).then(|| found.remove(0).to_owned());
        Some(Self {
            common_name: first(name.iter_common_name().filter_map(|part| part.as_str().ok()).collect())?,
            organization: first(name.iter_organization().filter_map(|part| part.as_str().ok()).collect()),
            organizational_unit: first(name.iter_organizational_unit().filter_map(|part| part.as_str().ok()).collect()),
            locality: first(name.iter_locality().filter_map(|part| part.as_str().ok()).collect()),
            state: first(name.iter_state_or_province().filter_map(|part| part.as_str().ok()).collect()),
            country: first(name.iter_country().filter_map(|part| part.as_str().ok()).collect()),
        })
    }

    /// The limits of RFC 5280, appendix A.1: 64 characters, 128 for localities and states, two letters for a country.
    fn distinguished_name(&self) -> Result<DistinguishedName, Violation> {
        let Self { common_name, organization, organizational_unit, locality, state, country } = self;
        if common_name.is_empty() {
            return Err(Violation::required("common_name"));
        }
        let parts = [
            ("common_name", DnType::CommonName, Some(common_name), 64),
            ("organization", DnType::OrganizationName, organization.as_ref(), 64),
            ("organizational_unit", DnType::OrganizationalUnitName, organizational_unit.as_ref(), 64),
            ("locality", DnType::LocalityName, locality.as_ref(), 128),
            ("state", DnType::StateOrProvinceName, state.as_ref(), 128),
        ];
        let mut name = DistinguishedName::new();
        for (field, kind, text, limit) in parts {
            let Some(text) = text else { continue };
            if text.is_empty() || text.chars().count() > limit || text.chars().any(char::is_control) {
                let message = format!("must be 1 to {limit} characters without control characters");
                return Err(Violation::new(field, "subject_format", message));
            }
            name.push(kind, text.as_str());
        }
        if let Some(country) = country {
            let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
            let code = rcgen::string::PrintableString::try_from(country.as_str()).ok().filter(|_| is_code);
            let code = code.ok_or_else(|| Violation::new("country", "subject_format", "must be two capital letters, such as DE"))?;
            name.push(DnType::CountryName, rcgen::DnValue::PrintableString(code));
        }
        Ok(name)
    }
}

/// A certificate (DER) that `key` signs for itself, valid from `now` on. It is no authority, and is for digital signatures; its serial number is drawn from its public key.
///
/// # Errors
/// An [`IssueError`].
pub fn self_sign(key: &SigningKey, subject: &Subject, now: Timestamp, lifetime: Duration) -> Result<Vec<u8>, IssueError> {
    // RFC 5280, section 4.1.2.5: dates end with the year 9999; nobody needs a key for longer than thirty years.
    const LONGEST: Duration = Duration::from_secs(30 * 366 * 86_400);
    if lifetime < Duration::from_secs(60) || lifetime > LONGEST {
        return Err(Violation::new("lifetime", "lifetime_range", "must be a minute to thirty years").into());
    }
    let mut wanted = parameters(subject)?;
    let begin = Duration::from_secs(u64::try_from(now.as_seconds()).map_err(|_| IssueError::Failed)?);
    wanted.not_before = date_time_ymd(1970, 1, 1) + begin;
    wanted.not_after = wanted.not_before + lifetime;
    let made = wanted.self_signed(&X509(key)).map_err(|_| IssueError::Failed)?;
    Ok(made.der().to_vec())
}

/// A request (RFC 2986, DER) for a certificate that an authority signs.
///
/// # Errors
/// An [`IssueError`].
pub fn request(key: &SigningKey, subject: &Subject) -> Result<Vec<u8>, IssueError> {
    let mut wanted = parameters(subject)?;
    // An authority decides itself what it says of the basic constraints.
    wanted.is_ca = IsCa::NoCa;
    let made = wanted.serialize_request(&X509(key)).map_err(|_| IssueError::Failed)?;
    Ok(made.der().to_vec())
}

fn parameters(subject: &Subject) -> Result<CertificateParams, IssueError> {
    let mut wanted = CertificateParams::default();
    wanted.distinguished_name = subject.distinguished_name()?;
    wanted.is_ca = IsCa::ExplicitNoCa;
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(wanted)
}

/// Our key as rcgen asks for one.
struct X509<'a>(&'a SigningKey);

impl PublicKeyData for X509<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key_bits()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.0.algorithm() {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => &rcgen::PKCS_RSA_SHA256,
            KeyAlgorithm::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyAlgorithm::Ed25519 => &rcgen::PKCS_ED25519,
        }
    }
}

impl rcgen::SigningKey for X509<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign_x509(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
