"""A service to try the plug-in with: its login is no OAuth. Whoever opens its login page is Ada, and is sent back with a ticket.

Environment: PORTAL_KEY (what the plug-in shows), PORTAL_LISTEN (host:port).
"""

import json
import os
import secrets
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

from plugin import serve


class Sessions:
    """Tickets are good once; prolonging a session ends the one before."""

    def __init__(self):
        self.lock, self.tickets, self.sessions, self.prolonging = threading.Lock(), {}, set(), {}

    def ticket(self, back):
        with self.lock:
            ticket = secrets.token_urlsafe(16)
            self.tickets[ticket] = back
            return ticket

    def open(self):
        session, prolonging = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.sessions.add(session)
        self.prolonging[prolonging] = session
        return {"session": session, "prolonging": prolonging, "seconds": 900}

    def exchange(self, body):
        with self.lock:
            return self.open() if self.tickets.pop(body["ticket"], None) == body["back"] else None

    def prolong(self, body):
        with self.lock:
            session = self.prolonging.pop(body["prolonging"], None)
            if session not in self.sessions:
                return None
            self.sessions.discard(session)
            return self.open()

    def whoami(self, body):
        return {"number": 1815, "called": "ada"} if body["session"] in self.sessions else None

    def end(self, body):
        with self.lock:
            self.sessions.discard(body["session"])
            return {}


def handler(key, sessions):
    steps = {"/exchange": sessions.exchange, "/prolong": sessions.prolong, "/whoami": sessions.whoami, "/end": sessions.end}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            if url.path != "/login" or "back" not in query:
                return self.answer(404, {})
            back = urllib.parse.urlencode({"ticket": sessions.ticket(query["back"]), "state": query.get("state", "")})
            return self.answer(302, {}, [("Location", f"{query['back']}?{back}")])

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers.get("X-Portal-Key") != key:
                return self.answer(401, {})
            found = steps[self.path](body) if self.path in steps else None
            return self.answer(404 if found is None else 200, found or {})

        def answer(self, status, body, headers=()):
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in [*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(content)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, message, *parameters):
            pass

    return Handler


if __name__ == "__main__":
    serve(os.environ.get("PORTAL_LISTEN", "127.0.0.1:8788"), handler(os.environ["PORTAL_KEY"], Sessions()))
