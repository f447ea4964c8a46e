"""Mistakes in the settings that make no value bad: names that mean nothing, names that contradict each other.

Loaded only when plugins are enabled, or for a report.
"""

from __future__ import annotations

from .files import ENV_FILE

TYPE_CHECKING = False  # importing `typing` would cost more than the rest
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .sources import Sources


def report_conflicts(sources: Sources, kinds: Mapping[str, str], prefixes: Sequence[str]) -> None:
    """Report settings whose new and legacy names stand side by side with different values.

    Args:
        sources: what is looked at, and takes the reports.
        kinds: the kind of value of each setting.
        prefixes: the new prefix, then the legacy one.
    """
    for place, variables in (("", sources.variables), (ENV_FILE + ": ", sources.env_file())):
        for field, kind in kinds.items():
            new, legacy = (variables.get((prefix + field).lower(), ("", None)) for prefix in prefixes)
            if new[1] is not None and legacy[1] is not None and _differ(kind, new[1], legacy[1]):
                text = (
                    f"{place}{new[0]}={new[1]!r} and {legacy[0]}={legacy[1]!r} contradict each other; {new[0]} is used"
                )
                sources.report(place + new[0], text, "conflict", field)


def report_unknown_names(sources: Sources, fields: Sequence[str], prefixes: Sequence[str]) -> None:
    """Report names under our prefixes, and keys in our tables and objects, that mean nothing.

    Args:
        sources: what is looked at, and takes the reports.
        fields: the settings that there are.
        prefixes: the prefixes under which they are found in the environment.
    """
    known = {(prefix + field).lower() for prefix in prefixes for field in fields}
    named = [(name, "") for name in sources.variables.values()]
    named += [(name, ENV_FILE + ": ") for name in sources.env_file().values()]
    for (written, _), place in named:
        _report_name(sources, place, written, known, fields, prefixes)
    profile, label = sources.profile(prefixes[0])
    for written in profile:
        _report_name(sources, label + ": ", written, known, fields, prefixes)
    for place, table in sources.plugin_tables():
        for key in table:
            if key not in fields:
                _report(sources, f"{place} {key}", _closest(key, fields))
    for place, values, _ in sources.objects("plugins"):
        for key in values:
            if key not in fields and key.lower() not in known:
                _report(sources, f"{place} {key}", _closest(key, fields))


def _report_name(
    sources: Sources,
    place: str,
    written: str,
    known: set[str],
    fields: Sequence[str],
    prefixes: Sequence[str],
) -> None:
    name = written.upper()
    if name.lower() not in known:
        for prefix in prefixes:
            if name.startswith(prefix):
                likely = _closest(name[len(prefix) :], fields)
                _report(sources, place + written, likely and prefix + likely.upper())


def _report(sources: Sources, source: str, likely: str) -> None:
    hint = f"; did you mean {likely}?" if likely else ""
    text = f"{source} is not a setting of the plugin system and has no effect{hint}"
    sources.report(source, text, "unknown-name")


def _differ(kind: str, value: str, other: str) -> bool:
    from .values import ERRORS, parse

    try:
        return bool(parse(kind, value, True) != parse(kind, other, True))
    except ERRORS:
        return value != other


def _closest(name: str, fields: Sequence[str]) -> str:
    """The setting that a misspelt name is most likely meant to be, or an empty string."""
    name = name.lower()
    for field in fields:
        if len(name) > 2 and (name in field or field in name):
            return field
    import difflib  # here, since only a misspelling needs it

    return next(iter(difflib.get_close_matches(name, fields, n=1, cutoff=0.5)), "")
