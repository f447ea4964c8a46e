"""How text leaves the commands: wrapped, painted, in plain characters, and on a stream that is nobody else's."""

from __future__ import annotations

import os
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, TextIO

import click

from prefect_preflight._redaction.outlet import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Paint = Callable[[str, str], str]

__all__ = ["CONTEXT", "WIDTH", "Line", "document_stream", "encodable", "joined", "painter", "say"]

WIDTH = 80
"""Columns at which sentences are wrapped; names and values never are."""
CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": WIDTH}
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
    """One line: its text, its style, and by how much its continuation is indented (None: it is never wrapped)."""

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


def painter(stream: TextIO) -> Paint:
    """Colours on a terminal, unless `NO_COLOR` is set (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return lambda text, _style: text
    return lambda text, style: click.style(text, **_STYLES[style])


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


@contextmanager
def document_stream() -> Iterator[TextIO]:
    """Where the report goes: the standard output, which is then nobody else's until the process ends.

    Prefect and the plugins may print when they are imported, in threads that go on, in child processes and at exit. So
    the file descriptor 1 itself becomes the standard error's; only the stream that is returned writes to the old one.
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
        try:
            stream.close()
        except OSError:  # what could not be written a moment ago: nobody reads any more, or the disk is full
            pass
