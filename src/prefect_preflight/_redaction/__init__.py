"""Keep secrets out of everything that we print, log or report.

Three rules, each on its own enough to hide a value:

* by name: a variable whose name says that it is a secret (`is_sensitive`);
* by shape: text that looks like a secret wherever it stands (the table `shapes.SHAPES`);
* by knowledge: a secret once learnt is hidden in any text, in any of its usual encodings.

Nothing is imported after this module has loaded, neither by us nor by what we call: the importing thread may
import nothing while it waits for hooks. A pattern is compiled only when a word that it needs is in the text
(most values need none), and every repetition that can fail is bounded, so the time is linear in the length.
"""

from __future__ import annotations

import re

from .encodings import decoded, encodings
from .known import KnownSecrets
from .names import is_secret, is_sensitive
from .shapes import find_secrets

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .known import Form

__all__ = ["MASK", "Redactor", "is_sensitive"]

MASK = "••••••"
"""What stands in a secret's place, as Prefect's documentation shows it."""

_LIMIT = 32_768  # characters of one text that are shown at most
_SHOWN = 120  # characters of one variable's value that are shown at most: an ARN fits, a certificate does not
_MARGIN = 8_192  # how far past the limit we look for the end of a secret; more than any bounded repetition
_PIECE = 3_072  # longer secrets are learnt in pieces, so that a part of one is recognised too
_PASSES = 8  # redaction is repeated until nothing changes; two passes are usual
_SHORTEST = 6  # shorter values turn up in ordinary text by chance
_CUT = "… (the rest is not shown)"

# Values of "secret" variables that are no secrets, and would blot out half of any text once learnt.
_COMMON = frozenset(
    (
        *("admin", "changeme", "default", "development", "disabled", "enabled", "example", "localhost"),
        *("mongodb", "mysql", "passwd", "password", "postgres", "postgresql", "prefect", "private"),
        *("production", "public", "rabbitmq", "secret", "secrets", "service", "staging", "string"),
        *("testing", "undefined", "username", "unknown"),
    )
)


class Redactor:
    """Text in, text without secrets out: by shape always, by knowledge for what it has learnt.

    No method raises: text that cannot be examined is hidden whole. Threads may share one.
    """

    # Not an instance dictionary, which a renderer of tracebacks might walk; the repr shows nothing.
    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known = KnownSecrets()

    def __repr__(self) -> str:
        return "<Redactor>"

    def learn(self, name: str, value: str) -> None:
        """Remember a variable's value if its name is sensitive, else only the parts with a secret's shape."""
        self._known.keep(_forms_of_variable(name, value))

    def learn_all(self, env: Mapping[str, str]) -> None:
        """Learn an environment, as `learn` does one variable."""
        for name, value in env.items():
            self.learn(name, value)

    def learn_result(self, source: object, env: Mapping[str, str]) -> None:
        """Learn what a source of secrets has given, such as a hook, and forget what it gave long before.

        A process that renews its credentials for months would remember thousands of them otherwise. The present
        result is known and the two before it: those are in errors that are told late.
        """
        self._known.replace(source, (form for name, value in env.items() for form in _forms_of_variable(name, value)))

    def learn_secret(self, value: str) -> None:
        """Remember a secret; what is shorter than six characters or an everyday word is left readable."""
        self._known.keep(_forms_of_secret(value))

    def text(self, text: str) -> str:
        """Return `text` without its secrets; of more than 32,768 characters only the head.

        Applying it twice changes nothing more.
        """
        try:
            return self._settled(text)
        except Exception:
            return MASK

    def value(self, name: str, value: str) -> str:
        """A variable's value for display: MASK if the name is sensitive, else redacted text.

        What is longer than 120 characters after that is shortened.
        """
        if is_sensitive(name):
            return MASK
        shown = self.text(value)
        return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Variables for display, having learnt them all first: one's secret may be part of another."""
        self.learn_all(env)
        return self.variables(env)

    def variables(self, env: Mapping[str, str]) -> dict[str, str]:
        """Variables for display that have been learnt already."""
        return {self.text(name): self.value(name, value) for name, value in env.items()}

    def _settled(self, text: str) -> str:
        if len(text) > _LIMIT:
            # Secrets are looked for some way past the limit, but nothing from there is shown: masking shortens
            # the text, and would otherwise move a secret that was itself cut off into view.
            text = text[: _LIMIT + _MARGIN + self._known.longest]
            text = _mask(text, _secrets(self._known, text), _LIMIT) + _CUT
        for _ in range(_PASSES):
            # A mask can complete another shape, so we go on until nothing changes. Each pass that changes
            # anything leaves fewer characters that are not mask.
            masked = _mask(text, _secrets(self._known, text), len(text))
            if len(masked) > _LIMIT:
                masked = masked[: _LIMIT - len(_CUT)] + _CUT
            if masked == text:
                return masked
            text = masked
        return MASK


def _secrets(known: KnownSecrets, text: str) -> Iterator[tuple[int, int]]:
    yield from find_secrets(text)
    yield from known.find(text)


def _mask(text: str, spans: Iterable[tuple[int, int]], limit: int) -> str:
    """The first `limit` characters, with one mask for each run of overlapping or adjoining spans."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    shown: list[str] = []
    position = 0
    for start, end in merged:
        if start < limit and text[start:end].strip(MASK[0]):  # else it is masked already
            shown += (text[position:start], MASK)
            position = end
    return "".join((*shown, text[position:limit]))


def _forms_of_variable(name: str, value: str) -> Iterator[Form]:
    """The secrets in a variable's value, or all of it."""
    try:
        head = value[: _LIMIT + _MARGIN]
        for start, end in find_secrets(head):
            part = head[start:end]
            for secret in (part, *decoded(part)):
                yield from _forms_of_secret(secret)
        if is_sensitive(name) and is_secret(name, value):
            yield from _forms_of_secret(value)
    except Exception:
        yield from _forms_of_secret(value)  # rather too much than too little


def _forms_of_secret(value: str) -> Iterator[Form]:
    """A secret in each of its forms, and whether each part of that is a secret."""
    try:
        for piece in _pieces(value.strip()):
            if _worth_learning(piece):
                opaque = _is_opaque(piece)
                for form in encodings(piece):
                    yield form, opaque
    except Exception:
        if value and isinstance(value, str):  # a plugin may return anything
            yield value, False


def _is_opaque(secret: str) -> bool:
    """Whether each part of a secret is one: not if it begins as any URL, document or key file does."""
    begins = r"[\w+.-]{1,20}://|[{\[<]|-----|ssh-|\w{2,40}=[^=]"
    return re.match(begins, secret) is None


def _pieces(value: str) -> Iterator[str]:
    value = value[:_LIMIT]  # no text shows more
    for start in range(0, max(len(value) - _PIECE, 0), _PIECE):
        yield value[start : start + _PIECE]
    yield value[-_PIECE:]
    lines = value.splitlines()
    if len(lines) > 1:  # a PEM block is logged line by line, or indented
        yield from (line.strip() for line in lines if len(line.strip()) >= 16 and not line.startswith("----"))


def _worth_learning(value: str) -> bool:
    if len(value) < _SHORTEST or len(set(value)) < 3 or value.lower() in _COMMON:
        return False
    return not (value.isdigit() and len(value) < 8)
