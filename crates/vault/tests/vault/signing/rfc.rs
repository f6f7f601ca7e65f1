//! The examples of the RFCs, from their appendices; the keys are written by `vectors/jose.py`.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sortie_model::{KeyAlgorithm, SecretBytes, SigningAlgorithm};
use sortie_vault::signing::{PublicKey, SignError, SigningKey};

use super::tools::is_taken;

/// Payload of RFC 7515, appendices A.2 and A.3.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn key(pem: &str) -> SigningKey {
    SigningKey::import(&SecretBytes::new(pem)).unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn rs256_gives_the_signature_of_rfc_7515_a_2() {
    let key = key(include_str!("../../../vectors/rfc7515_a2_pkcs1.pem"));
    let signature = key.sign(SigningAlgorithm::Rs256, format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}").as_bytes()).unwrap();
    let expected = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(base64url(&signature), expected);
    let Some(PublicKey::Rsa { modulus, exponent }) = PublicKey::read(key.public_key()) else { panic!("an RSA key") };
    assert!(base64url(&modulus).starts_with("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"));
    assert_eq!((modulus.len(), base64url(&exponent).as_str()), (256, "AQAB"));
}

#[test]
fn es256_is_r_and_s_as_they_are_as_in_rfc_7515_a_3() {
    let key = key(include_str!("../../../vectors/rfc7515_a3_sec1.pem"));
    let Some(PublicKey::P256 { x, y }) = PublicKey::read(key.public_key()) else { panic!("a P-256 key") };
    let numbers = (base64url(&x), base64url(&y));
    assert_eq!(
        (numbers.0.as_str(), numbers.1.as_str()),
        ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
    );
    let message = format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}");
    let published =
        URL_SAFE_NO_PAD.decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q").unwrap();
    let point = [&[4][..], &x, &y].concat();
    let judge = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
    judge.verify(message.as_bytes(), &published).unwrap();
    // ECDSA signs with chance: no two signatures are the same, and all have the form of the published one.
    let own = key.sign(SigningAlgorithm::Es256, message.as_bytes()).unwrap();
    assert_eq!(own.len(), published.len());
    assert!(is_taken(&key, SigningAlgorithm::Es256, message.as_bytes(), &own));
}

#[test]
fn eddsa_gives_the_signature_of_rfc_8037_a_4() {
    let key = key(include_str!("../../../vectors/rfc8037_a1_pkcs8.pem"));
    let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    assert_eq!(PublicKey::read(key.public_key()), Some(PublicKey::Ed25519 { x }));
    let signature = key.sign(SigningAlgorithm::EdDsa, b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
    assert_eq!(base64url(&signature), "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

#[test]
fn every_key_signs_with_every_algorithm_that_fits_and_with_no_other() {
    for kind in KeyAlgorithm::ALL {
        let key = SigningKey::generate(kind).unwrap();
        assert_eq!(key.algorithm(), kind);
        for algorithm in SigningAlgorithm::ALL {
            let signed = key.sign(algorithm, b"header.payload");
            if algorithm.fits(kind) {
                let signature = signed.unwrap();
                assert!(is_taken(&key, algorithm, b"header.payload", &signature), "{kind} {algorithm}");
                assert!(!is_taken(&key, algorithm, b"header.payloaD", &signature), "{kind} {algorithm}");
            } else {
                assert_eq!(signed, Err(SignError::DoesNotFit { key: kind, algorithm }));
            }
        }
    }
}
