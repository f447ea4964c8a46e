"""What real libraries print, with secrets in it and without; `corpora/README.md` says where it comes from.

A quarter of each corpus is kept apart from those that the rules were made with: nobody has looked at it while writing a
rule, so what it says of the rules is what an unknown text would say.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

_DIRECTORY = Path(__file__).parent / "corpora"
_MARK = "\u2063"  # stands in the stored canaries, so that no scanner takes them for anybody's keys
VISIBLE = 8
"""Characters of a secret in a row that count as a leak; all of it, if it is shorter."""


class Text(NamedTuple):
    """A text that a library has printed.

    Attributes:
        id: unique.
        library: what printed it, and which version.
        text: the text.
        secrets: what must not survive in it, as it appears; none in a harmless text.
        kept_apart: whether the rules were made without it.
    """

    id: str
    library: str
    text: str
    secrets: tuple[str, ...]
    kept_apart: bool


def load(kind: str) -> list[Text]:
    """Returns a corpus: ``"secret"`` or ``"harmless"``."""
    stored = json.loads((_DIRECTORY / f"{kind}.json").read_text(encoding="utf-8"))
    return [
        Text(
            one["id"],
            one["library"],
            one["text"].replace(_MARK, ""),
            tuple(secret.replace(_MARK, "") for secret in one.get("secrets", ())),
            _is_kept_apart(one["id"]),
        )
        for one in stored
    ]


def _is_kept_apart(name: str) -> bool:
    digest = hashlib.sha256(name.encode()).digest()
    return digest[0] % 2 == 0 and digest[1] % 2 == 0


def leaks(text: Text, shown: str) -> bool:
    """Returns whether anything of a text's secrets can be read in what is shown of it."""
    return any(
        secret[start : start + VISIBLE] in shown
        for secret in text.secrets
        for start in range(max(len(secret) - VISIBLE, 0) + 1)
    )
