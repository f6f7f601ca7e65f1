"""Judges signatures as strictly as AWS does, with AWS's own signer (awscrt) in the judge's chair, and gives temporary keys.

  POST /              Action=AssumeRole: a temporary key for a known role
  POST /sessions      CreateSession of IAM Roles Anywhere, judged by `cryptography` and `openssl verify`
  GET  /judge/log     every verdict since the last time; control: /judge/skew/<seconds>, /judge/expire
  all else            200 and what was received as JSON, if the signature is good; 4xx and AWS's code, if it is not

Environment: KEYS {id: secret}, ROLES [arn], ANCHOR (PEM). First line of output: {"port": n}."""
import base64, hashlib, hmac, json, os, re, secrets, subprocess, sys, tempfile, threading, urllib.parse
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from awscrt.auth import (AwsCredentialsProvider, AwsSignatureType, AwsSignedBodyHeaderType, AwsSigningAlgorithm, AwsSigningConfig,
                         aws_sign_request)
from awscrt.http import HttpHeaders, HttpRequest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

KEYS = {key: {"secret": secret} for key, secret in json.loads(os.environ["KEYS"]).items()}
ROLES = set(json.loads(os.environ["ROLES"]))
ANCHOR = os.environ.get("ANCHOR", "")
STATE = {"skew": 0, "log": []}
EMPTY = hashlib.sha256(b"").hexdigest()
AUTHORIZATION = re.compile(r"(AWS4-[A-Z0-9-]+) Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]+)")


class Refused(Exception):
    def __init__(self, code, message, status=403):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def now():
    return datetime.now(timezone.utc) + timedelta(seconds=STATE["skew"])


def demand(is_met, code, message, status=403):
    if not is_met:
        raise Refused(code, message, status)


def one(headers, name):
    values = [value for key, value in headers if key.lower() == name]
    demand(len(values) < 2, "InvalidRequest", f"{name} is there twice", 400)
    return values[0] if values else None


def parse(headers):
    authorization = one(headers, "authorization")
    demand(authorization, "MissingAuthenticationToken", "the request is not signed")
    found = AUTHORIZATION.fullmatch(authorization)
    demand(found, "IncompleteSignature", "the Authorization header is no signature", 400)
    algorithm, credential, signed, signature = found.groups()
    parts = credential.split("/")
    demand(len(parts) == 5 and parts[4] == "aws4_request", "IncompleteSignature", "the scope is malformed", 400)
    date = one(headers, "x-amz-date") or ""
    demand(re.fullmatch(r"\d{8}T\d{6}Z", date) and date[:8] == parts[1], "SignatureDoesNotMatch", "date and scope differ")
    when = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    names = signed.split(";")
    sent = {name.lower() for name, _ in headers}
    demand(names == sorted(set(names)) and "host" in names, "SignatureDoesNotMatch", "the list of signed headers is wrong")
    demand(set(names) <= sent, "SignatureDoesNotMatch", f"signed and not sent: {sorted(set(names) - sent)}")
    loose = sorted(name for name in sent if name.startswith("x-amz-") and name not in names)
    return algorithm, parts, names, signature, when, date, loose


def judge_url(method, target, headers):
    """A presigned URL: the signature stands in the query, and nothing else of the request is needed."""
    path, _, query = target.partition("?")
    given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    demand(given.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256", "AuthorizationQueryParametersError", "unknown algorithm", 400)
    key_id, day, region, service, _ = given["X-Amz-Credential"].split("/")
    key = KEYS.get(key_id)
    demand(key, "InvalidAccessKeyId", "the key is unknown")
    date, lifetime = given["X-Amz-Date"], int(given["X-Amz-Expires"])
    when = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    demand(day == date[:8] and 0 < lifetime <= 604800, "AuthorizationQueryParametersError", "date or lifetime", 400)
    demand(-300 <= (now() - when).total_seconds() <= lifetime, "AccessDenied", "Request has expired")
    token = given.get("X-Amz-Security-Token")
    demand(token == key.get("token"), "InvalidToken", "the session token is missing or somebody else's", 400)
    demand("expires" not in key or key["expires"] >= now(), "ExpiredToken", "the session has expired", 400)
    loose = sorted(name.lower() for name, _ in headers if name.lower().startswith("x-amz-"))
    demand(not loose, "AccessDenied", f"sent and not signed: {loose}")
    is_s3 = service == "s3"
    config = AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4, signature_type=AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=AwsCredentialsProvider.new_static(key_id, key["secret"], token), region=region, service=service, date=when,
        use_double_uri_encode=not is_s3, should_normalize_uri_path=not is_s3, expiration_in_seconds=lifetime,
        signed_body_value="UNSIGNED-PAYLOAD" if is_s3 else EMPTY, signed_body_header_type=AwsSignedBodyHeaderType.NONE)
    bare = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-"))
    again = HttpRequest(method, path + ("?" + bare if bare else ""), HttpHeaders([("host", one(headers, "host"))]), None)
    aws_sign_request(again, config).result(5)
    mine = again.path.split("X-Amz-Signature=")[1].split("&")[0]
    demand(hmac.compare_digest(mine, given["X-Amz-Signature"]), "SignatureDoesNotMatch", "the signature does not match")
    return {"key": key_id, "region": region, "service": service, "lifetime": lifetime}


def judge(method, target, headers, body):
    if "X-Amz-Signature=" in target:
        return judge_url(method, target, headers)
    algorithm, (key_id, day, region, service, _), names, signature, when, date, loose = parse(headers)
    demand(algorithm == "AWS4-HMAC-SHA256", "IncompleteSignature", "unknown algorithm", 400)
    key = KEYS.get(key_id)
    demand(key, "InvalidClientTokenId" if service == "sts" else "UnrecognizedClientException", "the security token is invalid")
    skewed = "RequestTimeTooSkewed" if service == "s3" else "SignatureDoesNotMatch"
    demand(abs((now() - when).total_seconds()) <= 300, skewed, f"Signature expired: {date}")
    token = one(headers, "x-amz-security-token")
    demand(token == key.get("token"), "InvalidClientTokenId", "the session token is missing or somebody else's")
    demand("expires" not in key or key["expires"] >= now(), "ExpiredToken", "the session has expired", 400 if service == "s3" else 403)
    demand(not loose, "SignatureDoesNotMatch", f"sent and not signed: {loose}")
    is_s3 = service == "s3"
    claimed = one(headers, "x-amz-content-sha256")
    demand(claimed or not is_s3, "MissingSecurityHeader", "S3 needs x-amz-content-sha256", 400)
    real = hashlib.sha256(body).hexdigest()
    if claimed and re.fullmatch("[0-9a-f]{64}", claimed):
        demand(claimed == real, "XAmzContentSHA256Mismatch", "the body is another one", 400)
    payload = claimed or real
    config = AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4, signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=AwsCredentialsProvider.new_static(key_id, key["secret"], token), region=region, service=service, date=when,
        use_double_uri_encode=not is_s3, should_normalize_uri_path=not is_s3, signed_body_value=payload,
        signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256 if "x-amz-content-sha256" in names else AwsSignedBodyHeaderType.NONE)
    made_by_signer = ("x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
    kept = [(name, value) for name, value in headers if name.lower() in names and name.lower() not in made_by_signer]
    again = HttpRequest(method, target, HttpHeaders(kept), None)
    aws_sign_request(again, config).result(5)
    mine = dict(again.headers)["Authorization"].split("Signature=")[1]
    demand(hmac.compare_digest(mine, signature), "SignatureDoesNotMatch", "the signature does not match")
    scope = f"{day}/{region}/{service}/aws4_request"
    if payload.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        body = unframe(body, headers, derive(key["secret"], day, region, service), date, scope, signature, payload.endswith("-TRAILER"))
    return {"key": key_id, "region": region, "service": service, "payload": payload, "signed": names, "length": len(body),
            "sha256": hashlib.sha256(body).hexdigest()}


def keyed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)


def derive(secret, *parts):
    key = ("AWS4" + secret).encode()
    for part in (*parts, "aws4_request"):
        key = keyed(key, part).digest()
    return key


def unframe(body, headers, key, date, scope, previous, has_trailers):
    """Checks each chunk's signature over the one before it (S3 API reference, "Transferring payload in multiple chunks")."""
    demand("aws-chunked" in (one(headers, "content-encoding") or ""), "InvalidRequest", "the coding is missing", 400)
    plain, at = b"", 0
    while True:
        end = body.index(b"\r\n", at)
        size, _, given = body[at:end].decode().partition(";chunk-signature=")
        size, at = int(size, 16), end + 2
        chunk = body[at:at + size]
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, EMPTY, hashlib.sha256(chunk).hexdigest()])
        demand(keyed(key, text).hexdigest() == given, "SignatureDoesNotMatch", f"the chunk at {at} is another one")
        previous, plain = given, plain + chunk
        if size == 0:
            break
        demand(body[at + size:at + size + 2] == b"\r\n", "IncompleteBody", "a chunk has no end", 400)
        at += size + 2
    lines = [line for line in body[at:].decode().split("\r\n") if line]
    if has_trailers:
        demand(lines and lines[-1].startswith("x-amz-trailer-signature:"), "SignatureDoesNotMatch", "the trailers are not signed")
        canonical = "".join(line + "\n" for line in lines[:-1])
        text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", date, scope, previous, hashlib.sha256(canonical.encode()).hexdigest()])
        demand(keyed(key, text).hexdigest() == lines[-1].split(":")[1], "SignatureDoesNotMatch", "a trailer is another one")
        demand([line.split(":")[0] for line in lines[:-1]] == (one(headers, "x-amz-trailer") or "").split(","), "InvalidRequest", "trailers", 400)
    else:
        demand(not lines, "IncompleteBody", "something follows the last chunk", 400)
    demand(str(len(plain)) == one(headers, "x-amz-decoded-content-length"), "IncompleteBody", "the length is another one", 400)
    return plain


def judge_certificate(method, target, headers, body):
    """The signing process of IAM Roles Anywhere: the canonical request by hand, the signature by `cryptography`, the chain by OpenSSL."""
    algorithm, (serial, day, region, service, _), names, signature, when, date, loose = parse(headers)
    demand(service == "rolesanywhere" and not loose, "AccessDeniedException", "scope or headers")
    demand(abs((now() - when).total_seconds()) <= 300, "AccessDeniedException", "Signature expired")
    certificate = x509.load_der_x509_certificate(base64.b64decode(one(headers, "x-amz-x509"), validate=True))
    demand(serial == str(certificate.serial_number), "AccessDeniedException", "the serial number is another one")
    lines = "".join(f"{name}:{one(headers, name)}\n" for name in names)
    canonical = f"{method}\n{target}\n\n{lines}\n{';'.join(names)}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join([algorithm, date, scope, hashlib.sha256(canonical.encode()).hexdigest()]).encode()
    public, raw = certificate.public_key(), bytes.fromhex(signature)
    try:
        if algorithm == "AWS4-X509-RSA-SHA256" and isinstance(public, rsa.RSAPublicKey):
            public.verify(raw, text, padding.PKCS1v15(), hashes.SHA256())
        elif algorithm == "AWS4-X509-ECDSA-SHA256" and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(raw, text, ec.ECDSA(hashes.SHA256()))
        else:
            raise Refused("AccessDeniedException", "the algorithm does not fit the key")
    except InvalidSignature:
        raise Refused("AccessDeniedException", "the signature does not match") from None
    with tempfile.TemporaryDirectory() as folder:
        def pem(name, ders):
            path = os.path.join(folder, name)
            with open(path, "w") as file:
                file.write("".join(f"-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n" for der in ders))
            return path
        def wrapped(text):
            return "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
        chain = [wrapped(der) for der in (one(headers, "x-amz-x509-chain") or "").split(",") if der]
        leaf = pem("leaf", [wrapped(one(headers, "x-amz-x509"))])
        with open(os.path.join(folder, "anchor"), "w") as file:
            file.write(ANCHOR)
        command = ["openssl", "verify", "-purpose", "sslclient", "-CAfile", os.path.join(folder, "anchor")]
        command += (["-untrusted", pem("chain", chain)] if chain else []) + [leaf]
        verified = subprocess.run(command, capture_output=True, text=True, check=False)
        demand(verified.returncode == 0, "AccessDeniedException", "Untrusted certificate")
    return {"serial": serial, "algorithm": algorithm, "region": region, "chain": len(chain)}


def issue(seconds):
    key_id = "ASIA" + secrets.token_hex(8).upper()
    KEYS[key_id] = {"secret": "SECRET-temporary-" + secrets.token_urlsafe(20), "token": "SECRET-session-" + secrets.token_urlsafe(60) + "/+==",
                    "expires": now() + timedelta(seconds=seconds)}
    return key_id, KEYS[key_id], KEYS[key_id]["expires"].strftime("%Y-%m-%dT%H:%M:%SZ")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json", headers=()):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self):
        body, headers = self.body(), list(self.headers.items())
        target = self.path
        if target.startswith("/judge/"):
            return self.control(target.split("/")[2:])
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"))) if "form" in self.headers.get("content-type", "") else {}
        try:
            if target == "/sessions":
                verdict = judge_certificate(self.command, target, headers, body)
                STATE["log"].append(verdict)
                return self.session(json.loads(body))
            verdict = judge(self.command, target, headers, body)
            STATE["log"].append(verdict)
            if form.get("Action") == "AssumeRole":
                return self.role(form)
            return self.reply(200, {**verdict, "method": self.command, "target": target})
        except Refused as refused:
            STATE["log"].append({"code": refused.code, "message": refused.message})
            if form.get("Action"):
                text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{refused.code}</Code><Message>{refused.message}</Message></Error></ErrorResponse>"
                return self.reply(refused.status, text, "text/xml")
            if "/s3/aws4_request" in self.headers.get("authorization", ""):
                text = f"<Error><Code>{refused.code}</Code><Message>{refused.message}</Message></Error>"
                return self.reply(refused.status, text, "application/xml")
            return self.reply(refused.status, {"__type": refused.code, "message": refused.message}, headers=[("x-amzn-errortype", refused.code)])

    def control(self, words):
        if words[0] == "skew":
            STATE["skew"] = int(words[1])
        elif words[0] == "expire":
            for key in KEYS.values():
                if "expires" in key:
                    key["expires"] = now() - timedelta(seconds=1)
        log = list(STATE["log"])
        STATE["log"].clear()
        self.reply(200, log)

    def role(self, form):
        demand(form.get("RoleArn") in ROLES, "AccessDenied", "not authorized to perform: sts:AssumeRole")
        demand(re.fullmatch(r"[\w+=,.@-]{2,64}", form.get("RoleSessionName", "")), "ValidationError", "RoleSessionName", 400)
        tags = {form[f"Tags.member.{at}.Key"]: form[f"Tags.member.{at}.Value"] for at in range(1, 52) if f"Tags.member.{at}.Key" in form}
        transitive = [form[f"TransitiveTagKeys.member.{at}"] for at in range(1, 52) if f"TransitiveTagKeys.member.{at}" in form]
        is_text = re.compile(r"[\w .:/=+@-]*").fullmatch
        demand(len(tags) <= 50 and all(0 < len(key) <= 128 and len(value) <= 256 and is_text(key) and is_text(value) for key, value in tags.items()),
               "ValidationError", "Tags", 400)
        demand(set(transitive) <= set(tags), "ValidationError", "TransitiveTagKeys", 400)
        STATE["log"][-1].update(session=form["RoleSessionName"], tags=tags, transitive=transitive)
        key_id, key, expiration = issue(int(form.get("DurationSeconds", 3600)))
        self.reply(200, "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>"
                   f"<AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{key['secret']}</SecretAccessKey><SessionToken>{key['token']}</SessionToken>"
                   f"<Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>", "text/xml")

    def session(self, asked):
        demand(asked.get("roleArn") in ROLES, "AccessDeniedException", "Unable to assume role")
        demand(isinstance(asked.get("durationSeconds"), int) and 900 <= asked["durationSeconds"] <= 43200, "ValidationException", "durationSeconds", 400)
        for name, kind in (("trustAnchorArn", "trust-anchor"), ("profileArn", "profile")):
            demand(re.fullmatch(rf"arn:aws:rolesanywhere:[\w-]+:\d{{12}}:{kind}/[\w-]+", asked.get(name, "")), "ValidationException", name, 400)
        key_id, key, expiration = issue(asked["durationSeconds"])
        self.reply(201, {"credentialSet": [{"credentials": {"accessKeyId": key_id, "secretAccessKey": key["secret"],
                                                            "sessionToken": key["token"], "expiration": expiration}}]})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = answer


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(json.dumps({"port": server.server_port}), flush=True)
    # Ends with whoever started it.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()
