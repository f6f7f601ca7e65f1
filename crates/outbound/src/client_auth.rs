//! Being asked for a client certificate: what a server got, and what it says of it.
//!
//! A server may refuse in the handshake, or, with TLS 1.3, after it: the client's certificate goes out with the end of its handshake (RFC 8446, section 2), so the refusal
//! is the first thing that is read, when the request may be on its way already. Either way it is an alert, and which one depends on the server.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, SignatureScheme};
use sortie_callout::ForwardError;

tokio::task_local! {
    /// Of the handshake that runs in this scope: rustls asks us in the middle of it, through a value that all connections share.
    static ASKED: Cell<Asked>;
}

/// Whether a server asked for a certificate, and what it got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It did not, or went on from an earlier session.
    #[default]
    No,
    /// It got one.
    Shown,
    /// There is none to show.
    HaveNone,
    /// There is one, and its key cannot sign in any way that the server takes.
    KeyDoesNotFit,
}

/// Shows one certificate, or none, to whoever asks. It is not compared with the authorities that the server names: many servers name too few, and who gets a certificate that
/// they do not know says so.
#[derive(Debug)]
pub(crate) struct Shows(Option<Arc<CertifiedKey>>);

impl Shows {
    pub(crate) const NOTHING: Self = Self(None);

    pub(crate) fn this(key: CertifiedKey) -> Self {
        Self(Some(Arc::new(key)))
    }
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let asked = match &self.0 {
            None => Asked::HaveNone,
            Some(key) if key.key.choose_scheme(schemes).is_none() => Asked::KeyDoesNotFit,
            Some(_) => Asked::Shown,
        };
        // Outside of a scope nobody wants to know.
        let _ = ASKED.try_with(|cell| cell.set(asked));
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// Runs a handshake, and tells what it was asked for.
pub(crate) async fn noting<T>(handshake: impl Future<Output = T>) -> (T, Asked) {
    let noted = async {
        let made = handshake.await;
        (made, ASKED.with(Cell::get))
    };
    ASKED.scope(Cell::new(Asked::default()), noted).await
}

/// Whether a connection has a certificate to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Having {
    Nothing,
    Certificate,
}

/// What a server thinks of the certificate that it got, or did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Objection {
    #[error("it asks for a client certificate")]
    Required,
    #[error("it refused the client certificate: {0}")]
    Refused(&'static str),
}

impl From<Objection> for ForwardError {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::Required => Self::ClientCertificateRequired,
            Objection::Refused(reason) => Self::ClientCertificateRefused(reason),
        }
    }
}

impl Objection {
    /// What an alert says about the client certificate, if it is about that (RFC 8446, section 6.2; RFC 5246, section 7.2.2). Nothing in it is the server's own text.
    pub(crate) fn of(alert: AlertDescription, having: Having, asked: Asked) -> Option<Self> {
        use AlertDescription as Alert;
        // These are about a certificate, and the server has seen no other than the client's. Where there is none, Go's servers (TLS 1.2) and Java's say "bad certificate".
        let reason = match alert {
            Alert::CertificateRequired | Alert::NoCertificate => "it says that it got none",
            Alert::UnknownCA => "it does not know the authority that signed it",
            Alert::BadCertificate => "it finds the certificate, or how it is signed, not in order",
            Alert::UnsupportedCertificate => "it takes no certificate of this kind",
            Alert::CertificateRevoked => "it has been revoked",
            Alert::CertificateExpired => "it has expired, or is not valid yet, by the clock of the service",
            Alert::CertificateUnknown => "it does not take it, and does not say why",
            Alert::AccessDenied => "it knows it, and does not let it in",
            // TLS 1.2 has no word of its own for a certificate that is missing: this one stands for all that cannot be agreed on.
            Alert::HandshakeFailure => match asked {
                Asked::No => return None,
                Asked::HaveNone | Asked::KeyDoesNotFit | Asked::Shown => "it ended the handshake when it had seen it",
            },
            _ => return None,
        };
        Some(match (having, asked) {
            (Having::Nothing, _) => Self::Required,
            (Having::Certificate, Asked::KeyDoesNotFit) => Self::Refused("its key cannot sign in any way that the service takes"),
            (Having::Certificate, _) => Self::Refused(reason),
        })
    }
}

/// The alert behind an error of a TLS connection.
pub(crate) fn alert(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// What a server may say of the client certificate after the handshake, where whoever waits for its answer finds it. Cheap to clone: clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    having: Having,
    asked: Asked,
    heard: Arc<OnceLock<Objection>>,
}

impl Listening {
    pub(crate) fn after(having: Having, asked: Asked) -> Self {
        Self { having, asked, heard: Arc::default() }
    }

    /// Notes what an error says of the certificate. Tells whether it was an alert at all.
    pub(crate) fn note(&self, error: &io::Error) -> bool {
        let alert = alert(error);
        if let Some(objection) = alert.and_then(|alert| Objection::of(alert, self.having, self.asked)) {
            // The first is the one that ended the connection.
            let _ = self.heard.set(objection);
        }
        alert.is_some()
    }

    pub(crate) fn heard(&self) -> Option<Objection> {
        self.heard.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_about_a_certificate_is_told_by_what_the_server_got() {
        use AlertDescription as Alert;
        let of = |alert| {
            [
                Objection::of(alert, Having::Nothing, Asked::HaveNone),
                Objection::of(alert, Having::Certificate, Asked::Shown),
                Objection::of(alert, Having::Certificate, Asked::KeyDoesNotFit),
            ]
        };
        for alert in [Alert::CertificateRequired, Alert::BadCertificate, Alert::UnknownCA, Alert::HandshakeFailure, Alert::AccessDenied] {
            let [none, shown, unfit] = of(alert);
            assert_eq!(none, Some(Objection::Required), "{alert:?}");
            assert!(matches!(shown, Some(Objection::Refused(_))), "{alert:?}");
            assert_eq!(unfit, Some(Objection::Refused("its key cannot sign in any way that the service takes")), "{alert:?}");
        }
        for alert in [Alert::UnrecognisedName, Alert::ProtocolVersion, Alert::InternalError, Alert::CloseNotify, Alert::DecryptError] {
            assert_eq!(of(alert), [None; 3], "{alert:?}");
        }
        // A server that did not ask has something else in mind.
        assert_eq!(Objection::of(Alert::HandshakeFailure, Having::Nothing, Asked::No), None);
        // One that goes on from an earlier session does not ask again, and may have forgotten whom it trusted.
        assert!(Objection::of(Alert::UnknownCA, Having::Certificate, Asked::No).is_some());
    }
}
