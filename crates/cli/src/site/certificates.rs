//! Certificates, and those that sign themselves.

use std::time::Duration;

use sortie_client::{Action, Certificate, CertificateSummary, Change};
use sortie_model::{ApiName, KeyAlgorithm};
use sortie_server::manage::certificate::{self, NewCertificate, Subject};

use super::{Site, change, days, shown};
use crate::failure::Failure;

impl Site {
    pub(crate) async fn certificates(&self) -> Result<Vec<CertificateSummary>, Failure> {
        match self {
            Self::House(opened) => shown(&certificate::list(&opened.manage()).await?),
            Self::Server(client) => Ok(client.certificates().list().await?),
        }
    }

    pub(crate) async fn certificate(&self, name: &ApiName) -> Result<Certificate, Failure> {
        match self {
            Self::House(opened) => shown(&certificate::show(&opened.manage(), name).await?),
            Self::Server(client) => Ok(client.certificates().show(name.as_str()).await?),
        }
    }

    pub(crate) async fn create_certificate(
        &self,
        new: NewCertificate,
        algorithm: KeyAlgorithm,
        subject: &Subject,
        lifetime: Option<Duration>,
    ) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&certificate::create(&opened.manage(), new, algorithm, subject, lifetime).await?),
            Self::Server(client) => {
                let new = sortie_client::NewCertificate {
                    name: new.name.to_string(),
                    label: new.label.map(|label| label.to_string()),
                    description: new.description,
                    kid: new.kid.map(|kid| kid.to_string()),
                    key_algorithm: Some(algorithm.as_str().to_owned()),
                    subject: Some(subject_of(subject)),
                    lifetime_days: lifetime.map(|lifetime| days(lifetime, "--lifetime")).transpose()?,
                };
                Ok(change("certificate", client.certificates().create(&new).await?.name, Action::Created))
            }
        }
    }

    pub(crate) async fn remove_certificate(&self, name: &ApiName) -> Result<Change, Failure> {
        match self {
            Self::House(opened) => shown(&certificate::remove(&opened.manage(), name).await?),
            Self::Server(client) => {
                let known = client.certificates().show(name.as_str()).await?;
                client.certificates().remove(name.as_str()).await?;
                Ok(change("certificate", known.name, Action::Deleted))
            }
        }
    }
}

/// As the API takes it.
pub(super) fn subject_of(subject: &Subject) -> sortie_client::Subject {
    let Subject { common_name, organization, organizational_unit, locality, state, country } = subject.clone();
    sortie_client::Subject { common_name: Some(common_name), organization, organizational_unit, locality, state, country }
}
