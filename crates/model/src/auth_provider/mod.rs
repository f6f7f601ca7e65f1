//! Auth providers: where people log in, by the kind of service that they log in at.

mod preset;
mod presets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{ApiName, AuthProviderId, AuthorizationServer, Label, ServiceUrl, Violation, Violations};

pub use preset::{AuthProviderWishes, Preset, PresetSetting, SettingForm, SignedClientSecret};

/// An authorization server with a name, made of what is known of its kind and of what an admin wrote in its place. What is stored for its client is not part of it.
///
/// It is made when it is applied and kept as it was made: a newer table of presets changes nothing until it is applied again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthProvider {
    /// Identity.
    pub id: AuthProviderId,
    /// Unique developer name, and the last part of the callback URL that is registered over there: it never changes.
    pub name: ApiName,
    /// Shown name.
    pub label: Label,
    /// What it is for.
    pub description: String,
    /// What kind of service it is.
    pub kind: AuthProviderKind,
    /// What its kind asks for, such as a tenant.
    pub settings: BTreeMap<String, String>,
    /// Where a browser is sent when a login fails, in the place of a page of ours.
    pub error_url: Option<ServiceUrl>,
    /// Where a browser is sent after a logout.
    pub logout_url: Option<ServiceUrl>,
    /// The picture that is shown with it.
    pub icon_url: Option<ServiceUrl>,
    /// What Salesforce says of it besides, by its names there, and what means nothing here (`registrationHandler`, `requireMfa` and the like): kept, so that it
    /// can be given back.
    pub salesforce: BTreeMap<String, String>,
    /// Whom it stands for.
    pub server: AuthorizationServer,
}

impl AuthProvider {
    /// Rules that concern several fields; each of them alone is right.
    ///
    /// # Errors
    /// All violations, by field.
    pub fn check(&self) -> Result<(), Violations> {
        let mut violations = self.server.check().err().unwrap_or_default();
        if self.server.authorize_endpoint.is_none() && self.server.plugin.is_none() {
            violations.0.insert(0, Violation::required("authorize_endpoint"));
        }
        violations.or(())
    }
}

/// What kind of service an auth provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthProviderKind {
    /// Salesforce itself.
    Salesforce,
    /// Any server that speaks OpenID Connect, or plain OAuth with endpoints that are written out.
    OpenIdConnect,
    /// Google.
    Google,
    /// Microsoft Entra, or personal accounts.
    Microsoft,
    /// GitHub, or a GitHub Enterprise Server.
    GitHub,
    /// GitLab, or a server of one's own.
    GitLab,
    /// Slack.
    Slack,
    /// LinkedIn.
    LinkedIn,
    /// Facebook.
    Facebook,
    /// Apple.
    Apple,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Jira, Confluence and the other cloud products of Atlassian.
    Atlassian,
    /// HubSpot.
    HubSpot,
    /// A program of somebody's that is asked at every step.
    Custom,
}

impl AuthProviderKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Salesforce,
        Self::OpenIdConnect,
        Self::Google,
        Self::Microsoft,
        Self::GitHub,
        Self::GitLab,
        Self::Slack,
        Self::LinkedIn,
        Self::Facebook,
        Self::Apple,
        Self::Bitbucket,
        Self::Atlassian,
        Self::HubSpot,
        Self::Custom,
    ];

    /// As stored and as written in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Salesforce => "salesforce",
            Self::OpenIdConnect => "openid_connect",
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Slack => "slack",
            Self::LinkedIn => "linkedin",
            Self::Facebook => "facebook",
            Self::Apple => "apple",
            Self::Bitbucket => "bitbucket",
            Self::Atlassian => "atlassian",
            Self::HubSpot => "hubspot",
            Self::Custom => "custom",
        }
    }

    /// Reads the word of a definition.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What is known of it.
    pub fn preset(self) -> &'static Preset {
        presets::ALL.iter().find(|preset| preset.kind == self).expect("every kind has a preset: a test says so")
    }
}
