//! Tokens that are bound to a key of the login (RFC 9449), where the external credential says so.

use sortie_model::Secret;

use crate::shared::oauth;
use crate::shared::possession::{BoundToken, PossessionKey};
use crate::{Field, Grant, Kind, LoginRequest, Material, Need, ObtainError, Proof, ProveError, Provider};

use std::sync::Arc;

/// The first is what it is when nothing is said: an upstream that knows no DPoP takes no bound token.
const WORDS: &[&str] = &["none", "dpop"];

pub(super) const SETTING: Field = Field::setting(
    "token_binding",
    "Token Binding",
    Need::Default(WORDS[0]),
    Kind::Choice(WORDS),
    "dpop: tokens are bound to a key of the login (RFC 9449), and every request proves that we hold it. Provider and upstream must know DPoP.",
);

/// The part of a grant that its key is made of. A grant without it is bound to none.
const SEED: &str = "binding_seed";

/// Whether tokens are to be bound.
pub(super) fn is_wanted(material: Material<'_>) -> bool {
    material.setting(SETTING.name) == Some(WORDS[1])
}

/// Whether this grant's are.
pub(super) fn is_bound(grant: &Grant) -> bool {
    grant.parts.contains_key(SEED)
}

/// The key of a login that begins, if its tokens are to be bound.
pub(super) fn of_login(
    material: Material<'_>,
    provider: Provider<'_>,
    request: &LoginRequest<'_>,
) -> Result<Option<PossessionKey>, ObtainError> {
    if !is_wanted(material) {
        return Ok(None);
    }
    if provider.server.plugin.is_some() {
        return Err(ObtainError::WrongConfiguration { field: SETTING.name, problem: "is not for plug-ins, which know no keys".to_owned() });
    }
    Ok(Some(PossessionKey::of_seed(request.key_seed)?))
}

/// Notes in a grant what it is bound to.
pub(super) fn keep(seed: &Secret, grant: &mut Grant) {
    grant.parts.insert(SEED.to_owned(), seed.clone());
}

/// The key that a grant is bound to.
pub(super) fn of_grant(grant: &Grant) -> Result<Option<PossessionKey>, ProveError> {
    grant.parts.get(SEED).map(PossessionKey::of_seed).transpose()
}

/// The token as the upstream gets it.
pub(super) fn proof(material: Material<'_>) -> Result<Proof, ProveError> {
    match material.grant.map(of_grant).transpose()?.flatten() {
        None => oauth::bearer(material),
        Some(key) => Ok(Proof::Possess(Arc::new(BoundToken::new(key, material.granted("access_token")?)?))),
    }
}
