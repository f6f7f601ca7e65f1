"""A plug-in for an auth provider of the type `custom`, in the standard library of Python alone.

It stands between the gateway and a service whose login is no OAuth: people log in at a portal, which sends the browser back with a ticket; a ticket is
exchanged for a session key, and a session is prolonged instead of refreshed. Put the calls of your own service in the place of the portal's; what is around
them can stay.

Environment: PLUGIN_SECRET (whsec_…, the stored value `plugin_secret`), PORTAL_KEY (the key of this plug-in at the portal), PLUGIN_LISTEN (host:port).
The contract is in docs/guide/custom-auth-provider.md.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# 64 KiB: no step needs more.
MAX_BODY_BYTES = 64 * 1024
# As Standard Webhooks recommends: a request that somebody kept is worth nothing after that.
TOLERANCE_SECONDS = 300


class Refused(Exception):
    """What the gateway is told, by the codes of RFC 6749, section 5.2."""

    def __init__(self, status, error, description):
        super().__init__(error)
        self.status, self.body = status, {"error": error, "error_description": description}


class Verifier:
    """Believes a request that is signed with the secret that both sides know, recent, and here for the first time."""

    def __init__(self, secret):
        self.key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        if not secret.startswith("whsec_") or not 24 <= len(self.key) <= 64:
            raise ValueError("PLUGIN_SECRET must be whsec_ and 24 to 64 bytes in base64")
        self.seen, self.lock = {}, threading.Lock()

    def check(self, headers, body):
        name, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        signed = f"{name}.{sent_at}.".encode() + body
        expected = base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        signatures = [one.removeprefix("v1,") for one in headers.get("webhook-signature", "").split(" ") if one.startswith("v1,")]
        # Compared in constant time, and before anything that was sent is looked at.
        if not any(hmac.compare_digest(expected, one) for one in signatures):
            raise Refused(401, "invalid_client", "the request is not signed with the plug-in's secret")
        now = time.time()
        if not sent_at.isdecimal() or abs(now - int(sent_at)) > TOLERANCE_SECONDS:
            raise Refused(401, "invalid_client", "the request is too old, or from the future: compare the clocks")
        with self.lock:
            self.seen = {known: until for known, until in self.seen.items() if until > now}
            if name in self.seen:
                raise Refused(401, "invalid_client", "the request was here before")
            self.seen[name] = now + 2 * TOLERANCE_SECONDS


class Portal:
    """The service behind: everything that is peculiar to it is in these methods."""

    def __init__(self, key):
        self.key = key

    def ask(self, request, path, body):
        # Where the portal is comes from the definition: one plug-in can serve several of them.
        base = request["configuration"].get("portal", "")
        headers = {"Content-Type": "application/json", "X-Portal-Key": self.key}
        asked = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404, 410):
                raise Refused(400, "invalid_grant", f"the portal does not know this any more (status {error.code})") from None
            raise Refused(503, "temporarily_unavailable", f"the portal answers with status {error.code}") from None
        except OSError:
            raise Refused(503, "temporarily_unavailable", "the portal cannot be reached") from None

    def start(self, request):
        # `state` must stand in the query of the address, as it is: the gateway recognises the login by it.
        query = {"back": request["redirect_uri"], "state": request["state"], "rights": request.get("scope") or ""}
        return {"authorize_url": request["configuration"]["portal"] + "/login?" + urllib.parse.urlencode(query)}

    def callback(self, request):
        if "ticket" not in request["parameters"]:
            raise Refused(400, "access_denied", "the browser came back without a ticket")
        session = self.ask(request, "/exchange", {"ticket": request["parameters"]["ticket"], "back": request["redirect_uri"]})
        return self.tokens(session)

    def user_info(self, request):
        who = self.ask(request, "/whoami", {"session": request["access_token"]})
        return {"id": who["number"], "name": who["called"]}

    def refresh(self, request):
        return self.tokens(self.ask(request, "/prolong", {"prolonging": request["refresh_token"]}))

    def revoke(self, request):
        self.ask(request, "/end", {"session": request["access_token"]})
        return {}

    @staticmethod
    def tokens(session):
        return {"access_token": session["session"], "refresh_token": session["prolonging"], "expires_in": session["seconds"]}


def handler(verifier, portal):
    steps = {"start": portal.start, "callback": portal.callback, "user_info": portal.user_info, "refresh": portal.refresh, "revoke": portal.revoke}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self):
            try:
                length = int(self.headers.get("Content-Length", "-1"))
                if not 0 <= length <= MAX_BODY_BYTES:
                    raise Refused(413, "invalid_request", "the request is too large")
                body = self.rfile.read(length)
                verifier.check(self.headers, body)
                request = json.loads(body)
                if request.get("version") != 1 or request.get("step") not in steps:
                    raise Refused(400, "invalid_request", "this step is not known here")
                self.answer(200, steps[request["step"]](request))
            except Refused as refused:
                self.close_connection = True
                self.answer(refused.status, refused.body)
            except (KeyError, TypeError, ValueError) as error:
                self.close_connection = True
                # The kind of the error says enough: its text may hold what was sent.
                self.answer(400, {"error": "invalid_request", "error_description": f"the request is not understood: {type(error).__name__}"})

        def answer(self, status, body):
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, message, *parameters):
            # The path and the status only: bodies hold tokens.
            sys.stderr.write(f"{self.log_date_time_string()} {message % parameters}\n")

    return Handler


def serve(listen, handler_class):
    host, port = listen.rsplit(":", 1)
    server = ThreadingHTTPServer((host, int(port)), handler_class)
    server.daemon_threads = True
    print(json.dumps({"url": f"http://{host}:{server.server_address[1]}/"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    secret = Verifier(os.environ["PLUGIN_SECRET"])
    serve(os.environ.get("PLUGIN_LISTEN", "127.0.0.1:8787"), handler(secret, Portal(os.environ["PORTAL_KEY"])))
