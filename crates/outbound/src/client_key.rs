//! A certificate's private key as rustls asks for one.

use std::sync::Arc;

use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::CertificateDer;
use sortie_callout::ClientIdentity;
use sortie_model::{KeyAlgorithm, SigningAlgorithm};
use sortie_protocol::shared::ecdsa;

/// What TLS calls the ways of signing, the first choice first. RSA-PSS before PKCS #1, which TLS 1.3 does not take here (RFC 8446, section 4.2.3).
const SCHEMES: &[(SignatureScheme, SigningAlgorithm)] = &[
    (SignatureScheme::RSA_PSS_SHA256, SigningAlgorithm::Ps256),
    (SignatureScheme::ECDSA_NISTP256_SHA256, SigningAlgorithm::Es256),
    (SignatureScheme::ED25519, SigningAlgorithm::EdDsa),
    (SignatureScheme::RSA_PKCS1_SHA512, SigningAlgorithm::Rs512),
    (SignatureScheme::RSA_PKCS1_SHA384, SigningAlgorithm::Rs384),
    (SignatureScheme::RSA_PKCS1_SHA256, SigningAlgorithm::Rs256),
];

/// The chain and the key of an identity. The key stays where it is: what comes out of it are signatures.
pub(crate) fn certified(identity: &Arc<ClientIdentity>) -> CertifiedKey {
    let chain = identity.signer.chain().iter().map(|der| CertificateDer::from(der.clone())).collect();
    CertifiedKey::new(chain, Arc::new(HeldKey(Arc::clone(identity))))
}

/// Printing it shows an identity, which shows no key.
#[derive(Debug)]
struct HeldKey(Arc<ClientIdentity>);

impl SigningKey for HeldKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let fits =
            |(scheme, algorithm): &&(SignatureScheme, SigningAlgorithm)| algorithm.fits(self.0.algorithm) && offered.contains(scheme);
        let (scheme, algorithm) = *SCHEMES.iter().find(fits)?;
        Some(Box::new(HeldSigner { identity: Arc::clone(&self.0), scheme, algorithm }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0.algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => SignatureAlgorithm::RSA,
            KeyAlgorithm::P256 => SignatureAlgorithm::ECDSA,
            KeyAlgorithm::Ed25519 => SignatureAlgorithm::ED25519,
        }
    }
}

#[derive(Debug)]
struct HeldSigner {
    identity: Arc<ClientIdentity>,
    scheme: SignatureScheme,
    algorithm: SigningAlgorithm,
}

impl Signer for HeldSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let signed = self.identity.signer.sign(self.algorithm, message);
        let raw = signed.map_err(|error| rustls::Error::General(error.to_string()))?;
        // RFC 8446, section 4.2.3: ECDSA signatures are in DER, where tokens have R and S side by side.
        Ok(if self.algorithm == SigningAlgorithm::Es256 { ecdsa::der(&raw) } else { raw })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_signs_in_tls_1_3_in_one_way() {
        for key in KeyAlgorithm::ALL {
            let fitting: Vec<_> = SCHEMES.iter().filter(|(_, algorithm)| algorithm.fits(key)).map(|(scheme, _)| *scheme).collect();
            let in_tls_1_3 = [SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519];
            assert_eq!(fitting.iter().filter(|scheme| in_tls_1_3.contains(scheme)).count(), 1, "{key}");
            assert!(in_tls_1_3.contains(&fitting[0]), "{key}");
        }
        assert_eq!(SCHEMES.len(), SigningAlgorithm::ALL.len());
    }
}
