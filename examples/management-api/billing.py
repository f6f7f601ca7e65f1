"""Sets up a named credential over the management API, with nothing but Python's standard library (3.9 or newer).

Run it twice: the second time changes nothing. It asks as a client of Salesforce does, and runs against one as well, where
SORTIE_URL is https://MyDomain.my.salesforce.com and SORTIE_KEY an access token.

    export SORTIE_URL=http://127.0.0.1:8586 SORTIE_KEY=sortie_... BILLING_PASSWORD=...
    python3 billing.py https://billing.example.com robot Callers
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ["SORTIE_URL"].rstrip("/") + "/services/data/v67.0"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Wherever it leads, the key does not go there."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def ask(method, path, body=None, expected=(200, 201, 204)):
    """One request; the answer as JSON, or None where the status is not an expected one but 404."""
    headers = {"Authorization": "Bearer " + os.environ["SORTIE_KEY"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data=data, headers=headers, method=method)
    try:
        with OPENER.open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        if error.code == 404 and method == "GET":
            return None
        # What is wrong, in the words of the server; never what was sent: it may hold a secret.
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def put(collection, name, body):
    """Makes something, or brings what is there to what it should be."""
    one = f"{collection}/{name}"
    if ask("GET", one) is None:
        return ask("POST", collection, body)
    return ask("PUT", one, body)


def main(url, username, permission_set):
    credential = put("/named-credentials/external-credentials", "Billing", {
        "developerName": "Billing",
        "masterLabel": "Billing",
        "authenticationProtocol": "Basic",
        "principals": [{"principalName": "Service", "principalType": "NamedPrincipal", "sequenceNumber": 1}],
    })
    principal = credential["principals"][0]

    place = {"externalCredential": "Billing", "principalName": "Service", "principalType": "NamedPrincipal"}
    stored = ask("GET", "/named-credentials/credential?" + urllib.parse.urlencode(place))
    values = {"username": {"value": username}, "password": {"value": os.environ["BILLING_PASSWORD"], "encrypted": True}}
    ask("PUT" if stored["credentials"] else "POST", "/named-credentials/credential", {**place, "credentials": values})

    put("/named-credentials/named-credential-setup", "Billing", {
        "developerName": "Billing",
        "masterLabel": "Billing",
        "type": "SecuredEndpoint",
        "calloutUrl": url,
        "externalCredentials": [{"developerName": "Billing"}],
        "calloutOptions": {"allowMergeFieldsInBody": False, "allowMergeFieldsInHeader": False, "generateAuthorizationHeader": True},
    })

    query = urllib.parse.quote(f"SELECT Id FROM PermissionSet WHERE Name = '{permission_set}' LIMIT 1")
    found = ask("GET", f"/query?q={query}")["records"]
    if not found:
        sys.exit(f"there is no permission set {permission_set}")
    if all(access["id"] != found[0]["Id"] for access in principal["principalAccess"]):
        ask("POST", "/sobjects/SetupEntityAccess", {"ParentId": found[0]["Id"], "SetupEntityId": principal["id"]})

    status = ask("GET", "/named-credentials/external-credentials/Billing")["authenticationStatus"]
    print(f"callout:Billing is {status}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
