//! Certificates with their versions. Private keys are sealed before they come here, and opened after they have left.

use std::collections::HashMap;

use sortie_model::{
    ApiName, Certificate, CertificateId, CertificateVersion, CertificateVersionId, Issued, KeyAlgorithm, KeyIdentifier, Label, Origin,
    Timestamp, VersionState,
};

use crate::change::{Rules, require_one};
use crate::db::{Db, Fault, FaultKind, Row, Sql, Tx, Value};
use crate::error::{ChangeError, ReadError};

const RULES: Rules = Rules { what: "certificate", refers_to: "certificate" };

/// Reads private keys.
pub struct Certificates<'a> {
    pub(crate) db: &'a Db,
}

/// Changes of certificates.
pub struct CertificateChanges<'a> {
    pub(crate) tx: &'a mut Tx,
}

impl Certificates<'_> {
    /// The private key of a version, sealed; `None` if there is no such version any more.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub async fn private_key(&self, id: CertificateVersionId) -> Result<Option<Vec<u8>>, ReadError> {
        const KEY: Sql = Sql::new("certificate_versions", "SELECT private_key FROM certificate_versions WHERE id = $1");
        let row = self.db.fetch_optional(KEY, [id.into()]).await?;
        Ok(row.map(|row| row.bytes("private_key")).transpose()?)
    }
}

impl CertificateChanges<'_> {
    /// Adds a certificate; its versions are added one by one.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the name is taken.
    pub async fn insert(&mut self, certificate: &Certificate) -> Result<(), ChangeError> {
        const INSERT: Sql =
            Sql::new("certificates", "INSERT INTO certificates (id, name, folded, label, description) VALUES ($1, $2, $3, $4, $5)");
        let Certificate { id, name, label, description, versions: _ } = certificate;
        let values = [(*id).into(), name.into(), name.folded().into(), label.into(), description.as_str().into()];
        self.tx.execute(INSERT, values).await.map_err(|fault| RULES.translate(fault, name))?;
        Ok(())
    }

    /// Adds a version. `private_key` must be bound to its identity.
    ///
    /// # Errors
    /// [`ChangeError::Conflict`] if the number or the `kid` is taken, or another version is in the same state and may be in it alone;
    /// [`ChangeError::Missing`] if the certificate does not exist.
    pub async fn insert_version(
        &mut self,
        certificate: CertificateId,
        version: &CertificateVersion,
        private_key: &[u8],
    ) -> Result<(), ChangeError> {
        const INSERT: Sql = Sql::new(
            "certificate_versions",
            "INSERT INTO certificate_versions (id, certificate_id, number, kid, algorithm, origin, public_key, private_key,
                 state, request, chain, not_before, not_after, fingerprint, signs_from, retires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        );
        let CertificateVersion { id, number, kid, algorithm, origin, state, public_key } = version;
        let [state, request, chain, not_before, not_after, fingerprint, signs_from, retires_at] = columns(state);
        let values = [
            (*id).into(),
            certificate.into(),
            (*number).into(),
            kid.as_str().into(),
            algorithm.as_str().into(),
            origin.as_str().into(),
            public_key.as_slice().into(),
            private_key.into(),
            state,
            request,
            chain,
            not_before,
            not_after,
            fingerprint,
            signs_from,
            retires_at,
        ];
        self.tx.execute(INSERT, values).await.map_err(|fault| translate(fault, version))?;
        Ok(())
    }

    /// Moves a version on to another state.
    ///
    /// # Errors
    /// [`ChangeError::Missing`], or [`ChangeError::Conflict`] if another version is in this state and may be in it alone.
    pub async fn set_state(&mut self, version: &CertificateVersion) -> Result<(), ChangeError> {
        const UPDATE: Sql = Sql::new(
            "certificate_versions",
            "UPDATE certificate_versions SET state = $2, request = $3, chain = $4, not_before = $5, not_after = $6, fingerprint = $7,
                 signs_from = $8, retires_at = $9 WHERE id = $1",
        );
        let [state, request, chain, not_before, not_after, fingerprint, signs_from, retires_at] = columns(&version.state);
        let values = [version.id.into(), state, request, chain, not_before, not_after, fingerprint, signs_from, retires_at];
        let changed = self.tx.execute(UPDATE, values).await.map_err(|fault| translate(fault, version))?;
        require_one(changed, "certificate version")
    }

    /// Removes one version with its key.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete_version(&mut self, id: CertificateVersionId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("certificate_versions", "DELETE FROM certificate_versions WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, "certificate version")
    }

    /// Removes a certificate with all versions and their keys.
    ///
    /// # Errors
    /// [`ChangeError::Missing`].
    pub async fn delete(&mut self, id: CertificateId) -> Result<(), ChangeError> {
        const DELETE: Sql = Sql::new("certificates", "DELETE FROM certificates WHERE id = $1");
        require_one(self.tx.execute(DELETE, [id.into()]).await?, RULES.what)
    }
}

fn translate(fault: Fault, version: &CertificateVersion) -> ChangeError {
    let index = match fault.kind() {
        FaultKind::Unique { index } => index.clone(),
        _ => return RULES.translate(fault, &version.kid),
    };
    match &*index {
        "certificate_versions_kid" => ChangeError::Conflict { what: "key with kid", name: version.kid.to_string() },
        _ => ChangeError::Conflict { what: "certificate version", name: format!("{} ({})", version.number, version.state.as_str()) },
    }
}

/// `state` and the seven columns whose presence it decides, in the order of the statements.
fn columns(state: &VersionState) -> [Value; 8] {
    let none = || Value::Bytes(None);
    let no_time = || Value::Integer(None);
    let name = state.as_str().into();
    let of = |issued: &Issued| {
        let Issued { chain, not_before, not_after, fingerprint } = issued;
        [chain.concat().into(), (*not_before).into(), (*not_after).into(), fingerprint.as_slice().into()]
    };
    match state {
        VersionState::Pending { request } => [name, request.as_slice().into(), none(), no_time(), no_time(), none(), no_time(), no_time()],
        VersionState::Active { issued, signs_from } => {
            let [chain, not_before, not_after, fingerprint] = of(issued);
            [name, none(), chain, not_before, not_after, fingerprint, (*signs_from).into(), no_time()]
        }
        VersionState::Retiring { issued, until } => {
            let [chain, not_before, not_after, fingerprint] = of(issued);
            [name, none(), chain, not_before, not_after, fingerprint, no_time(), (*until).into()]
        }
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Certificate>, Fault> {
    const ALL: Sql = Sql::new("certificates", "SELECT id, name, label, description FROM certificates ORDER BY folded");
    const VERSIONS: Sql = Sql::new(
        "certificate_versions",
        "SELECT id, certificate_id, number, kid, algorithm, origin, public_key, state, request, chain, not_before, not_after, fingerprint,
             signs_from, retires_at FROM certificate_versions ORDER BY number",
    );
    let mut versions: HashMap<CertificateId, Vec<CertificateVersion>> = HashMap::new();
    for row in tx.fetch(VERSIONS, []).await? {
        versions.entry(row.id("certificate_id")?).or_default().push(read_version(&row)?);
    }
    let read = |row: &Row| {
        let id = row.id("id")?;
        Ok(Certificate {
            id,
            name: row.parsed("name", ApiName::parse)?,
            label: row.parsed("label", Label::parse)?,
            description: row.text("description")?,
            versions: versions.remove(&id).unwrap_or_default(),
        })
    };
    tx.fetch(ALL, []).await?.iter().map(read).collect()
}

fn read_version(row: &Row) -> Result<CertificateVersion, Fault> {
    let origin = |text: &str| Origin::ALL.into_iter().find(|origin| origin.as_str() == text).ok_or(());
    Ok(CertificateVersion {
        id: row.id("id")?,
        number: row.number("number")?,
        kid: row.parsed("kid", KeyIdentifier::parse)?,
        algorithm: row.parsed("algorithm", KeyAlgorithm::parse)?,
        origin: row.parsed("origin", origin)?,
        state: read_state(row)?,
        public_key: row.bytes("public_key")?,
    })
}

fn read_state(row: &Row) -> Result<VersionState, Fault> {
    let issued = || -> Result<Issued, Fault> {
        let fingerprint = row.bytes("fingerprint")?.try_into().map_err(|_| row.unreadable("fingerprint", "is not 32 bytes long"))?;
        let chain = split(&row.bytes("chain")?).ok_or_else(|| row.unreadable("chain", "is no chain of certificates"))?;
        Ok(Issued { chain, not_before: row.timestamp("not_before")?, not_after: row.timestamp("not_after")?, fingerprint })
    };
    let required = |column| -> Result<Timestamp, Fault> { row.timestamp(column) };
    match row.text("state")?.as_str() {
        "pending" => Ok(VersionState::Pending { request: row.bytes("request")? }),
        "active" => Ok(VersionState::Active { issued: issued()?, signs_from: required("signs_from")? }),
        "retiring" => Ok(VersionState::Retiring { issued: issued()?, until: required("retires_at")? }),
        _ => Err(row.unreadable("state", "breaks the rule of its type")),
    }
}

/// Takes a chain apart. Each certificate is a SEQUENCE in DER (X.690, section 8.1.3), which says how long it is.
fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut chain = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = match *bytes {
            [0x30, length @ 0..=0x7F, ..] => (2, usize::from(length)),
            [0x30, 0x81, length, ..] => (3, usize::from(length)),
            [0x30, 0x82, high, low, ..] => (4, usize::from(high) << 8 | usize::from(low)),
            _ => return None,
        };
        let (one, rest) = bytes.split_at_checked(header + length)?;
        chain.push(one.to_vec());
        bytes = rest;
    }
    (!chain.is_empty()).then_some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(length: usize) -> Vec<u8> {
        let low = u8::try_from(length & 0xFF).unwrap_or(0);
        let mut der = match length {
            0..=0x7F => vec![0x30, low],
            0x80..=0xFF => vec![0x30, 0x81, low],
            _ => vec![0x30, 0x82, u8::try_from(length >> 8).unwrap_or(0), low],
        };
        der.resize(der.len() + length, 7);
        der
    }

    #[test]
    fn a_chain_comes_apart_as_it_was_put_together() {
        let chain: Vec<_> = [0, 1, 127, 128, 255, 256, 1_500, 65_535].map(sequence).into();
        assert_eq!(split(&chain.concat()), Some(chain.clone()));
        let cut = chain.concat();
        assert_eq!(split(&cut[..cut.len() - 1]), None);
        assert_eq!((split(&[]), split(&[0x31, 0]), split(&[0x30, 0x83, 0, 0, 1, 5])), (None, None, None));
    }
}
