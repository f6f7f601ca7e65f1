import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

algorithm, public_key, message, signature = sys.stdin.read().split()
key = serialization.load_der_public_key(bytes.fromhex(public_key))
message, signature = bytes.fromhex(message), bytes.fromhex(signature)
try:
    if algorithm == "EdDSA":
        key.verify(signature, message)
    elif algorithm == "ES256":
        assert len(signature) == 64, len(signature)
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    elif algorithm == "PS256":
        key.verify(signature, message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        digest = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512}[algorithm]
        key.verify(signature, message, padding.PKCS1v15(), digest())
    print("taken")
except InvalidSignature:
    print("refused")
