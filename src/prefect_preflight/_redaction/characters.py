"""Keep a text on its line: what would move a terminal's cursor, change its colours or its direction is written out."""

from __future__ import annotations

import re

__all__ = ["escaped", "quoted"]

# C0 and C1 controls (ESC, line breaks, BEL ...), what reverses or hides text (bidi, zero-width, tags), lone surrogates.
# What joins letters in Persian or emoji, U+200C and U+200D, is none of that.
_UNSAFE = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_QUOTE = "\n  | "


def escaped(text: str) -> str:
    """`text` on one line; lines that `quoted` made stay lines, since nobody takes them for anything else."""
    if text.isprintable():
        return text
    written = re.sub(_UNSAFE, lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
    return written.replace(r"\n" + _QUOTE[1:], _QUOTE)


def quoted(text: str) -> str:
    """A text of several lines, such as a traceback, each of them marked: no line of it passes for a log line."""
    return "".join(_QUOTE + line for line in text.splitlines())
