"""The files that hold Prefect's settings, and what is wrong with them.

All of this runs inside every `import prefect`, so a file is read only when it is there, and parsed only when
its bytes contain the names that are looked for. That is also the one limit: a TOML key that is written with
Unicode escapes is not seen.
"""

import os

TYPE_CHECKING = False  # importing `typing` would cost more than everything else here
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Variables = Mapping[str, tuple[str, str | None]]

ENV_FILE = ".env"
_OUR_NAMES = (b"prefect_plugins", b"prefect_experiments")  # in lower case: what `.env` may set of the plugin system
_FILE_TYPE, _REGULAR, _PIPE = 0o170000, 0o100000, 0o010000  # as in `stat`, which need not be imported


class Problem:
    """Something in the settings that a person should fix.

    Attributes:
        field: the setting that it is about, such as `strict`; empty when it is about a whole source.
        source: where it was found, such as `PREFECT_PLUGINS_STRICT` or `prefect.toml`.
        text: one line that says what is wrong, what is allowed, and what is used instead.
        slug: stable name of the kind: `bad-value`, `unknown-name`, `broken-file`, `unknown-profile`,
            `conflict` or `internal-error`.
    """

    __slots__ = ("field", "slug", "source", "text")

    def __init__(self, field: str, source: str, text: str, slug: str) -> None:
        self.field = field
        self.source = source
        self.text = text
        self.slug = slug

    def __repr__(self) -> str:
        return f"Problem({self.slug}: {self.text})"


class Files:
    """`.env`, TOML files and profiles, each read at most once, and the problems met on the way.

    Args:
        environ: the environment, to which `${NAME}` in `.env` refers.
        directory: what the files' paths are relative to; None is the working directory.
    """

    def __init__(self, environ: "Mapping[str, str]", directory: "str | None") -> None:
        self.environ = environ
        self.directory = directory
        self.problems: list[Problem] = []
        self.profiles_path_in_env_file: str | None = None
        self._contents: dict[str, bytes] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self._env_file: Variables | None = None

    def env_file(self) -> "Variables":
        """The names in `.env` that are Prefect's, in lower case, with name as written and value."""
        if self._env_file is None:
            self._env_file = {}
            data = self._read(ENV_FILE)
            if b"prefect" in data.lower():
                values = self._parse_env_file(data)
                self.profiles_path_in_env_file = values.get("PREFECT_PROFILES_PATH")
                self._env_file = {
                    name.lower(): (name, value) for name, value in values.items() if name[:7].lower() == "prefect"
                }
        return self._env_file

    def _parse_env_file(self, data: bytes) -> "dict[str, str | None]":
        """What `.env` assigns; what is wrong with it is our business only if it names our settings."""
        from .reading import parse_env_file

        names_ours = any(name in data.lower() for name in _OUR_NAMES)
        try:
            values, left_out = parse_env_file(data, self.environ)
        except ImportError as error:  # then this Prefect does not read the file either
            if names_ours:
                text = f"{ENV_FILE} is not read, since python-dotenv cannot be imported: {error}"
                self.report(ENV_FILE, text, "broken-file", "enabled")
            return {}
        except Exception as error:
            if names_ours:
                self._report_broken(ENV_FILE, error, "enabled")
            return {}
        for line in left_out if names_ours else ():
            text = f"{ENV_FILE}: line {line} is not understood and left out"
            self.report(ENV_FILE, text, "broken-file", "enabled")
        return values

    def table(self, file: str, path: "tuple[str, ...]", key: str = "") -> "dict[str, Any]":
        """A table of a TOML file, empty if the file or the table is not there.

        Args:
            file: the file's path, relative to the directory.
            path: the keys on the way to the table.
            key: what is looked for in it; the file may not be parsed if its bytes do not contain that.
        """
        if file not in self._documents:
            data = self._read(file)
            if not data or not all(part.encode() in data for part in (*path, key)):
                return {}
            from .reading import parse_toml

            self._documents[file] = {}
            try:
                self._documents[file] = parse_toml(data)
            except Exception as error:  # not TOML, not UTF-8, nested too deeply, no parser
                # It has our names in it, so it may have enabled the plugins.
                self._report_broken(file, error, "enabled" if b"plugins" in data.lower() else "")
        table: Any = self._documents[file]
        for step, part in enumerate(path):
            table = table.get(part, {})
            if not isinstance(table, dict):
                where = ".".join(path[: step + 1])
                self.report(file, f"{file}: {where} is not a table; it is not used", "broken-file")
                return {}
        return table  # type: ignore[no-any-return]

    def _read(self, file: str) -> bytes:
        if file not in self._contents:
            path = file if self.directory is None else os.path.join(self.directory, file)
            self._contents[file] = b""
            try:
                kind = os.stat(path).st_mode & _FILE_TYPE
                if kind == _REGULAR:
                    with open(path, "rb") as opened:
                        self._contents[file] = opened.read()
                elif kind == _PIPE:  # opening it could block for ever
                    self.report(file, f"{file} is a pipe, and is not used", "broken-file")
            except (FileNotFoundError, NotADirectoryError):
                pass
            except (OSError, ValueError) as error:
                self._report_broken(file, error)
        return self._contents[file]

    def report(self, source: str, text: str, slug: str, field: str = "") -> None:
        """Add a problem, once, and on one line whatever a path or a parser's message holds."""
        text = printable(text)
        if all(problem.text != text for problem in self.problems):
            self.problems.append(Problem(field, printable(source), text, slug))

    def _report_broken(self, file: str, error: "Exception", field: str = "") -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        self.report(file, f"{file} cannot be read, and is not used: {reason}", "broken-file", field)


def printable(text: str) -> str:
    """A text with its control characters, line breaks and lone surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
