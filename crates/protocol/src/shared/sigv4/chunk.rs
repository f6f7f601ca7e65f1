//! Signatures of a body's pieces, each over the one before it (*S3*, "Signature calculations for the Authorization header: Transferring payload in multiple
//! chunks").

use std::sync::Arc;

use super::{Hex, Moment, SigningKey, SigningScope};

/// The chain of signatures behind the one in the header.
#[derive(Clone, Debug)]
pub struct ChunkSigner {
    key: Arc<SigningKey>,
    /// `<moment>\n<scope>\n`, the same for all.
    context: String,
    previous: Hex,
}

impl ChunkSigner {
    /// Begins with the signature in the header.
    pub fn new(key: impl Into<Arc<SigningKey>>, moment: &Moment, scope: &SigningScope<'_>, seed: Hex) -> Self {
        let mut context = format!("{}\n", moment.as_str());
        scope.write(moment, &mut context);
        context.push('\n');
        Self { key: key.into(), context, previous: seed }
    }

    /// The next piece's; the last one is empty.
    pub fn chunk(&mut self, piece: &[u8]) -> Hex {
        // "Define the chunk body": the hash of an empty text stands for headers that a chunk does not have.
        let (none, piece) = (Hex::sha256(b""), Hex::sha256(piece));
        self.advance("AWS4-HMAC-SHA256-PAYLOAD", &[none.as_str(), piece.as_str()])
    }

    /// That of the trailers, behind the last chunk. `canonical` holds `name:value` lines, each with its line end.
    pub fn trailer(&mut self, canonical: &[u8]) -> Hex {
        self.advance("AWS4-HMAC-SHA256-TRAILER", &[Hex::sha256(canonical).as_str()])
    }

    fn advance(&mut self, algorithm: &str, hashes: &[&str]) -> Hex {
        let text = format!("{algorithm}\n{}{}\n{}", self.context, self.previous.as_str(), hashes.join("\n"));
        self.previous = self.key.sign(&text);
        self.previous
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sortie_model::{Secret, Timestamp};

    use super::*;

    const SCOPE: SigningScope<'_> = SigningScope { region: "us-east-1", service: "s3" };

    fn signer(seed: &str) -> ChunkSigner {
        // 2013-05-24T00:00:00Z
        let moment = Moment::of(Timestamp::from_millis(1_369_353_600_000));
        let key = SigningKey::derive(&Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), moment.day(), &SCOPE);
        ChunkSigner::new(key, &moment, &SCOPE, Hex(seed.as_bytes().try_into().unwrap()))
    }

    #[test]
    fn pieces_are_signed_as_in_the_example_of_the_s3_reference() {
        // "Example: PUT Object" of that page: 65 KiB of `a` in chunks of 64 KiB and 1 KiB, and the last one.
        let mut signer = signer("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        for (length, signature) in [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            assert_eq!(signer.chunk(&vec![b'a'; length]).as_str(), signature);
        }
    }

    #[test]
    fn trailers_are_signed_as_in_the_example_of_the_s3_reference() {
        // The same body on the page "... (Signature Version 4) with trailing headers".
        let mut signer = signer("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
        for (length, signature) in [
            (65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
            (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
            (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
        ] {
            assert_eq!(signer.chunk(&vec![b'a'; length]).as_str(), signature);
        }
        let signature = signer.trailer(b"x-amz-checksum-crc32c:sOO8/Q==\n");
        assert_eq!(signature.as_str(), "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
    }
}
