//! Digests, message authentication codes and signatures, all of them by aws-lc.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, RsaEncoding, RsaKeyPair};
use aws_lc_rs::{digest, hmac};

use super::NAMED_CREDENTIALS;
use super::private_key::der_of_pem;
use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::function::{Function, Gives, Group, Parameter};
use crate::scope::SignFault;
use crate::types::{Type, Types};
use crate::value::{Blob, Value};

/// `HASH`. Source: Salesforce Help, Formula Functions for Named Credentials, HASH, which knows SHA-256 only. Vectors: NIST, the examples of FIPS 180-4.
pub(super) const HASH: Function = Function {
    name: "HASH",
    group: Group::Signing,
    summary: "The digest of bytes by `SHA-256`, `SHA-384` or `SHA-512`.",
    parameters: &[Parameter::text("algorithm").checked(is_digest), Parameter::blob("blob")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: NAMED_CREDENTIALS,
    examples: &[
        ("HEX(HASH('SHA-256', BLOB('abc')))", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("HEX(HASH('sha256', NULL))", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            "HEX(HASH('SHA-384', BLOB('abc')))",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "HEX(HASH('SHA-512', BLOB('abc')))",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("HEX(HASH('SHA-1', BLOB('abc')))", "formula_argument"),
        ("HEX(HASH('MD5' & '', BLOB('abc')))", "formula_failed"),
        ("HEX(HASH('SHA-256', 'abc'))", "formula_type"),
    ],
    evaluate: |arguments| {
        let digest = digest_named(&arguments.text(0)?).map_err(|problem| arguments.wrong(problem))?;
        Ok(Value::blob(digest::digest(digest.hash, &arguments.blob(1)?).as_ref()))
    },
};

/// `HMAC`. Source: Salesforce Help, Formula Functions for Named Credentials, HMAC, which knows SHA-256 only. Vectors: RFC 4231, section 4.3.
pub(super) const HMAC: Function = Function {
    name: "HMAC",
    group: Group::Signing,
    summary: "The message authentication code of bytes under a key, by `SHA-256`, `SHA-384` or `SHA-512`. The key must not be empty.",
    parameters: &[Parameter::text("algorithm").checked(is_digest), Parameter::blob("value"), Parameter::blob("key")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: NAMED_CREDENTIALS,
    examples: &[
        (
            "HEX(HMAC('SHA-256', BLOB('what do ya want for nothing?'), BLOB('Jefe')))",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            "HEX(HMAC('SHA-384', BLOB('what do ya want for nothing?'), BLOB('Jefe')))",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            "HEX(HMAC('SHA-512', BLOB('what do ya want for nothing?'), BLOB('Jefe')))",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        ("BASE64ENCODE(HMAC('SHA-256', $Credential.Billing.Body, BLOB(NULL)))", "formula_failed"),
        ("HEX(HMAC('SHA-1', BLOB('a'), BLOB('b')))", "formula_argument"),
    ],
    evaluate: |arguments| {
        let digest = digest_named(&arguments.text(0)?).map_err(|problem| arguments.wrong(problem))?;
        let (value, key) = (arguments.blob(1)?, arguments.blob(2)?);
        // Anybody could make the code of an empty key.
        if key.is_empty() {
            return Err(arguments.wrong("the key is empty"));
        }
        Ok(Value::blob(hmac::sign(&hmac::Key::new(*digest.mac, &key), &value).as_ref()))
    },
};

/// `SIGN`. Source: Salesforce Help, Formula Functions for Named Credentials, SIGN; names and forms as in Apex `Crypto.sign`: RSA signatures are
/// PKCS#1 v1.5 (RFC 8017, section 8.2), ECDSA signatures are a DER sequence of r and s (RFC 3279, section 2.2.3) and differ each time. JSON Web
/// Signatures need r and s side by side instead (RFC 7518, section 3.4): for tokens there is a JWT credential.
pub(super) const SIGN: Function = Function {
    name: "SIGN",
    group: Group::Signing,
    summary: "The signature of bytes by `RSA-SHA256`, `-SHA384`, `-SHA512` (PKCS#1 v1.5) or `ECDSA-SHA256` (P-256), `-SHA384` (P-384), `-SHA512` (P-521; all DER). The private key is a PEM text, or a blob with its DER.",
    parameters: &[
        Parameter::text("algorithm").checked(is_scheme),
        Parameter::blob("input"),
        Parameter::new("private_key", Types::of(&[Type::Text, Type::Blob])),
    ],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: NAMED_CREDENTIALS,
    examples: &[
        ("BASE64ENCODE(SIGN('RSA-SHA256', $Credential.Billing.Body, $Credential.Billing.Key))", "formula_failed"),
        ("BASE64ENCODE(SIGN('ECDSA-SHA256', BLOB('a'), NULL))", "formula_failed"),
        ("BASE64ENCODE(SIGN('RSA-SHA1', BLOB('a'), $Credential.Billing.Key))", "formula_argument"),
    ],
    evaluate: |arguments| {
        let (_, scheme) = scheme_named(&arguments.text(0)?).map_err(|problem| arguments.wrong(problem))?;
        let (input, key) = (arguments.blob(1)?, private_key(arguments)?);
        arguments.charge(WORK_OF_A_SIGNATURE)?;
        scheme.sign(&input, &key).map(Value::blob).map_err(|problem| arguments.wrong(problem))
    },
};

/// `SIGN_WITH_CERTIFICATE`. Source: Salesforce Help, Formula Functions for Named Credentials, SIGN_WITH_CERTIFICATE.
pub(super) const SIGN_WITH_CERTIFICATE: Function = Function {
    name: "SIGN_WITH_CERTIFICATE",
    group: Group::Signing,
    summary: "The signature of bytes by the private key of a certificate in the certificate store. Algorithms are those of `SIGN`.",
    parameters: &[Parameter::text("algorithm").checked(is_scheme), Parameter::blob("input"), Parameter::text("certificate")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Blob),
    source: NAMED_CREDENTIALS,
    examples: &[
        ("HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', $Credential.Billing.Body, 'Billing'))", "formula_unavailable"),
        ("HEX(SIGN_WITH_CERTIFICATE('RSA-MD5' & '', $Credential.Billing.Body, 'Billing'))", "formula_failed"),
        ("HEX(SIGN_WITH_CERTIFICATE('HS256', $Credential.Billing.Body, 'Billing'))", "formula_argument"),
    ],
    evaluate: |arguments| {
        let (name, _) = scheme_named(&arguments.text(0)?).map_err(|problem| arguments.wrong(problem))?;
        let (input, certificate) = (arguments.blob(1)?, arguments.text(2)?);
        arguments.charge(WORK_OF_A_SIGNATURE)?;
        let signed = arguments.scope().sign_with_certificate(name, &input, &certificate);
        signed.map(Value::blob).map_err(|fault| match fault {
            SignFault::NoStore => Fault::Unavailable {
                what: "SIGN_WITH_CERTIFICATE".to_owned(),
                why: "no certificate can sign in this place; use it in a custom header, or SIGN with a private key of the credential",
            },
            SignFault::Unavailable | SignFault::Sealed => Fault::Unavailable {
                what: "SIGN_WITH_CERTIFICATE".to_owned(),
                why: if fault == SignFault::Sealed {
                    "the private key of the certificate cannot be opened without the root key"
                } else {
                    "the private key of the certificate cannot be read now: the database does not answer"
                },
            },
            SignFault::NoCertificate => arguments.wrong("there is no certificate of this name"),
            SignFault::NotYetUsable => arguments.wrong("the certificate waits for its chain, or is not valid yet"),
            SignFault::Expired => arguments.wrong("the certificate has expired"),
            SignFault::WrongKey => arguments.wrong("the key of the certificate does not fit the algorithm"),
        })
    },
};

/// A hash function, and the code that is made with it.
struct Digest {
    names: [&'static str; 2],
    hash: &'static digest::Algorithm,
    mac: &'static hmac::Algorithm,
}

static DIGESTS: [Digest; 3] = [
    Digest { names: ["SHA-256", "SHA256"], hash: &digest::SHA256, mac: &hmac::HMAC_SHA256 },
    Digest { names: ["SHA-384", "SHA384"], hash: &digest::SHA384, mac: &hmac::HMAC_SHA384 },
    Digest { names: ["SHA-512", "SHA512"], hash: &digest::SHA512, mac: &hmac::HMAC_SHA512 },
];

/// A way to sign.
enum Scheme {
    Rsa(&'static dyn RsaEncoding),
    Ecdsa(&'static EcdsaSigningAlgorithm, &'static str),
}

static SCHEMES: [(&str, Scheme); 6] = [
    ("RSA-SHA256", Scheme::Rsa(&signature::RSA_PKCS1_SHA256)),
    ("RSA-SHA384", Scheme::Rsa(&signature::RSA_PKCS1_SHA384)),
    ("RSA-SHA512", Scheme::Rsa(&signature::RSA_PKCS1_SHA512)),
    (
        "ECDSA-SHA256",
        Scheme::Ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, "the private key is no unencrypted P-256 key in PKCS#8 or SEC 1"),
    ),
    (
        "ECDSA-SHA384",
        Scheme::Ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, "the private key is no unencrypted P-384 key in PKCS#8 or SEC 1"),
    ),
    (
        "ECDSA-SHA512",
        Scheme::Ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING, "the private key is no unencrypted P-521 key in PKCS#8 or SEC 1"),
    ),
];

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn digest_named(name: &str) -> Result<&'static Digest, &'static str> {
    let found = DIGESTS.iter().find(|digest| is_one_of(name, &digest.names));
    found.ok_or_else(|| match is_one_of(name, &["SHA-1", "SHA1", "SHA", "MD5"]) {
        true => "SHA-1 and MD5 are broken; use SHA-256, SHA-384 or SHA-512",
        false => "the algorithm is none of SHA-256, SHA-384, SHA-512",
    })
}

/// 512 bytes, 4,096 bits: signing with a longer key takes tens of milliseconds, in which the core serves nobody else.
const MAX_MODULUS_BYTES: usize = 512;

/// 6 MiB: two signatures, of a few milliseconds each, are all the work that one evaluation may do.
const WORK_OF_A_SIGNATURE: usize = 6 * 1024 * 1024;

/// The algorithm, and its name as the table writes it.
fn scheme_named(name: &str) -> Result<(&'static str, &'static Scheme), &'static str> {
    let found = SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(known, scheme)| (*known, scheme));
    // Apex has plain `RSA` as another name of RSA-SHA1.
    found.ok_or_else(|| match is_one_of(name, &["RSA", "RSA-SHA1", "ECDSA-SHA1", "RSA-MD5"]) {
        true => "signatures over SHA-1 and MD5 can be forged; use RSA-SHA256 or ECDSA-SHA256",
        false => "the algorithm is none of RSA-SHA256, RSA-SHA384, RSA-SHA512, ECDSA-SHA256, ECDSA-SHA384, ECDSA-SHA512",
    })
}

fn is_digest(name: &str) -> Result<(), String> {
    digest_named(name).map(|_| ()).map_err(|problem| format!("is not accepted: {problem}"))
}

fn is_scheme(name: &str) -> Result<(), String> {
    scheme_named(name).map(|_| ()).map_err(|problem| format!("is not accepted: {problem}"))
}

/// The third argument of `SIGN`, as DER.
fn private_key<'a>(arguments: &Arguments<'_, 'a>) -> Result<Blob<'a>, Fault> {
    let key = match arguments.value(2)? {
        Value::Text(pem) if !pem.is_empty() => Blob::Owned(der_of_pem(&pem).map_err(|problem| arguments.wrong(problem))?),
        Value::Blob(der) => der,
        _ => Blob::Borrowed(&[]),
    };
    if key.is_empty() { Err(arguments.wrong("the private key is empty")) } else { Ok(key) }
}

impl Scheme {
    fn sign(&self, input: &[u8], der: &[u8]) -> Result<Vec<u8>, &'static str> {
        const FAILED: &str = "the private key cannot make this signature";
        match self {
            Self::Rsa(encoding) => {
                let key = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
                let key = key.map_err(|_| "the private key is no unencrypted RSA key of 2048 to 8192 bits in PKCS#8 or PKCS#1")?;
                if key.public_modulus_len() > MAX_MODULUS_BYTES {
                    return Err("the private key has more than 4,096 bits, which takes too long in a formula");
                }
                let mut signed = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), input, &mut signed).map_err(|_| FAILED)?;
                Ok(signed)
            }
            Self::Ecdsa(algorithm, wrong_key) => {
                let key = EcdsaKeyPair::from_private_key_der(algorithm, der).map_err(|_| *wrong_key)?;
                let signed = key.sign(&SystemRandom::new(), input).map_err(|_| FAILED)?;
                Ok(signed.as_ref().to_vec())
            }
        }
    }
}
