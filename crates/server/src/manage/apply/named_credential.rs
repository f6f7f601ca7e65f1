//! Named credentials of a definition.

use sortie_metadata::NamedCredentialDefinition;
use sortie_model::{CertificateId, NamedCredential, NamedCredentialId, Scheme};

use super::scene::Scene;
use crate::manage::change::differing;
use crate::manage::{Change, NotStored, UnknownName};

pub(super) async fn apply(scene: &mut Scene<'_>) -> Result<(), NotStored> {
    for (index, wanted) in scene.definition.named_credentials.iter().enumerate() {
        apply_one(scene, &format!("named_credentials[{index}]"), wanted).await?;
    }
    Ok(())
}

async fn apply_one(scene: &mut Scene<'_>, path: &str, wanted: &NamedCredentialDefinition) -> Result<(), NotStored> {
    let Some(external_credential) = scene.external_credential(&wanted.external_credential).map(|credential| credential.id) else {
        let unknown = UnknownName::new("external credential", &wanted.external_credential);
        scene.refuse_unknown(&format!("{path}.external_credential"), &unknown);
        return Ok(());
    };
    let Some(client_certificate) = client_certificate(scene, path, wanted) else { return Ok(()) };
    let before = scene.named_credential(&wanted.name).cloned();
    let credential = NamedCredential {
        id: before.as_ref().map_or_else(|| NamedCredentialId::from_uuid((scene.manage.new_id)()), |before| before.id),
        name: wanted.name.clone(),
        label: wanted.label.clone(),
        description: wanted.description.clone(),
        url: wanted.url.clone(),
        external_credential,
        client_certificate,
        is_enabled: wanted.is_enabled,
        generate_authorization_header: wanted.generate_authorization_header,
        allow_formulas_in_header: wanted.allow_formulas_in_header,
        allow_formulas_in_body: wanted.allow_formulas_in_body,
        forwarded_headers: wanted.forwarded_headers.clone(),
        headers: wanted.headers.clone(),
        timeouts: wanted.timeouts,
    };
    let Some(before) = before else {
        scene.change.named_credentials().insert(&credential).await?;
        scene.created("named_credential", &credential.name);
        return Ok(());
    };
    if !scene.is_spelled_alike(path, before.name.as_str(), credential.name.as_str()) {
        return Ok(());
    }
    let fields = differing_fields(&before, &credential);
    if !fields.is_empty() {
        scene.change.named_credentials().update(&credential).await?;
    }
    scene.did(Change::of_fields("named_credential", &credential.name, fields));
    Ok(())
}

/// The certificate that it presents, if it presents one. `None`: it is refused.
///
/// It must be there, unlike one that an external credential signs with: until then every callout would fail at an upstream that insists, and pass for somebody
/// else at one that does not.
fn client_certificate(scene: &mut Scene<'_>, path: &str, wanted: &NamedCredentialDefinition) -> Option<Option<CertificateId>> {
    let Some(name) = &wanted.client_certificate else { return Some(None) };
    let path = format!("{path}.client_certificate");
    if wanted.url.scheme() != Scheme::Https {
        let message = "is presented in TLS, and the URL is not https: leave it out, or correct the URL";
        scene.refuse(&path, "client_certificate_needs_https", message);
        return None;
    }
    let found = scene.stored.certificates.iter().find(|known| known.name == *name).map(|certificate| certificate.id);
    if found.is_none() {
        let message =
            format!("names the certificate `{name}`, which is not there: make it (`sortie certificate create`) or import it first");
        scene.refuse(&path, UnknownName::new("certificate", name).code(), message);
    }
    found.map(Some)
}

fn differing_fields(before: &NamedCredential, wanted: &NamedCredential) -> Vec<String> {
    let NamedCredential {
        id: _,
        name: _,
        label,
        description,
        url,
        external_credential,
        client_certificate,
        is_enabled,
        generate_authorization_header,
        allow_formulas_in_header,
        allow_formulas_in_body,
        forwarded_headers,
        headers,
        timeouts,
    } = wanted;
    differing(&[
        ("label", before.label != *label),
        ("description", before.description != *description),
        ("url", before.url != *url),
        ("external_credential", before.external_credential != *external_credential),
        ("client_certificate", before.client_certificate != *client_certificate),
        ("enabled", before.is_enabled != *is_enabled),
        ("generate_authorization_header", before.generate_authorization_header != *generate_authorization_header),
        ("allow_formulas_in_header", before.allow_formulas_in_header != *allow_formulas_in_header),
        ("allow_formulas_in_body", before.allow_formulas_in_body != *allow_formulas_in_body),
        ("forwarded_headers", before.forwarded_headers != *forwarded_headers),
        ("headers", before.headers != *headers),
        ("timeouts", before.timeouts != *timeouts),
    ])
}
