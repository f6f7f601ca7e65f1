//! The world as the protocols of a node see it: its clock and network from `outbound`, its private keys from the house.

use std::sync::Arc;

use sortie_model::{SigningAlgorithm, Timestamp};
use sortie_outbound::{Connector, OutboundWorld};
use sortie_protocol::{Answer, Ask, AskError, Pending, SignerError, World};
use sortie_vault::signing::SignError;

use crate::config::Config;
use crate::node::{NodeError, trust};
use crate::signers::{self, Signers};

/// The world outside, as the configuration lets it be seen, for those who ask without a node: no certificate of the house signs in it.
///
/// # Errors
/// The trusted authorities cannot be read.
pub fn outside_world(config: &Config) -> Result<OutboundWorld, NodeError> {
    Ok(OutboundWorld::new(Arc::new(Connector::new(config.egress.clone(), trust(config)?)?)))
}

/// The world of one node.
pub(crate) struct HouseWorld {
    outbound: OutboundWorld,
    signers: Arc<Signers>,
}

impl HouseWorld {
    pub(crate) const fn new(outbound: OutboundWorld, signers: Arc<Signers>) -> Self {
        Self { outbound, signers }
    }
}

impl World for HouseWorld {
    fn now(&self) -> Timestamp {
        self.outbound.now()
    }

    fn ask(&self, ask: Ask) -> Pending<'_, Result<Answer, AskError>> {
        self.outbound.ask(ask)
    }

    fn nonce(&self) -> [u8; 16] {
        self.outbound.nonce()
    }

    fn signer<'a>(&'a self, certificate: &'a str) -> Pending<'a, Result<Arc<dyn sortie_protocol::Signer>, SignerError>> {
        Box::pin(async move {
            let found = self.signers.signer(certificate, self.now()).await;
            found.map(|signer| signer as Arc<dyn sortie_protocol::Signer>).map_err(|error| match error {
                signers::SignerError::Unknown => SignerError::NoCertificate,
                signers::SignerError::NotYetUsable => SignerError::NotYetUsable,
                signers::SignerError::Expired => SignerError::Expired,
                signers::SignerError::Unavailable(_) => SignerError::Unavailable,
                signers::SignerError::Sealed(_) => SignerError::Sealed,
            })
        })
    }
}

impl sortie_protocol::Signer for signers::Signer {
    fn key_id(&self) -> &str {
        self.kid().as_str()
    }

    fn chain(&self) -> &[Vec<u8>] {
        self.chain()
    }

    fn sign(&self, algorithm: SigningAlgorithm, input: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.sign(algorithm, input).map_err(|error| match error {
            SignError::DoesNotFit { .. } => SignerError::WrongKey,
            SignError::Failed => SignerError::Unavailable,
        })
    }
}
