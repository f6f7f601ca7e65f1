//! Which external credentials get their tokens from a provider.

use sortie_model::{ApiName, ExternalAuthIdentityProvider, ExternalCredential};
use sortie_protocol::{ProviderSetting, provider_setting};
use sortie_store::{Change, ChangeError, Definitions};

/// What the settings of a credential say of a provider. Those of a protocol that this program does not know say nothing.
pub(in crate::manage) fn setting_of(credential: &ExternalCredential) -> Option<ProviderSetting<'_>> {
    provider_setting(sortie_protocol::find(&credential.protocol)?, &credential.settings)
}

/// The provider that a credential's settings name, if there is one of that name.
pub(in crate::manage) fn provider_of<'d>(
    definitions: &'d Definitions,
    credential: &ExternalCredential,
) -> Option<&'d ExternalAuthIdentityProvider> {
    let setting = setting_of(credential)?;
    definitions.external_auth_identity_providers.iter().find(|known| known.name.as_str().eq_ignore_ascii_case(setting.name))
}

/// The external credentials that name this provider.
pub(in crate::manage) fn users<'d>(definitions: &'d Definitions, name: &ApiName) -> impl Iterator<Item = &'d ExternalCredential> {
    let names = move |credential: &&ExternalCredential| {
        setting_of(credential).is_some_and(|setting| setting.name.eq_ignore_ascii_case(name.as_str()))
    };
    definitions.external_credentials.iter().filter(names)
}

/// Ends the tokens of all that name this provider: something changed that they depend on.
pub(in crate::manage) async fn end_tokens(change: &mut Change<'_>, definitions: &Definitions, name: &ApiName) -> Result<(), ChangeError> {
    for credential in users(definitions, name) {
        change.touch_credential(credential.id).await?;
    }
    Ok(())
}
