//! What is to be done about what is kept: it will do, the provider is asked, or it is somebody's turn.

use sortie_model::Timestamp;
use sortie_protocol::{Grant, Login, Material, NoLogin, ObtainError, ProviderError, Values, usable_provider};

use super::{Recipe, Renewed, stop_at};
use crate::obtain::Version;
use crate::ports::{Custody, Kept, KeptFailure};
use crate::unobtainable::{Unobtainable, Whose};

/// What is to be done about what is kept.
pub(crate) enum Course {
    /// It will do.
    Adopt(Renewed),
    /// The provider is asked.
    Renew {
        /// The grant that another one is asked for with, where one is needed for that.
        before: Option<Grant>,
    },
}

impl Recipe {
    /// What is to be done about what is kept. A grant of this revision that is still good will do, also if it should be renewed soon: that is no reason to
    /// make anybody wait now. If it will not do, a recent failure will: another node has just tried.
    pub(crate) async fn course(&self, custody: &dyn Custody, kept: Option<Kept>, now: Timestamp) -> Result<Course, Unobtainable> {
        let Some(Kept { row, version, revision, grant, failure }) = kept else { return self.without_grant(None, now) };
        let version = Version { row, number: version };
        let Some((grant, issued_at, expires_at)) = grant else { return self.without_grant(failure, now) };
        let is_of_this_revision = revision == self.key.revision;
        let is_good = now < stop_at(issued_at, expires_at) && self.replaced != Some(version);
        let Some(login) = self.protocol.login() else {
            if is_good && is_of_this_revision {
                return Ok(Course::Adopt(Renewed { grant, version, issued_at, expires_at }));
            }
            return self.without_grant(failure, now);
        };
        // A login outlives changes of the definition that do not concern it.
        if !is_good || !is_of_this_revision {
            self.check_login(custody, login, &grant).await?;
        }
        if is_good {
            return Ok(Course::Adopt(Renewed { grant, version, issued_at, expires_at }));
        }
        if let Some(failure) = failure {
            // Nobody is asked again until somebody has logged in: that takes the failure away (TOK-13).
            if failure.code == ObtainError::NotLoggedIn(NoLogin::Refused).code() {
                return Err(self.needs_login(NoLogin::Refused, failure.said));
            }
            failure.unless_over(now)?;
        }
        if grant.renews() { Ok(Course::Renew { before: Some(grant) }) } else { Err(self.needs_login(NoLogin::NoRefreshToken, None)) }
    }

    fn without_grant(&self, failure: Option<KeptFailure>, now: Timestamp) -> Result<Course, Unobtainable> {
        if self.protocol.login().is_some() {
            return Err(self.needs_login(NoLogin::Never, None));
        }
        failure.map_or(Ok(()), |failure| failure.unless_over(now))?;
        Ok(Course::Renew { before: None })
    }

    async fn check_login(&self, custody: &dyn Custody, login: &dyn Login, grant: &Grant) -> Result<(), Unobtainable> {
        let (values, own) = (self.provider_values(custody).await?, Values::new());
        let material = Material { provider: self.provider(&values), ..self.material(&own, None) };
        usable_provider(self.protocol, material).map_err(|error| self.failed(error))?;
        login.still_fits(material, grant).map_err(|why| self.needs_login(why, None))
    }

    pub(super) fn needs_login(&self, why: NoLogin, said: Option<ProviderError>) -> Unobtainable {
        let whose = if self.key.user.is_some() { Whose::User } else { Whose::Admin };
        Unobtainable::NeedsLogin { whose, why, said }
    }
}

impl KeptFailure {
    fn unless_over(self, now: Timestamp) -> Result<(), Unobtainable> {
        let Self { code, retry_not_before, said, at: _ } = self;
        if now < retry_not_before { Err(Unobtainable::BackingOff { code, retry_not_before, said }) } else { Ok(()) }
    }
}
