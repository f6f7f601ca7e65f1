#![doc = include_str!("README.md")]

use std::borrow::Cow;

use http::{Method, header};
use sortie_model::{IdentityType, Secret, SecretBytes, ServiceUrl, Settings, Violation, Violations};

use crate::shared::aws_error::{self, element, element_body};
use crate::shared::aws_session::{self, Issued};
use crate::shared::form::Form;
use crate::shared::said::Confidential;
use crate::shared::sigv4::{Hex, PathRule, Payload, PayloadRule, RequestSigner, SigningOptions, TokenPlace};
use crate::shared::{aws, form};
use crate::tags::check_value;
use crate::{Answer, Ask, Field, Grant, Kind, Material, Need, ObtainError, Pending, Proof, ProveError, Renewal, Staleness, World};

#[cfg(test)]
mod tests;

/// A role is assumed with a user's key, and requests are signed with the temporary key that comes back.
#[derive(Debug)]
pub(crate) struct AwsSts;

const SESSION_TAGS: Field = Field::setting_or_principal(
    "session_tags",
    "Session Tags",
    Need::Optional,
    Kind::Tags,
    "What policies over there may ask about the session (`aws:PrincipalTag`), by key; texts may hold formulas over the user who calls.",
);

const TRANSITIVE_TAG_KEYS: Field = Field::setting_or_principal(
    "transitive_tag_keys",
    "Transitive Tag Keys",
    Need::Optional,
    Kind::Text,
    "The keys, separated by commas, of the session tags that stay when one role assumes the next.",
);

const FIELDS: &[Field] = &[
    aws::REGION,
    aws::SERVICE,
    aws::ACCOUNT_ID,
    aws_session::ROLE_ARN,
    Field::setting("external_id", "STS External ID", Need::Optional, Kind::Text, "What the role's trust policy demands of us, if it does."),
    aws_session::DURATION,
    Field::setting_or_principal(
        "session_name",
        "Session Name",
        Need::Default("{!$User.UserName}"),
        Kind::Template,
        "Who it is, in the service's own log; every user has a session of their own unless it is a text without formulas.",
    ),
    Field::setting_or_principal(
        "session_policy",
        "Session Policy",
        Need::Optional,
        Kind::Template,
        "A policy in JSON that narrows what the role may do; values of users belong in `JSENCODE`.",
    ),
    SESSION_TAGS,
    TRANSITIVE_TAG_KEYS,
    Field::setting(
        "sts_region",
        "STS Region",
        Need::Optional,
        Kind::Text,
        "The region whose token service is asked; left out, that of the requests.",
    ),
    Field::setting("sts_endpoint", "STS URL", Need::Optional, Kind::Url, "The token service, if it is not Amazon's own of the region."),
    aws::PAYLOAD,
    aws::MAX_HASHED_BYTES,
    aws::PATHS,
    aws::SESSION_TOKEN_PLACE,
    aws::ACCESS_KEY_ID,
    aws::SECRET_ACCESS_KEY,
];

impl crate::Protocol for AwsSts {
    fn name(&self) -> &'static str {
        "aws_sts"
    }

    fn title(&self) -> &'static str {
        "AWS Signature Version 4: IAM Role via STS"
    }

    fn identity_types(&self) -> &'static [IdentityType] {
        &[IdentityType::Named]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn lender(&self) -> Option<&'static str> {
        Some("AwsStsPrincipal")
    }

    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        let mut violations = aws::check_scope(settings).err().unwrap_or_default();
        // A principal may have tags of its own, which these keys are meant for.
        if let Some(key) = unknown_key(settings).filter(|_| settings.contains_key(SESSION_TAGS.name)) {
            let message = format!("holds `{key}`, which is no key of `{}`", SESSION_TAGS.name);
            violations.0.push(Violation::new(TRANSITIVE_TAG_KEYS.name, "tag_key", message));
        }
        violations.or(())
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
            let secret = material.value(aws::SECRET_ACCESS_KEY.name)?;
            let asked = question(material, world)?;
            let confidential = Confidential::new(&[secret], &asked.headers);
            let answer = world.ask(asked).await?;
            read(&answer, aws_session::duration_seconds(material), world, &confidential)
        })
    }

    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError> {
        aws_session::prove(material)
    }
}

/// The token service that is asked, and its region.
fn endpoint(material: Material<'_>) -> Result<(ServiceUrl, &str), ObtainError> {
    let region = material.setting("sts_region").or_else(|| material.setting(aws::REGION.name));
    let region = region.ok_or(ObtainError::NotConfigured { field: aws::REGION.name })?;
    Ok((aws_session::endpoint(material, "sts_endpoint", "sts", region, "/")?, region))
}

/// `AssumeRole` of the AWS Security Token Service API reference, as a `POST`: some verifiers hash the query of a `GET` as if it were a body.
fn question(material: Material<'_>, world: &dyn World) -> Result<Ask, ObtainError> {
    let (url, region) = endpoint(material)?;
    let session_name = aws_session::session_name(material.setting("session_name").unwrap_or("sortie"));
    let mut form = Form::default()
        .with("Action", "AssumeRole")
        .with("Version", "2011-06-15")
        .with("RoleArn", aws_session::role_arn(material)?)
        .with("RoleSessionName", &session_name)
        .with("DurationSeconds", &aws_session::duration_seconds(material).to_string());
    for (parameter, setting) in [("ExternalId", "external_id"), ("Policy", "session_policy")] {
        if let Some(value) = material.setting(setting) {
            form = form.with(parameter, value);
        }
    }
    form = with_tags(form, material)?;
    let options = SigningOptions {
        region: region.into(),
        service: "sts".into(),
        paths: PathRule::OTHERS,
        token: TokenPlace::Signed,
        payload: PayloadRule::Hashed,
        max_hashed_bytes: usize::MAX,
    };
    let signer = RequestSigner::new(material.value(aws::ACCESS_KEY_ID.name)?, material.value(aws::SECRET_ACCESS_KEY.name)?, None, options)?;
    let body: SecretBytes = form.into_body();
    let mut headers = aws_session::headers(&url, form::MEDIA_TYPE)?;
    let payload = Payload::Hash(Hex::sha256(body.expose()));
    signer.sign(&Method::POST, url.path_and_query(), &mut headers, payload, world.now());
    headers.remove(header::HOST);
    Ok(Ask { method: Method::POST, url, headers, body })
}

/// `Tags.member.N` and `TransitiveTagKeys.member.N`, counted from 1 (AWS STS API reference, `AssumeRole`).
fn with_tags(mut form: Form, material: Material<'_>) -> Result<Form, ObtainError> {
    for (number, (key, value)) in (1..).zip(material.texts(SESSION_TAGS.name)) {
        // What formulas make of it is known only now.
        check_value(value).map_err(|problem| {
            let problem = format!("makes a tag `{key}` that is not {problem}");
            ObtainError::WrongConfiguration { field: SESSION_TAGS.name, problem }
        })?;
        form = form.with(&format!("Tags.member.{number}.Key"), key).with(&format!("Tags.member.{number}.Value"), value);
    }
    if let Some(key) = unknown_key(material.settings) {
        let problem = format!("holds `{key}`, which is no key of `{}`", SESSION_TAGS.name);
        return Err(ObtainError::WrongConfiguration { field: TRANSITIVE_TAG_KEYS.name, problem });
    }
    for (number, key) in (1..).zip(transitive_keys(material.settings)) {
        form = form.with(&format!("TransitiveTagKeys.member.{number}"), key);
    }
    Ok(form)
}

fn transitive_keys(settings: &Settings) -> impl Iterator<Item = &str> {
    let text = settings.get(TRANSITIVE_TAG_KEYS.name).and_then(serde_json::Value::as_str).unwrap_or_default();
    // No key holds a comma.
    text.split(',').map(str::trim).filter(|key| !key.is_empty())
}

/// A key that should be transitive, and is none of a tag.
fn unknown_key(settings: &Settings) -> Option<&str> {
    let tags = settings.get(SESSION_TAGS.name).and_then(serde_json::Value::as_object);
    transitive_keys(settings).find(|key| !tags.is_some_and(|tags| tags.contains_key(*key)))
}

fn read(answer: &Answer, asked_seconds: u32, world: &dyn World, confidential: &Confidential) -> Result<Grant, ObtainError> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    if !answer.status.is_success() {
        let (code, message) = (element(text, "Code"), element(text, "Message"));
        return Err(aws_session::refusal(answer, code.as_deref(), message.as_deref(), confidential));
    }
    let credentials = element_body(text, "Credentials").ok_or(ObtainError::Malformed { what: "an answer to AssumeRole" })?;
    let part = |name: &str| element(credentials, name).unwrap_or_default();
    let (id, secret, token, expiration) = (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken"), part("Expiration"));
    let issued = Issued { access_key_id: &id, secret_access_key: &secret, session_token: &token, expiration: &expiration };
    issued.into_grant(asked_seconds, world.now())
}
