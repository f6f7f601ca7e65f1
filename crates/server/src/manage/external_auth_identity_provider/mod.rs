//! External auth identity providers: where tokens come from. They are made and changed by [`super::apply`]; here is what is stored for them, and what they are.

mod discover;
mod error;
mod seal;
mod show;
mod uses;
mod value;

pub use discover::{Suggested, discover};
pub use error::ProviderError;
pub use seal::open;
pub(in crate::manage) use seal::{move_on, store};
pub use show::{ParameterView, ProviderSummary, ProviderView, list, show};
pub(in crate::manage) use uses::{end_tokens, provider_of, setting_of, users};
pub(in crate::manage) use value::{check_value, views};
pub use value::{list_values, remove_value, set_value};

use sortie_model::{ApiName, ExternalAuthIdentityProvider};
use sortie_store::Definitions;

use super::UnknownName;

pub(in crate::manage) fn find<'d>(definitions: &'d Definitions, name: &ApiName) -> Result<&'d ExternalAuthIdentityProvider, UnknownName> {
    let mut providers = definitions.external_auth_identity_providers.iter();
    providers.find(|known| known.name == *name).ok_or_else(|| UnknownName::new("external auth identity provider", name))
}
