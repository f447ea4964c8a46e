"""Whether what a pattern has found is a secret: a text that is hidden in vain helps nobody."""

from __future__ import annotations

import re

from .names import is_secret
from .values import PROSE, is_code, is_placeholder, is_random, is_strong, is_word

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from typing import Callable

__all__ = ["JUDGES", "Found"]


class Found:
    """A value in a text.

    Attributes:
        text: the text.
        begin: where the pattern's match begins, which has a part of the value's name at least.
        start: where the value begins.
        value: the value.
    """

    __slots__ = ("begin", "start", "text", "value")

    def __init__(self, text: str, begin: int, start: int, end: int) -> None:
        self.text = text
        self.begin = begin
        self.start = start
        self.value = text[start:end]

    @property
    def name(self) -> str:
        """The whole name under which the value stands."""
        before = re.search(r"[\w.-]{0,64}\Z", self.text[max(self.begin - 64, 0) : self.begin])
        after = re.match(r"[^\w]{0,4}[\w. -]*", self.text[self.begin : self.start])
        return (before[0] if before else "") + (after[0] if after else "")

    @property
    def is_in_query(self) -> bool:
        """Whether its name follows a "?" or "&", as in a URL."""
        return re.search(r"[?&][\w.-]{0,40}\Z", self.text[max(self.begin - 41, 0) : self.begin]) is not None


def _is_assigned(found: Found) -> bool:
    return is_secret(found.name, found.value, any_word=found.is_in_query)


def _is_header(found: Found) -> bool:
    """Whether it is a header's value: after the scheme's name anything can be a credential."""
    scheme = re.match(r"(?i)(?:bearer|basic|token|digest|negotiate|apikey)[ \t]+(?=[\w+/=-]{6})", found.value)
    if scheme is None:
        return _is_assigned(found)
    rest = found.value[scheme.end() :]
    return not is_placeholder(rest) and not is_code(rest) and not rest.startswith(("token", "realm="))


def _is_in_prose(found: Found) -> bool:
    value, end = found.value, found.start + len(found.value)
    if value.lower() in PROSE or value.isupper():
        return False
    if value.isalpha() and re.match(r"'?\w* [a-z]", found.text[end : end + 20]):
        return False  # it goes on as a sentence does
    return _is_assigned(found)


def _is_beside(found: Found) -> bool:
    return is_secret("secret", found.value)


def _is_chosen(found: Found) -> bool:
    return _is_beside(found) and re.search(r"\d|[^\w.:)-]\w", found.value) is not None


def _is_random(found: Found) -> bool:
    before = found.text[max(found.start - 8, 0) : found.start].lower()
    if re.search(r"(?:sha\d{1,3}|md5)[:-]\Z", before) or re.match(r"(?i)sha\d{1,3}-", found.value):
        return False  # a digest, which anybody may see
    return is_random(found.value) or is_strong(found.value)


def _is_quoted(found: Found) -> bool:
    if is_strong(found.value):
        return True
    if re.fullmatch(r"[0-9a-fA-F]{32,64}", found.value):  # a digest
        return False
    return re.fullmatch(r"\w{20,64}", found.value) is not None and is_random(found.value)


def _is_token(found: Found) -> bool:
    if re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", found.value) is not None:
        return True
    return any(not is_word(run) for run in re.findall(r"[A-Za-z0-9]{8,}", found.value))


JUDGES: dict[str, Callable[[Found], bool]] = {
    "any": lambda _: True,
    "value": lambda found: not is_placeholder(found.value),  # whatever stands there
    "assigned": _is_assigned,  # under its name
    "header": _is_header,
    "beside": _is_beside,  # the name is a value itself, and says that this one is secret
    "prose": _is_in_prose,  # after its name, in a sentence
    "chosen": _is_chosen,  # after a password's name in a sentence, without a sign between them
    "random": _is_random,
    "quoted": _is_quoted,
    "token": _is_token,
}
"""What the last column of a table of shapes says."""
