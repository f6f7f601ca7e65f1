//! Signatures hold, and what cannot be signed is an error that tells nothing of the key.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sortie_formula::{Fault, Scope, SignFault, Template, Value, Variable};

/// One private key of the credential, an algorithm that comes from the user, and what the certificate store answers.
struct Vault {
    key: String,
    algorithm: &'static str,
    store: Result<(), SignFault>,
}

impl Vault {
    fn with(key: impl Into<String>) -> Self {
        Self { key: key.into(), algorithm: "SECRET-algorithm", store: Err(SignFault::NoStore) }
    }
}

impl Scope for Vault {
    fn value(&self, variable: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(match variable {
            Variable::Credential { .. } => Some(Value::borrowed(&self.key)),
            Variable::User(_) => Some(Value::borrowed(self.algorithm)),
            _ => None,
        })
    }

    fn now_millis(&self) -> i64 {
        0
    }

    fn sign_with_certificate(&self, algorithm: &str, input: &[u8], certificate: &str) -> Result<Vec<u8>, SignFault> {
        self.store.map(|()| [algorithm.as_bytes(), b"|", input, b"|", certificate.as_bytes()].concat())
    }
}

fn evaluate(vault: &Vault, expression: &str) -> Result<String, Fault> {
    Template::parse_bare(expression).unwrap().evaluate(vault).map(|result| result.expose().to_owned())
}

fn fault(vault: &Vault, expression: &str) -> Fault {
    evaluate(vault, expression).err().unwrap()
}

/// A signature of `message`, made by a formula with the key as it is written.
fn sign(key: impl Into<String>, algorithm: &str, key_expression: &str) -> Result<Vec<u8>, Fault> {
    let expression = format!("BASE64ENCODE(SIGN('{algorithm}', BLOB('message'), {key_expression}))");
    evaluate(&Vault::with(key), &expression).map(|text| STANDARD.decode(text).unwrap())
}

const AS_PEM: &str = "$Credential.Billing.Key";
const AS_DER: &str = "BASE64DECODE($Credential.Billing.Key)";

fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<_> = STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsa() -> (RsaKeyPair, Vec<u8>) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap().as_ref().to_vec();
    (key, der)
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> (EcdsaKeyPair, Vec<u8>) {
    let key = EcdsaKeyPair::generate(algorithm).unwrap();
    let der = key.to_pkcs8v1().unwrap().as_ref().to_vec();
    (key, der)
}

fn holds(algorithm: &'static dyn VerificationAlgorithm, key: &impl KeyPair, signed: &[u8]) -> bool {
    UnparsedPublicKey::new(algorithm, key.public_key().as_ref()).verify(b"message", signed).is_ok()
}

#[test]
fn rsa_signatures_hold_for_every_hash_and_are_the_same_each_time() {
    let (key, der) = rsa();
    for (name, algorithm) in [
        ("RSA-SHA256", &signature::RSA_PKCS1_2048_8192_SHA256),
        ("rsa-sha384", &signature::RSA_PKCS1_2048_8192_SHA384),
        ("Rsa-Sha512", &signature::RSA_PKCS1_2048_8192_SHA512),
    ] {
        let signed = sign(STANDARD.encode(&der), name, AS_DER).unwrap();
        assert!(holds(algorithm, &key, &signed), "{name}");
        assert_eq!(signed, sign(pem("PRIVATE KEY", &der), name, AS_PEM).unwrap(), "{name}");
    }
}

#[test]
fn rsa_keys_are_read_in_all_their_forms() {
    let (key, der) = rsa();
    // Version, algorithm identifier and the head of the octet string stand before the PKCS#1 key (RFC 5958, section 2).
    let pkcs1 = &der[26..];
    let one_line = pem("PRIVATE KEY", &der).replace('\n', " ");
    let in_company = format!("{}{}", pem("CERTIFICATE", b"not looked at"), pem("PRIVATE KEY", &der));
    for (written, expression) in [
        (pem("RSA PRIVATE KEY", pkcs1), AS_PEM),
        (STANDARD.encode(pkcs1), AS_DER),
        (one_line, AS_PEM),
        (in_company, AS_PEM),
        (pem("PRIVATE KEY", &der).replace('\n', "\r\n"), AS_PEM),
    ] {
        let signed = sign(written, "RSA-SHA256", expression).unwrap();
        assert!(holds(&signature::RSA_PKCS1_2048_8192_SHA256, &key, &signed));
    }
}

#[test]
fn ecdsa_signatures_are_der_and_hold_on_their_curve() {
    let cases: [(&str, &'static EcdsaSigningAlgorithm, &'static dyn VerificationAlgorithm); 3] = [
        ("ECDSA-SHA256", &signature::ECDSA_P256_SHA256_ASN1_SIGNING, &signature::ECDSA_P256_SHA256_ASN1),
        ("ECDSA-SHA384", &signature::ECDSA_P384_SHA384_ASN1_SIGNING, &signature::ECDSA_P384_SHA384_ASN1),
        ("ECDSA-SHA512", &signature::ECDSA_P521_SHA512_ASN1_SIGNING, &signature::ECDSA_P521_SHA512_ASN1),
    ];
    for (name, algorithm, verification) in cases {
        let (key, der) = ecdsa(algorithm);
        let sec1 = AsDer::<aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_>>::as_der(&key.private_key()).unwrap().as_ref().to_vec();
        for (written, expression) in [
            (pem("PRIVATE KEY", &der), AS_PEM),
            (STANDARD.encode(&der), AS_DER),
            (format!("{}{}", pem("EC PARAMETERS", b"curve"), pem("EC PRIVATE KEY", &sec1)), AS_PEM),
        ] {
            let signed = sign(written, name, expression).unwrap();
            assert_eq!(signed.first(), Some(&0x30), "a sequence");
            assert!(holds(verification, &key, &signed), "{name}");
        }
    }
}

#[test]
fn keys_that_do_not_fit_are_refused_without_a_word_of_them() {
    let (_, rsa) = rsa();
    let (_, p256) = ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING);
    let whole = pem("PRIVATE KEY", &rsa);
    for (key, algorithm, expression, problem) in [
        (pem("PRIVATE KEY", &p256), "RSA-SHA256", AS_PEM, "no unencrypted RSA key"),
        (whole.clone(), "ECDSA-SHA256", AS_PEM, "no unencrypted P-256 key"),
        (pem("PRIVATE KEY", &p256), "ECDSA-SHA384", AS_PEM, "no unencrypted P-384 key"),
        (pem("PRIVATE KEY", &p256), "ECDSA-SHA512", AS_PEM, "no unencrypted P-521 key"),
        (pem("PRIVATE KEY", &rsa[..200]), "RSA-SHA256", AS_PEM, "no unencrypted RSA key"),
        (STANDARD.encode(&rsa), "RSA-SHA256", AS_PEM, "BASE64DECODE"),
        (pem("ENCRYPTED PRIVATE KEY", &rsa), "RSA-SHA256", AS_PEM, "passphrase"),
        (whole.replace("-----END", "-----"), "RSA-SHA256", AS_PEM, "no line that ends it"),
        (whole.replace("-----\n", "-----\n!"), "RSA-SHA256", AS_PEM, "not base64"),
        ("SECRET-not-a-key".to_owned(), "RSA-SHA256", AS_PEM, "BEGIN PRIVATE KEY"),
        (String::new(), "ECDSA-SHA256", AS_PEM, "empty"),
        (String::new(), "RSA-SHA256", AS_DER, "empty"),
    ] {
        let fault = sign(key.clone(), algorithm, expression).err().unwrap();
        let words = format!("{fault} {fault:?}");
        assert_eq!(fault.code(), "formula_failed");
        assert!(words.contains(problem), "{words} should say {problem}");
        assert!(key.is_empty() || !words.contains(&key[key.len() / 2..]) && !words.contains("SECRET"), "{words}");
    }
}

#[test]
fn small_rsa_keys_sign_nothing() {
    // Shape of a PKCS#1 key with a modulus of 512 bits; its size is looked at before anything else can matter.
    let integer = |length: usize| [&[0x02, length as u8 + 1, 0][..], &vec![0xff; length]].concat();
    let body: Vec<u8> =
        [vec![2, 1, 0], integer(64), vec![2, 3, 1, 0, 1], integer(64), integer(32), integer(32), integer(32), integer(32), integer(32)]
            .concat();
    let der = [&[0x30, 0x82, (body.len() >> 8) as u8, body.len() as u8][..], &body].concat();
    assert_eq!(sign(STANDARD.encode(der), "RSA-SHA256", AS_DER).err().unwrap().code(), "formula_failed");
}

#[test]
fn algorithms_are_checked_when_a_formula_is_saved() {
    for (formula, words) in [
        ("HEX(HASH('SHA-1', BLOB('a')))", "broken"),
        ("HEX(HASH('md5', BLOB('a')))", "broken"),
        ("HEX(HASH('', BLOB('a')))", "none of SHA-256"),
        ("HEX(HMAC('HmacSHA256', BLOB('a'), BLOB('b')))", "none of SHA-256"),
        ("HEX(SIGN('RSA', BLOB('a'), 'b'))", "forged"),
        ("HEX(SIGN('ECDSA-SHA1', BLOB('a'), 'b'))", "forged"),
        ("HEX(SIGN('RS256', BLOB('a'), 'b'))", "none of RSA-SHA256"),
        ("HEX(SIGN_WITH_CERTIFICATE('RSA-SHA1', BLOB('a'), 'b'))", "forged"),
        ("HEX(SIGN_WITH_CERTIFICATE('RSA-SHA256', BLOB('a'), $User.Title))", "written out"),
    ] {
        let error = Template::parse_bare(formula).err().unwrap();
        assert_eq!(error.code(), "formula_argument", "{formula}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn algorithms_that_come_from_elsewhere_are_checked_when_they_are_used() {
    let key = "SECRET-k3y";
    for formula in [
        "HEX(HASH($User.Title, BLOB($Credential.Billing.Key)))",
        "HEX(HMAC($User.Title, BLOB('a'), BLOB($Credential.Billing.Key)))",
        "HEX(SIGN($User.Title, BLOB('a'), $Credential.Billing.Key))",
        "HEX(SIGN_WITH_CERTIFICATE($User.Title, BLOB('a'), 'SECRET-name'))",
    ] {
        for algorithm in ["SECRET-algorithm", "", "SHA-1", "RSA-SHA1"] {
            let fault = fault(&Vault { algorithm, ..Vault::with(key) }, formula);
            assert_eq!(fault.code(), "formula_failed", "{formula}");
            assert!(!format!("{fault} {fault:?}").contains("SECRET"), "{fault}");
        }
    }
    let vault = Vault { algorithm: "sha384", ..Vault::with(key) };
    assert_eq!(evaluate(&vault, "LEN(HEX(HASH($User.Title, NULL)))").unwrap(), "96");
}

#[test]
fn an_empty_key_makes_no_code() {
    let vault = Vault::with("");
    for key in ["BLOB($Credential.Billing.Key)", "BASE64DECODE('')", "BLOB('')", "NULL"] {
        let fault = fault(&vault, &format!("HEX(HMAC('SHA-256', BLOB('a'), {key}))"));
        assert_eq!((fault.code(), fault.to_string().as_str()), ("formula_failed", "HMAC: the key is empty"));
    }
    assert_eq!(evaluate(&vault, "LEN(HEX(HMAC('SHA-256', NULL, BLOB('k'))))").unwrap(), "64", "an empty value has a code");
}

/// RFC 4231, sections 4.2, 4.4, 4.7 and 4.8, SHA-256: keys of bytes, and keys longer than a block.
#[test]
fn codes_under_binary_and_long_keys_are_those_of_rfc_4231() {
    for (key, value, code) in [
        (vec![0x0b; 20], &b"Hi There"[..], "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (vec![0xaa; 20], &[0xdd; 50][..], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            vec![0xaa; 131],
            &b"Test Using Larger Than Block-Size Key - Hash Key First"[..],
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            vec![0xaa; 131],
            &b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm."[..],
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ] {
        let value = STANDARD.encode(value);
        let formula = format!("HEX(HMAC('SHA-256', BASE64DECODE('{value}'), BASE64DECODE($Credential.Billing.Key)))");
        assert_eq!(evaluate(&Vault::with(STANDARD.encode(key)), &formula).unwrap(), code);
    }
}

/// FIPS 180-2, appendices B.2, C.2 and D.2: messages of more than one block.
#[test]
fn digests_of_longer_messages_are_those_of_nist() {
    let short = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let long = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    for (algorithm, message, digest) in [
        ("SHA-256", short, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        ("SHA-384", long, "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039"),
        (
            "SHA-512",
            long,
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
        ),
    ] {
        assert_eq!(evaluate(&Vault::with(""), &format!("HEX(HASH('{algorithm}', BLOB('{message}')))")).unwrap(), digest);
    }
}

#[test]
fn certificates_are_asked_of_the_scope_and_every_refusal_has_a_code() {
    let formula = "HEX(SIGN_WITH_CERTIFICATE('ecdsa-sha256', BLOB('in'), 'SECRET-name'))";
    let vault = Vault { store: Ok(()), ..Vault::with("") };
    let signed = evaluate(&vault, &formula.replace("HEX", "BASE64ENCODE")).unwrap();
    assert_eq!(STANDARD.decode(signed).unwrap(), b"ECDSA-SHA256|in|SECRET-name");
    for (store, code, words) in [
        (SignFault::NoStore, "formula_unavailable", "no certificate can sign in this place"),
        (SignFault::NoCertificate, "formula_failed", "no certificate of this name"),
        (SignFault::WrongKey, "formula_failed", "does not fit"),
        (SignFault::NotYetUsable, "formula_failed", "not valid yet"),
        (SignFault::Expired, "formula_failed", "has expired"),
        (SignFault::Unavailable, "formula_unavailable", "cannot be read now"),
        (SignFault::Sealed, "formula_unavailable", "without the root key"),
    ] {
        let fault = fault(&Vault { store: Err(store), ..Vault::with("") }, formula);
        assert_eq!(fault.code(), code);
        assert!(fault.to_string().contains(words) && !fault.to_string().contains("SECRET"), "{fault}");
    }
}
