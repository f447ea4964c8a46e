"""Whether a plugin has a start-up hook at all, as far as its source tells: nothing of it is executed.

Some plugins are for Prefect's server alone, which asks them for parameters of its database connection (prefect-aws,
prefect-azure). To find that out by loading them, each process would import what they need: boto3, SQLAlchemy, all of
Prefect. Their source says it too. Whatever it does not say clearly, loading the plugin tells.
"""

from __future__ import annotations

import re
import sys
from importlib.machinery import PathFinder

from . import HOOK, SERVER_HOOK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

    from . import Candidate

# With any of these words in it a module has a start-up hook, or may have names at run time that its text does not show.
_UNCLEAR = frozenset(
    (
        *(HOOK, "specname", "__getattr__", "__dict__", "globals", "locals", "vars", "setattr"),
        *("exec", "eval", "modules"),
    )
)


def is_for_server(candidate: Candidate) -> bool:
    """Whether the module that an entry point names has a hook of Prefect's server, and certainly no start-up hook.

    Not seen is a function imported from elsewhere that is a start-up hook by a `specname` which is given there.
    """
    if candidate.attribute or not candidate.module or candidate.module in sys.modules:
        return False  # an object may have any names; what is loaded costs nothing
    try:
        spec = _spec(candidate.module)
        if spec is None or spec.origin is None or not hasattr(spec.loader, "get_data"):
            return False
        if spec.origin.endswith(".pyc"):
            return _says_so_in_byte_code(set(_words_of_code(spec.loader.get_code(candidate.module))))
        return spec.origin.endswith(".py") and _says_so(spec.loader.get_data(spec.origin))
    except Exception:  # a finder, a loader, a file: loading the plugin tells
        return False


def _says_so(data: bytes) -> bool:
    if SERVER_HOOK.encode() not in data or b"coding" in b"".join(data.split(b"\n", 2)[:2]):
        return False  # the latter is a text in who knows what encoding (PEP 263)
    text = data.decode("utf-8")
    if not text.isascii():
        from unicodedata import normalize  # as the compiler does with names (PEP 3131)

        text = normalize("NFKC", text)
    # Another function with a decorator may be a hook whose name is misspelt; a server's hook without one is no hook.
    return set(_decorated(text)) == {SERVER_HOOK} and not _is_unclear(text)


def _is_unclear(text: str) -> bool:
    if any(part.rstrip(" \t\f\r\n\\").endswith("import") for part in text.split("*")[:-1]):
        return True
    # The words only if they can be there at all: that is most of the time that it takes.
    return any(word in text for word in _UNCLEAR) and not _UNCLEAR.isdisjoint(re.findall(r"\w+", text))


def _says_so_in_byte_code(words: set[str]) -> bool:
    # It does not tell which function has a decorator.
    return SERVER_HOOK in words and not any(word == "*" or "setup" in word or word in _UNCLEAR for word in words)


def _spec(module: str) -> Any:
    """The module's spec, by the places of its parents, none of which is imported."""
    spec, places, name = None, None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            return None
        places = getattr(sys.modules.get(name), "__path__", spec.submodule_search_locations)
    return spec


def _decorated(text: str) -> Iterator[str]:
    """The names of functions and classes that have a decorator."""
    position = text.find("@")
    while position >= 0:
        start = text.rfind("\n", 0, position) + 1
        if not text[start:position].strip():
            lines = map(str.lstrip, text[position:].split("\n"))
            line = next(line for line in lines if line.startswith(("def ", "async def ", "class ")))
            yield line.partition("(")[0].split()[-1]
        position = text.find("@", position + 1)


def _words_of_code(code: CodeType) -> Iterator[str]:
    """All names and texts in a module's code; "*" where one imports all names of another module."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            yield from _words_of_code(constant)
        elif isinstance(constant, tuple):
            yield from filter(lambda item: isinstance(item, str), constant)
        elif isinstance(constant, str):
            yield constant
