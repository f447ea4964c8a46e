"""What runs the snippets: canaries, a local server, and the clean-up of what differs between machines."""

from __future__ import annotations

import base64
import html
import importlib.metadata
import json
import linecache
import logging
import re
import sys
import threading
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from corpus_redaction import ALNUM, DIGITS, HEX, LOWER, UPPER, noise

MARK = "\u2063"
WORDS = ["Tr0ub4dor", "Winter2024", "correctHorse", "s3cr3tSquirrel", "Pa55phrase", "blueMonday", "Kaffee", "hunter"]
SYMBOLS = "&!#^*+=?~;,.|$%"
USERS = ["", "bob", "app", "token", "_json_key", "x-access-token", "AWS", "deploy", "elastic", "my-client"]
ALPHABETS = {
    "A": ALNUM,
    "a": LOWER + DIGITS,
    "U": UPPER + DIGITS,
    "h": HEX,
    "H": DIGITS + "ABCDEF",
    "d": DIGITS,
    "w": ALNUM + "-_",
    "b": ALNUM + "+/",
    "l": UPPER + LOWER,
    "B": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "g": DIGITS + "abcdefgh",
}
# What scanners know by its first characters: also split where it is no canary of its own, as an access key's ID.
FLAGGED = re.compile(r"-----BEGIN|\b(?:AKIA|ASIA)[A-Z2-7]{16}")


def fill(template: str, seed: str) -> str:
    """Return the template with each `{A36}` replaced by 36 characters of the alphabet of that letter."""
    counter = iter(range(99))

    def part(found: re.Match[str]) -> str:
        # The first three characters of `noise` are nearly the same each time: a rule for them would find everything.
        return noise(f"{seed} {next(counter)}", int(found[2]) + 3, ALPHABETS[found[1]])[3:]

    return re.sub(r"\{([A-Za-z])(\d+)\}", part, template)


def b64(text: str) -> str:
    """Return the text in Base64."""
    return base64.b64encode(text.encode()).decode()


def canary(kind: str, seed: str) -> str:
    """Return a secret of a kind: a password for people, or one of the shapes in which machines draw them."""
    seed = f"{seed}/{kind}"
    if kind.startswith("pw"):
        pick = int(noise(seed, 12, DIGITS)[3:])
        return WORDS[pick % len(WORDS)] + SYMBOLS[pick % len(SYMBOLS)] + fill("{A4}-{A4}", seed)
    if kind.startswith("jwt"):
        claims = b64(json.dumps({"sub": seed, "iat": 1516239022})).rstrip("=")
        return f"{b64(json.dumps({'alg': 'HS256', 'typ': 'JWT'})).rstrip('=')}.{claims}.{fill('{w43}', seed)}"
    shapes = {"url": "{A16}", "tok": "{A40}", "hex": "{h32}", "b64": "{A43}=", "long": "{A120}", "aws": "{b40}"}
    shapes |= {"dash": "{A8}-{A12}-{A6}", "low": "{a24}", "uuid": "{h8}-{h4}-{h4}-{h4}-{h12}", "line": "{b64}"}
    shapes |= {"gh": "ghp_{A36}", "hvs": "hvs.{w95}", "az": "{A3}8Q~{w34}", "goog": "ya29.{w80}", "pat": "glpat-{w20}"}
    return fill(shapes[kind.rstrip("0123456789") if kind not in ("b64",) else kind], seed)


def forms(secret: str) -> list[str]:
    """Return the ways in which texts write a secret."""
    found = [secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret)]
    found += [quote_plus(secret), html.escape(secret), html.escape(secret, quote=False), b64(secret)]
    found += [b64(f"{user}:{secret}") for user in USERS]
    return list(dict.fromkeys(found))


def visible(text: str, secret: str) -> list[str]:
    """Return the forms, or else the first and last parts, of a secret that a text shows."""
    whole = [form for form in forms(secret) if form in text]
    whole = [form for form in whole if not any(form != other and form in other for other in whole)]
    for form in whole:
        text = text.replace(form, "")
    if whole and "..." not in text:
        return whole
    # A text may show the whole secret in its source lines and, cut in the middle, as a value.
    heads = (secret[:size] for size in range(len(secret), 5, -1))
    tails = (secret[-size:] for size in range(len(secret), 5, -1))
    parts = [next((head for head in heads if head in text), ""), next((tail for tail in tails if tail in text), "")]
    return whole + [part for part in parts if part]


class Handler(BaseHTTPRequestHandler):
    """Answers as the services do that refuse a client; says nothing on standard error."""

    bodies: dict[str, tuple[int, str]] = {  # noqa: RUF012 - a constant table
        "/v1": (403, '{"errors":["1 error occurred:\\n\\t* permission denied\\n\\n"]}'),
        "/400": (400, '{"error":"bad request"}'),
        "/401": (
            401,
            '{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}',
        ),
        "/403": (403, '{"error":{"code":403,"message":"The caller does not have permission"}}'),
        "/429": (429, '{"error":"rate limited"}'),
        "/503": (503, "upstream connect error"),
        "/google": (400, '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'),
    }
    aws = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        "<Code>{}</Code><Message>{}</Message></Error><RequestId>3e5c1c35-7d0b-4c53-9e0b-5d1f0a8a3c11</RequestId>"
        "</ErrorResponse>"
    )

    def answer(self) -> None:
        """Answer by the path; `/echo` repeats what it was sent, as debug pages do."""
        size = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(size).decode(errors="replace")
        status, body = 400, json.dumps({"path": self.path, "headers": dict(self.headers), "body": sent})
        if "Action=GetCallerIdentity" in sent:
            status = 403
            body = self.aws.format("ExpiredToken", "The security token included in the request is expired")
        known = [answer for start, answer in self.bodies.items() if self.path.startswith(start)]
        if known:
            status, body = known[0]
        self.send_response(status)
        self.send_header("Content-Type", "text/xml" if body.startswith("<") else "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = do_LIST = do_HEAD = do_DELETE = answer  # noqa: N815 - prescribed names

    def version_string(self) -> str:
        """Return a name that does not depend on the interpreter's version."""
        return "nginx/1.25.3"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the same date always."""
        return "Thu, 02 Jan 2025 03:04:05 GMT"

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[int]:
    """Serve on a free port, which is returned."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


class Gather(logging.Handler):
    """Keeps the formatted records."""

    def __init__(self) -> None:
        super().__init__(0)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record, in the form that `basicConfig` or Prefect gives it."""
        stamp = "2025-01-02 03:04:05,678 " if len(self.lines) % 2 else "03:04:05.678 | "
        middle = (
            f"{record.levelname} {record.name} " if len(self.lines) % 2 else f"{record.levelname:<7} | {record.name} - "
        )
        self.lines.append(stamp + middle + record.getMessage())


class Runner:
    """Runs snippets and gathers what they print.

    Attributes:
        ports: of the local server, and a closed one.
        home: the temporary directory, which texts show as /tmp/x.
    """

    def __init__(self, ports: tuple[int, int], home: str) -> None:
        self.ports = ports
        self.home = home

    def clean(self, text: str) -> str:
        """Return the text without this machine's paths, ports, addresses and times."""
        text = text.replace(self.home, "/tmp/x")
        for root in sorted({*sys.path, sys.prefix, sys.base_prefix}, key=len, reverse=True):
            if root.endswith("site-packages"):
                text = text.replace(root, "/usr/lib/python3.12/site-packages")
            elif len(root) > 5 and not root.startswith("/tmp/x"):
                text = text.replace(root, "/usr/lib/python3.12" if "lib/" in root else "/usr")
        for port in self.ports:
            text = re.sub(rf"\b{port}\b", "8200", text)
        text = re.sub(r"\b0x[0-9a-f]{8,}", "0x7f3a5c2b1d90", text)
        # The kernel, the libraries' ID of a call, and how long something took.
        text = re.sub(r"os/linux#[^\s']+", "os/linux#6.1.0", text)
        text = re.sub(r"Linux-[\w.+-]+-with-glibc[\d.]+", "Linux-6.1.0-x86_64-with-glibc2.36", text)
        text = re.sub(r"(invocation-id'?: b?'?)[0-9a-f-]{36}", r"\g<1>7f3a5c2b-1d90-4e8f-a6b7-c8d9e0f1a2b3", text)
        # Signed with the port: any signature is as good.
        text = re.sub(r"Signature=[0-9a-f]{64}", "Signature=" + noise("signature", 64, HEX), text)
        text = re.sub(r"(?<=timed out after )[\d.]+(?= seconds)", "0.25", text)
        return re.sub(r"\b(\d+\.)\d{6,}s\b|(?<=in )\d+\.\d+ ?s", "0.25s", text)

    def run(self, slug: str, source: str) -> list[tuple[str, str]]:
        """Return what a program says, logs and raises, each with the kind of text it is."""
        path = f"/tmp/x/{slug}.py"
        source = source.replace("SERVER", f"http://127.0.0.1:{self.ports[0]}")
        source = source.replace("CLOSED", f"http://127.0.0.1:{self.ports[1]}").replace("PORT", str(self.ports[1]))
        linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        gather = Gather()
        root = logging.getLogger()
        root.addHandler(gather)
        said: list[tuple[str, str]] = []
        if "# DEBUG" in source:
            root.setLevel(logging.DEBUG)
        try:
            names = {"say": lambda text: said.append(("said", str(text))), "__name__": "__main__", "b64": b64}
            exec(compile(source, path, "exec"), names)
        except BaseException as error:
            said += self.raised(error, "# LONG" in source)
        finally:
            root.setLevel(logging.WARNING)
            root.removeHandler(gather)
        said += [("log", line) for line in gather.lines]
        return [(kind, self.clean(text).strip("\n")) for kind, text in said]

    def raised(self, error: BaseException, long: bool) -> list[tuple[str, str]]:
        """Return the traceback of an error without our own frame, and its text and representation."""
        below = error.__traceback__.tb_next if error.__traceback__ else None
        lines = traceback.format_exception(type(error), error, below, limit=None if long else 2)
        return [("traceback", "".join(lines)), ("str", str(error)), ("repr", repr(error))]


def version(library: str) -> str:
    """Return the library's name with its version; a format has no version."""
    try:
        return f"{library} {importlib.metadata.version(library)}"
    except importlib.metadata.PackageNotFoundError:
        return library


def split(text: str, secrets: list[str]) -> str:
    """Return the text with a mark in each secret, so that no scanner takes it for somebody's key."""
    for secret in sorted(secrets, key=len, reverse=True):
        # Some shapes begin with a number or a name of any length, others have no prefix: what is left behind the
        # second character must not pass for one, hence the marks further on.
        middle = len(secret) // 2
        rest = secret[2:middle] + MARK + secret[middle:]
        text = text.replace(secret, secret[:2] + MARK + re.sub(r"(?<=[:.])", MARK, rest))
    return FLAGGED.sub(lambda found: found[0][:2] + MARK + found[0][2:], text)


def parse(document: str) -> Iterator[tuple[str, str, str]]:
    """Return slug, library and source of each snippet of a document."""
    for block in document.split("\n### ")[1:]:
        head, _, source = block.partition("\n")
        slug, _, library = head.partition(" | ")
        # The documents write the dashes of a private key, and the ID in AWS' manual, in part, for the scanners' sake.
        source = source.strip("\n").replace("~" * 5, "-" * 5).replace("..EXAMPLE", "IOSFODNN7EXAMPLE") + "\n"
        yield slug.strip(), library.strip(), source
