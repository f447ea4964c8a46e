"""Parses what Prefect's settings can be written in: TOML, `.env`, and JSON objects.

Loaded only when a file or variable is there that has something of ours in it. Each function raises whatever
its parser raises; the caller turns that into one line for a person.
"""

import sys

TYPE_CHECKING = False  # importing `typing` would cost more than the rest
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def parse_toml(data: bytes) -> "dict[str, Any]":
    """A TOML document's content.

    Args:
        data: the file as bytes; it must be UTF-8 without a byte order mark, as for Prefect.

    Raises:
        ValueError: it is not TOML, or not UTF-8.
        RecursionError: it is nested too deeply.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    content: dict[str, Any] = tomllib.loads(_decoded(data))
    return content


def parse_env_file(data: bytes, environ: "Mapping[str, str]") -> "tuple[dict[str, str | None], list[int]]":
    """What a `.env` file assigns, and the lines that are not understood.

    python-dotenv is what pydantic-settings, and thereby Prefect 3, reads the file with. Its two lower modules
    do the work here, since `dotenv_values` takes `os.environ` for the environment and logs to stderr.

    Args:
        data: the file as bytes, in UTF-8.
        environ: what `${NAME}` refers to, where the file has not assigned it further up.

    Returns:
        The values by name, None for a name without `=`; and the numbers of the lines left out.

    Raises:
        ImportError: python-dotenv is not installed.
        UnicodeDecodeError: the file is not UTF-8.
    """
    from io import StringIO

    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    scope: dict[str, str | None] = dict(environ) if b"${" in data else {}
    values: dict[str, str | None] = {}
    left_out = []
    for binding in parse_stream(StringIO(_decoded(data))):
        if binding.error:
            left_out.append(binding.original.line)
        elif binding.key is not None:
            value = binding.value
            if value is not None and "${" in value:
                value = "".join(atom.resolve(scope) for atom in parse_variables(value))
            values[binding.key] = scope[binding.key] = value
    return values, left_out


def parse_object(text: object) -> "dict[str, Any]":
    """A JSON object, empty for JSON's null.

    Raises:
        ValueError: it is not JSON, or no object.
        TypeError: it is no text, but a table in TOML.
        RecursionError: it is nested too deeply.
    """
    import json

    content = json.loads(text)  # type: ignore[arg-type]
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    return content


def _decoded(data: bytes) -> str:
    return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
