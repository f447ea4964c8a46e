"""Bad input, of users and of plugins: one clear line each, and nothing else is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, IMPORT_AND_TELL, Told, hook, returning, told

if TYPE_CHECKING:
    from worlds import World

pytestmark = pytest.mark.core

SETTINGS = [
    # variable, bad value, what the line says is allowed, what is used instead
    ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "abc", "a number of seconds above 0", "20.0"),
    ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "-1", "a number of seconds above 0", "20.0"),
    ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "nan", "a number of seconds above 0", "20.0"),
    ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "inf", "a number of seconds above 0", "20.0"),
    ("PREFECT_EXPERIMENTS_PLUGINS_SETUP_TIMEOUT_SECONDS", "0", "a number of seconds above 0", "20.0"),
    ("PREFECT_PLUGINS_STRICT", "maybe", "a boolean (1, 0, true, false", "false"),
    ("PREFECT_PLUGINS_SAFE_MODE", "", "a boolean (1, 0, true, false", "false"),
    ("PREFECT_PLUGINS_ALLOW", "[1, 2]", "a list of plugin names", "None"),
]


@pytest.mark.parametrize(("name", "value", "allowed", "default"), SETTINGS)
def test_settings(world: World, name: str, value: str, allowed: str, default: str) -> None:
    """A bad value is one line that names the variable, the value, and what is allowed; the default is used."""
    world.plugin("works", returning("WORKS"))
    found = told(world.run(IMPORT_AND_TELL, env={**ENABLED, name: value}))
    (line,) = found.lines
    assert name in line and repr(value) in line and allowed in line and f"the default is {default}" in line
    assert found.env["WORKS"] == "WORKS"


@pytest.mark.parametrize("name", ["PREFECT_PLUGINS_ENABLED", "PREFECT_EXPERIMENTS_PLUGINS_ENABLED"])
def test_the_switch_itself(world: World, name: str) -> None:
    """`maybe` for the switch is one line too, no plugin runs, and Prefect loads as far as Prefect itself does."""
    world.plugin("works", returning("WORKS"))
    program = "import os, prefect; print(os.environ.get('WORKS'))"
    result = world.run(program, env={name: "maybe"})
    ours = [line for line in result.stderr.splitlines() if line.startswith("prefect-preflight: ")]
    assert len(ours) == 1 and f"{name}='maybe' is not a boolean" in ours[0]
    assert result.returncode == 0 and result.stdout == "None\n"


def test_a_misspelt_setting(world: World) -> None:
    """A name that means nothing gets a line with the likely one."""
    world.plugin("works", returning("WORKS"))
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED, PREFECT_PLUGINS_STRCIT="1"))
    (line,) = found.lines
    assert "PREFECT_PLUGINS_STRCIT" in line and "did you mean PREFECT_PLUGINS_STRICT?" in line
    assert found.env["WORKS"] == "WORKS"


def signature(parameters: str) -> str:
    """Returns a plugin whose hook has these parameters."""
    return hook("return SetupResult(env={__name__: '1'})").replace("*, ctx", parameters)


METHOD = """
from prefect_preflight import SetupResult, register_hook

class Plugin:
    @register_hook
    def setup_environment({parameters}):
        return SetupResult(env=dict(CLASS="1"))
"""

BAD_PLUGINS: dict[str, tuple[str | None, str, str]] = {
    # by the entry point's name: the plugin, the entry point's value, the end or beginning of its line
    "no_module": (None, "no_such_module", "there is no module 'no_such_module', which 'no_such_module' names"),
    "no_submodule": ("", "no_submodule.part:x", "there is no module 'no_submodule.part'"),
    "no_attribute": ("", "no_attribute:Plugin", "names 'Plugin', which module 'no_attribute' does not have"),
    "no_part": ("class A: pass", "no_part:A.b", "names 'b', which module 'no_part' does not have"),
    "relative": (None, ".relative", "'.relative' is no entry point"),
    "only_attribute": (None, ":Plugin", "':Plugin' is no entry point"),
    "class_with_arguments": (
        "class Plugin:\n    def __init__(self, needed): pass",
        "class_with_arguments:Plugin",
        "names a class, not an instance, and it cannot be called without arguments",
    ),
    "raises_at_load": ("1 / 0", "raises_at_load", "ZeroDivisionError: division by zero"),
    "syntax": ("def (:", "syntax", "SyntaxError: "),
    "needs_another": ("import no_such_library", "needs_another", "No module named 'no_such_library'"),
    "no_parameter": (signature(""), "no_parameter", "setup_environment() cannot be called with ctx=..."),
    "positional_only": (
        signature("ctx, /"),
        "positional_only",
        "setup_environment(ctx, /) cannot be called with ctx=...",
    ),
    "other_name": (signature("context"), "other_name", "setup_environment(context) cannot be called with ctx=..."),
    "one_too_many": (signature("*, ctx, more"), "one_too_many", "setup_environment(*, ctx, more) cannot be called"),
    "method_without_self": (
        METHOD.format(parameters="*, ctx") + "plugin = Plugin()\n",
        "method_without_self:plugin",
        "setup_environment() takes 0 positional arguments but 1 positional argument",
    ),
    "returns_dict": (hook('return {"A": "1"}'), "returns_dict", "returned an object of type builtins.dict"),
    "returns_text": (hook('return "A=1"'), "returns_text", "returned an object of type builtins.str"),
    "returns_true": (hook("return True"), "returns_true", "returned an object of type builtins.bool"),
    "returns_zero": (hook("return 0"), "returns_zero", "returned an object of type builtins.int"),
    "returns_class": (hook("return SetupResult"), "returns_class", "returned"),
    "generator": (hook("yield SetupResult(env={})"), "generator", "returned an object of type builtins.generator"),
    "async_generator": (
        hook("yield SetupResult(env={})", keyword="async def"),
        "async_generator",
        "returned an object of type builtins.async_generator",
    ),
    "async_dict": (hook('return {"A": "1"}', keyword="async def"), "async_dict", "of type builtins.dict"),
    "two_coroutines": (
        hook("async def inner():\n    return SetupResult(env={})\nreturn inner()", keyword="async def"),
        "two_coroutines",
        "returned an object of type builtins.coroutine",
    ),
    "undecorated": (
        "def setup_environment(*, ctx): pass",
        "undecorated",
        "it has no hook: setup_environment lacks the decorator @register_hook",
    ),
    "misspelt": (
        "from prefect_preflight import register_hook\n@register_hook\ndef setup_enviroment(*, ctx): pass",
        "misspelt",
        "there is no hook 'setup_enviroment', did you mean 'setup_environment'?",
    ),
    "empty_module": ("", "empty_module", "it has no hook"),
    "wrapper": (
        hook("return None", options="wrapper=True"),
        "wrapper",
        "setup_environment is marked as a wrapper, which setup_environment does not have; it is not called",
    ),
    "naive_expiry": (
        hook('from datetime import datetime\nreturn SetupResult(env={"NAIVE": "1"}, expires_at=datetime(2030, 1, 1))'),
        "naive_expiry",
        "expires_at is a datetime without a time zone and is ignored; give an aware datetime",
    ),
    "odd_expiry": (
        hook('return SetupResult(env={"ODD": "1"}, expires_at="tomorrow")'),
        "odd_expiry",
        "expires_at is an object of type builtins.str and is ignored",
    ),
    "class_itself": (
        METHOD.format(parameters="self, *, ctx"),
        "class_itself:Plugin",
        "names a class, not an instance; an instance was made: write `Plugin = Plugin()`",
    ),
}
# Odd, but as good as any other, so there is no line about them.
FINE = {
    "positional": signature("ctx"),
    "with_default": signature("*, ctx, more=1"),
    "any_keyword": signature("**anything"),
    "same_shape": hook('import types\nreturn types.SimpleNamespace(env={"SAME_SHAPE": "1"})'),
    "note_of_another_type": hook('return SetupResult(env={"NOTE_TYPE": "1"}, note=42)'),
    "awaitable": hook(
        "class Later:\n    def __await__(self):\n        yield from asyncio.sleep(0).__await__()\n"
        '        return SetupResult(env={"AWAITABLE": "1"})\nreturn Later()'
    ),
}
SURVIVES = ("class_itself", "naive_expiry", "odd_expiry")


@pytest.fixture(scope="module")
def everything(module_world: World) -> Told:
    """One child with all of these plugins and a good one."""
    for name, (text, value, _) in BAD_PLUGINS.items():
        module_world.plugin(name, text, entry_points={name: value})
    for name, text in FINE.items():
        module_world.plugin(name, text)
    module_world.plugin("good", returning("GOOD"))
    return told(module_world.run(IMPORT_AND_TELL, env=ENABLED))


@pytest.mark.parametrize("name", BAD_PLUGINS)
def test_one_line_each(everything: Told, name: str) -> None:
    """Every wrong plugin gets exactly one line on stderr, which names it and says what is wrong."""
    lines = [line for line in everything.lines if f"lugin {name} " in line or f"lugin {name}: " in line]
    assert len(lines) == 1, lines
    assert BAD_PLUGINS[name][2] in lines[0]


def test_no_other_lines(everything: Told) -> None:
    """Nothing else is printed: no traceback, no warning of Python's, nothing for the odd but fine."""
    assert len(everything.lines) == len(BAD_PLUGINS), "\n".join(everything.lines)


def test_nothing_else_is_lost(everything: Told) -> None:
    """The good plugin ran, and the odd ones; what a wrong one returned is not set."""
    assert everything.env["GOOD"] == "GOOD"
    assert {name: everything.statuses[name] for name in FINE} == dict.fromkeys(FINE, "success")
    assert {"SAME_SHAPE", "NOTE_TYPE", "AWAITABLE", "NAIVE", "ODD", "CLASS"} <= set(everything.env)
    assert "A" not in everything.env


def test_the_statuses(everything: Told) -> None:
    """The report tells failures apart: of loading, of the result, and what is only odd."""
    statuses = {name: everything.statuses[name] for name in BAD_PLUGINS}
    assert {name for name, status in statuses.items() if status == "success"} == set(SURVIVES)
    assert {name for name, status in statuses.items() if status == "no-hook"} == {
        "empty_module",
        "misspelt",
        "undecorated",
        "wrapper",
    }
    assert {name for name, status in statuses.items() if status == "load-failed"} == set(
        list(BAD_PLUGINS)[: list(BAD_PLUGINS).index("no_parameter")]
    )
    rest = list(BAD_PLUGINS)[list(BAD_PLUGINS).index("no_parameter") : list(BAD_PLUGINS).index("undecorated")]
    assert {name: statuses[name] for name in rest if statuses[name] != "invalid-result"} == {
        "method_without_self": "failed"
    }
    assert everything.plugins["note_of_another_type"]["note"] == "42"
    assert everything.plugins["naive_expiry"]["expires_at"] is None
