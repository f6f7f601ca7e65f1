//! What a login under way is bound to, as it is kept between its steps: sealed for its row and its stage.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sortie_callout::{GrantKey, Redeemed};
use sortie_model::{Secret, SecretBytes, ServiceUrl, Timestamp};
use sortie_protocol::{Brought, Grant, LoginRequest};
use sortie_store::{LoginStage, StoredLogin};
use sortie_vault::{SealContext, Vault};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::ConnectError;

/// One login, from the moment that the browser is sent away.
pub(super) struct Attempt {
    /// External credential and principal, by name.
    pub(super) credential: String,
    pub(super) principal: String,
    /// Of the external credential when it began: a definition that changes meanwhile ends the login.
    pub(super) revision: i64,
    /// Of its settings for this person, if formulas make them: a scope that changes meanwhile ends it, too.
    pub(super) variant: Option<[u8; 16]>,
    /// The provider, by name.
    pub(super) provider: String,
    /// Its callback, which is the only one that the browser may come back to.
    pub(super) redirect_uri: String,
    pub(super) state: Secret,
    pub(super) code_verifier: Secret,
    pub(super) nonce: Secret,
    pub(super) key_seed: Secret,
    /// A path of our own pages.
    pub(super) return_to: String,
    /// Once the browser is back: all that it has in its query.
    pub(super) brought: Option<Brought>,
    /// Once the code is redeemed.
    pub(super) redeemed: Option<Redeemed>,
}

impl Attempt {
    pub(super) fn request(&self) -> LoginRequest<'_> {
        let Self { redirect_uri, state, code_verifier, nonce, key_seed, .. } = self;
        LoginRequest { redirect_uri, state, code_verifier, nonce, key_seed }
    }

    /// Whether what is known under this key is what the login began for.
    pub(super) fn is_for(&self, login: &StoredLogin, key: &GrantKey) -> bool {
        let is_same = key.revision == self.revision && key.variant == self.variant;
        is_same && key.principal == login.identity.principal && key.user == login.identity.owner
    }

    /// Whether a browser that came to this path came to where it was to come back to: not by its meaning, byte by byte.
    pub(super) fn is_back_at(&self, path: &str) -> bool {
        ServiceUrl::parse(&self.redirect_uri).is_ok_and(|url| url.path_and_query() == path)
    }

    pub(super) fn seal(&self, vault: &Vault, id: Uuid, stage: LoginStage) -> Result<Vec<u8>, ConnectError> {
        vault.seal(&context(id, stage), &self.to_bytes()).map_err(|error| ConnectError::Sealed { code: error.code() })
    }

    pub(super) fn open(vault: &Vault, login: &StoredLogin) -> Result<Self, ConnectError> {
        let opened = vault.open(&context(login.id, login.stage), &login.sealed).map_err(|error| {
            tracing::error!(code = error.code(), "a login under way does not open: {error}");
            ConnectError::Tampered
        })?;
        Self::from_bytes(&opened).ok_or(ConnectError::Tampered)
    }

    fn to_bytes(&self) -> SecretBytes {
        let revision = self.revision.to_string();
        let mut parts = BTreeMap::from([
            ("credential", self.credential.as_str()),
            ("principal", &self.principal),
            ("revision", &revision),
            ("provider", &self.provider),
            ("redirect_uri", &self.redirect_uri),
            ("state", self.state.expose()),
            ("code_verifier", self.code_verifier.expose()),
            ("nonce", self.nonce.expose()),
            ("key_seed", self.key_seed.expose()),
            ("return_to", &self.return_to),
        ]);
        let variant = self.variant.map(|variant| URL_SAFE_NO_PAD.encode(variant));
        if let Some(variant) = &variant {
            parts.insert("variant", variant);
        }
        let brought = self.brought.as_ref().map(|brought| Grant { parts: brought.clone(), lifetime: None }.to_bytes());
        if let Some(brought) = brought.as_ref().and_then(|brought| std::str::from_utf8(brought.expose()).ok()) {
            parts.insert("brought", brought);
        }
        let grant = self.redeemed.as_ref().map(|redeemed| redeemed.grant.to_bytes());
        let grant = grant.as_ref().and_then(|grant| std::str::from_utf8(grant.expose()).ok());
        let times = self.redeemed.as_ref().map(|redeemed| [redeemed.issued_at, redeemed.expires_at].map(|at| at.as_millis().to_string()));
        if let (Some(grant), Some([issued_at, expires_at])) = (grant, &times) {
            parts.extend([("grant", grant), ("issued_at", issued_at), ("expires_at", expires_at)]);
        }
        SecretBytes::new(Zeroizing::new(serde_json::to_vec(&parts).expect("a map of texts is JSON")).as_slice())
    }

    fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        let mut parts: BTreeMap<String, String> = serde_json::from_slice(bytes.expose()).ok()?;
        let mut take = |name: &str| parts.remove(name);
        let redeemed = match take("grant") {
            Some(grant) => {
                let mut moment = |name| Some(Timestamp::from_millis(take(name)?.parse().ok()?));
                let (issued_at, expires_at) = (moment("issued_at")?, moment("expires_at")?);
                Some(Redeemed { grant: Grant::from_bytes(&SecretBytes::new(grant.into_bytes())).ok()?, issued_at, expires_at })
            }
            None => None,
        };
        let variant = match take("variant") {
            Some(variant) => Some(URL_SAFE_NO_PAD.decode(variant).ok()?.try_into().ok()?),
            None => None,
        };
        let brought = match take("brought") {
            Some(brought) => Some(Grant::from_bytes(&SecretBytes::new(brought.into_bytes())).ok()?.parts),
            None => None,
        };
        Some(Self {
            credential: take("credential")?,
            principal: take("principal")?,
            revision: take("revision")?.parse().ok()?,
            variant,
            provider: take("provider")?,
            redirect_uri: take("redirect_uri")?,
            state: Secret::new(take("state")?),
            code_verifier: Secret::new(take("code_verifier")?),
            nonce: Secret::new(take("nonce")?),
            key_seed: Secret::new(take("key_seed")?),
            return_to: take("return_to")?,
            brought,
            redeemed,
        })
    }
}

/// What belongs to one stage opens at no other.
fn context(row: Uuid, stage: LoginStage) -> SealContext<'static> {
    SealContext { table: "logins", row, field: stage.as_str(), owner: None, version: 1, destination: [0; 32] }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_login_survives_storage() {
        let mut attempt = Attempt {
            credential: "Cal".to_owned(),
            principal: "Me".to_owned(),
            revision: 7,
            variant: Some([3; 16]),
            provider: "Idp".to_owned(),
            redirect_uri: "https://sortie.test/cb".to_owned(),
            state: Secret::new("SECRET-\"state"),
            code_verifier: Secret::new("SECRET-verifier"),
            nonce: Secret::new("SECRET-nonce"),
            key_seed: Secret::new("SECRET-seed"),
            return_to: "/".to_owned(),
            brought: None,
            redeemed: None,
        };
        let again = Attempt::from_bytes(&attempt.to_bytes()).unwrap();
        assert!(again.brought.is_none() && again.redeemed.is_none() && again.variant == Some([3; 16]));
        assert!(again.is_back_at("/cb") && !again.is_back_at("/cb/") && !again.is_back_at("cb") && !again.is_back_at("/CB"));
        assert_eq!((again.state, again.revision, again.return_to), (attempt.state.clone(), 7, "/".to_owned()));
        assert_eq!(again.key_seed, attempt.key_seed);
        let grant = Grant { parts: [("access_token".to_owned(), Secret::new("SECRET-a"))].into(), lifetime: None };
        let (issued_at, expires_at) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let brought = Brought::from([("code".to_owned(), Secret::new("SECRET-\"code")), ("iss".to_owned(), Secret::new(""))]);
        attempt.brought = Some(brought.clone());
        assert_eq!(Attempt::from_bytes(&attempt.to_bytes()).unwrap().brought, Some(brought));
        attempt.redeemed = Some(Redeemed { grant: grant.clone(), issued_at, expires_at });
        let redeemed = Attempt::from_bytes(&attempt.to_bytes()).unwrap().redeemed.unwrap();
        assert_eq!((redeemed.grant, redeemed.issued_at, redeemed.expires_at), (grant, issued_at, expires_at));
    }
}
