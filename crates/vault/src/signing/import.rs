//! Private keys that were made elsewhere: PKCS#8, PKCS#1 and SEC 1, in PEM or DER.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use sortie_model::SecretBytes;

use super::SigningKey;

/// 64 KiB for one key, chain or PKCS#12 file: ten times the largest in use (DOS-18 of the attack catalogue).
pub const MAX_IMPORT_BYTES: usize = 64 * 1024;

/// Why a key was not imported. Nothing of the key is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The file is longer than any key.
    #[error("it is longer than 64 KiB, which no key is")]
    TooLong,
    /// The key is under a password of its own.
    #[error("the private key is encrypted; give it without a password of its own, or as PKCS#12")]
    Encrypted,
    /// There is no key in it that we can read.
    #[error("there is no private key in PKCS#8, PKCS#1 or SEC 1 in it, or it is damaged")]
    NotAKey,
    /// A kind or size that Sortie does not sign with.
    #[error("keys of this kind are not taken; take RSA with 2048, 3072 or 4096 bits, P-256 or Ed25519")]
    Unsupported,
    /// The PKCS#12 file is damaged, or its password is another one: the format does not tell the two apart.
    #[error("the PKCS#12 file does not open: the password is wrong, or the file is damaged")]
    Pkcs12,
    /// More than one key, or none.
    #[error("the PKCS#12 file holds {0} private keys; it must hold one")]
    Pkcs12Keys(usize),
    /// The key has no certificate in it.
    #[error("the PKCS#12 file holds no certificate for its private key")]
    Pkcs12NoCertificate,
}

impl ImportError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "import_too_long",
            Self::Encrypted => "private_key_encrypted",
            Self::NotAKey => "private_key_unreadable",
            Self::Unsupported => "key_algorithm_unsupported",
            Self::Pkcs12 => "key_store_unreadable",
            Self::Pkcs12Keys(_) => "key_store_one_key",
            Self::Pkcs12NoCertificate => "key_store_no_certificate",
        }
    }

    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::TooLong
            | Self::Encrypted
            | Self::NotAKey
            | Self::Unsupported
            | Self::Pkcs12
            | Self::Pkcs12Keys(_)
            | Self::Pkcs12NoCertificate => false,
        }
    }
}

impl SigningKey {
    /// Reads a private key: the first one of a PEM file, or DER. aws-lc checks that its parts belong together.
    ///
    /// # Errors
    /// An [`ImportError`].
    pub fn import(file: &SecretBytes) -> Result<Self, ImportError> {
        let bytes = file.expose();
        if bytes.len() > MAX_IMPORT_BYTES {
            return Err(ImportError::TooLong);
        }
        if bytes.starts_with(&[0x30]) {
            return parse(bytes);
        }
        if contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(bytes, b"Proc-Type: 4,ENCRYPTED") {
            return Err(ImportError::Encrypted);
        }
        let found = PrivateKeyDer::from_pem_slice(bytes).map_err(|_| ImportError::NotAKey)?;
        // So that the copy is wiped too.
        let found = SecretBytes::new(found.secret_der());
        parse(found.expose())
    }
}

/// Each form is tried; they do not look alike.
fn parse(der: &[u8]) -> Result<SigningKey, ImportError> {
    if let Ok(pair) = rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der)) {
        return SigningKey::of_rsa(pair).ok_or(ImportError::Unsupported);
    }
    if let Ok(pair) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
        return SigningKey::of_p256(pair).ok_or(ImportError::NotAKey);
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
        return SigningKey::of_ed25519(pair).ok_or(ImportError::NotAKey);
    }
    Err(if is_other_key(der) { ImportError::Unsupported } else { ImportError::NotAKey })
}

/// Whether it is a PKCS#8 or SEC 1 key at all: for a better word than "damaged" about P-384 or short RSA keys.
fn is_other_key(der: &[u8]) -> bool {
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING};
    let others = [&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P521_SHA512_FIXED_SIGNING];
    // Version, then the object identifier of rsaEncryption: an RSA key that aws-lc refuses for its size.
    const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
    others.into_iter().any(|curve| EcdsaKeyPair::from_private_key_der(curve, der).is_ok()) || contains(der, RSA_ENCRYPTION)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
