# A token server with the JWT bearer grant (RFC 7523, section 2.1) as PyPI's Authlib has it, loopback only, everything in memory.
# Nobody here wrote how an assertion is read, verified and judged; ours are only the clients and users, and the resource that the tokens are for.
#
#   PYTHONPATH=<directory that holds the packages>  CLIENTS='[{"client_id": …, "jwks": {"keys": […]}, "users": [names that it may act for]}]'
#   python3 assertion_server.py
#
# The first line of standard output is {"issuer": …}. It ends when standard input does, so that it never outlives its test.
#
#   POST /token      the token endpoint; scopes `read` and `write`
#   GET  /log        the bodies of the requests to it, in order
#   ANY  /api/…      the resource: {"user", "client", "scope"} of the token
import json
import logging
import os
import sys
import threading
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback only

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7523 import JWTBearerGrant
from flask import Flask, jsonify, request
from joserfc.jwk import KeySet
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
app = Flask(__name__)
log = []
tokens = {}


class Client(ClientMixin):
    def __init__(self, client_id, jwks, users):
        self.client_id, self.keys, self.users = client_id, KeySet.import_key_set(jwks), users

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return " ".join(word for word in (scope or "").split() if word in ("read", "write"))

    def check_grant_type(self, grant_type):
        return grant_type == JWTBearerGrant.GRANT_TYPE


class Token(TokenMixin):
    def __init__(self, token, client, user):
        self.scope, self.client, self.user = token.get("scope", ""), client, user
        self.dies_at = time.time() + token["expires_in"]

    def get_scope(self):
        return self.scope

    def is_expired(self):
        return time.time() > self.dies_at

    def is_revoked(self):
        return False


clients = {client["client_id"]: Client(**client) for client in json.loads(os.environ["CLIENTS"])}
server = make_server("127.0.0.1", 0, app, threaded=True)
issuer = f"http://127.0.0.1:{server.server_port}"


class Grant(JWTBearerGrant):
    def resolve_issuer_client(self, issuer):
        return clients.get(issuer)

    def resolve_client_public_key(self, client):
        return client.keys

    def get_audiences(self):
        return [issuer, f"{issuer}/token"]

    def authenticate_user(self, subject):
        return subject if any(subject in client.users for client in clients.values()) else None

    def has_granted_permission(self, client, user):
        return user in client.users


class Validator(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return tokens.get(token_string)


def save_token(token, request):
    tokens[token["access_token"]] = Token(token, request.client, request.user)


app.config["OAUTH2_SCOPES_SUPPORTED"] = ["read", "write"]
authorization = AuthorizationServer(app, query_client=clients.get, save_token=save_token)
authorization.register_grant(Grant)
protector = ResourceProtector()
protector.register_token_validator(Validator())


@app.post("/token")
def token():
    log.append(request.get_data(as_text=True, parse_form_data=False))
    return authorization.create_token_response()


@app.get("/log")
def show_log():
    return jsonify(log)


@app.route("/api/<path:_path>")
@protector()
def api(_path):
    return jsonify(user=current_token.user, client=current_token.client.client_id, scope=current_token.scope)


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
print(json.dumps({"issuer": issuer}), flush=True)
server.serve_forever()
