"""No output shows a secret, and rendering a report changes nothing."""

from __future__ import annotations

import base64
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import COMPANIONS, PLUGIN, hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def toy(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect."""
    return toy_world(hosts, new_world, "3.12")


# Secrets printed, 8: tracebacks that print locals

CANARY = "kanarienvogel/+=Q7&z"
FORMS = (
    CANARY,
    urllib.parse.quote(CANARY, safe=""),
    urllib.parse.quote_plus(CANARY),
    base64.b64encode(CANARY.encode()).decode(),
    base64.b64encode(f"user:{CANARY}".encode()).decode(),
)
LEAKY = f"""
    import base64, logging, os, urllib.parse
    from prefect.plugins import register_hook, SetupResult
    CANARY = {CANARY!r}
    FORMS = {FORMS!r}

    @register_hook(tryfirst=True)
    def setup_environment(*, ctx):
        logger = ctx.logger_factory("leaky")
        return SetupResult(env={{
            "MY_PASSWORD": CANARY, "DATABASE_URL": "postgres://user:" + FORMS[1] + "@host/db", "AUTH_HEADER":
            "Basic " + FORMS[4], "INNOCUOUS": "see " + CANARY, "ENCODED": FORMS[3],
        }}, note="used " + CANARY + " and " + FORMS[1])
"""
LEAKY_TOO = f"""
    import logging
    from prefect.plugins import register_hook, SetupResult
    FORMS = {FORMS!r}

    @register_hook
    def setup_environment(*, ctx):
        secret = FORMS[0]
        logger = ctx.logger_factory("leaky")
        for form in FORMS:
            logger.error("with %s and %r", form, [form])
            logger.warning({{"secret": form}})
        try:
            raise ValueError(secret)
        except ValueError as cause:
            logger.exception("as %s", FORMS[2])
            raise OSError(f"could not use {{FORMS[1]}}") from cause
"""


@pytest.mark.parametrize("strict", ["0", "1"])
def test_no_canary_in_any_output(world: World, strict: str) -> None:
    """No canary (raw, URL-encoded, base64) appears in any output."""
    world.plugin("a-leaky", LEAKY)
    world.plugin("b-leaky", LEAKY_TOO)
    code = "import prefect, prefect_preflight as ours; print(ours.last_report(), ours.last_report().as_dict())"
    variables = {**ENABLED, "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_PLUGINS_STRICT": strict}
    outputs = [
        world.run(args, env=variables)
        for args in (code, ["-m", "plugins_diag"], ["-m", "plugins_diag", "--format", "json"])
    ]
    assert outputs[0].returncode == int(strict), outputs[0]
    for result in outputs:
        assert "leaky" in result.stdout + result.stderr, result
        for form in FORMS:
            assert form not in result.stdout and form not in result.stderr, (form, result)


def test_renderers_that_print_locals(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """Renderers that print locals show no canary from our frames."""
    world = new_world(hosts(*COMPANIONS, python="3.12"))
    world.plugin("a-leaky", LEAKY)
    world.plugin("b-slow", hook("import time; time.sleep(60)"))
    result = world.run(
        """
        import _thread, os, signal, sys, threading, traceback, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell said that ran the tests
        from rich.console import Console
        from rich.traceback import Traceback

        def interrupt():
            while "MY_PASSWORD" not in os.environ:
                time.sleep(0.01)
            time.sleep(0.3)
            _thread.interrupt_main()

        threading.Thread(target=interrupt, daemon=True).start()
        try:
            import prefect
        except KeyboardInterrupt:
            shown = sys.exc_info()
        frames = [frame.name for frame in traceback.extract_tb(shown[2])]
        assert "exec_module" in frames and "early" in frames, frames
        console = Console(file=sys.stdout, width=300)
        console.print(Traceback.from_exception(*shown, show_locals=True, locals_max_length=999,
                                                                           locals_max_string=9999))
        print("".join(traceback.TracebackException(*shown, capture_locals=True).format()))
        import structlog
        print(structlog.tracebacks.ExceptionDictTransformer(show_locals=True, locals_max_string=9999)(shown))
        frame = shown[2]
        while frame is not None:  # one level deeper than any of them goes
            for value in list(frame.tb_frame.f_locals.values()):
                if type(value).__module__.startswith("prefect_preflight"):
                    print(repr(value))
            frame = frame.tb_next
        """,
        env=ENABLED,
    )
    assert result.returncode == 0 and "locals" in result.stdout, result
    for form in FORMS:
        # The environment itself is Python's, and a renderer that prints `os.environ` cannot be kept from it.
        assert form not in result.stdout, (form, result)


# Rendering a report changes live data


def test_rendering_changes_nothing(world: World) -> None:
    """Rendering leaves `os.environ` as it was."""
    world.plugin("good", PLUGIN)
    world.run(
        """
        import os, sys, prefect, prefect_preflight
        before = dict(os.environ)
        report = prefect_preflight.last_report()
        os.environ["TOKEN"] = before["TOKEN"] = "since changed"
        data = report.as_dict()
        repr(report), str(report)
        data["plugins"][0]["environment"].clear() if isinstance(data["plugins"][0]["environment"], dict) else None
        assert prefect_preflight.last_report() == report and report.plugins[0].environment
        try:
            report.outcome = "mine"
        except Exception as error:
            assert type(error).__name__ == "FrozenInstanceError"
        from prefect_preflight._command_line.main import main
        for arguments in (["diagnose"], ["diagnose", "--format", "json"]):
            try:
                main(arguments)
            except SystemExit as error:
                assert not error.code
        assert dict(os.environ) == before
        """,
        env=ENABLED,
        check=True,
    )
