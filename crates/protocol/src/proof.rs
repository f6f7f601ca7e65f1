//! What a protocol puts on a request.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};
use sortie_model::Secret;

use crate::shared::possession::BoundToken;
use crate::shared::sigv4::RequestSigner;

/// The proof of identity, ready to be sent.
#[derive(Clone)]
pub enum Proof {
    /// Headers to place on the request, replacing any of the same name.
    Place(Vec<(HeaderName, HeaderValue)>),
    /// A signature over the whole request, made last: when every header is final.
    Sign(Arc<RequestSigner>),
    /// Headers to place, as [`Self::Place`] does, and for each request a proof that we hold the key which its token is bound to.
    Possess(Arc<BoundToken>),
}

impl Proof {
    /// Nothing to place: no authentication, or custom headers do it all.
    pub const fn nothing() -> Self {
        Self::Place(Vec::new())
    }

    /// The headers that are the same for every request; none, if all of it is signed.
    pub fn placed(&self) -> &[(HeaderName, HeaderValue)] {
        match self {
            Self::Place(headers) => headers,
            Self::Sign(_) => &[],
            Self::Possess(bound) => bound.placed(),
        }
    }

    /// `Authorization: <scheme> <credentials>` (RFC 9110, section 11.6.2), marked as sensitive.
    ///
    /// # Errors
    /// The credentials hold a byte that no header may hold.
    pub fn authorization(scheme: &str, credentials: &Secret) -> Result<Self, ProveError> {
        let text = zeroize::Zeroizing::new(format!("{scheme} {}", credentials.expose()));
        let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| ProveError::NotAHeader)?;
        value.set_sensitive(true);
        Ok(Self::Place(vec![(header::AUTHORIZATION, value)]))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(_) | Self::Possess(_) => formatter.debug_list().entries(self.placed().iter().map(|(name, _)| name)).finish(),
            Self::Sign(signer) => signer.fmt(formatter),
        }
    }
}

/// Why there is nothing to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// A value was never stored. Whose turn: the admin, or the user for a Per User principal.
    #[error("`{field}` is not set")]
    Missing {
        /// The name of the value.
        field: &'static str,
    },
    /// A stored value holds a byte that no header may hold (RFC 9110, section 5.5).
    #[error("the stored value cannot stand in a header")]
    NotAHeader,
    /// The grant is not one that this protocol made.
    #[error("the stored grant is not understood")]
    ForeignGrant,
}
