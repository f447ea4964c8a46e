"""An STS of this machine's own, which judges and logs each request; started by tests, ends with its stdin.

moto plays AWS, but takes any key for good, however old. So there is a front before it that knows the keys which
AssumeRole has issued, and refuses what AWS refuses: an issued key after its expiry (``ExpiredToken``), one without its
session token (``InvalidClientTokenId``), and a role that assumes itself and is not trusted to (``AccessDenied``). That
holds for all services, as it goes by the signature's header alone. Keys that were not issued here are base keys, and
good for ever.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OK = "ok"
MESSAGES = {
    "ExpiredToken": "The security token included in the request is expired",
    "InvalidClientTokenId": "The security token included in the request is invalid",
    "AccessDenied": "The role is not authorized to perform: sts:AssumeRole on itself",
}
ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
  <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
</ErrorResponse>
"""


@dataclass(frozen=True)
class Issued:
    """A key that AssumeRole has issued; ``expires`` in seconds since the epoch."""

    key: str
    token: str
    expires: float


@dataclass
class Entry:
    """A line of the log.

    Attributes:
        time: seconds since the epoch.
        action: what was asked for; of services that have no actions, the method and the path.
        application: what the client calls itself by ``AWS_SDK_UA_APP_ID``.
        key: the access key ID; None if the request is not signed.
        signer: "base", "role" (a key that was issued here), or "none".
        verdict: "ok" or the error's code.
        issued: the key that AssumeRole has issued.
        expires: its expiry, in seconds since the epoch.
    """

    time: float
    action: str
    application: str | None
    key: str | None
    signer: str
    verdict: str
    issued: str | None = None
    expires: float | None = None


class Front:
    """WSGI application in front of moto's (PEP 3333).

    Args:
        application: moto's.
        log: the file for the actions, one a line.
        json_log: the file for the entries, one a line; None for none.
        lease: how long all keys live, in seconds, whatever is asked for; None for as long as is asked.
        trusts_itself: whether a role may assume itself.
    """

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        log: str,
        json_log: str | None = None,
        lease: int | None = None,
        trusts_itself: bool = False,
    ) -> None:
        self._application = application
        self._log = log
        self._json_log = json_log
        self._lease = lease
        self._trusts_itself = trusts_itself
        self._issued: dict[str, Issued] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serves one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        form = _form(environ, body)
        entry = self._judge(environ, form)
        if entry.verdict != OK:
            self._write(entry)
            return _refuse(entry.verdict, start_response)
        if entry.action == "AssumeRole" and self._lease is not None:
            # AWS and botocore take no less than 900 seconds, so it is not in the client's hands.
            body = urlencode({**form, "DurationSeconds": str(self._lease)}).encode()
        environ.update({"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        if entry.action != "AssumeRole":
            self._write(entry)
            return self._application(environ, start_response)
        answer = b"".join(self._application(environ, start_response))
        issued = _issued(answer)
        if issued is not None:
            self._issued[issued.key] = issued
            entry.issued, entry.expires = issued.key, issued.expires
        self._write(entry)
        return [answer]

    def _judge(self, environ: dict[str, Any], form: dict[str, str]) -> Entry:
        """Returns the request's entry, with the verdict."""
        now = time.time()
        action = form.get("Action") or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        signed = re.match(r"AWS4-HMAC-SHA256 .*?Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        named = re.search(r"\bapp/(\S+)", environ.get("HTTP_USER_AGENT", ""))
        application = named[1] if named else None
        if not signed:
            return Entry(now, action, application, None, "none", OK)
        issued = self._issued.get(signed[1])
        if issued is None:
            return Entry(now, action, application, signed[1], "base", OK)
        verdict = OK
        if environ.get("HTTP_X_AMZ_SECURITY_TOKEN") != issued.token:
            verdict = "InvalidClientTokenId"
        elif now >= issued.expires:
            verdict = "ExpiredToken"
        elif action == "AssumeRole" and not self._trusts_itself:
            verdict = "AccessDenied"
        return Entry(now, action, application, signed[1], "role", verdict)

    def _write(self, entry: Entry) -> None:
        with self._lock:
            if " " not in entry.action:  # the other ones are of services that have no actions
                with open(self._log, "a") as log:
                    log.write(entry.action + "\n")
            if self._json_log is not None:
                with open(self._json_log, "a") as log:
                    log.write(json.dumps(asdict(entry)) + "\n")


def _form(environ: dict[str, Any], body: bytes) -> dict[str, str]:
    """Returns the fields of a request of those services that take forms; empty for the others."""
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _issued(answer: bytes) -> Issued | None:
    """Returns the key in an answer to AssumeRole; None if there is none."""
    fields = {element.tag.rpartition("}")[2]: element.text or "" for element in ElementTree.fromstring(answer).iter()}
    if "SessionToken" not in fields:
        return None
    expires = datetime.fromisoformat(fields["Expiration"].replace("Z", "+00:00"))  # Python 3.10 knows no Z
    return Issued(fields["AccessKeyId"], fields["SessionToken"], expires.timestamp())


def _refuse(code: str, start_response: Callable[..., Any]) -> list[bytes]:
    body = ERROR.format(code=code, message=MESSAGES[code]).encode()
    start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def main() -> None:
    """Serves on a free port of the loopback interface, and prints the address."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("log", help="the file for the actions that are asked for, one a line")
    parser.add_argument("--json-log", metavar="FILE", help="the file for all about each request, one a line")
    parser.add_argument("--lease", metavar="SECONDS", type=int, help="how long keys live, whatever is asked for")
    parser.add_argument("--trusts-itself", action="store_true", help="a role may assume itself")
    options = parser.parse_args()
    moto = DomainDispatcherApplication(create_backend_app)
    front = Front(moto, options.log, options.json_log, options.lease, options.trusts_itself)
    server = make_server("127.0.0.1", 0, front, threaded=True)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
