import base64
import json
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(octets(text), "big")


def public_key(jwk):
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
    if jwk["kty"] == "EC":
        assert jwk["crv"] == "P-256" and len(octets(jwk["x"])) == len(octets(jwk["y"])) == 32
        return ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
    assert jwk["crv"] == "Ed25519"
    return ed25519.Ed25519PublicKey.from_public_bytes(octets(jwk["x"]))


def verify(key, algorithm, signature, message):
    if algorithm == "EdDSA":
        key.verify(signature, message)
    elif algorithm == "ES256":
        if len(signature) != 64:
            raise InvalidSignature
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    elif algorithm == "PS256":
        key.verify(signature, message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        digest = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512}[algorithm]
        key.verify(signature, message, padding.PKCS1v15(), digest())


jwks, token = sys.stdin.read().split("\n")
header, payload, signature = token.split(".")
wanted = json.loads(octets(header))
found = [jwk for jwk in json.loads(jwks)["keys"] if jwk["kid"] == wanted["kid"]]
if not found:
    print("unknown kid")
    sys.exit()
(jwk,) = found
assert jwk["use"] == "sig" and jwk.get("alg", wanted["alg"]) == wanted["alg"]
key = public_key(jwk)
# RFC 7517, section 4.7: the certificate holds the same key; section 4.9: its thumbprint.
leaf = x509.load_der_x509_certificate(base64.b64decode(jwk["x5c"][0], validate=True))
form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
assert leaf.public_key().public_bytes(*form) == key.public_bytes(*form)
assert leaf.fingerprint(hashes.SHA256()) == octets(jwk["x5t#S256"])
try:
    verify(key, wanted["alg"], octets(signature), f"{header}.{payload}".encode())
    print("taken")
except InvalidSignature:
    print("refused")
