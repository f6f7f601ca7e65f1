//! Certificate authorities made for one test, and what they sign: servers, and clients with keys of every kind.

#![allow(clippy::unwrap_used, reason = "a test without its certificates cannot go on")]

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use sortie_model::KeyAlgorithm;

/// An authority that signs what a test asks for.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as PEM.
    pub pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate and its key.
pub struct Issued {
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
    /// The private key, as PKCS#8 in DER.
    pub key: Vec<u8>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issued").finish_non_exhaustive()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new("Sortie test authority")
    }
}

impl Authority {
    /// An authority of this name.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a server of these names, changed as the test likes.
    pub fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = server(names, change).signed_by(&key, &self.issuer).unwrap();
        Issued::new(&certificate, &key)
    }

    /// A certificate for a client, with a key of this kind.
    pub fn sign_client(&self, common_name: &str, algorithm: KeyAlgorithm) -> Issued {
        let key = key_pair(algorithm);
        let certificate = client(common_name).signed_by(&key, &self.issuer).unwrap();
        Issued::new(&certificate, &key)
    }
}

/// A certificate of a server that nobody but itself vouches for.
pub fn self_signed(names: &[&str]) -> Issued {
    let key = KeyPair::generate().unwrap();
    Issued::new(&server(names, |_| {}).self_signed(&key).unwrap(), &key)
}

fn server(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    change(&mut params);
    params
}

fn client(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn key_pair(algorithm: KeyAlgorithm) -> KeyPair {
    let size = match algorithm {
        KeyAlgorithm::P256 => return KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
        KeyAlgorithm::Ed25519 => return KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        KeyAlgorithm::Rsa2048 => KeySize::Rsa2048,
        KeyAlgorithm::Rsa3072 => KeySize::Rsa3072,
        KeyAlgorithm::Rsa4096 => KeySize::Rsa4096,
    };
    let pair = rsa::KeyPair::generate(size).unwrap();
    let document: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    KeyPair::try_from(document.as_ref()).unwrap()
}

impl Issued {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self { certificate: certificate.der().to_vec(), key: key.serialize_der() }
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// The private key as PEM.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
