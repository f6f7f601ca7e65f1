//! Identity providers of both kinds: where tokens come from. They are made and changed by [`super::apply`]; here is what is stored for them, and what they are.

mod discover;
mod error;
mod put_values;
mod seal;
mod show;
mod types;
mod uses;
mod value;

pub use discover::{Suggested, discover};
pub use error::ProviderError;
pub use put_values::{Filling, put_values};
pub use seal::open;
pub(in crate::manage) use seal::{goes_elsewhere, move_on, store, told_secrets};
pub use show::{AuthProviderView, ParameterView, ProviderSummary, ProviderView, list, show};
pub use types::{SettingView, TypeView, types};
pub(in crate::manage) use uses::{end_tokens, provider_of, setting_of, users};
pub(in crate::manage) use value::{check_value, views};
pub use value::{list_values, remove_value, set_value};

use sortie_model::{ApiName, IdentityProvider};
use sortie_store::Definitions;

use super::UnknownName;

/// The provider of this name, of whichever kind: no two have one name.
pub(in crate::manage) fn find(definitions: &Definitions, name: &ApiName) -> Result<IdentityProvider, UnknownName> {
    definitions.identity_provider(name.as_str()).ok_or_else(|| UnknownName::new("provider", name))
}
