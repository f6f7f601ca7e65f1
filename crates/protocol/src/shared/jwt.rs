//! JSON Web Tokens, signed, in compact form (RFC 7515, section 3.1; RFC 7519, section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sortie_model::Secret;
use zeroize::Zeroizing;

use crate::{ObtainError, Signer, SignerError, SigningAlgorithm};

/// 16 KiB: what a header line of an upstream, and a token in the other direction, may have (SIG-05).
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token before it is signed.
#[derive(Clone, Debug, Default)]
pub struct Jwt {
    /// The JOSE header, without `alg`.
    pub header: Map<String, Value>,
    /// The claims.
    pub body: Map<String, Value>,
}

impl Jwt {
    /// Signs. `alg` says how, whatever else the header says (RFC 8725, section 3.1).
    ///
    /// # Errors
    /// The key does not fit, or the token is larger than a header may be.
    pub fn sign(mut self, signer: &dyn Signer, algorithm: SigningAlgorithm) -> Result<Secret, ObtainError> {
        self.header.insert("alg".to_owned(), algorithm.as_str().into());
        let json = |part: &Map<String, Value>| Zeroizing::new(serde_json::to_vec(part).expect("a map of JSON values is JSON"));
        let token = compact(&json(&self.header), &json(&self.body), |input| signer.sign(algorithm, input))?;
        if token.expose().len() > MAX_TOKEN_BYTES {
            let problem = format!("make a token of more than {MAX_TOKEN_BYTES} bytes");
            return Err(ObtainError::WrongConfiguration { field: "claims", problem });
        }
        Ok(token)
    }
}

/// `BASE64URL(header) . BASE64URL(payload) . BASE64URL(signature)`, where the signature is over the first two with the dot between them (RFC 7515, section 5.1).
fn compact(header: &[u8], payload: &[u8], sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, SignerError>) -> Result<Secret, SignerError> {
    let mut token = Zeroizing::new(String::new());
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(Secret::new(token.as_str()))
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
