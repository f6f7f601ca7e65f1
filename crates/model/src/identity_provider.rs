//! Identity providers: where tokens come from, whichever way one is defined.

use crate::{
    ApiName, AuthProvider, AuthProviderId, AuthenticationFlow, AuthorizationServer, ExternalAuthIdentityProvider,
    ExternalAuthIdentityProviderId, Label,
};

/// The two ways of defining one. Their names are names of one another: no two are alike, whatever the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityProviderKind {
    /// Its endpoints are written out, or discovered.
    ExternalAuth,
    /// Its type says most of it.
    Auth,
}

impl IdentityProviderKind {
    /// Both, in the order of lists.
    pub const ALL: [Self; 2] = [Self::Auth, Self::ExternalAuth];

    /// As in settings, in JSON and in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalAuth => "external_auth_identity_provider",
            Self::Auth => "auth_provider",
        }
    }

    /// In words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::ExternalAuth => "external auth identity provider",
            Self::Auth => "auth provider",
        }
    }
}

/// Identity of a provider of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityProviderId {
    /// Of an external auth identity provider.
    ExternalAuth(ExternalAuthIdentityProviderId),
    /// Of an auth provider.
    Auth(AuthProviderId),
}

/// A provider of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityProvider {
    /// An external auth identity provider.
    ExternalAuth(Box<ExternalAuthIdentityProvider>),
    /// An auth provider.
    Auth(Box<AuthProvider>),
}

impl IdentityProvider {
    /// Which kind.
    pub const fn kind(&self) -> IdentityProviderKind {
        match self {
            Self::ExternalAuth(_) => IdentityProviderKind::ExternalAuth,
            Self::Auth(_) => IdentityProviderKind::Auth,
        }
    }

    /// Identity.
    pub const fn id(&self) -> IdentityProviderId {
        match self {
            Self::ExternalAuth(provider) => IdentityProviderId::ExternalAuth(provider.id),
            Self::Auth(provider) => IdentityProviderId::Auth(provider.id),
        }
    }

    /// Unique developer name.
    pub const fn name(&self) -> &ApiName {
        match self {
            Self::ExternalAuth(provider) => &provider.name,
            Self::Auth(provider) => &provider.name,
        }
    }

    /// Shown name.
    pub const fn label(&self) -> &Label {
        match self {
            Self::ExternalAuth(provider) => &provider.label,
            Self::Auth(provider) => &provider.label,
        }
    }

    /// How tokens are obtained. At an auth provider people log in.
    pub const fn flow(&self) -> AuthenticationFlow {
        match self {
            Self::ExternalAuth(provider) => provider.flow,
            Self::Auth(_) => AuthenticationFlow::AuthorizationCode,
        }
    }

    /// Whom it stands for.
    pub const fn server(&self) -> &AuthorizationServer {
        match self {
            Self::ExternalAuth(provider) => &provider.server,
            Self::Auth(provider) => &provider.server,
        }
    }

    /// Whether tokens of the one could differ from tokens of the other. Names and descriptions tell a server nothing.
    pub fn asks_like(&self, other: &Self) -> bool {
        self.flow() == other.flow() && self.server().asks_like(other.server())
    }
}

impl From<ExternalAuthIdentityProvider> for IdentityProvider {
    fn from(provider: ExternalAuthIdentityProvider) -> Self {
        Self::ExternalAuth(Box::new(provider))
    }
}

impl From<AuthProvider> for IdentityProvider {
    fn from(provider: AuthProvider) -> Self {
        Self::Auth(Box::new(provider))
    }
}
