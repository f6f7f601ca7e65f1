//! Certificates that settings name.

use sortie_model::{Settings, SigningAlgorithm};

use crate::shared::assertion::SIGNING_ALGORITHM;
use crate::{Kind, Need, Protocol};

/// What settings say of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateSetting<'a> {
    /// Name of the setting.
    pub field: &'static str,
    /// The certificate's name; looked up without regard to ASCII case.
    pub name: &'a str,
    /// What its key must sign with, where a setting of the protocol says it.
    pub algorithm: Option<SigningAlgorithm>,
}

/// The settings that name certificates.
pub fn certificate_settings<'a>(protocol: &dyn Protocol, settings: &'a Settings) -> impl Iterator<Item = CertificateSetting<'a>> {
    let algorithm = algorithm(protocol, settings);
    let fields = protocol.fields().iter().filter(|field| field.kind == Kind::Certificate);
    fields.filter_map(move |field| {
        let name = settings.get(field.name)?.as_str().filter(|name| !name.is_empty())?;
        Some(CertificateSetting { field: field.name, name, algorithm })
    })
}

/// `signing_algorithm`, or its default; nothing for a protocol that has no such setting.
fn algorithm(protocol: &dyn Protocol, settings: &Settings) -> Option<SigningAlgorithm> {
    let field = protocol.fields().iter().find(|field| field.name == SIGNING_ALGORITHM.name)?;
    let default = match field.need {
        Need::Default(word) => Some(word),
        Need::Required | Need::Optional => None,
    };
    let word = settings.get(field.name).and_then(serde_json::Value::as_str).or(default)?;
    SigningAlgorithm::parse(word).ok()
}
