"""Properties that hold for any input, found by hypothesis: no input whatever ends in a traceback of ours.

Settings and redaction have theirs in `test_settings` and `test_redaction`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from prefect_preflight import _discovery
from prefect_preflight._discovery import Candidate, canonical
from prefect_preflight._environment import inherit
from prefect_preflight._plugins import Plugin, PluginProblem, describe, entry_point
from prefect_preflight._plugins.returned_environment import EnvironmentProblem, validated
from prefect_preflight._redaction import Redactor
from prefect_preflight._reports import builder
from prefect_preflight._running import strict
from prefect_preflight._settings import Settings

pytestmark = pytest.mark.core

SCHEMA = json.loads((Path(builder.__file__).parents[1] / "_command_line" / "report.schema.json").read_text("utf-8"))
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())
# Names and values that the system may or may not take, with characters of every kind, lone surrogates too.
TEXTS = st.text(st.characters(), max_size=12) | st.text("AB=\0_.- é\ud800\udc80", max_size=8)
STATUSES = (
    *("pending", "filtered", "incompatible", "load-failed", "no-hook", "loaded"),
    *("inherited", "success", "failed", "invalid-result", "timed-out"),
)
NAMES = st.text("aA-_. 1", min_size=1, max_size=4)


class TestEnvironment:
    """`validated` against the system itself."""

    @RELAXED
    @given(st.dictionaries(TEXTS, TEXTS, max_size=4))
    def test_agrees_with_os_environ(self, mapping: dict[str, str]) -> None:
        """It accepts what `os.environ` can hold and give back unchanged, and refuses the rest, with no traceback."""
        try:
            accepted = validated(mapping) == mapping
        except EnvironmentProblem as problem:
            assert "\n" not in str(problem)  # noqa: PT017  # either outcome is right
            accepted = False
        assert accepted == all(self._can_be_set(name, value) for name, value in mapping.items())

    @staticmethod
    def _can_be_set(name: str, value: str) -> bool:
        before = dict(os.environ)
        try:
            os.environ[name] = value
            return name != "" and os.environ[name] == value
        except (OSError, ValueError):
            return False
        finally:
            os.environ.clear()
            os.environ.update(before)

    @settings(RELAXED, max_examples=25)
    @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=10, max_size=20))
    def test_children_get_it(self, items: list[tuple[str, str]]) -> None:
        """What is accepted reaches a child process byte for byte."""
        accepted = {}
        for name, value in items:
            try:
                accepted.update(validated({f"N{name}": value}))
            except EnvironmentProblem:
                pass
        names = [os.fsencode(name).hex() for name in accepted]
        program = "import os, sys\nfor name in sys.argv[1:]:\n    print(os.environb[bytes.fromhex(name)].hex())\n"
        command = [sys.executable, "-S", "-I", "-c", program, *names]
        done = subprocess.run(command, env={**accepted, "PATH": os.defpath}, capture_output=True, text=True, check=True)
        assert done.stdout.split("\n")[:-1] == [os.fsencode(value).hex() for value in accepted.values()]

    @given(ANY | st.dictionaries(ANY.filter(lambda key: not isinstance(key, list)), ANY, max_size=3))
    def test_any_object(self, mapping: Any) -> None:
        """Whatever a hook returns is a plain dictionary of texts, or a problem that says so on one line."""
        try:
            found = validated(mapping)
        except EnvironmentProblem as problem:
            assert "\n" not in str(problem)  # noqa: PT017  # either outcome is right
        else:
            assert type(found) is dict
            assert all(type(part) is str for item in found.items() for part in item)


class TestRequirement:
    """`entry_point.compatible` against `packaging`."""

    @given(
        st.lists(
            st.builds(
                "{}{}{}".format,
                st.sampled_from(["", "==", ">=", "<", "<=", "!=", "~=", "===", ">", "="]),
                st.sampled_from(["", " "]),
                st.from_regex(r"\A\d{1,2}(\.\d{1,2}){0,2}(\.\*|a1|\.dev0|rc2|\+local)?\Z") | st.text(max_size=4),
            ),
            max_size=3,
        ).map(",".join)
    )
    def test_any_specifier(self, requires: str) -> None:
        """A specifier fits if PEP 440's reference implementation says so; anything else has no answer."""
        try:
            expected: bool | None = SpecifierSet(requires).contains("0.1")
        except InvalidSpecifier:
            expected = None
        assert entry_point.compatible(requires) is expected

    @given(ANY)
    def test_any_object(self, requires: Any) -> None:
        """Any object has an answer."""
        assert entry_point.compatible(requires) in (True, False, None)


class TestEntryPoints:
    """Values of entry points."""

    @given(st.text() | st.from_regex(r"\A[a-z.]{0,6}(:[a-zA-Z.]{0,6})?( ?\[[a-z]*\])?\Z"))
    def test_any_value(self, value: str) -> None:
        """Any value either names something that can be imported, or is an error on one line."""
        candidate = Candidate("any", value, None, None)
        assert candidate.module == candidate.module.strip() and ":" not in candidate.module
        # Not what would be a module here: an import of it may do anything.
        assume(not re.match(r"\w", candidate.module) or candidate.module.startswith("x9"))
        try:
            entry_point.load(candidate)
        except BaseException as error:
            kind, message = describe.describe(error)
            found = error
        else:
            raise AssertionError(f"{value!r} was imported")
        assert isinstance(found, (PluginProblem, ImportError, ValueError))
        assert kind and "\n" not in message

    @given(st.from_regex(r"\A[a-zA-Z_.]{1,9}\Z").filter(lambda path: path.strip(".")))
    def test_any_attribute(self, path: str) -> None:
        """A path of attributes that leads nowhere says which step is missing."""
        assume(all(not part or not hasattr(json, part) for part in path.split(".")))
        with pytest.raises(PluginProblem, match="does not have"):
            entry_point.load(Candidate("any", f"json:{path}", None, None))


class TestDiscovery:
    """The allow and the deny list."""

    @given(NAMES, st.sampled_from(["-", "_", ".", "--", "_."]))
    def test_canonical(self, name: str, separator: str) -> None:
        """Names compare as package names do (PEP 503), however they are written."""
        assert canonical(canonical(name)) == canonical(name)
        assert canonical(name.upper()) == canonical(name.lower()) == canonical(name)
        assert canonical(re.sub("[-_.]", separator, name)) == canonical(name)
        if re.fullmatch(r"[a-zA-Z1]([-_.a-zA-Z1]*[a-zA-Z1])?", name):
            assert canonical(name) == re.sub(r"[-_.]+", "-", name).lower()

    @RELAXED
    @given(
        st.lists(NAMES, max_size=6, unique=True),
        st.none() | st.lists(NAMES, max_size=3).map(tuple),
        st.none() | st.lists(NAMES, max_size=3).map(tuple),
    )
    def test_any_lists(self, names: list[str], allow: tuple[str, ...] | None, deny: tuple[str, ...] | None) -> None:
        """A plugin runs exactly if there is no allow list or it is on it, and it is on no deny list."""
        candidates = [Candidate(name, "module", None, None) for name in names]
        patch = pytest.MonkeyPatch()
        with patch.context() as context:
            context.setattr(_discovery, "_candidates", lambda *_: list(candidates))
            found = _discovery.discover(self._settings(allow, deny))
        assert sorted(candidate.name for candidate in found) == sorted(names)
        for candidate in found:
            name = canonical(candidate.name)
            allowed = allow is None or name in {canonical(other) for other in allow}
            denied = name in {canonical(other) for other in deny or ()}
            assert (candidate.why_excluded is None) == (allowed and not denied)

    @staticmethod
    def _settings(allow: Any, deny: Any) -> Any:
        return SimpleNamespace(allow=allow, deny=deny)


def plugins() -> st.SearchStrategy[Plugin]:
    """Plugins in any state that the runner may leave them in."""

    def build(name: str, value: str, status: str, note: str | None, error: Any, seconds: Any, env: Any) -> Plugin:
        plugin = Plugin(Candidate(name, value, None, "1"))
        plugin.candidate.why_excluded = "in deny list" if status == "filtered" else None
        plugin.status, plugin.note, plugin.error = status, note, error
        plugin.stage, plugin.load_seconds, plugin.env = "early", seconds, env
        if seconds is not None:
            plugin.expires_at = datetime(2030, 1, 1, tzinfo=timezone(timedelta(minutes=int(seconds))))
        plugin.required = bool(note)
        return plugin

    text = st.text(max_size=20)
    errors = st.none() | st.tuples(st.just("ValueError"), text)
    seconds = st.none() | st.floats(0, 1000)
    return st.builds(
        build, NAMES, text, st.sampled_from(STATUSES), st.none() | text, errors, seconds, st.dictionaries(text, text)
    )


class TestReport:
    """The report."""

    @RELAXED
    @given(st.lists(plugins(), max_size=4))
    def test_round_trip(self, found: list[Plugin]) -> None:
        """Any run's report is JSON by the published schema, and comes back from JSON as it was."""
        redactor = Redactor()
        infos = tuple(builder._plugin_info(plugin, redactor, 0.0) for plugin in found)
        made = builder._report("failures", None, Settings(), plugins=infos)
        data = made.as_dict()
        again = json.loads(json.dumps(data))
        jsonschema.validate(again, SCHEMA)
        assert again == json.loads(json.dumps(again)) and [plugin["name"] for plugin in again["plugins"]] == [
            plugin.name for plugin in found
        ]
        for info, plugin in zip(infos, again["plugins"]):
            assert plugin["status"] == info.status and plugin["note"] == info.note


class TestStrict:
    """Which plugins strict mode fails for."""

    @given(st.lists(plugins(), max_size=5), st.none() | st.lists(NAMES, max_size=3).map(tuple))
    def test_any_plugins(self, found: list[Plugin], required: tuple[str, ...] | None) -> None:
        """No required plugin that did not succeed is passed over, none that did is named, and it is one line."""
        settings = Settings()
        settings.strict, settings.required = True, required
        failed = strict.failures(settings, found)
        named = {name for name, _ in failed}
        listed = None if required is None else {canonical(name) for name in required}
        for plugin in found:
            wanted = listed is None or canonical(plugin.name) in listed or plugin.required
            if wanted and plugin.status in ("load-failed", "failed", "invalid-result", "timed-out"):
                assert plugin.name in named
        assert all(reason for _, reason in failed)
        for name in named:
            states = {plugin.status for plugin in found if plugin.name == name}
            assert not states or states - {"success", "inherited", "loaded", "pending"}
        installed = {canonical(plugin.name) for plugin in found}
        assert {canonical(name) for name in required or ()} - installed <= {canonical(name) for name in named}
        if failed:
            assert strict.message(failed).startswith("[plugins] required plugin ")


class TestInheritance:
    """The note that a process leaves to its descendants."""

    @given(
        st.text(max_size=40)
        | st.recursive(ANY.filter(lambda part: not isinstance(part, bytes)), lambda part: st.dictionaries(
            st.sampled_from(["format", "settings", "plugins", "names", "salt", "version", "expires", "due"]), part
        ), max_leaves=8).map(json.dumps)
    )  # fmt: skip
    def test_any_note(self, text: str) -> None:
        """Whatever is in the variable, nothing is inherited that no ancestor left, and nothing is raised."""
        assume("\0" not in text and not re.search("[\ud800-\udfff]", text))
        os.environ[inherit.NOTE] = text
        candidate = Candidate("any", "module", None, None)
        assert inherit.recall([candidate], Settings()) == {}

    @given(st.sampled_from([1e400, -1e400, 1e300, -1e300, "soon", [], True, {}]), st.sampled_from(["expires", "due"]))
    def test_any_time(self, moment: Any, field: str) -> None:
        """A note with a time that is none is no note."""
        candidate, env = Candidate("any", "module", None, None), {"INHERITED_VALUE": "1"}
        os.environ.update(env)
        plugin = Plugin(candidate)
        plugin.status, plugin.env, plugin.inherit = "success", env, True
        note = json.loads(inherit.note([plugin], Settings(), env) or "")
        for entry in note["plugins"].values():
            entry[field] = moment
        os.environ[inherit.NOTE] = json.dumps(note)
        assert set(inherit.recall([candidate], Settings())) <= {candidate}
