"""All that one `diagnose` found out, as frozen data: the report, the activation, how the import ended."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from prefect_preflight._discovery import canonical
from prefect_preflight._reports import last_report, survey
from prefect_preflight._settings import LOAD_TIMEOUT, PREFIXES
from prefect_preflight._state import state

from . import activation as activations
from .prefect_import import ImportResult, import_prefect

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from prefect_preflight.report import Report

    from .activation import Activation
    from .surroundings import Surroundings

__all__ = ["Diagnosis", "Options", "OptionsProblem", "make", "without_import"]


class OptionsProblem(Exception):
    """An option of the command cannot be put into effect, so nothing was run; the message says why."""


@dataclass(frozen=True)
class Options:
    """What the command was asked for.

    Attributes:
        run: True to activate the hook in this process where it is not, False to call no hook, None for neither.
        plugin: the name of the only plugin to run.
        timeout: seconds for loading all plugins, and as many for running them.
    """

    run: bool | None = None
    plugin: str | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What is shown.

    Attributes:
        report: of the run that `import prefect` made; where it made none, of the settings and the plugins found.
        activation: how the start-up hook stood before.
        imported: how `import prefect` ended.
        surroundings: what may be taken for this environment, or for its Prefect; None if nobody looked.
        options: the settings that an option of the command decided, by their field's name.
    """

    report: Report
    activation: Activation
    imported: ImportResult
    surroundings: Surroundings | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def make(options: Options, environ: MutableMapping[str, str] = os.environ) -> Diagnosis:
    """Find everything out, in this process; `environ` gets the settings that the options ask for.

    Raises:
        OptionsProblem: if an option has no effect against the settings. No hook was run then.
    """
    decided = _put_into_effect(options, environ)
    activation = activations.look(activate=options.run is True)
    if not activation.works:
        imported = ImportResult("missing" if activation.prefect is None else "skipped")
    elif activation.prefect is None:
        imported = ImportResult("missing")
    else:
        imported = import_prefect()
    report = last_report()
    if report.outcome in ("not-run", "disabled"):
        report = survey()  # so that the settings are complete, and the plugins are listed
    elif report.outcome == "strict-exit" and not report.plugins:  # it ended before they were looked for
        report = replace(report, plugins=survey().plugins)
    from . import surroundings  # here, since a probe does without, and it loads much

    return Diagnosis(_with_sources(report, decided), activation, imported, surroundings.look(), decided)


def without_import() -> Diagnosis:
    """What concerns the hook, the settings and the installed plugins, without importing Prefect or a plugin."""
    activation = activations.look()
    imported = ImportResult("missing" if activation.prefect is None else "skipped")
    return Diagnosis(survey(), activation, imported)


def _put_into_effect(options: Options, environ: MutableMapping[str, str]) -> dict[str, str]:
    """Set the variables that the options stand for, and tell which option decides which setting."""
    wanted: dict[str, tuple[str, object, str]] = {}
    if options.run is False and not survey().setting("safe_mode"):  # else it is the setting's doing, and is told
        state.safe_mode_asked_for = True
        wanted["safe_mode"] = ("1", True, "--no-run")
    if options.plugin is not None:
        import json  # as a list, since a name may hold a comma

        state.loads_all = True
        wanted["allow"] = (json.dumps([options.plugin]), [options.plugin], "--plugin")
        required = survey().setting("required")
        if required is not None:  # strict mode would miss the others, which nobody asked for
            kept = [name for name in required if _same(name, options.plugin)]
            if kept:
                wanted["required"] = (json.dumps(kept), kept, "--plugin")
            else:
                wanted["strict"] = ("0", False, "--plugin")
    if options.timeout is not None:
        wanted["setup_timeout_seconds"] = (repr(options.timeout), options.timeout, "--timeout")
    if wanted and "prefect" in sys.modules:
        raise OptionsProblem("this Python imports Prefect when it starts, so options come too late; set variables")
    for name, (text, _, _) in wanted.items():
        _set(environ, name, text)
    if options.timeout is not None:
        environ[LOAD_TIMEOUT] = repr(options.timeout)
    if wanted:
        resolved = survey()
        for name, (_, value, option) in wanted.items():
            if resolved.setting(name) != value:
                source = next(setting.source for setting in resolved.settings if setting.name == name)
                raise OptionsProblem(f"{option} has no effect: {source} decides on {name}")
    return {name: option for name, (_, _, option) in wanted.items()}


def _set(environ: MutableMapping[str, str], name: str, text: str) -> None:
    """Set a setting under its new name, and take away its other spellings, which might contradict it."""
    spellings = [(prefix + name).lower() for prefix in PREFIXES]
    for present in [present for present in environ if present.lower() in spellings]:
        del environ[present]
    environ[PREFIXES[0] + name.upper()] = text


def _same(name: str, other: str) -> bool:
    return canonical(name) == canonical(other)


def _with_sources(report: Report, decided: Mapping[str, str]) -> Report:
    """The report with the option named as the source of a setting that an option decided."""
    return replace(
        report,
        settings=tuple(
            replace(setting, source=decided.get(setting.name, setting.source)) for setting in report.settings
        ),
    )
