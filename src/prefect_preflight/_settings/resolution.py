"""Fills the settings: takes from the sources what they say, and has the values parsed.

Where values come from is `sources`' matter, what they mean `values`'.
"""

import sys

from . import FIELDS, LOAD_TIMEOUT, PREFIXES, RENEW, REPORT_LINE, Settings, anything_set
from .files import Problem, printable
from .sources import Found, Sources

TYPE_CHECKING = False  # importing `typing` would cost more than the rest
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Each setting of the plugin system, and the kind of its value.
_KINDS = {
    "enabled": "boolean",
    "allow": "names",
    "deny": "names",
    "setup_timeout_seconds": "seconds",
    "strict": "boolean",
    "safe_mode": "boolean",
    "required": "names",
}
_BAD: "Any" = object()
EMPTY = " (empty, which counts as not set)"
"""What is added to the source of an empty list of required plugins."""


def resolve(
    environ: "Mapping[str, str]",
    *,
    directory: "str | None" = None,
    argv: "Sequence[str] | None" = None,
    full: bool = False,
) -> Settings:
    """Resolve the settings; whatever the input is, nothing is raised.

    If plugins turn out to be disabled the rest is left at its defaults, which keeps `import prefect` cheap;
    only if there are problems already (a bad value for ENABLED, a broken file) is `strict` resolved too, since
    strict mode fails closed then.

    Args:
        environ: the environment, usually `os.environ`.
        directory: where to look for `.env`, `prefect.toml` and `pyproject.toml`. Default: the working
            directory; if that does not exist any more, there are no such files.
        argv: the command line, since `prefect --profile NAME` chooses a profile. Default: `sys.argv`.
        full: resolve everything, even if plugins are disabled, and report unknown names too.

    Returns:
        The settings, with what was wrong in `problems`.
    """
    settings = Settings()
    if full or anything_set(environ, directory):
        fill(settings, environ, directory, argv, full)
    return settings


def fill(
    settings: Settings,
    environ: "Mapping[str, str]",
    directory: "str | None" = None,
    argv: "Sequence[str] | None" = None,
    full: bool = False,
) -> None:
    """Resolve the settings in place; the arguments are those of `resolve`. Nothing is raised."""
    problems: list[Problem] = []
    try:
        sources = Sources(environ, directory, getattr(sys, "argv", ()) if argv is None else argv)
        problems = sources.problems
        _Resolver(settings, sources).run(full)
    except Exception as error:
        text = f"the settings could not be resolved: {type(error).__name__}: {error}"
        problems.append(Problem("", "", printable(text), "internal-error"))
    settings.problems = tuple(problems)


class _Resolver:
    """Fills a `Settings` from its sources, stage by stage."""

    def __init__(self, settings: Settings, sources: "Sources") -> None:
        self.settings = settings
        self.sources = sources

    def run(self, full: bool) -> None:
        self.plugin_setting("enabled")
        if not (self.settings.enabled or full):
            if self.sources.problems:
                self.plugin_setting("strict")
            return
        for field in FIELDS[1:]:
            self.plugin_setting(field)
        self.own_settings()
        self.prefect_setting("api_url", "api", "url", "prefect_api_url")
        self.prefect_setting("logging_level", "logging", "level", "prefect_logging_level")
        self.debug_modes()
        if self.may_have_mistakes():
            from .checks import report_conflicts, report_unknown_names

            report_conflicts(self.sources, _KINDS, PREFIXES)
            report_unknown_names(self.sources, FIELDS, PREFIXES)
        self.sources.check_profile()

    def may_have_mistakes(self) -> bool:
        """Whether there is anything to check: mostly only the environment says something, in known names, each once."""
        known = {(prefix + field).lower(): field for prefix in PREFIXES for field in FIELDS}
        ours = [name for name in self.sources.variables if name.startswith(("prefect_plugins", "prefect_experiments"))]
        fields = {known.get(name) for name in ours}
        return (
            None in fields
            or len(fields) < len(ours)
            or bool(self.sources.env_file() or self.sources.profile(PREFIXES[0])[0])
            or any(table for _, table in self.sources.plugin_tables())
        )

    def plugin_setting(self, field: str) -> None:
        """Resolve one setting of the plugin system."""
        names = [(prefix + field).lower() for prefix in PREFIXES]
        found, value = self.first(field, _KINDS[field], "plugins", field, names)
        if found is None or value is _BAD:
            return
        setattr(self.settings, field, value)
        self.settings.sources[field] = found.source
        if found.from_file:
            from .values import export

            self.settings.exports[PREFIXES[0] + field.upper()] = export(value)

    def own_settings(self) -> None:
        """Resolve our own settings, which the environment alone has."""
        seconds = self.own_setting(LOAD_TIMEOUT, "seconds", "the time for running them, and at least 20")
        self.settings.load_timeout_seconds = seconds
        self.settings.renew = bool(self.own_setting(RENEW, "boolean", False))
        self.own_setting(REPORT_LINE, "boolean", False)  # which is asked for by the environment: here it is checked

    def own_setting(self, name: str, kind: str, default: object) -> "Any":
        """The value of one of them, None if it has none, or a bad one."""
        text = self.sources.environ.get(name)
        if not text:
            return None
        value = self.parsed("", kind, Found(name, text, from_file=False, is_text=True), default)
        return None if value is _BAD else value

    def prefect_setting(self, field: str, group: str, key: str, name: str) -> None:
        """Resolve a setting that is Prefect's own."""
        kind = {"api_url": "text", "logging_level": "level"}[field]
        found, value = self.first(field, kind, group, key, [name])
        if found is not None and value is not _BAD:
            setattr(self.settings, field, value)
            self.settings.sources[field] = found.source

    def debug_modes(self) -> None:
        """Set the logging level to DEBUG in Prefect's debug and test modes, as Prefect does."""
        for group, key, names in (
            ("", "debug_mode", ("prefect_debug_mode",)),
            ("testing", "test_mode", ("prefect_testing_test_mode", "prefect_test_mode")),
        ):
            found, on = self.first(key, "boolean", group, key, names)
            if found is not None and on is True:
                self.settings.logging_level = "DEBUG"
                self.settings.sources["logging_level"] = found.source

    def first(self, field: str, kind: str, group: str, key: str, names: "Sequence[str]") -> "tuple[Found | None, Any]":
        """The first source that says something about a setting, and the value, `_BAD` if it is bad."""
        for found in self.sources.look_up(group, key, names):
            from .values import UNSET

            value = self.parsed(field, kind, found, getattr(self.settings, field, False))
            if value == () and field == "required":
                # As from a compose file's `${UNSET}`. A list of nothing would switch strict mode off.
                self.settings.sources[field] = f"{found.source}{EMPTY}"
            elif value is not UNSET:
                return found, value
        return None, None

    def parsed(self, field: str, kind: str, found: "Found", default: object) -> "Any":
        """The value that a source has, `_BAD` if it is bad, which is reported then."""
        from .values import ALLOWED, ERRORS, parse

        try:
            return parse(kind, found.value, found.is_text)
        except ERRORS:
            shown = str(default).lower() if isinstance(default, bool) else default
            text = f"{found.source}={_excerpt(found.value)} is not {ALLOWED[kind]}; the default is {shown}"
            self.sources.report(found.source, text, "bad-value", field)
            return _BAD


def _excerpt(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:  # JSON and TOML nest deeper than `repr` goes
        return type(value).__name__
    return text if len(text) <= 200 else text[:200] + "..."
