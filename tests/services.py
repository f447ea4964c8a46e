"""Stand-ins for the services of the gallery: HTTP servers on loopback that answer as the vendors document it.

Each knows one good secret, and refuses whoever has another one. `python services.py` serves them all, prints the
address, and ends when its standard input does.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = "good-canary-4711"
"""The credential that is accepted."""


class Handler(BaseHTTPRequestHandler):
    """Answers for all of them, by the path."""

    def do_GET(self) -> None:
        """Serve what is read."""
        url = urlsplit(self.path)
        if url.path.startswith("/v1/vaults/"):  # 1Password: Connect's REST API, "Get item details"
            self._onepassword()
        elif url.path == "/msi/token":  # Azure: "How to use managed identities for App Service", the REST endpoint
            self._azure(parse_qs(url.query))
        elif url.path.startswith("/v1/"):  # Vault: its HTTP API, any secrets engine
            self._vault(url.path[len("/v1/") :])
        else:
            self._answer(404, {"errors": ["no such path"]})

    def do_PUT(self) -> None:
        """Vault's client writes by it."""
        self.do_POST()

    def do_POST(self) -> None:
        """Serve what is written."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/v1/auth/approle/login":
            good = json.loads(body) == {"role_id": "flows", "secret_id": GOOD}
            auth = {"client_token": "vault-token-4711", "lease_duration": 1200, "renewable": True}
            self._answer(200 if good else 400, {"auth": auth} if good else {"errors": ["invalid role or secret ID"]})
        elif self.path == "/google/token":  # Google: "Using OAuth 2.0 for Server to Server Applications"
            good = "assertion" in parse_qs(body)
            self._answer(
                200, {"access_token": "google-token-4711", "expires_in": 3599, "token_type": "Bearer"} if good else {}
            )
        elif self.path == "/google/refuses":
            self._answer(401, {"error": "invalid_client", "error_description": "The account has been disabled"})
        elif self.path == "/oauth/token":  # RFC 6749, section 4.4
            expected = f"Basic {base64.b64encode(f'flows:{GOOD}'.encode()).decode()}"
            good = self.headers["Authorization"] == expected and "grant_type=client_credentials" in body
            token = {"access_token": "oauth-token-4711", "expires_in": 600, "token_type": "Bearer"}
            self._answer(200 if good else 401, token if good else {"error": "invalid_client"})
        else:
            self._answer(404, {"errors": ["no such path"]})

    def _vault(self, path: str) -> None:
        if self.headers["X-Vault-Token"] != "vault-token-4711":
            self._answer(403, {"errors": ["permission denied"]})
        elif path == "secret/data/flows":
            self._answer(
                200,
                {"lease_id": "", "lease_duration": 0, "data": {"data": {"api_key": "vault-key-4711"}, "metadata": {}}},
            )
        elif path == "database/creds/flows":
            data = {"username": "v-flows", "password": "vault-password-4711"}
            self._answer(200, {"lease_id": "database/creds/flows/x", "lease_duration": 3600, "data": data})
        else:
            self._answer(404, {"errors": []})

    def _onepassword(self) -> None:
        if self.headers["Authorization"] != f"Bearer {GOOD}":
            self._answer(401, {"status": 401, "message": "Invalid token signature"})
            return
        fields = [
            {"id": "username", "label": "username", "value": "flows"},
            {"id": "password", "label": "password", "purpose": "PASSWORD", "value": "onepassword-4711"},
            {"id": "x1", "label": "API key (old)", "value": "onepassword-key-4711"},
            {"id": "notesPlain", "label": "notesPlain"},
        ]
        self._answer(200, {"id": "item", "title": "flows", "fields": fields})

    def _azure(self, query: dict[str, list[str]]) -> None:
        if self.headers["X-IDENTITY-HEADER"] != GOOD:
            self._answer(401, {"statusCode": 401, "message": "Unauthorized"})
            return
        token = {"access_token": "azure-token-4711", "expires_on": str(int(time.time()) + 7200), "token_type": "Bearer"}
        self._answer(200, {**token, "resource": query["resource"][0]})

    def _answer(self, status: int, data: Any) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve() -> Iterator[str]:
    """Serves all in a process of their own; gives the address."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


def main() -> None:
    """Serve until the standard input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
