"""What plugins return becomes the environment: wholly or not at all, and written by the importing thread alone."""

from __future__ import annotations

import collections
import os
import random
import sys
import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from prefect_preflight._environment import apply
from prefect_preflight._plugins.returned_environment import EnvironmentProblem, validated
from snippets import ENABLED, IMPORT_AND_TELL, Told, hook, told

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

VALUE = "canary-of-a-value"


class Own(Mapping[str, str]):
    """A mapping of somebody's own."""

    def __init__(self, **items: str) -> None:
        self._items = items

    def __getitem__(self, name: str) -> str:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


GOOD: dict[str, Mapping[str, str]] = {
    "empty": {},
    "empty value": {"NAME": ""},
    "any characters": {"a.b-c d": "=; \n\t 'quotes' ü 漢 \N{SNAKE}"},
    "undecodable bytes": {"NAME": "\udcff"},
    "ordered": collections.OrderedDict(A="1", B="2"),
    "read-only": types.MappingProxyType({"A": "1"}),
    "own class": Own(A="1", B="2"),
    "str subclass": {"A": type("Text", (str,), {})("1")},
}


@pytest.mark.parametrize("name", GOOD)
def test_what_can_be_set(name: str) -> None:
    """A mapping of settable names to settable values is taken as it is, and arrives in the environment."""
    copy = validated(GOOD[name])
    assert type(copy) is dict and copy == dict(GOOD[name])
    apply(copy)
    assert {key: os.environ[key] for key in copy} == copy


BAD = [
    (None, "env is None, it must be a mapping"),
    ([("A", VALUE)], "env is a list, it must be a mapping"),
    (VALUE, "env is a str, it must be a mapping"),
    (42, "env is an int, it must be a mapping"),
    ({1: VALUE}, "env has a name that is an int: 1"),
    ({b"A": VALUE}, "env has a name that is a bytes: b'A'"),
    ({None: VALUE}, "env has a name that is None"),
    ({"": VALUE}, "env has an empty name"),
    ({"A=B": VALUE}, "env has the name 'A=B'; a name cannot contain '=' or NUL"),
    ({"A\0B": VALUE}, "a name cannot contain '=' or NUL"),
    ({"A": None}, "the value of 'A' is None, it must be str"),
    ({"A": 1}, "the value of 'A' is an int, it must be str"),
    ({"A": True}, "the value of 'A' is a bool, it must be str"),
    ({"A": VALUE.encode()}, "the value of 'A' is a bytes, it must be str"),
    ({"A": [VALUE]}, "the value of 'A' is a list, it must be str"),
    ({"A": VALUE + "\0"}, "the value of 'A' contains NUL"),
    ({"A": VALUE + "\ud800"}, "the value of 'A' has a character that"),
    ({"A\ud800": VALUE}, "the name of 'A\\ud800' has a character that"),
]


@pytest.mark.parametrize(("mapping", "message"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_what_cannot(mapping: object, message: str) -> None:
    """Everything else is refused with the culprit's name, never with a value."""
    with pytest.raises(EnvironmentProblem) as caught:
        validated(mapping)
    assert message in str(caught.value)
    assert VALUE not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_the_longest_variable() -> None:
    """On Linux a variable is refused exactly when no child process could start with it."""
    import subprocess

    def starts(value: str) -> bool:
        try:
            return subprocess.run(["/bin/true"], env={"A": value}, check=False).returncode == 0
        except OSError:
            return False

    limit = 128 * 1024 - len("A=") - 1
    for length in (limit - 1, limit, limit + 1):
        try:
            validated({"A": "x" * length})
            message = None
        except EnvironmentProblem as error:
            message = str(error)
        assert (message is None) == starts("x" * length), length
        assert "xxx" not in (message or "")


def test_whatever_passes_can_be_applied() -> None:
    """Of many random mappings each is either refused, or set in full without an error and read back unchanged."""
    generator = random.Random(20)
    alphabet = ["A", "b", "=", "\0", "", "é", "\udc80", "\ud800", " ", "\n", "漢", "\U0001f40d"]

    def text() -> object:
        choice = generator.random()
        if choice < 0.04:
            return generator.choice([None, 1, b"x", ("A",), 2.5])
        return "".join(generator.choices(alphabet, weights=[30, 20, 1, 1, 5, 5, 3, 1, 3, 2, 3, 2], k=3))

    accepted = 0
    for _ in range(2000):
        mapping = {text(): text() for _ in range(generator.randrange(4))}
        before = dict(os.environ)
        try:
            copy = validated(mapping)
        except EnvironmentProblem:
            assert dict(os.environ) == before
            continue
        accepted += 1
        apply(copy)
        assert dict(os.environ) == {**before, **mapping}
        for name in copy:
            os.environ.pop(name)
    assert 200 < accepted < 1900


RAISING_MAPPING = """
from collections.abc import Mapping
class Sealed(Mapping):
    def __getitem__(self, name):
        raise LookupError("vault sealed")
    def __iter__(self):
        return iter(["HALF"])
    def __len__(self):
        return 1
return SetupResult(env=Sealed())
"""

# By the entry point's name: what the hook does, and what the one line about it says.
REFUSED = {
    "bad_name": ('return SetupResult(env={"HALF": "1", "A=B": "canary", "REST": "1"})', "'A=B'"),
    "bad_value": ('return SetupResult(env={"HALF": "1", "B": 2})', "the value of 'B' is an int"),
    "nul": ('return SetupResult(env={"HALF": "1", "C": "canary\\0"})', "'C' contains NUL"),
    "surrogate": ('return SetupResult(env={"HALF": "1", "D": "canary\\ud800"})', "the value of 'D'"),
    "no_mapping": ('return SetupResult(env=[("HALF", "1")])', "env is a list"),
    "none": ("return SetupResult(env=None)", "env is None"),
    "raising_mapping": (
        RAISING_MAPPING,
        "LookupError: vault sealed",
    ),
}

KEEPING = hook(
    """
kept = {"KEPT": "as returned"}
def change():
    time.sleep(0.2)
    kept.update(KEPT="changed", LATER="added")
threading.Thread(target=change).start()
return SetupResult(env=kept)
"""
)


@pytest.fixture(scope="module")
def refusals(module_world: World) -> Told:
    """One child with plugins that return what cannot be set, one that changes its mapping later, and a good one."""
    for name, (body, _) in REFUSED.items():
        module_world.plugin(name, hook(body))
    module_world.plugin("keeping", KEEPING)
    module_world.plugin("lower", hook('return SetupResult(env={"lower_case": "ü", "EMPTY": ""})'))
    return told(module_world.run(IMPORT_AND_TELL, env=ENABLED))


class TestWholeOrNothing:
    """What becomes of environments that cannot be set in full."""

    @pytest.mark.parametrize("name", REFUSED)
    def test_is_refused(self, refusals: Told, name: str) -> None:
        """Nothing of a mapping with one bad item is set; one line on stderr says what is wrong, without a value."""
        assert refusals.statuses[name] in ("invalid-result", "failed")
        (line,) = [line for line in refusals.lines if f"Plugin {name} failed: " in line]
        assert REFUSED[name][1] in line and "canary" not in line
        assert refusals.plugins[name]["environment"] == {}

    def test_nothing_else_is_lost(self, refusals: Told) -> None:
        """The other plugins' variables are set, and nothing is left of the refused ones."""
        assert refusals.env["lower_case"] == "ü" and refusals.env["EMPTY"] == ""
        assert not {"HALF", "REST", "A", "B", "C", "D"} & set(refusals.env)
        assert len(refusals.lines) == len(REFUSED)

    def test_a_copy_is_taken(self, refusals: Told) -> None:
        """What a plugin does to its mapping after it was returned changes nothing."""
        assert refusals.env["KEPT"] == "as returned" and "LATER" not in refusals.env


# Returns when the program says that the import is over.
STRAGGLING = hook(
    """
while not hasattr(sys, "prefect_is_imported"):
    time.sleep(0.05)
return SetupResult(env={"STRAGGLER": "1"})
"""
)


def test_only_the_importing_thread_writes(world: World, real_prefect: Host) -> None:
    """Every `putenv` comes from the importing thread and during the import, late and straggling hooks included."""
    world.plugin("early", hook('return SetupResult(env={"EARLY_ONE": "1"})'))
    world.plugin("first", hook('time.sleep(0.1)\nreturn SetupResult(env={"EARLY_TWO": "1"})'))
    world.plugin("late", hook('return SetupResult(env={"LATE": "1"})', before="from prefect import flow"))
    world.plugin("straggler", STRAGGLING)
    program = """
        import json, os, sys, threading, time
        events, importing = [], True
        def audit(event, args):
            if event in ("os.putenv", "os.unsetenv"):
                name = os.fsdecode(args[0])
                events.append((name, threading.current_thread() is threading.main_thread(), importing))
        sys.addaudithook(audit)
        import prefect
        importing = False
        time.sleep(2.5)
        print(json.dumps([events, os.environ.get("STRAGGLER")]))
    """
    result = world.run(program, env=ENABLED, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="2.5", check=True)
    events, straggler = result.json
    assert {"EARLY_ONE", "EARLY_TWO"} <= {name for name, _, _ in events}
    assert all(main for _, main, _ in events), events
    assert all(during for _, _, during in events), events
    assert straggler is None and "Plugin straggler failed: " in result.stderr
