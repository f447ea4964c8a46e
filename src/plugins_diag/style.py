"""Lines of text, and what a terminal or a log may make of them: wrapping, plain characters, colours."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STYLES", "Line", "encodable", "printable", "wrapped"]

STYLES: dict[str, dict[str, object]] = {
    "title": {"bold": True},
    "good": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "bad": {"fg": "red"},
    "dim": {"dim": True},
}
"""What each style means, as arguments of `click.style`."""

# What stands for our own characters where they cannot be encoded.
_PLAIN = str.maketrans({"•": "*", "…": "...", "—": "-", "█": "#", "·": "."})


@dataclass(frozen=True)
class Line:
    """One line: its text, its style, and by how much its continuation is indented (None: it is never wrapped)."""

    text: str = ""
    style: str = ""
    hang: int | None = None


def wrapped(line: Line, paint: Callable[[str, str], str], width: int) -> Iterator[str]:
    """The line as the lines of a terminal: control characters shown, not executed; wrapped; painted."""
    text = printable(line.text)
    parts = [text]
    if line.hang is not None and len(text) > width:
        parts = textwrap.wrap(
            text, width, subsequent_indent=" " * line.hang, break_long_words=False, break_on_hyphens=False
        )
    for part in parts:
        yield paint(part, line.style) if line.style else part


def printable(text: str) -> str:
    """`text` on one line, what would move a terminal's cursor or change its colours written as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


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
