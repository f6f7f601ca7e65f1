"""Signs a CreateSession again with PyPI's `iam-rolesanywhere-session`, at the moment at which it was signed before.
Arguments: the request as JSON {url, headers, body}, and files in PEM: certificate, chain (or ""), private key.
Prints what the package makes of it, and whether the request's own signature is good under the package's string to sign."""
import json, sys
from datetime import datetime, timezone

from botocore.awsrequest import AWSRequest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.exceptions import InvalidSignature
from iam_rolesanywhere_session import IAMRolesAnywhereSigner, iam_rolesanywhere_session as package

request, certificate, chain, key = json.loads(sys.argv[1]), *sys.argv[2:]
headers = {name.lower(): value for name, value in request["headers"]}
moment = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


class Frozen(datetime):
    @classmethod
    def now(cls, tz=None):
        return moment


class Signer(IAMRolesAnywhereSigner):
    def _modify_request_before_signing(self, request):
        super()._modify_request_before_signing(request)
        # The package names the body in another way; the service takes both.
        package._set_header(request, "Content-Type", headers["content-type"])

    def string_to_sign(self, request, canonical_request):
        self.canonical, self.text = canonical_request, super().string_to_sign(request, canonical_request)
        return self.text


package.datetime = Frozen
region = headers["authorization"].split("/")[2]
signer = Signer(certificate=certificate, private_key=key, certificate_chain=chain or None, region=region)
again = AWSRequest(method="POST", url=request["url"], data=request["body"])
signer.add_auth(again)
signature, public = bytes.fromhex(headers["authorization"].split("Signature=")[1]), signer.certificate.public_key()
try:
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, signer.text.encode(), padding.PKCS1v15(), SHA256())
    else:
        public.verify(signature, signer.text.encode(), ec.ECDSA(SHA256()))
    is_good = True
except InvalidSignature:
    is_good = False
print(json.dumps({"headers": {name.lower(): value for name, value in again.headers.items()}, "canonical": signer.canonical, "good": is_good}))
