"""Type checkers accept plugins written against the package, and see their mistakes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from hosts import unavailable
from pages import checkable_modules
from prefect_preflight._command_line.new import contents

if TYPE_CHECKING:
    from pathlib import Path

    from hosts import Hosts, Result

MYPY = "mypy==2.4.*"
# Pyright itself is written for Node; this one package of the Python index brings both along.
PYRIGHT = "basedpyright==1.*"

GOOD = {
    "function.py": """
from __future__ import annotations
import os
from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"

@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    role = os.environ.get("ROLE")
    return SetupResult(env={"ROLE_SET": role}, note="a note", required=True) if role else None
""",
    "instance.py": """
from __future__ import annotations
from datetime import datetime, timedelta, timezone
from prefect_preflight import HookContext, SetupResult, register_hook

class Plugin:
    def __init__(self) -> None:
        self.calls = 0

    @register_hook(tryfirst=True)
    def setup_environment(self, *, ctx: HookContext) -> SetupResult:
        self.calls += 1
        expires = datetime.now(timezone.utc) + timedelta(hours=1)
        return SetupResult({"CALLS": str(self.calls)}, expires_at=expires, inherit=True)

plugin = Plugin()
""",
    "asynchronous.py": """
from __future__ import annotations
import asyncio
from prefect_preflight import HookContext, SetupResult, register_hook

async def fetch() -> dict[str, str]:
    await asyncio.sleep(0)
    return {"A": "1"}

@register_hook()
async def setup_environment(*, ctx: HookContext) -> SetupResult:
    return SetupResult(env=await fetch())
""",
    "context.py": """
from __future__ import annotations
import logging
from prefect_preflight import HookContext, HookSpec, SetupResult, last_report, register_hook

@register_hook
def setup_environment(*, ctx: HookContext) -> None:
    logger: logging.Logger = ctx.logger_factory("acme")
    url: str | None = ctx.api_url
    logger.info("Prefect %s at %s", ctx.prefect_version.upper(), url)

@register_hook(optionalhook=True)
def some_future_hook(connection_url: str) -> dict[str, str]:
    return {"application_name": connection_url}

class ForServer:
    @register_hook
    def set_database_connection_params(self, connection_url: str, settings: object) -> dict[str, str]:
        return {"application_name": connection_url}

    @register_hook(trylast=True)
    async def setup_environment(self, *, ctx: HookContext) -> SetupResult | None:
        return None

@register_hook
def set_database_connection_params(connection_url: str, settings: object) -> dict[str, str]:
    return {"application_name": connection_url}

def tell() -> str:
    return ", ".join(f"{plugin.name}: {plugin.status}" for plugin in last_report().plugins)

specification: type[HookSpec] = HookSpec
""",
    "tests_of_it.py": """
from __future__ import annotations
from collections.abc import Callable
from prefect_preflight.testing import Advice, PluginRun, run_plugin

def test_function(run_plugin: Callable[..., PluginRun]) -> None:
    assert run_plugin("function", env={"ROLE": "x"}).assert_ok().env == {"ROLE_SET": "x"}

def test_in_a_child() -> None:
    run = run_plugin("function", env={"ROLE": None}, subprocess=True, timeout=5)
    assert run.report is not None and run.report.outcome == "success"
    advice: tuple[Advice, ...] = run.advice
    assert not advice
""",
}
"""Modules without a mistake: a function, an object, an async hook, the context, tests with the kit."""

REVEALING = """
from __future__ import annotations
from prefect_preflight import HookContext, SetupResult, register_hook

@register_hook
def bare(*, ctx: HookContext) -> SetupResult | None:
    return None

@register_hook(trylast=True)
async def with_options(*, ctx: HookContext) -> SetupResult:
    return SetupResult(env={})

reveal_type(bare)
reveal_type(with_options)
"""

MISTAKES = """
from __future__ import annotations
from prefect_preflight import HookContext, SetupResult, register_hook
from prefect_preflight.testing import run_plugin

SetupResult(env={"PORT": 8080})  # 1
SetupResult(env={}, expires_at="tomorrow")  # 2
register_hook(tryfrist=True)  # 3
HookContext("3.0.0", None)  # 4
run_plugin("acme", env={"PORT": 8080})  # 5

@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult:
    return SetupResult(env={"A": "1"}, note=ctx.api_url.upper())  # 6

setup_environment(context=None)  # 7

@register_hook  # 8
def without_context() -> SetupResult:
    return SetupResult(env={})

@register_hook  # 9
def another_name(*, context: HookContext) -> None:
    return None

@register_hook  # 10
def positional(ctx: HookContext, /) -> None:
    return None

@register_hook(tryfirst=True)  # 11
def returns_a_dict(*, ctx: HookContext) -> dict[str, str]:
    return {}

@register_hook  # 12
async def awaits_a_dict(*, ctx: HookContext) -> dict[str, str]:
    return {}

class Plugin:
    @register_hook  # 13
    def setup_environment(self) -> SetupResult:
        return SetupResult(env={})

    @register_hook()  # 14
    async def another_hook(self, *, ctx: HookContext) -> str:
        return "none"
"""


EXPECTED = {number for number, line in enumerate(MISTAKES.splitlines(), 1) if re.search(r"  # \d+$", line)}
"""The lines of `MISTAKES` that have one: those that end with a number as a comment."""


FILES = ("good", "documented", "project/src", "project/tests", "revealing.py", "mistakes.py")
"""What is checked, in the order in which it is told about."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the modules in it, and a new project."""
    directory = tmp_path_factory.mktemp("typing")
    files = {f"good/{name}": text for name, text in GOOD.items()}
    files.update({f"documented/{name}.py": text for name, text in checkable_modules().items()})
    files.update({f"project/{path}": text for path, text in contents("acme-credentials").items()})
    files.update({"revealing.py": REVEALING, "mistakes.py": MISTAKES})
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def about(result: Result, place: str) -> list[str]:
    """The lines about a file, or the files of a directory, that call something an error."""
    return [line for line in result.stdout.splitlines() if place in line and "error" in line]


def mistaken(result: Result) -> set[int]:
    """The lines of `MISTAKES` that a checker objects to."""
    lines = about(result, "mistakes.py:")
    return {int(line.partition("mistakes.py:")[2].partition(":")[0]) for line in lines}


@pytest.fixture(scope="module")
def by_mypy(hosts: Hosts, directory: Path) -> Result:
    """What mypy says of all files: one run, since most of its time is for the standard library."""
    host = hosts(MYPY, "pytest>=8.3")
    cache = os.fspath(host.directory / "mypy-cache")  # the next run of the tests is faster
    options = ["--strict", "--hide-error-context", "--cache-dir", cache]
    return host.run(["-m", "mypy", *options, *FILES], cwd=directory, timeout=180)


class TestMypy:
    """mypy, strictly, with the wheel installed."""

    def test_good(self, by_mypy: Result) -> None:
        """There is nothing to be said about plugins and tests as the documentation has them."""
        number = len(GOOD) + len(checkable_modules()) + 4
        assert f"(checked {number} source files)" in by_mypy.stdout, str(by_mypy)
        assert not about(by_mypy, "good"), str(by_mypy)

    def test_documented(self, by_mypy: Result) -> None:
        """Nor about the examples in the documentation that are whole modules."""
        assert len(checkable_modules()) > 4
        assert not about(by_mypy, "documented"), str(by_mypy)

    def test_new_project(self, by_mypy: Result) -> None:
        """A project that `prefect-preflight new` makes is typed strictly."""
        assert not about(by_mypy, "project"), str(by_mypy)

    def test_the_decorator_keeps_the_type(self, by_mypy: Result) -> None:
        """A decorated function has the type that it had, with options and without."""
        revealed = [line.partition("Revealed type is ")[2] for line in by_mypy.stdout.splitlines()]
        context, outcome = "prefect_preflight.api.HookContext", "prefect_preflight.api.SetupResult"
        assert list(filter(None, revealed)) == [
            f'"def (*, ctx: {context}) -> {outcome} | None"',
            f'"def (*, ctx: {context}) -> typing.Coroutine[Any, Any, {outcome}]"',
        ], str(by_mypy)

    def test_mistakes(self, by_mypy: Result) -> None:
        """Each mistake is found in its line, and nothing else."""
        assert mistaken(by_mypy) == EXPECTED, str(by_mypy)


@pytest.fixture(scope="module")
def by_pyright(hosts: Hosts, directory: Path) -> Result:
    """What pyright says of all files."""
    try:
        host = hosts(PYRIGHT, "pytest>=8.3")
    except RuntimeError as error:  # Node comes as a wheel, which there is not for every machine
        unavailable(f"pyright cannot be installed: {str(error)[-300:]}")
    started = host.run(["-m", "basedpyright", "--version"])
    if started.returncode:
        unavailable(f"pyright does not start: {started.stderr.strip()[-300:]}")
    (directory / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    return host.run(["-m", "basedpyright", "--pythonpath", host.python, *FILES], cwd=directory, timeout=180)


class TestPyright:
    """Pyright, strictly, with the wheel installed."""

    def test_good(self, by_pyright: Result) -> None:
        """There is nothing to be said about plugins and tests as the documentation has them."""
        assert "errors" in by_pyright.stdout and not about(by_pyright, "/good/"), str(by_pyright)

    def test_documented(self, by_pyright: Result) -> None:
        """Nor about the examples in the documentation that are whole modules."""
        assert "/mistakes.py" in by_pyright.stdout and not about(by_pyright, "/documented/"), str(by_pyright)

    def test_new_project(self, by_pyright: Result) -> None:
        """A project that `prefect-preflight new` makes is typed strictly."""
        assert not about(by_pyright, "/project/"), str(by_pyright)

    def test_the_decorator_keeps_the_type(self, by_pyright: Result) -> None:
        """A decorated function has the type that it had, with options and without."""
        assert '"bare" is "(*, ctx: HookContext) -> (SetupResult | None)"' in by_pyright.stdout, str(by_pyright)
        assert '"with_options" is "(*, ctx: HookContext) -> CoroutineType[Any, Any, SetupResult]"' in by_pyright.stdout

    def test_mistakes(self, by_pyright: Result) -> None:
        """Each mistake is found in its line, and nothing else."""
        assert mistaken(by_pyright) == EXPECTED, str(by_pyright)
