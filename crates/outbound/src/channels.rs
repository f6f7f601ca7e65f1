//! TLS as each named credential speaks it: what it presents, and which sessions it may resume.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ClientConfig;
use rustls::client::Resumption;
use sortie_callout::ClientIdentity;
use sortie_model::{CertificateVersionId, NamedCredentialId};
use tokio_rustls::TlsConnector;

use crate::client_auth::Shows;
use crate::client_key::certified;

/// A named credential that presents something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presenter<'a> {
    pub(crate) name: NamedCredentialId,
    pub(crate) identity: &'a Arc<ClientIdentity>,
}

/// The ways of speaking TLS. Those that present something are made when definitions come into force; a connection only looks its own up, and one that presents nothing
/// does not even do that.
pub(crate) struct Channels {
    /// Presents nothing.
    open: TlsConnector,
    /// What the others are made of.
    base: ClientConfig,
    presenting: ArcSwap<HashMap<Key, TlsConnector>>,
}

/// Neither the chain nor the key of a version ever changes.
type Key = (NamedCredentialId, CertificateVersionId);

impl Channels {
    pub(crate) fn new(base: ClientConfig) -> Self {
        Self { open: TlsConnector::from(Arc::new(base.clone())), base, presenting: ArcSwap::default() }
    }

    /// Makes those of these names, and forgets the others with their keys and sessions. One that is there already stays, so that its sessions can be resumed.
    pub(crate) fn prepare<'a>(&self, presenters: impl Iterator<Item = Presenter<'a>>) {
        let before = self.presenting.load();
        let channel = |presenter: Presenter<'_>| {
            let key = (presenter.name, presenter.identity.version);
            (key, before.get(&key).cloned().unwrap_or_else(|| self.make(presenter.identity)))
        };
        let now: HashMap<_, _> = presenters.map(channel).collect();
        self.presenting.store(Arc::new(now));
    }

    /// A callout that began under earlier definitions may present what is not among them any more: it gets a channel for this one connection.
    pub(crate) fn of(&self, presenter: Option<Presenter<'_>>) -> TlsConnector {
        let Some(Presenter { name, identity }) = presenter else { return self.open.clone() };
        let known = self.presenting.load().get(&(name, identity.version)).cloned();
        known.unwrap_or_else(|| self.make(identity))
    }

    fn make(&self, identity: &Arc<ClientIdentity>) -> TlsConnector {
        let mut config = self.base.clone();
        config.client_auth_cert_resolver = Arc::new(Shows::this(certified(identity)));
        // A session that is resumed is tied to the certificate of the first one (RFC 8446, section 4.6.1), so each name has sessions of its own; 8, since it stands for one server.
        config.resumption = Resumption::in_memory_sessions(8);
        TlsConnector::from(Arc::new(config))
    }
}
