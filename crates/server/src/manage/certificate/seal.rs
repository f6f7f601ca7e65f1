//! What the private key of a version is bound to.

use aws_lc_rs::digest;
use sortie_model::CertificateVersion;
use sortie_vault::SealContext;

/// SHA-256 of the public key: a private key opens beside its own public key only, so nobody can make a certificate sign with another one's key by editing rows.
fn destination(version: &CertificateVersion) -> [u8; 32] {
    let mut destination = [0; 32];
    destination.copy_from_slice(digest::digest(&digest::SHA256, &version.public_key).as_ref());
    destination
}

/// The place of a private key; the number grows with every version.
pub(crate) fn context(version: &CertificateVersion) -> SealContext<'static> {
    SealContext {
        table: "certificate_versions",
        row: version.id.as_uuid(),
        field: "private_key",
        owner: None,
        version: version.number.into(),
        destination: destination(version),
    }
}
