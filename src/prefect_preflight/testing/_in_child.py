"""Runs a plugin in a new interpreter, where `import prefect` does what it does in production, and reads what it tells.

The child tells on its standard output, behind a mark that nobody can guess: so nothing unredacted is ever written to a
file, and what stands before the mark is what the plugin printed.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import secrets
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from prefect_preflight._redaction import Redactor
from prefect_preflight.report import ErrorInfo

from ._advice import about_second_call, about_texts
from ._isolation import settings_of_plugins
from ._outcome import Advice, LogLine, Observed, PluginRun, run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prefect_preflight._plugins import Plugin
    from prefect_preflight.report import Report

    from ._conditions import Conditions
    from ._target import Target

__all__ = ["run_in_child"]

_PATIENCE = 60.0  # seconds for the interpreter and Prefect itself, on top of the plugin's own
# The hook first, as at the start of any process; what tells only when all is over.
_PROGRAM = """
import sys, prefect_preflight
prefect_preflight.init()
from prefect_preflight._state import state
state.loads_all = True
mark, slow_import = sys.argv.pop(), sys.argv.pop()
try:
    import prefect
finally:
    from prefect_preflight.testing._tell import tell
    tell(mark, float(slow_import))
"""
# Ours, and that of Prefect's console handler, which replaces ours when Prefect has configured logging.
_LOG_LINES = (
    re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| (?P<logger>prefect\S*) \| (?P<level>[A-Z]+): (?P<message>.*)"),
    re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| (?P<level>[A-Z]+) *\| (?P<logger>prefect\S*) - (?P<message>.*)"),
)


@dataclass(frozen=True)
class Told:
    """What a child tells: the report, and of the plugin what a report does not have."""

    report: Report
    plugin: Plugin | None
    advice: tuple[Advice, ...]


def run_in_child(target: Target, conditions: Conditions) -> PluginRun:
    """Run it and tell; see `run_plugin`.

    Raises:
        ValueError: no other process can import it.
    """
    if not target.importable:
        raise ValueError(
            f"{target.plugin!r} cannot run in another process: no module has it under a name; give its module"
        )
    spec = find_spec("prefect")
    stands_in = spec is None or spec.loader is None  # or a directory of that name happens to lie on the path
    with _overlay(target, stands_in) as overlay:
        environ = _environment(target, conditions, overlay)
        first = _Child(environ, conditions, stands_in)
        run = first.as_run(target)
        if conditions.twice and run.ok and first.told is not None and first.told.plugin is not None:
            second = _Child({**environ, **run.env}, conditions, stands_in)
            run = replace(run, advice=(*run.advice, *second.compared_with(first.told.plugin)))
    return run


class _Child:
    """One interpreter, run to its end."""

    def __init__(self, environ: Mapping[str, str], conditions: Conditions, stands_in: bool) -> None:
        mark = secrets.token_hex(16)
        command = [sys.executable, "-c", _PROGRAM, repr(conditions.slow_import), mark]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,  # so that what the plugin has started can be ended too
        ) as process:
            self.ended = True
            try:
                stdout, self.stderr = process.communicate(timeout=2 * conditions.timeout + _PATIENCE)
            except subprocess.TimeoutExpired:
                self.ended = False
                _kill(process)
                stdout, self.stderr = process.communicate()
            except BaseException:
                _kill(process)
                raise
        self.status = process.returncode
        self.stands_in = stands_in
        self.stdout, self.told = _read(stdout, mark)

    def as_run(self, target: Target) -> PluginRun:
        """What came of it."""
        if self.told is None or self.told.plugin is None:
            return self._crashed(target)
        plugin, report = self.told.plugin, self.told.report
        redactor = Redactor()
        for variable, secret in plugin.env.items():
            redactor.learn(variable, secret)
        logs = tuple(_logs(self.stderr))
        own = [log.message for log in logs if log.logger != "prefect.plugins"]
        advice = [*self.told.advice, *about_texts(redactor, plugin.note, own, self.stdout)]
        if not self.ended:
            advice.append(Advice("blocks-exit", "the process had to be killed; a thread or a child of it still ran"))
        return run_of(
            plugin,
            target.candidate,
            redactor,
            Observed(
                stage=plugin.stage,
                seconds=report.seconds or 0.0,
                logs=logs,
                stdout=self.stdout,
                advice=tuple(advice),
                stderr=self.stderr,
                report=replace(report, prefect=None) if self.stands_in else report,
            ),
        )

    def _crashed(self, target: Target) -> PluginRun:
        """What there is to say if it told nothing of the plugin."""
        how = f"ended with status {self.status}" if self.ended else "did not end, and was killed"
        message = f"the interpreter {how} before it could tell"
        if self.told is not None:
            message = f"no plugin ran: {self.told.report.outcome}, {self.told.report.reason}"
        return PluginRun(
            target.candidate.name,
            target.candidate.value,
            "crashed",
            distribution=target.candidate.distribution,
            error=ErrorInfo("ChildProcessError", message),
            stdout=self.stdout,
            stderr=self.stderr,
        )

    def compared_with(self, first: Plugin) -> Iterator[Advice]:
        """Whether this second child came to the same end."""
        if self.told is None or self.told.plugin is None:
            yield Advice("not-idempotent", f"a second process ended with status {self.status} before it could tell")
        else:
            yield from about_second_call(first, self.told.plugin)


def _kill(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _read(stdout: str, mark: str) -> tuple[str, Told | None]:
    """What was printed, and what the child told."""
    before, found, rest = stdout.rpartition(f"\n{mark} ")
    if not found:
        return stdout, None
    text, _, after = rest.partition("\n")
    told = pickle.loads(base64.b64decode(text))  # from our own child, which alone knows the mark
    return before + after, told


def _logs(stderr: str) -> Iterator[LogLine]:
    """The log lines in what was written to stderr; a line of another form belongs to the one before it."""
    current: LogLine | None = None
    for line in stderr.splitlines():
        match = next(filter(None, (pattern.fullmatch(line) for pattern in _LOG_LINES)), None)
        if match is not None:
            if current is not None:
                yield current
            current = LogLine(match["logger"], match["level"], match["message"])
        elif current is not None:
            current = replace(current, message=f"{current.message}\n{line}")
    if current is not None:
        yield current


def _environment(target: Target, conditions: Conditions, overlay: str) -> dict[str, str]:
    """The child's environment: this process', the test's variables, and this plugin alone enabled."""
    environ = dict(os.environ)
    for name in settings_of_plugins(environ):
        del environ[name]
    for name, value in conditions.variables.items():
        environ.pop(name, None)
        if value is not None:
            environ[name] = value
    path = [overlay, *_own_path(), environ.get("PYTHONPATH", "")]
    environ.update(
        PYTHONPATH=os.pathsep.join(filter(None, path)),
        PYTHONIOENCODING="utf-8",
        PREFECT_PLUGINS_ENABLED="1",
        PREFECT_PLUGINS_ALLOW=json.dumps([target.candidate.name]),
        PREFECT_PLUGINS_DENY="[]",  # what a file in the working directory says must not decide here
        PREFECT_PLUGINS_STRICT="0",
        PREFECT_PLUGINS_SAFE_MODE="0",
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS=repr(conditions.timeout),
        PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS=repr(conditions.timeout),
    )
    environ.setdefault("PREFECT_LOGGING_LEVEL", "DEBUG")
    if conditions.api_url is not None:
        environ["PREFECT_API_URL"] = conditions.api_url
    return environ


def _own_path() -> list[str]:
    """The entries of this process' path that a new interpreter would not have, such as the tests' directory."""
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    places += [*site.getsitepackages(), site.getusersitepackages()]
    own = [os.path.abspath(entry) for entry in sys.path if os.path.exists(entry or os.curdir)]
    return [entry for entry in own if not any(entry == place or entry.startswith(place + os.sep) for place in places)]


@contextmanager
def _overlay(target: Target, stands_in: bool) -> Iterator[str]:
    """A directory for the child's path: the plugin's metadata and a stand-in for Prefect, if they are not installed."""
    with tempfile.TemporaryDirectory(prefix="prefect-preflight-") as directory:
        if not target.installed:
            points = f"[prefect.plugins]\n{target.candidate.name} = {target.candidate.value}\n"
            _distribution(directory, "plugin-under-test", "0", entry_points=points)
        if stands_in:
            Path(directory, "prefect").mkdir()
            Path(directory, "prefect", "__init__.py").write_text('"""Stands in for Prefect, which is missing."""\n')
            _distribution(directory, "prefect", "3.0.0")
        yield directory


def _distribution(directory: str, name: str, version: str, entry_points: str = "") -> None:
    path = Path(directory, f"{name.replace('-', '_')}-{version}.dist-info")
    path.mkdir()
    path.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    path.joinpath("entry_points.txt").write_text(entry_points)
