//! Removes a certificate with all its keys.

use sortie_model::ApiName;
use sortie_store::ChangeError;

use super::uses::uses;
use super::{CertificateError, find};
use crate::manage::{Action, Change, Manage};

/// Removes a certificate. Nothing brings its keys back.
///
/// # Errors
/// A [`CertificateError`]: it is used, or there is none.
pub async fn remove(manage: &Manage<'_>, name: &ApiName) -> Result<Change, CertificateError> {
    let mut change = manage.store.change().await?;
    let definitions = change.definitions().await?;
    let certificate = find(&definitions, name)?;
    let used_by = uses(&definitions, &certificate.name);
    if !used_by.is_empty() {
        return Err(ChangeError::InUse { what: "certificate", name: certificate.name.to_string(), used_by }.into());
    }
    change.certificates().delete(certificate.id).await?;
    let done = Change::new("certificate", &certificate.name, Action::Deleted);
    manage.commit(change, std::slice::from_ref(&done)).await?;
    Ok(done)
}
