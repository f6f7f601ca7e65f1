//! What a file may say. One file per object; each reads itself from a mapping.

mod access;
mod auth_provider;
mod external_auth_identity_provider;
mod external_credential;
mod header;
mod named_credential;
mod principal;
mod renewal_rule;
mod user;
mod value_source;

use std::collections::BTreeMap;
use std::hash::Hash;

pub use access::AccessDefinition;
pub use auth_provider::AuthProviderDefinition;
pub use external_auth_identity_provider::ExternalAuthIdentityProviderDefinition;
pub use external_credential::ExternalCredentialDefinition;
pub use named_credential::NamedCredentialDefinition;
pub use principal::PrincipalDefinition;
pub use user::UserDefinition;
pub use value_source::ValueSource;

use crate::yaml::{self, At, Fields, Reader};
use crate::{Place, Problem};

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// What was read: a file's name, or `-`.
    pub source: String,
    /// Profiles.
    pub profiles: Vec<AccessDefinition>,
    /// Permission sets.
    pub permission_sets: Vec<AccessDefinition>,
    /// Users.
    pub users: Vec<UserDefinition>,
    /// External auth identity providers.
    pub external_auth_identity_providers: Vec<ExternalAuthIdentityProviderDefinition>,
    /// Auth providers.
    pub auth_providers: Vec<AuthProviderDefinition>,
    /// External credentials with their principals.
    pub external_credentials: Vec<ExternalCredentialDefinition>,
    /// Named credentials.
    pub named_credentials: Vec<NamedCredentialDefinition>,
    places: BTreeMap<String, Place>,
}

impl Definition {
    /// Reads a file's text. `source` is what problems call it.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the text.
    pub fn parse(source: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let root = yaml::parse(source, text).map_err(|problem| vec![problem])?;
        let mut reader = Reader::new(source);
        let at = At { node: &root, path: String::new() };
        reader.remember(&at);
        let mut definition = Self { source: source.to_owned(), ..Self::default() };
        if let Some(mut fields) = reader.fields(&at) {
            definition.read(&mut reader, &mut fields);
            fields.finish(&mut reader);
        }
        definition.places = reader.finish()?;
        Ok(definition)
    }

    fn read(&mut self, reader: &mut Reader<'_>, fields: &mut Fields<'_>) {
        self.profiles = objects(reader, fields, "profiles", AccessDefinition::read, |profile| profile.name.folded());
        self.permission_sets = objects(reader, fields, "permission_sets", AccessDefinition::read, |set| set.name.folded());
        self.users = objects(reader, fields, "users", UserDefinition::read, |user| user.name.folded());
        self.external_auth_identity_providers =
            objects(reader, fields, "external_auth_identity_providers", ExternalAuthIdentityProviderDefinition::read, |provider| {
                provider.name.folded()
            });
        self.auth_providers = objects(reader, fields, "auth_providers", AuthProviderDefinition::read, |provider| provider.name.folded());
        self.external_credentials =
            objects(reader, fields, "external_credentials", ExternalCredentialDefinition::read, |credential| credential.name.folded());
        self.named_credentials =
            objects(reader, fields, "named_credentials", NamedCredentialDefinition::read, |credential| credential.name.folded());
    }

    /// Whether a provider's issuer must be asked before this definition says all that it means.
    pub fn needs_discovery(&self) -> bool {
        self.external_auth_identity_providers.iter().any(|provider| provider.token_endpoint.is_none())
            || self.auth_providers.iter().any(AuthProviderDefinition::needs_discovery)
    }

    /// Something wrong that shows only beside what is stored, at the place of `path` or of the nearest thing around it.
    pub fn problem(&self, path: &str, rule: &'static str, message: impl Into<String>) -> Problem {
        let mut around = path;
        let place = loop {
            match self.places.get(around) {
                Some(place) => break *place,
                None => match around.rfind(['.', '[']) {
                    Some(end) => around = &around[..end],
                    None if around.is_empty() => break Place { line: 1, column: 1 },
                    None => around = "",
                },
            }
        };
        Problem { source: self.source.clone(), place, path: path.to_owned(), rule, message: message.into() }
    }
}

/// Reads the mappings of a list. `key` is what must differ among them.
fn objects<'a, T, K: Eq + Hash>(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'a>,
    name: &'static str,
    read: impl Fn(&mut Reader<'_>, &At<'a>, &mut Fields<'a>) -> Option<T>,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    placed_objects(reader, fields, name, read, key).into_iter().map(|(_, object)| object).collect()
}

/// The same, each with where it stands.
fn placed_objects<'a, T, K: Eq + Hash>(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'a>,
    name: &'static str,
    read: impl Fn(&mut Reader<'_>, &At<'a>, &mut Fields<'a>) -> Option<T>,
    key: impl Fn(&T) -> K,
) -> Vec<(At<'a>, T)> {
    let Some(at) = fields.take(name) else { return Vec::new() };
    let mut first_places = std::collections::HashMap::new();
    let mut objects = Vec::new();
    for item in reader.list(&at) {
        let Some(mut own) = reader.fields(&item) else { continue };
        let object = read(reader, &item, &mut own);
        own.finish(reader);
        let Some(object) = object else { continue };
        if let Some(first) = first_places.insert(key(&object), item.node.place) {
            let message = format!("is the name of two, the first in line {}", first.line);
            reader.refuse_within(&item, "name", "duplicate_name", message);
        }
        objects.push((item, object));
    }
    objects
}

/// At most 1,000 characters; no control characters but line ends and tabs.
fn description(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> String {
    fields.take("description").map(|at| description_of(reader, &at)).unwrap_or_default()
}

fn description_of(reader: &mut Reader<'_>, at: &At<'_>) -> String {
    let text = reader.text(at).unwrap_or_default();
    if text.chars().count() > 1_000 {
        reader.refuse(at, "description_length", "must be at most 1,000 characters long");
    }
    if text.chars().any(|character| character.is_control() && character != '\n' && character != '\t') {
        reader.refuse(at, "description_format", "must not hold control characters");
    }
    text.trim_end().to_owned()
}
