"""An STS of this machine's own, which logs each request; started by the tests, ends with its stdin.

Arguments: the file for the log, one action a line.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class CountingProxy:
    """WSGI application in front of moto's: notes the action that a request asks for, then passes it on."""

    def __init__(self, application: Callable[..., Iterable[bytes]], log: str) -> None:
        self._application = application
        self._log = log

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serves one request (PEP 3333)."""
        from io import BytesIO

        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        for action in parse_qs(body.decode()).get("Action", []):
            with open(self._log, "a") as log:
                log.write(action + "\n")
        return self._application(environ, start_response)


if __name__ == "__main__":
    application = CountingProxy(DomainDispatcherApplication(create_backend_app), sys.argv[1])
    server = make_server("127.0.0.1", 0, application, threaded=True)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
