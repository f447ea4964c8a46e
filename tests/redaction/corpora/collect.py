"""Makes the two corpora: `python tests/redaction/corpora/collect.py OUT_DIR`, see README.md for what it needs."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import harmless
import kit
import secrets_cloud
import secrets_data
import secrets_tokens

# What a library would otherwise find out about this machine; a fixed seed makes the order of sets the same every time.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "USER": "app", "LOGNAME": "app", "TZ": "UTC", "LANG": "C.UTF-8", "COLUMNS": "100"}
ENVIRONMENT |= {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*", "NO_COLOR": "1", "PATH": "/usr/bin:/bin"}
ENVIRONMENT |= {"AWS_MAX_ATTEMPTS": "1", "NO_GCE_CHECK": "true", "AWS_DEFAULT_REGION": "eu-west-1"}


WORDS = r"key|token|secret|pas+w|pass|pwd|auth|cred|sign|sig=|cookie|sid|session|PRIVATE|webhook|bearer|basic |login"
TELLING = re.compile(WORDS + r"|//|identified by|-[up] ?\S|netloc|b'bob:", re.I)
PREFIXED = re.compile(r"ghp_|glpat-|hvs\.|ya29\.|eyJ|...8Q~")


class Entries:
    """The texts of one corpus, without repetitions.

    Attributes:
        found: the entries.
    """

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._seen: set[str] = set()
        self._counts: dict[str, int] = {}

    def add(self, slug: str, library: str, text: str, secrets: list[str] | None = None) -> None:
        """Add a text, unless one that differs in its canaries alone is there."""
        shape = text
        for secret in secrets or []:
            shape = shape.replace(secret, "*")
        shape = re.sub(r"^[\d:. |,-]+(?=[A-Z]+ )", "", shape).replace(" | ", " ").replace(" - ", " ")
        shape = re.sub(r"\s+|(?<=total=)\d|(?<=on \()\d", " ", shape)
        if not text or shape in self._seen:
            return
        self._seen.add(shape)
        self._counts[slug] = self._counts.get(slug, 0) + 1
        entry: dict[str, Any] = {"id": f"{slug}-{self._counts[slug]}", "library": kit.version(library)}
        entry["text"] = kit.split(text, secrets or [])
        if secrets is not None:
            entry["secrets"] = [kit.split(secret, [secret]) for secret in secrets]
        self.found.append(entry)

    def write(self, path: Path) -> None:
        """Write the corpus."""
        entries = sorted(self.found, key=lambda entry: str(entry["id"]))
        path.write_text(json.dumps(entries, indent=1, ensure_ascii=True) + "\n")


def marked(slug: str, text: str, secrets: list[str]) -> str:
    """Return the slug, with `bare-` before it if neither the text nor the secrets say that this is a secret."""
    for secret in secrets:
        if PREFIXED.match(secret):
            return slug
        text = text.replace(secret, "")
    return slug if TELLING.search(text) else f"bare-{slug}"


def secret_texts(runner: kit.Runner) -> Entries:
    """Return the texts that show a canary."""
    entries = Entries()
    for slug, library, source in [*kit.parse(secrets_cloud.SNIPPETS), *kit.parse(secrets_data.SNIPPETS)]:
        kinds = sorted(set(re.findall(r"@@(\w+)@@", source)))
        canaries = {kind: kit.canary(kind, slug) for kind in kinds}
        filled = re.sub(r"@@(\w+)@@", lambda found, known=canaries: known[found[1]], source)
        shown = 0
        for kind, text in runner.run(slug, filled):
            found = [part for secret in canaries.values() for part in kit.visible(text, secret)]
            # The representation repeats the text; both are wanted only where the text itself is silent.
            if found and not (kind == "repr" and shown):
                shown += kind == "str"
                name = slug if kind == "said" else f"{slug}-{kind}"
                entries.add(marked(name, text, found), library, text, list(dict.fromkeys(found)))
        if not any(slug in str(entry["id"]) for entry in entries.found):
            sys.stderr.write(f"no canary shown: {slug}\n")
    for slug, service, text, token in secrets_tokens.texts():
        entries.add(slug, service, text, [token])
    return entries


def harmless_texts(runner: kit.Runner) -> Entries:
    """Return the texts that show none."""
    entries = Entries()
    for slug, library, source in kit.parse(harmless.SNIPPETS):
        lines = 0
        for kind, text in runner.run(slug, source):
            lines += kind == "log"
            if (kind == "log" and lines > 14) or kind == "repr":
                continue
            entries.add(slug if kind == "said" else f"{slug}-{kind}", library, text)
    for library, texts in harmless.LINES.items():
        for text in texts.strip("\n").split("\n"):
            entries.add(f"line-{library.replace(' ', '-')}", library, text.replace("\\n", "\n"))
    return entries


def main(out: str) -> None:
    """Write both corpora to a directory."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as home, kit.serving() as port, socket.socket() as closed:
        os.environ["HOME"] = home
        # Bound but not listening: the port stays ours, and refuses every connection.
        closed.bind(("127.0.0.1", 0))
        os.chdir(home)
        runner = kit.Runner((port, closed.getsockname()[1]), home)
        for name, make in (("secret", secret_texts), ("harmless", harmless_texts)):
            made = make(runner)
            made.write(Path(out) / f"{name}.json")
            sys.stderr.write(f"{name}: {len(made.found)}\n")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv[:1], os.path.abspath(sys.argv[1])], ENVIRONMENT)
    main(sys.argv[1])
