"""Where log records go: stderr, at Prefect's level, below Prefect's loggers, without secrets, and never twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, IMPORT_AND_TELL, Told, hook, returning, told

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

LEVELS = hook(
    """
logger = ctx.logger_factory("my-plugin")
logger.debug("a debug message")
logger.info("an info %s", "message")
logger.warning("a warning")
logger.error("an error")
return None
"""
)


def messages(told: Told) -> list[str]:
    """Logger, level and message of each line, the time of day left out."""
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} \| ", line) for line in told.lines), told.lines
    return [line.partition(" | ")[2] for line in told.lines]


APPLIED = hook("return SetupResult(env={'APPLIED': '1'}, note='Assumed role X with token hunter2-canary-value')")


def test_what_was_applied_is_in_a_log_that_is_configured(world: World) -> None:
    """In the words, with the level and from the logger of Prefect's own system, so that a search of logs finds it."""
    world.plugin("one", APPLIED)
    code = "import logging, sys; logging.basicConfig(level=logging.INFO); import prefect"
    assert world.run(code, env={**ENABLED, "MY_TOKEN": "hunter2-canary-value"}, check=True).stderr.splitlines() == [
        "INFO:prefect.plugins:plugin env applied — Assumed role X with token ••••••",
    ]
    assert told(world.run(IMPORT_AND_TELL, env=ENABLED)).lines == ()  # as natively, where nobody has configured one


@pytest.mark.parametrize(
    ("level", "count"), [(None, 3), ("INFO", 3), ("debug", 4), ("WARNING", 2), ("ERROR", 1), ("CRITICAL", 0)]
)
def test_the_level(world: World, level: str | None, count: int) -> None:
    """Records are shown from `PREFECT_LOGGING_LEVEL` on, INFO by default, a line each."""
    world.plugin("my-plugin", LEVELS)
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED, PREFECT_LOGGING_LEVEL=level))
    own = [message for message in messages(found) if message.startswith("prefect.my-plugin | ")]
    assert (
        own
        == [
            "prefect.my-plugin | DEBUG: a debug message",
            "prefect.my-plugin | INFO: an info message",
            "prefect.my-plugin | WARNING: a warning",
            "prefect.my-plugin | ERROR: an error",
        ][4 - count :]
    )


def test_quiet_by_default(world: World) -> None:
    """A plugin that works and logs nothing makes no line."""
    world.plugin("works", returning("WORKS"))
    assert told(world.run(IMPORT_AND_TELL, env=ENABLED)).lines == ()


def test_early_and_late_alike(world: World, each_prefect: Host) -> None:
    """Late hooks log as early ones do, once each, whatever Prefect configures meanwhile."""
    world.plugin("early", hook('ctx.logger_factory("early").info("from early")'))
    world.plugin("late", hook('ctx.logger_factory("late").info("from late")', before="from prefect import flow"))
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED))
    assert len(found.lines_with("from early")) == 1 and len(found.lines_with("from late")) == 1


def test_prefects_loggers_are_left_alone(world: World, each_prefect: Host) -> None:
    """After the import, the handlers and the level of Prefect's loggers are what they are without us."""
    program = """
        import json, logging, prefect
        from prefect.logging import get_logger
        get_logger("x")
        def look(name):
            logger = logging.getLogger(name)
            ours = [f for f in logger.filters if type(f).__module__.startswith("prefect_preflight")]
            return [logger.level, logger.propagate, [type(h).__name__ for h in logger.handlers], len(ours)]
        print(json.dumps([look(""), look("prefect"), look("prefect.x")]))
    """
    world.plugin("my-plugin", LEVELS)
    assert world.run(program, env=ENABLED, check=True).json == world.run(program, check=True).json


def test_the_applications_own_handler(world: World) -> None:
    """A program that configured logging gets each record in its own format, once, and nothing beside it."""
    world.plugin("my-plugin", LEVELS)
    program = 'import logging, sys\nlogging.basicConfig(format="APP %(name)s %(message)s", stream=sys.stderr)\n'
    found = told(world.run(program + IMPORT_AND_TELL, env=ENABLED))
    assert found.lines == (
        "APP prefect.my-plugin an info message",
        "APP prefect.my-plugin a warning",
        "APP prefect.my-plugin an error",
    )


def test_the_logger_afterwards(world: World, each_prefect: Host) -> None:
    """A logger that a plugin keeps is an ordinary child of Prefect's; it works after the import as well."""
    world.plugin("keeps", hook('sys.kept = ctx.logger_factory("keeps")'))
    program = """
        import logging, sys, prefect
        from prefect.logging.configuration import setup_logging
        setup_logging()
        print(sys.kept is logging.getLogger("prefect.keeps"), sys.kept.parent.name)
        sys.kept.warning("after the import")
    """
    result = world.run(program, env=ENABLED, check=True)
    assert result.stdout == "True prefect\n"
    assert result.stderr.count("after the import") == 1


CANARIES = ("canary-of-the-environment", "canary-of-a-url", "canary-of-a-bearer", "canary-of-an-exception")
LEAKING = hook(
    """
logger = ctx.logger_factory("leaks")
logger.info("connecting to https://user:canary-of-a-url@host/path")
logger.info("header %s", {"Authorization": "Bearer canary-of-a-bearer"})
try:
    raise ValueError("postgres://me:canary-of-an-exception@db/x failed")
except ValueError:
    logger.exception("first try")
logger.info("wrong %d arguments", "canary-of-the-environment", 2)
logger.info("the password is %s", os.environ["SERVICE_PASSWORD"])
raise RuntimeError("cannot use " + os.environ["SERVICE_PASSWORD"])
"""
)


def test_secrets(world: World) -> None:
    """Secrets in a hook's messages, arguments, tracebacks and errors are taken out; the rest stays readable."""
    world.plugin("leaks", LEAKING)
    found = told(
        world.run(
            IMPORT_AND_TELL.replace('"env": dict(os.environ)', '"env": {}'),
            env=ENABLED,
            SERVICE_PASSWORD="canary-of-the-environment",
            PREFECT_LOGGING_LEVEL="DEBUG",
        )
    )
    for canary in CANARIES:
        assert canary not in found.result.stderr, canary
        assert canary not in found.result.stdout, canary
    assert found.lines_with("first try") and found.lines_with("ValueError: postgres://")
    assert found.lines_with("cannot use ••••••")


def test_the_traceback_is_for_debugging(world: World) -> None:
    """A failure is one line; at DEBUG its traceback follows, with the plugin's frames and none of ours."""
    world.plugin("fails", hook("def deeper():\n    raise ValueError('no')\ndeeper()"))
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED))
    assert messages(found) == ["prefect.plugins | ERROR: Plugin fails failed: ValueError: no"]
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED, PREFECT_LOGGING_LEVEL="DEBUG"))
    assert found.lines_with("in deeper") and not found.lines_with("prefect_preflight")


def test_a_broken_stderr(world: World) -> None:
    """A `sys.stderr` that cannot be written to stops nothing."""
    world.plugin("fails", hook("raise ValueError('no')"))
    world.plugin("works", returning("WORKS"))
    program = """
        import sys
        class Broken:
            def write(self, text): raise OSError("gone")
            def flush(self): raise OSError("gone")
        sys.stderr = Broken()
        import prefect, os
        print(os.environ["WORKS"])
        sys.stderr = sys.__stderr__
    """
    assert world.run(program, env=ENABLED, check=True).stdout == "WORKS\n"
