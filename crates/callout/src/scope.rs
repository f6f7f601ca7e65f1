//! What formulas see of one callout: its caller, the values of the chosen principal, where it goes, and its body.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use sortie_formula::{Blob, Fault, LegacyField, Scope, SignFault, Text, Value, Variable};
use sortie_model::{Organization, Secret, find_attribute};
use sortie_protocol::shared::ecdsa;
use sortie_protocol::{Signer, SignerError, SigningAlgorithm, Values};

use crate::choose::Chosen;
use crate::obtain::{Grants, Live};

/// One callout, as formulas see it.
pub(crate) struct CalloutScope<'a> {
    chosen: &'a Chosen<'a>,
    live: &'a Live,
    /// The body as it will be sent, if it is held.
    body: Option<&'a Bytes>,
    /// Path and query of the request.
    target: &'a str,
    clock: &'a Grants,
    signers: &'a Signers,
}

/// The keys of the certificates that the custom headers sign with, or why there is none, by the certificate's name.
pub(crate) type Signers = Vec<(String, Result<Arc<dyn Signer>, SignerError>)>;

impl<'a> CalloutScope<'a> {
    pub(crate) const fn new(chosen: &'a Chosen<'a>, live: &'a Live, target: &'a str, clock: &'a Grants, signers: &'a Signers) -> Self {
        Self { chosen, live, body: None, target, clock, signers }
    }

    /// The same scope with the body as it will be sent.
    pub(crate) const fn with_body(mut self, body: Option<&'a Bytes>) -> Self {
        self.body = body;
        self
    }

    fn is_ours(&self, external_credential: &str) -> bool {
        self.chosen.named().credential.name.as_str().eq_ignore_ascii_case(external_credential)
    }

    fn endpoint_url(&self) -> String {
        let endpoint = &self.chosen.named().endpoint;
        format!("{}://{}{}", endpoint.scheme().as_str(), endpoint.authority(), self.target)
    }
}

impl Scope for CalloutScope<'_> {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(match variable {
            Variable::User(_) | Variable::ProfileName => return Ok(caller_value(self.chosen.identity().caller(), variable)),
            Variable::Organization(field) => organization_value(&self.chosen.named().organization, field),
            Variable::Credential { external_credential, parameter } => {
                if !self.is_ours(external_credential) {
                    return Err(foreign(variable));
                }
                stored(&self.live.values, parameter).map(Value::borrowed)
            }
            Variable::Body { external_credential } if !self.is_ours(external_credential) => return Err(foreign(variable)),
            Variable::Body { .. } => self.body.map(|body| Value::Blob(Blob::Borrowed(body))),
            Variable::EndpointUrl => Some(Value::text(self.endpoint_url())),
            Variable::Legacy(field) => legacy(*field, self.live).map(|found| found.map_or(Value::Null, Value::borrowed)),
        })
    }

    fn now_millis(&self) -> i64 {
        self.clock.now().as_millis()
    }

    fn sign_with_certificate(&self, algorithm: &str, input: &[u8], certificate: &str) -> Result<Vec<u8>, SignFault> {
        let (_, signer) = self.signers.iter().find(|(name, _)| name == certificate).ok_or(SignFault::NoStore)?;
        let signer = signer.as_ref().map_err(|error| sign_fault(*error))?;
        let (algorithm, is_ecdsa) = match algorithm {
            "RSA-SHA256" => (SigningAlgorithm::Rs256, false),
            "RSA-SHA384" => (SigningAlgorithm::Rs384, false),
            "RSA-SHA512" => (SigningAlgorithm::Rs512, false),
            "ECDSA-SHA256" => (SigningAlgorithm::Es256, true),
            _ => return Err(SignFault::WrongKey),
        };
        let signature = signer.sign(algorithm, input).map_err(|_| SignFault::WrongKey)?;
        Ok(if is_ecdsa { ecdsa::der(&signature) } else { signature })
    }
}

const fn sign_fault(error: SignerError) -> SignFault {
    match error {
        SignerError::NoStore => SignFault::NoStore,
        SignerError::NoCertificate => SignFault::NoCertificate,
        SignerError::NotYetUsable => SignFault::NotYetUsable,
        SignerError::Expired => SignFault::Expired,
        SignerError::WrongKey => SignFault::WrongKey,
        SignerError::Unavailable => SignFault::Unavailable,
        SignerError::Sealed => SignFault::Sealed,
    }
}

/// A value of the user who calls; `None` for every other variable too.
pub(crate) fn caller_value<'a>(caller: &'a crate::Caller, variable: &Variable) -> Option<Value<'a>> {
    match variable {
        // The two that every user has, whatever the attributes say: nobody can pass for another one.
        Variable::User(field) if field.eq_ignore_ascii_case("UserName") => Some(Value::borrowed(caller.name.as_str())),
        Variable::User(field) if field.eq_ignore_ascii_case("Id") => Some(Value::text(caller.user.to_string())),
        Variable::User(field) => find_attribute(&caller.attributes, field).map(Value::borrowed),
        Variable::ProfileName => caller.profile.as_deref().map(Value::borrowed),
        _ => None,
    }
}

pub(crate) fn organization_value<'a>(organization: &'a Organization, field: &str) -> Option<Value<'a>> {
    let value = if field.eq_ignore_ascii_case("Id") { Some(&organization.id) } else { organization.name.as_ref() };
    value.map(|value| Value::Text(Text::Borrowed(value)))
}

/// A value stored for the principal, by its exact name first.
fn stored<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    let exact = values.get(name);
    exact.or_else(|| values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)).map(Secret::expose)
}

/// The fields from the time before external credentials. `Some(None)` is null on purpose; `None` has no value.
fn legacy(field: LegacyField, live: &Live) -> Option<Option<&str>> {
    let authorization = live.proof.placed().iter().find(|(name, _)| name == AUTHORIZATION).and_then(|(_, value)| value.to_str().ok());
    let parts = authorization.and_then(|value| value.split_once(' '));
    match field {
        LegacyField::AuthorizationMethod => Some(parts.map(|(method, _)| method)),
        LegacyField::AuthorizationHeaderValue => Some(parts.map(|(_, value)| value)),
        LegacyField::OAuthToken => parts.filter(|(method, _)| *method == "Bearer").map(|(_, token)| Some(token)),
        LegacyField::UserName => stored(&live.values, "username").map(Some),
        LegacyField::Password => stored(&live.values, "password").map(Some),
        LegacyField::OAuthConsumerKey => stored(&live.values, "client_id").map(Some),
    }
}

fn foreign(variable: &Variable) -> Fault {
    Fault::Unavailable { what: variable.to_string(), why: "it belongs to another external credential than the one of this callout" }
}
