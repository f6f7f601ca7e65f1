//! Which external credentials get their tokens from a provider.

use sortie_model::{ExternalCredential, IdentityProvider};
use sortie_protocol::{ProviderSetting, provider_setting};
use sortie_store::{Change, ChangeError, Definitions};

/// What the settings of a credential say of a provider. Those of a protocol that this program does not know say nothing.
pub(in crate::manage) fn setting_of(credential: &ExternalCredential) -> Option<ProviderSetting<'_>> {
    provider_setting(sortie_protocol::find(&credential.protocol)?, &credential.settings)
}

/// The provider that a credential's settings name, if there is one of that name and kind.
pub(in crate::manage) fn provider_of(definitions: &Definitions, credential: &ExternalCredential) -> Option<IdentityProvider> {
    let setting = setting_of(credential)?;
    definitions.identity_provider(setting.name).filter(|provider| setting.names(provider))
}

/// The external credentials that name this provider.
pub(in crate::manage) fn users<'d>(
    definitions: &'d Definitions,
    provider: &IdentityProvider,
) -> impl Iterator<Item = &'d ExternalCredential> {
    let names = move |credential: &&ExternalCredential| setting_of(credential).is_some_and(|setting| setting.names(provider));
    definitions.external_credentials.iter().filter(names)
}

/// Ends the tokens of all that name this provider: something changed that they depend on.
pub(in crate::manage) async fn end_tokens(
    change: &mut Change<'_>,
    definitions: &Definitions,
    provider: &IdentityProvider,
) -> Result<(), ChangeError> {
    for credential in users(definitions, provider) {
        change.touch_credential(credential.id).await?;
    }
    Ok(())
}
