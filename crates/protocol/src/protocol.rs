//! The contract that every way of proving fulfils.

use std::borrow::Cow;

use sortie_model::{IdentityType, Secret, Settings, Violation, Violations};

use crate::{Field, Grant, Kind, Login, Material, Need, ObtainError, Pending, Place, Proof, ProveError, Staleness, World};

/// Whether what a protocol presents can be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The stored values themselves are presented. After a 401 there is nothing better to send.
    Static,
    /// A grant is obtained, dies, and can be obtained again.
    Renewable,
}

/// Which values an admin may store for a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Those that `fields()` declares.
    Declared,
    /// Also any other developer name, for use in custom headers.
    Free,
}

/// Whether completeness can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// By the fields.
    ByFields,
    /// Not at all: the status is Unknown once a principal exists.
    Unknowable,
}

/// A way of proving who is calling. Implementations are values in [`crate::CATALOGUE`] without state of their own.
pub trait Protocol: Send + Sync {
    /// Stable name, stored and written in definitions: `oauth_client_credentials`.
    fn name(&self) -> &'static str;

    /// Name for people: `OAuth 2.0: Client Credentials with Client Secret`.
    fn title(&self) -> &'static str;

    /// Which kinds of principals make sense.
    fn identity_types(&self) -> &'static [IdentityType];

    /// What an admin fills in. Validation, status, command line and docs derive from it.
    fn fields(&self) -> &'static [Field];

    /// Whether a callout needs a field under these settings, where that depends on others.
    fn need(&self, field: &Field, settings: &Settings) -> Need {
        let _ = settings;
        field.need
    }

    /// Rules that concern several settings of an external credential; each of them alone is right.
    ///
    /// # Errors
    /// All violations, by the names of the settings.
    fn check_together(&self, settings: &Settings) -> Result<(), Violations> {
        let _ = settings;
        Ok(())
    }

    /// Names of the headers that what [`Self::prove`] gives places, in lower case.
    fn header_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Prefixes of headers that belong to the language of the services behind this protocol, so that they are forwarded although they are withheld otherwise
    /// (HDR-13). What a proof places or signs wins over them.
    fn forwarded_prefixes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether what [`Self::prove`] gives is a signature over each request.
    fn signs_requests(&self) -> bool {
        false
    }

    /// The name of a principal whose stored values are everybody's of the external credential: it lends them to the others, and is never chosen itself.
    fn lender(&self) -> Option<&'static str> {
        None
    }

    /// Whether what is presented can be renewed.
    fn renewal(&self) -> Renewal;

    /// How the services behind this protocol say that a grant has died, if they do not say it with 401.
    fn staleness(&self) -> Option<&'static Staleness> {
        None
    }

    /// Which values may be stored for a principal.
    fn parameters(&self) -> Parameters {
        Parameters::Declared
    }

    /// Whether completeness can be judged.
    fn completeness(&self) -> Completeness {
        Completeness::ByFields
    }

    /// Rules of single values beyond those of their fields.
    ///
    /// # Errors
    /// A [`Violation`] of the value's name.
    fn check_value(&self, name: &str, value: &Secret) -> Result<(), Violation> {
        let _ = (name, value);
        Ok(())
    }

    /// Whether anything can be stored for a principal at all.
    fn has_values(&self) -> bool {
        self.parameters() == Parameters::Free || self.fields().iter().any(|field| field.place == Place::Values)
    }

    /// How a person begins the grant with a browser, if that is how it is done. Obtaining such a grant needs the one before it.
    fn login(&self) -> Option<&dyn Login> {
        None
    }

    /// Fetches a grant. Only called for [`Renewal::Renewable`] protocols; the default is for the others.
    fn obtain<'a>(&'a self, world: &'a dyn World, material: Material<'a>) -> Pending<'a, Result<Grant, ObtainError>> {
        let _ = (world, material);
        Box::pin(async { Ok(Grant::default()) })
    }

    /// Whom [`Self::obtain`] asks: renewals that ask the same one wait for each other, beyond a number. The default is the first setting that is a URL.
    fn asks<'a>(&self, material: Material<'a>) -> Option<Cow<'a, str>> {
        let url = self.fields().iter().find(|field| field.kind == Kind::Url)?;
        material.setting(url.name).map(Cow::Borrowed)
    }

    /// What is put on the request. Pure and quick; its result is kept for as long as grant and values stay the same.
    ///
    /// # Errors
    /// A value is missing, or cannot be sent.
    fn prove(&self, material: Material<'_>) -> Result<Proof, ProveError>;
}
