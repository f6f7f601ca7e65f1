"""What Schemathesis does beside its own."""

import itertools
import os

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

KEY = "Idempotency-Key"
BEHALF = "Sortie-On-Behalf-Of"
numbers = itertools.count()


def is_wrong_on_purpose(case):
    """Whether something is wrong with the headers that nobody must take."""
    headers = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    return headers is not None and headers.mode == GenerationMode.NEGATIVE


@schemathesis.hook
def before_call(context, case, kwargs):
    headers, path = case.headers, case.path_parameters or {}
    # It likes to send the same key again, with another body: then nothing but 422 is answered. Every eighth may stay as it is.
    number = next(numbers)
    if headers and headers.get(KEY) and number % 8:
        headers[KEY] = f"{number}-{headers[KEY]}"[: max(len(headers[KEY]), 16)]
    # For somebody else nearly everything is refused, which says nothing of what is asked for: every eighth time is enough.
    if headers and BEHALF in headers and number % 8 and not is_wrong_on_purpose(case):
        del headers[BEHALF]
    # A header with this character is no HTTP: it is refused before there is a request, by nobody of ours.
    for name in list(headers or {}):
        headers[name] = headers[name].replace("\0", "")
    # It reads who is there. Whoever asks must go on asking: nothing is learnt without the key and what it may do.
    if case.method != "GET" and path.get("user") == "admin":
        path["user"] = "viewer"
    if case.method != "GET" and path.get("name") == "Everything":
        path["name"] = "Viewers"


@schemathesis.check
def keeps_secrets(context, response, case):
    mark = os.environ["SORTIE_SECRET_MARK"]
    assert mark not in response.text, "a secret is in an answer"
    assert all(mark not in value for value in response.headers.values()), "a secret is in a header"
