"""How text leaves the commands: wrapped, painted, in plain characters, and on a stream that is nobody else's."""

from __future__ import annotations

import os
import sys
import textwrap
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, TextIO

import click

from prefect_preflight._redaction.outlet import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Paint = Callable[[str, str], str]

__all__ = ["CONTEXT", "WIDTH", "Line", "columns", "document_stream", "encodable", "joined", "painter", "say", "write"]

WIDTH = 80
"""Columns where nobody says how many there are."""
_NARROWEST, _WIDEST = 40, 120  # columns: what is narrower wraps us anyway, and longer lines are hard to read
CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST}
"""The `context_settings` of all commands."""

_STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True},
    "good": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "bad": {"fg": "red"},
    "dim": {"dim": True},
}

# What stands for our own characters where they cannot be encoded.
_PLAIN = str.maketrans({"•": "*", "…": "...", "—": "-", "█": "#", "·": "."})


@dataclass(frozen=True)
class Line:
    """One line: its text, its style, and by how much its continuation is indented (None: it is never wrapped).

    Wrapped between words alone: a name, a value or a path can be copied whole.
    """

    text: str = ""
    style: str = ""
    hang: int | None = None


def joined(lines: Sequence[Line], paint: Paint, width: int) -> str:
    """The lines as one text.

    Args:
        lines: the lines.
        paint: gives a text a style ("title", "good", "warn", "bad", "dim"); the identity for plain text.
        width: columns at which sentences are wrapped.
    """
    return "".join(f"{text}\n" for line in lines for text in _wrapped(line, paint, width))


def columns(stream: TextIO) -> int:
    """At how many columns to wrap what is written to `stream`: those of its terminal, or what `COLUMNS` says."""
    if os.environ.get("COLUMNS", "").isdecimal():
        width = int(os.environ["COLUMNS"])
    else:
        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except (AttributeError, OSError, ValueError):  # a file, a pipe, a test's stream
            width = 0
    return min(max(width or WIDTH, _NARROWEST), _WIDEST)


def painter(stream: TextIO) -> Paint:
    """Colours on a terminal, and where somebody forces them.

    `NO_COLOR` (https://no-color.org) is stronger than `FORCE_COLOR` (https://force-color.org) and `CLICOLOR_FORCE`
    (https://bixense.com/clicolors).
    """
    if not _coloured(stream):
        return lambda text, _style: text
    return lambda text, style: click.style(text, **_STYLES[style])


def _coloured(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def _wrapped(line: Line, paint: Paint, width: int) -> Iterator[str]:
    """The line as the lines of a terminal: without secrets and control characters; wrapped; painted."""
    text = shown(line.text)
    parts = [text]
    if line.hang is not None and len(text) > width:
        parts = textwrap.wrap(
            text, width, subsequent_indent=" " * line.hang, break_long_words=False, break_on_hyphens=False
        )
    for part in parts:
        yield paint(part, line.style) if line.style else part


def say(text: str = "", *, error: bool = False) -> None:
    """Print one line, without secrets and control characters.

    Args:
        text: the line.
        error: on stderr instead of stdout.
    """
    click.echo(shown(text), err=error)


def encodable(text: str, encoding: str | None) -> str:
    """`text` with what `encoding` does not have replaced: our own characters by plain ones, others by escapes."""
    encoding = encoding or "ascii"
    try:
        text.encode(encoding)
        return text
    except LookupError:
        encoding = "ascii"
    except UnicodeEncodeError:
        pass
    return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)


def write(stream: TextIO, text: str) -> None:
    """Write a document, in what the stream can encode; a reader that has seen enough, such as `head`, is no error."""
    try:
        stream.write(encodable(text, stream.encoding))
        stream.flush()
    except BrokenPipeError:
        pass


@contextmanager
def document_stream(for_good: bool = True) -> Iterator[TextIO]:
    """Where the report goes: the standard output, which is then nobody else's.

    Prefect and the plugins may print when they are imported, in threads that go on, in child processes and at exit. So
    the file descriptor 1 itself becomes the standard error's; only the stream that is returned writes to the old one.

    Args:
        for_good: until the process ends; else what was there is put back, for a program that goes on.
    """
    stdout = sys.stdout
    try:
        owns_descriptor = stdout.fileno() == 1
    except (AttributeError, OSError, ValueError):  # a test's or a notebook's stream, or none
        owns_descriptor = False
    if not owns_descriptor:
        sys.stdout = sys.stderr
        try:
            yield stdout
        finally:
            sys.stdout = stdout
        return
    stdout.flush()
    # Without inheritance: a child that outlives us must not keep a pipe's reader waiting.
    stream = os.fdopen(os.dup(1), "w", encoding=stdout.encoding, errors=stdout.errors)
    try:
        os.dup2(2, 1)
    except OSError:  # no standard error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    sys.stdout = sys.stderr
    try:
        yield stream
    finally:
        if not for_good:
            os.dup2(stream.fileno(), 1)
            sys.stdout = stdout
        with suppress(OSError):  # what could not be written a moment ago: nobody reads any more, or the disk is full
            stream.close()
