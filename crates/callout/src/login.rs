//! Logins: how a grant begins that a person gives with a browser. Nothing of it is on the way of a callout.

use std::time::Duration;

use sortie_model::{IdentityType, ServiceUrl, Timestamp};
use sortie_protocol::{Account, Brought, Grant, Login, LoginRequest, Material, ObtainError, Revoked, Values, account, note_account};

use crate::Caller;
use crate::identity::Identity;
use crate::obtain::Grants;
use crate::personal::SettingFault;
use crate::ports::Owed;
use crate::renewal::{DEFAULT_LIFETIME, PROVIDER_DEADLINE, Recipe};
use crate::snapshot::{Credential, Snapshot};
use crate::unobtainable::Unobtainable;

/// 5 s: a provider that does not say whose tokens they are has given them all the same.
const ACCOUNT_DEADLINE: Duration = Duration::from_secs(5);

/// A principal at whose provider somebody logs in. Only [`place`] makes one.
pub struct LoginPlace<'s> {
    credential: &'s Credential,
    identity: Identity<'s>,
    login: &'s dyn Login,
}

/// For whom somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// For themselves, at a Per User principal that is enabled for them.
    User,
    /// Also for everybody, at a Named principal: whoever may manage named credentials.
    Manager,
    /// For everybody or for any user: whoever has the node.
    Operator,
}

/// Why somebody cannot log in at a principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// There is no such principal, or it is not for this user: both look the same.
    #[error("there is no such principal, or you may not log in at it")]
    NotPermitted,
    /// Nobody ever logs in for this protocol.
    #[error("nobody logs in with a browser for the protocol `{protocol}`")]
    NoLogin {
        /// Its name.
        protocol: &'static str,
    },
    /// The formula of a setting has no result.
    #[error(transparent)]
    Setting(#[from] SettingFault),
}

impl LoginRefused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPermitted => "not_permitted",
            Self::NoLogin { .. } => "no_login",
            Self::Setting(SettingFault { fault, .. }) => fault.code,
        }
    }

    /// What to do.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::NotPermitted => "check the names; if they are right, ask an admin for a permission set that enables the principal",
            Self::NoLogin { .. } => "store the values that `sortie status` lists as missing instead",
            Self::Setting(_) => "an admin must set the attribute for the user (`sortie user set`), or correct the formula",
        }
    }
}

/// Finds where `caller` wants to log in, and whether they may. Names are looked up without regard to ASCII case.
///
/// # Errors
/// A [`LoginRefused`].
pub fn place<'s>(
    snapshot: &'s Snapshot,
    caller: &'s Caller,
    authority: Authority,
    (credential, principal): (&str, &str),
) -> Result<LoginPlace<'s>, LoginRefused> {
    let credential = snapshot.credential(credential).ok_or(LoginRefused::NotPermitted)?;
    let named = credential.principals.iter().find(|known| known.name.eq_ignore_ascii_case(principal));
    let principal = named.ok_or(LoginRefused::NotPermitted)?;
    let may = match (authority, principal.identity_type) {
        (Authority::Operator, _) | (Authority::Manager, IdentityType::Named) => true,
        (Authority::User | Authority::Manager, IdentityType::PerUser) => caller.is_any_of(&principal.grantees),
        (Authority::User, IdentityType::Named) => false,
    };
    if !may {
        return Err(LoginRefused::NotPermitted);
    }
    let login = credential.protocol.login().ok_or(LoginRefused::NoLogin { protocol: credential.protocol.name() })?;
    Ok(LoginPlace { credential, identity: Identity::new(principal, caller, snapshot.organization())?, login })
}

/// What a login has given, and is not kept yet.
#[derive(Clone, Debug)]
pub struct Redeemed {
    /// The grant.
    pub grant: Grant,
    /// When it was given.
    pub issued_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
}

/// What is known of a login.
#[derive(Clone, Debug)]
pub struct LoginState {
    /// When the access token dies.
    pub expires_at: Timestamp,
    /// Whether another one can be had without anybody.
    pub renews: bool,
    /// Whose account it is, if the provider said so.
    pub account: Option<Account>,
    /// What was granted, if the provider said so.
    pub scope: Option<String>,
    /// Why somebody has to log in again, if so.
    pub problem: Option<Unobtainable>,
}

/// What came of revoking a login. Here it is gone in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// There was none.
    Absent,
    /// What the provider made of it.
    Told(Result<Revoked, Unobtainable>),
}

impl<'s> LoginPlace<'s> {
    /// Whose principal it is.
    pub const fn credential(&self) -> &'s Credential {
        self.credential
    }

    /// As whom, and who logs in.
    pub const fn identity(&self) -> &Identity<'s> {
        &self.identity
    }

    fn recipe(&self) -> Recipe {
        Recipe::new(self.credential, &self.identity, None)
    }
}

impl Grants {
    /// Where the browser is sent.
    ///
    /// # Errors
    /// The provider cannot be asked.
    pub async fn authorize_url(&self, place: &LoginPlace<'_>, request: &LoginRequest<'_>) -> Result<ServiceUrl, Unobtainable> {
        let recipe = place.recipe();
        let values = recipe.provider_values(self.custody()).await?;
        let own = Values::new();
        let url = place.login.authorize_url(self.world(), recipe.login_material(&own, &values), request);
        let url = tokio::time::timeout(PROVIDER_DEADLINE, url).await.unwrap_or(Err(ObtainError::Unanswered));
        url.map_err(|error| recipe.failed(error))
    }

    /// Turns what the browser brought back into a grant, which is not kept yet.
    ///
    /// # Errors
    /// The provider does not give one.
    pub async fn redeem(&self, place: &LoginPlace<'_>, request: &LoginRequest<'_>, brought: &Brought) -> Result<Redeemed, Unobtainable> {
        let recipe = place.recipe();
        let values = recipe.provider_values(self.custody()).await?;
        let own = Values::new();
        // RFC 6749, section 5.1: the lifetime counts "from the time the response was generated", which was not before the question.
        let issued_at = self.now();
        let redeemed = place.login.redeem(self.world(), recipe.login_material(&own, &values), request, brought);
        let redeemed = tokio::time::timeout(PROVIDER_DEADLINE, redeemed).await.unwrap_or(Err(ObtainError::Unanswered));
        // A refused code is no refused login: it may be too old, or somebody has used it.
        let mut grant = redeemed?;
        let account = place.login.account(self.world(), recipe.login_material(&own, &values), &grant);
        if let Ok(Some(account)) = tokio::time::timeout(ACCOUNT_DEADLINE, account).await {
            note_account(&mut grant, account);
        }
        let expires_at = issued_at.after(grant.lifetime.unwrap_or(DEFAULT_LIFETIME));
        Ok(Redeemed { grant, issued_at, expires_at })
    }

    /// Keeps a grant in the place of whatever is there.
    ///
    /// # Errors
    /// It cannot be stored.
    pub async fn keep(&self, place: &LoginPlace<'_>, redeemed: &Redeemed) -> Result<(), Unobtainable> {
        let Redeemed { grant, issued_at, expires_at } = redeemed;
        self.custody().replace(place.identity().key(), grant, *issued_at, *expires_at).await?;
        self.forget(place.identity().key().principal, place.identity().key().user);
        Ok(())
    }

    /// What is known of the login at this place; `None` if nobody has logged in.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn login_state(&self, place: &LoginPlace<'_>) -> Result<Option<LoginState>, Unobtainable> {
        let Some(kept) = self.custody().load(place.identity().key()).await? else { return Ok(None) };
        let Some((grant, _, expires_at)) = kept.grant.clone() else { return Ok(None) };
        let problem = match place.recipe().course(self.custody(), Some(kept), self.now()).await {
            Err(error @ Unobtainable::NeedsLogin { .. }) => Some(error),
            _ => None,
        };
        let scope = grant.parts.get("scope").map(|scope| scope.expose().to_owned());
        Ok(Some(LoginState { expires_at, renews: grant.renews(), account: account(&grant), scope, problem }))
    }

    /// Takes the login away, here and at the provider. Here it is gone even if the provider cannot be told: that is owed to it then (TOK-22).
    ///
    /// # Errors
    /// It cannot be taken away here.
    pub async fn revoke(&self, place: &LoginPlace<'_>) -> Result<Revocation, Unobtainable> {
        let recipe = place.recipe();
        let removed = self.custody().remove(place.identity().key()).await?;
        self.forget(place.identity().key().principal, place.identity().key().user);
        let mut revocation = Revocation::Absent;
        for owed in removed {
            let told = self.tell_owed(place, &recipe, &owed).await;
            if !matches!(revocation, Revocation::Told(Err(_))) {
                revocation = Revocation::Told(told);
            }
        }
        Ok(revocation)
    }

    /// Tells the provider that a grant which is kept nowhere is not needed. It is owed to it until it knows.
    ///
    /// # Errors
    /// The provider could not be told.
    pub async fn discard(&self, place: &LoginPlace<'_>, grant: &Grant) -> Result<Revoked, Unobtainable> {
        let owed = self.custody().owe(place.identity().key(), grant).await?;
        self.tell_owed(place, &place.recipe(), &owed).await
    }

    /// Tells the provider what it is owed.
    ///
    /// # Errors
    /// The provider could not be told.
    pub async fn tell_again(&self, place: &LoginPlace<'_>, grant: &Grant) -> Result<Revoked, Unobtainable> {
        self.tell(place, &place.recipe(), grant).await
    }

    async fn tell_owed(&self, place: &LoginPlace<'_>, recipe: &Recipe, owed: &Owed) -> Result<Revoked, Unobtainable> {
        let told = self.tell(place, recipe, &owed.grant).await;
        let noted = self.custody().settle(owed, told.as_ref().map(|_| ()).map_err(Unobtainable::code)).await;
        if let Err(error) = noted {
            tracing::warn!("cannot note what a provider was told; it is told again: {error}");
        }
        told
    }

    async fn tell(&self, place: &LoginPlace<'_>, recipe: &Recipe, grant: &Grant) -> Result<Revoked, Unobtainable> {
        let values = recipe.provider_values(self.custody()).await?;
        let own = Values::new();
        let told = place.login.revoke(self.world(), recipe.login_material(&own, &values), grant);
        let told = tokio::time::timeout(PROVIDER_DEADLINE, told).await.unwrap_or(Err(ObtainError::Unanswered));
        told.map_err(|error| recipe.failed(error))
    }
}

impl Recipe {
    fn login_material<'a>(&'a self, own: &'a Values, provider_values: &'a Values) -> Material<'a> {
        Material { provider: self.provider(provider_values), ..self.material(own, None) }
    }
}
