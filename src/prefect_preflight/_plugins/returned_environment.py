"""Whether what a plugin returned can become the process' environment: wholly, or not at all."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

# Linux refuses to start a program if a single `NAME=value` is longer: MAX_ARG_STRLEN of execve(2) is 128 KiB, the
# NUL at its end included.
_LONGEST = 128 * 1024 - 1


_EXPIRING = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN")
"""Variables whose value is never good for ever, by what the word means to the library or tool that reads it."""


def lacks_expiry(env: Mapping[str, str], expires_at: datetime | None) -> list[str]:
    """The variables of an environment that expire although nobody has said when."""
    return [name for name in _EXPIRING if name in env and expires_at is None]


class EnvironmentProblem(ValueError):
    """A returned mapping cannot become environment variables; the message names the culprit, never a value."""


def validated(mapping: object) -> dict[str, str]:
    """A plain copy of `mapping`, if every item of it can be set; the environment itself is not touched.

    Raises:
        EnvironmentProblem: for anything that `os.environ` would refuse, alter, or pass on to children that then cannot
            start: not a mapping, a name or value that is no `str`, an empty name, `=` in a name, NUL, a character that
            the file system encoding cannot express, and on Linux a variable of 128 KiB or more.
        Exception: whatever the mapping's own code raises.
    """
    from collections import abc  # not at the top: where no plugin is installed, nobody may need it

    if not isinstance(mapping, abc.Mapping):
        raise EnvironmentProblem(f"env is {_article(mapping)}, it must be a mapping of str to str")
    copy = {}
    for name, value in dict(mapping).items():
        name, value = _plain(name), _plain(value)
        problem = _problem(name, value)
        if problem:
            raise EnvironmentProblem(problem)
        copy[name] = value
    return copy


def _plain(text: object) -> Any:
    """A text without code of the plugin's: a subclass of `str` may be another one each time it is looked at."""
    return str.__str__(text) if isinstance(text, str) else text


def _problem(name: object, value: object) -> str | None:
    """What is wrong with one variable, None if nothing is."""
    if not isinstance(name, str):
        return f"env has a name that is {_article(name)}: {name!r}; names must be str"
    if not name:
        return "env has an empty name"
    if "=" in name or "\0" in name:
        return f"env has the name {name!r}; a name cannot contain '=' or NUL"
    if not isinstance(value, str):
        return f"the value of {name!r} is {_article(value)}, it must be str"
    if "\0" in value:
        return f"the value of {name!r} contains NUL"
    try:
        size = len(os.fsencode(name)) + 1 + len(os.fsencode(value))
    except UnicodeEncodeError as error:
        # The error itself carries the whole value: it must not be chained or shown.
        place = "name" if error.object == name else "value"
        return f"the {place} of {name!r} has a character that {error.encoding} cannot encode"
    if sys.platform == "linux" and size > _LONGEST:
        return f"the value of {name!r} makes a variable of {size} bytes; no program starts with over {_LONGEST}"
    return None


def _article(value: object) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
