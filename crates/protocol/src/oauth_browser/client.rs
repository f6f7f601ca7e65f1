//! The client, as the provider knows it.

use std::borrow::Cow;

use http::HeaderMap;
use sortie_model::{ClientAuthentication, ClientSecret, Secret};

use super::CLIENT_AUTHENTICATION;
use crate::shared::form::Form;
use crate::shared::{client_auth, signed_client_secret};
use crate::{Material, ObtainError, Provider, World};

/// Who asks the provider, with what proves it.
pub(super) struct Client<'a> {
    pub(super) id: &'a Secret,
    secret: Cow<'a, Secret>,
    authentication: ClientAuthentication,
}

impl<'a> Client<'a> {
    /// The client of a provider. Where it wants a signed token in the place of a secret, this signs one.
    pub(super) fn of(world: &dyn World, material: Material<'a>, provider: Provider<'a>) -> Result<Self, ObtainError> {
        let id = provider.value("client_id")?;
        let secret = match &provider.server.quirks.client_secret {
            ClientSecret::Stored => Cow::Borrowed(provider.value("client_secret")?),
            ClientSecret::SignedToken { issuer, key_id, audience } => {
                let key = provider.value("private_key")?;
                Cow::Owned(signed_client_secret::make(world, (issuer, key_id, audience), id, key)?)
            }
        };
        let authentication = match material.setting(CLIENT_AUTHENTICATION) {
            None => provider.server.client_authentication,
            Some(word) => ClientAuthentication::parse(word).ok_or_else(|| client_auth::unknown(CLIENT_AUTHENTICATION))?,
        };
        Ok(Self { id, secret, authentication })
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Puts id and secret where they belong in a request.
    pub(super) fn apply(&self, headers: &mut HeaderMap, form: Form) -> Result<Form, ObtainError> {
        client_auth::apply(self.authentication, self.id, &self.secret, headers, form)
    }

    /// The same for a form that has the id already: nothing may stand in it twice (RFC 6749, section 3.2).
    pub(super) fn apply_beside_id(&self, headers: &mut HeaderMap, form: Form) -> Result<Form, ObtainError> {
        match self.authentication {
            ClientAuthentication::Body => Ok(form.with("client_secret", self.secret.expose())),
            ClientAuthentication::BasicHeader | ClientAuthentication::PlainBasicHeader => self.apply(headers, form),
        }
    }

    /// The same always in the header, for requests whose body is no form.
    pub(super) fn apply_to_header(&self, headers: &mut HeaderMap) -> Result<(), ObtainError> {
        client_auth::apply(ClientAuthentication::PlainBasicHeader, self.id, &self.secret, headers, Form::default()).map(drop)
    }
}
