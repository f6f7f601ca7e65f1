//! Formulas of a definition: each may read only what is there, and what its place allows.

use std::collections::HashMap;

use sortie_model::{CustomHeader, Settings, Template};
use sortie_protocol::{Claims, Kind, Protocol, Tags};

use super::scene::Scene;
use crate::manage::NotStored;
use crate::manage::formula::{Place, Vocabulary};

/// Refuses every formula that could never have a result, with its place.
pub(super) async fn judge(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    let mut vocabulary = Vocabulary::default();
    for attribute in scene.definition.users.iter().filter_map(|user| user.attributes.as_ref()).flat_map(|attributes| attributes.keys()) {
        vocabulary.know(attribute);
    }
    for (index, credential) in scene.definition.external_credentials.iter().enumerate() {
        let Some(protocol) = sortie_protocol::find(&credential.protocol) else { continue };
        let path = format!("external_credentials[{index}]");
        let place = Place::Header { credential: &credential.name, protocol };
        headers(scene, &mut vocabulary, &credential.headers, place, &path).await?;
        settings(scene, &mut vocabulary, &credential.settings, protocol, &path).await?;
        for (index, principal) in credential.principals.iter().enumerate() {
            settings(scene, &mut vocabulary, &principal.settings, protocol, &format!("{path}.principals[{index}]")).await?;
        }
    }
    let written: HashMap<_, _> =
        scene.definition.external_credentials.iter().map(|external| (&external.name, &external.protocol)).collect();
    for (index, named) in scene.definition.named_credentials.iter().enumerate() {
        let credential = &named.external_credential;
        let stored = || scene.external_credential(credential).map(|external| &external.protocol);
        let protocol = written.get(credential).copied().or_else(stored);
        let Some(protocol) = protocol.and_then(|protocol| sortie_protocol::find(protocol)) else { continue };
        let place = Place::Header { credential, protocol };
        headers(scene, &mut vocabulary, &named.headers, place, &format!("named_credentials[{index}]")).await?;
    }
    Ok(())
}

async fn headers(
    scene: &mut Scene<'_>,
    vocabulary: &mut Vocabulary,
    headers: &[CustomHeader],
    place: Place<'_>,
    path: &str,
) -> Result<(), NotStored> {
    for header in headers {
        vocabulary.learn(&mut scene.change, &header.value).await?;
        if let Err(violation) = vocabulary.judge(&header.value, place) {
            let message = format!("has a header `{}`, in which {}", header.name, violation.message);
            scene.refuse(&format!("{path}.headers"), violation.rule, message);
        }
    }
    Ok(())
}

async fn settings(
    scene: &mut Scene<'_>,
    vocabulary: &mut Vocabulary,
    settings: &Settings,
    protocol: &dyn Protocol,
    path: &str,
) -> Result<(), NotStored> {
    for field in protocol.fields() {
        let Some(value) = settings.get(field.name) else { continue };
        let path = format!("{path}.settings.{}", field.name);
        match field.kind {
            Kind::Template => {
                let Some(Ok(template)) = value.as_str().map(Template::parse) else { continue };
                judge_one(scene, vocabulary, &template, Place::Setting, &path).await?;
            }
            Kind::Claims => {
                let Ok(claims) = Claims::parse(value) else { continue };
                for (claim, template) in claims.formulas() {
                    judge_one(scene, vocabulary, template, Place::Claim, &format!("{path}.{claim}")).await?;
                }
            }
            Kind::Tags => {
                let Ok(tags) = Tags::parse(value) else { continue };
                for (key, template) in tags.formulas() {
                    judge_one(scene, vocabulary, template, Place::Setting, &format!("{path}.{key}")).await?;
                }
            }
            Kind::Text
            | Kind::Url
            | Kind::Choice(_)
            | Kind::Seconds { .. }
            | Kind::Bytes { .. }
            | Kind::Certificate
            | Kind::IdentityProvider(_)
            | Kind::AuthProvider => {}
        }
    }
    Ok(())
}

async fn judge_one(
    scene: &mut Scene<'_>,
    vocabulary: &mut Vocabulary,
    template: &Template,
    place: Place<'_>,
    path: &str,
) -> Result<(), NotStored> {
    vocabulary.learn(&mut scene.change, template).await?;
    if let Err(violation) = vocabulary.judge(template, place) {
        scene.refuse(path, violation.rule, violation.message);
    }
    Ok(())
}
