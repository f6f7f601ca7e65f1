#![doc = include_str!("README.md")]

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use sortie_model::{IdentityType, Secret, SecretBytes, ServiceUrl, Settings, SigningAlgorithm, Timestamp, Violation, Violations};

use crate::shared::assertion::SIGNING_CERTIFICATE;
use crate::shared::aws_session::{self, Issued};
use crate::shared::said::Confidential;
use crate::shared::sigv4::{Hex, Moment, PathRule, SigningScope, X_AMZ_DATE, canonical_request, string_to_sign};
use crate::shared::{aws, aws_error, ecdsa, serial};
use crate::{
    Answer, Ask, Field, Grant, Kind, Material, Need, ObtainError, Pending, Proof, ProveError, Renewal, Signer, SignerError, Staleness,
    World,
};

#[cfg(test)]
mod tests;

/// A certificate is exchanged for a temporary key of a role, and requests are signed with that.
#[derive(Debug)]
pub(crate) struct AwsRolesAnywhere;

const X_AMZ_X509: HeaderName = HeaderName::from_static("x-amz-x509");
const X_AMZ_X509_CHAIN: HeaderName = HeaderName::from_static("x-amz-x509-chain");

/// Five, as AWS accepts at most in the chain ("Signing process" of the Roles Anywhere user guide).
const MAX_INTERMEDIATES: usize = 5;

const TRUST_ANCHOR_ARN: Field = Field::setting(
    "trust_anchor_arn",
    "Trust Anchor ARN",
    Need::Required,
    Kind::Text,
    "The authority that AWS takes our certificate from; its region is the one that is asked.",
);

const PROFILE_ARN: Field =
    Field::setting_or_principal("profile_arn", "Profile ARN", Need::Required, Kind::Text, "The profile that allows the role.");

const FIELDS: &[Field] = &[
    aws::REGION,
    aws::SERVICE,
    aws::ACCOUNT_ID,
    TRUST_ANCHOR_ARN,
    PROFILE_ARN,
    aws_session::ROLE_ARN,
    SIGNING_CERTIFICATE,
    aws_session::DURATION,
    Field::setting_or_principal(
        "session_name",
        "Session Name",
        Need::Optional,
        Kind::Template,
        "Who it is, in the service's own log, if the profile lets us say so; left out, AWS takes the certificate's serial number.",
    ),
    Field::setting(
        "roles_anywhere_endpoint",
        "Roles Anywhere URL",
        Need::Optional,
        Kind::Url,
        "The service that gives temporary keys, if it is not Amazon's own of the trust anchor's region; without a path it is asked at `/sessions`.",
    ),
    aws::PAYLOAD,
    aws::MAX_HASHED_BYTES,
    aws::PATHS,
    aws::SESSION_TOKEN_PLACE,
];

impl crate::Protocol for AwsRolesAnywhere {
    fn name(&self) -> &'static str {
        "aws_roles_anywhere"
    }

    fn title(&self) -> &'static str {
        "AWS Signature Version 4: IAM Roles Anywhere"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        aws::check_scope(settings)
    }

    fn header_names(&self) -> &'static [&'static str] {
        aws::HEADER_NAMES
    }

    fn forwarded_prefixes(&self) -> &'static [&'static str] {
        aws::FORWARDED_PREFIXES
    }

    fn signs_requests(&self) -> bool {
        true
    }

    fn renewal(&self) -> Renewal {
        Renewal::Renewable
    }

    fn staleness(&self) -> Option<&'static Staleness> {
        Some(&aws_error::STALENESS)
    }

    fn check_value(&self, name: &str, value: &Secret) -> Result<(), Violation> {
        aws::check_key_value(name, value)
    }

    fn asks<'a>(&self, material: Material<'a>) -> Option<Cow<'a, str>> {
        endpoint(material).ok().map(|(url, _)| Cow::Owned(url.to_string()))
    }

    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        Box::pin(async move {
            let certificate = material.setting(SIGNING_CERTIFICATE.name);
            let certificate = certificate.ok_or(ObtainError::NotConfigured { field: SIGNING_CERTIFICATE.name })?;
            // The key first: waiting for it must not make the question older.
            let signer = world.signer(certificate).await?;
            let ask = question(material, &*signer, world.now())?;
            let confidential = Confidential::new(&[], &ask.headers);
            let answer = world.ask(ask).await?;
            read(&answer, aws_session::duration_seconds(material), world.now(), &confidential)
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        aws_session::prove(material)
    }
}

/// The service that is asked, and its region: the trust anchor's.
fn endpoint(material: Material<'_>) -> Result<(ServiceUrl, &str), ObtainError> {
    let anchor = arn(material, &TRUST_ANCHOR_ARN, "rolesanywhere", "trust-anchor/")?;
    let region = aws_session::region_of(anchor).ok_or_else(|| wrong_anchor("names no region"))?;
    Ok((aws_session::endpoint(material, "roles_anywhere_endpoint", "rolesanywhere", region, "/sessions")?, region))
}

fn wrong_anchor(problem: &str) -> ObtainError {
    ObtainError::WrongConfiguration { field: TRUST_ANCHOR_ARN.name, problem: problem.to_owned() }
}

/// `CreateSession` of the Roles Anywhere user guide.
fn question(material: Material<'_>, signer: &dyn Signer, at: Timestamp) -> Result<Ask, ObtainError> {
    let (url, region) = endpoint(material)?;
    let anchor = arn(material, &TRUST_ANCHOR_ARN, "rolesanywhere", "trust-anchor/")?;
    let profile = arn(material, &PROFILE_ARN, "rolesanywhere", "profile/")?;
    let role = arn(material, &aws_session::ROLE_ARN, "iam", "role/")?;
    if aws_session::region_of(profile) != Some(region) {
        return Err(wrong_anchor("is in another region than the profile"));
    }
    let mut body = json!({
        "durationSeconds": aws_session::duration_seconds(material), "profileArn": profile, "roleArn": role, "trustAnchorArn": anchor
    });
    if let Some(name) = material.setting("session_name") {
        body["roleSessionName"] = aws_session::session_name(name).into();
    }
    let body = body.to_string().into_bytes();
    let headers = sign(&url, region, &body, signer, at)?;
    Ok(Ask { method: Method::POST, url, headers, body: SecretBytes::new(body) })
}

fn arn<'a>(material: Material<'a>, field: &Field, service: &str, resource: &str) -> Result<&'a str, ObtainError> {
    let text = material.setting(field.name).ok_or(ObtainError::NotConfigured { field: field.name })?;
    if aws_session::is_arn(text, service, resource) {
        return Ok(text);
    }
    Err(ObtainError::WrongConfiguration { field: field.name, problem: format!("must be an ARN like arn:aws:{service}:…:{resource}…") })
}

/// "Authentication signing process for AWS IAM Roles Anywhere": Signature Version 4 with a private key in the place of a secret, and the certificate in the
/// place of a key's id.
fn sign(url: &ServiceUrl, region: &str, body: &[u8], signer: &dyn Signer, at: Timestamp) -> Result<HeaderMap, ObtainError> {
    let unusable = |problem: &str| ObtainError::WrongConfiguration { field: SIGNING_CERTIFICATE.name, problem: problem.to_owned() };
    let (leaf, above) = signer.chain().split_first().ok_or_else(|| unusable("names a certificate without a chain"))?;
    let serial = serial::decimal(leaf).ok_or_else(|| unusable("names a certificate whose serial number cannot be read"))?;
    let value = |text: String| HeaderValue::try_from(text).map_err(|_| ObtainError::from(ProveError::NotAHeader));
    let moment = Moment::of(at);
    let mut headers = aws_session::headers(url, "application/json")?;
    headers.insert(X_AMZ_DATE, value(moment.as_str().to_owned())?);
    headers.insert(X_AMZ_X509, value(STANDARD.encode(leaf))?);
    // The trust anchor itself is known over there.
    let above: Vec<String> = above.iter().filter(|certificate| !is_self_issued(certificate)).map(|der| STANDARD.encode(der)).collect();
    if above.len() > MAX_INTERMEDIATES {
        return Err(unusable("has a chain of more than five certificates"));
    }
    if !above.is_empty() {
        headers.insert(X_AMZ_X509_CHAIN, value(above.join(","))?);
    }
    let target = url.path_and_query();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let canonical = canonical_request("POST", path, query, &headers, Hex::sha256(body).as_str(), PathRule::OTHERS);
    let scope = SigningScope { region, service: "rolesanywhere" };
    let (algorithm, signature) = sign_text(signer, |algorithm| string_to_sign(algorithm, &moment, &scope, &canonical))?;
    let mut credential = format!("{serial}/");
    scope.write(&moment, &mut credential);
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let authorization = format!("{algorithm} Credential={credential}, SignedHeaders={}, Signature={hex}", canonical.signed_headers());
    headers.insert(header::AUTHORIZATION, value(authorization)?);
    headers.remove(header::HOST);
    Ok(headers)
}

/// Signs as the kind of the key wants it; AWS knows two.
fn sign_text(signer: &dyn Signer, text: impl Fn(&str) -> String) -> Result<(&'static str, Vec<u8>), ObtainError> {
    const RSA: &str = "AWS4-X509-RSA-SHA256";
    const ECDSA: &str = "AWS4-X509-ECDSA-SHA256";
    match signer.sign(SigningAlgorithm::Rs256, text(RSA).as_bytes()) {
        Ok(signature) => Ok((RSA, signature)),
        Err(SignerError::WrongKey) => match signer.sign(SigningAlgorithm::Es256, text(ECDSA).as_bytes()) {
            Ok(signature) => Ok((ECDSA, ecdsa::der(&signature))),
            Err(SignerError::WrongKey) => Err(ObtainError::WrongConfiguration {
                field: SIGNING_CERTIFICATE.name,
                problem: "names a certificate whose key is neither RSA nor P-256".to_owned(),
            }),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Whether issuer and subject are the same, as a root's are.
fn is_self_issued(certificate: &[u8]) -> bool {
    serial::names(certificate).is_some_and(|(issuer, subject)| issuer == subject)
}

fn read(answer: &Answer, asked_seconds: u32, now: Timestamp, confidential: &Confidential) -> Result<Grant, ObtainError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    if !answer.status.is_success() {
        let code = aws_error::of_header(&answer.headers).or_else(|| aws_error::of_json(&body));
        let message = body["message"].as_str().or_else(|| body["Message"].as_str());
        return Err(aws_session::refusal(answer, code, message, confidential));
    }
    let credentials = &body["credentialSet"][0]["credentials"];
    let part = |name: &str| credentials[name].as_str().unwrap_or_default();
    let issued = Issued {
        access_key_id: part("accessKeyId"),
        secret_access_key: part("secretAccessKey"),
        session_token: part("sessionToken"),
        expiration: part("expiration"),
    };
    issued.into_grant(asked_seconds, now)
}
