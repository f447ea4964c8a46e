"""Secrets on their whole way: from a plugin in a real process to everything that is printed, logged or reported.

Every canary of the corpus goes each way that there is (a returned variable, a note, an error, an error's cause, an
argument of a logger), through one run with all of them at once, and every output is searched for all of them.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from filelock import FileLock

import standin
from corpus_redaction import CANARIES, READABLE
from hosts import Result
from snippets import ENABLED
from toys import COMPANIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

WAYS = ("note", "error", "load")

# Each canary goes every way by an object of its own; the texts lie beside the module, so that no traceback that
# shows source shows one. What is returned is not the secret's only appearance: most plugins return nothing, so that
# their secrets are known by their shape alone.
PLUGIN = """
import json, os
from prefect_preflight import SetupResult, register_hook

with open(os.path.join(os.path.dirname(__file__), "texts.json"), encoding="utf-8") as file:
    TEXTS, READABLE = json.load(file)


class Way:
    def __init__(self, way, number):
        self.way, self.name, self.text = way, *TEXTS[number]

    @register_hook
    def setup_environment(self, *, ctx):
        return getattr(self, self.way)(ctx)

    def note(self, ctx):
        return SetupResult(env={}, note=self.text)

    def error(self, ctx):
        logger = ctx.logger_factory("way")
        logger.info("seen %s", self.text)
        logger.warning("seen %r", {"text": self.text})
        try:
            raise KeyError(self.text)
        except KeyError as error:
            logger.exception("it failed")
            try:
                raise RuntimeError(self.text) from error
            except RuntimeError:
                raise ValueError(f"no: {self.text}")


class Environment:
    @register_hook(trylast=True)
    def setup_environment(self, *, ctx):
        env = {f"{name}_{number}": text for number, (name, text) in enumerate(TEXTS)}
        return SetupResult(env=env)


class Readable:
    @register_hook(tryfirst=True)
    def setup_environment(self, *, ctx):
        return SetupResult(env={f"READABLE_{number}": text for number, text in enumerate(READABLE)})


def __getattr__(name):
    way, _, number = name.rpartition("_")
    if not number.isdigit():
        raise AttributeError(name)
    if way == "load":
        raise ValueError(TEXTS[int(number)][1])
    return Way(way, int(number))


environment, readable = Environment(), Readable()
"""

SHOWN = tuple(text for text in READABLE if text and text.isprintable() and len(text) <= 120)
"""What a variable's value must look like afterwards, too."""


def install(world: World) -> None:
    """Installs the plugins that take every canary every way."""
    numbers = range(len(CANARIES))
    points = {f"{way}-{number}": f"ways:{way}_{number}" for way in WAYS for number in numbers}
    points.update(environment="ways:environment", readable="ways:readable")
    texts = json.dumps([[(canary.name, canary.text) for canary in CANARIES], SHOWN])
    world.plugin("ways", PLUGIN, entry_points=points)
    (world.overlay / "ways" / "texts.json").write_text(texts)


def found_in(output: str) -> list[str]:
    """The shapes whose secret is in ``output``: raw, URL-encoded, base64."""
    shown = []
    for canary in CANARIES:
        secret = canary.secret
        forms = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), repr(secret)[1:-1]}
        if any(form in output for form in forms):
            shown.append(canary.shape)
    return shown


@pytest.fixture(scope="module")
def outputs(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """All outputs of a run with all canaries, by a name for people; made once, whichever of pytest's processes asks."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    file = shared / f"outputs-{module_world.host.directory.name}.json"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            made = {name: dataclasses.asdict(result) for name, result in all_outputs(module_world).items()}
            file.write_text(json.dumps(made), encoding="utf-8")
    return {name: Result(**fields) for name, fields in json.loads(file.read_text(encoding="utf-8")).items()}


def all_outputs(module_world: World) -> dict[str, Result]:
    """Runs a world with all canaries, in each way that makes an output."""
    install(module_world)
    env = {**ENABLED, "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "60"}
    run = module_world.run
    return {
        "text": run(["-m", "plugins_diag", "--all"], env=env, timeout=180),
        "json": run(["-m", "plugins_diag", "--format", "json"], env=env, timeout=180),
        "prefect": run(["-m", "prefect", "plugins", "diagnose"], env=env, timeout=180),
        "strict": run("import prefect", env=env, PREFECT_PLUGINS_STRICT="1", timeout=180),
        "strict, quiet": run(
            "import prefect", env=env, PREFECT_PLUGINS_STRICT="1", PREFECT_LOGGING_LEVEL="ERROR", timeout=180
        ),
    }


class TestOutputs:
    """Row 7: no canary is in any output, and what is no secret stays readable."""

    def test_everything_went_its_way(self, outputs: dict[str, Result]) -> None:
        """The run did what the other tests rely on: every plugin ran and ended as meant."""
        plugins = {plugin["name"]: plugin for plugin in outputs["json"].json["plugins"]}
        meant = {"note": "success", "error": "failed", "load": "load-failed"}
        for way in WAYS:
            statuses = {plugins[f"{way}-{number}"]["status"] for number in range(len(CANARIES))}
            assert statuses == {meant[way]}, way
        assert len(plugins["environment"]["environment"]) == len(CANARIES)
        assert outputs["strict"].returncode == 1 and outputs["text"].returncode == 1
        assert outputs["prefect"].stdout.startswith(outputs["text"].stdout[:40])

    @pytest.mark.parametrize("name", ["text", "json", "prefect", "strict", "strict, quiet"])
    def test_no_canary(self, outputs: dict[str, Result], name: str) -> None:
        """No canary is on stdout or, with the logs at DEBUG, on stderr."""
        assert outputs[name].stderr
        for stream in (outputs[name].stdout, outputs[name].stderr):
            assert found_in(stream) == []

    def test_the_canaries_are_recognised(self, outputs: dict[str, Result]) -> None:
        """This test can fail: the very same search finds all of them where they are not redacted."""
        assert found_in("\n".join(canary.text for canary in CANARIES)) == [canary.shape for canary in CANARIES]

    def test_readable_values_stay(self, outputs: dict[str, Result]) -> None:
        """Regions, ARNs, URLs, paths and host names are shown as they are, in text and in JSON."""
        plugins = {plugin["name"]: plugin for plugin in outputs["json"].json["plugins"]}
        expected = {f"READABLE_{number}": text for number, text in enumerate(SHOWN)}
        assert plugins["readable"]["environment"] == expected
        lines = [line.strip() for line in outputs["text"].stdout.splitlines()]
        assert [f"{name}={text}" for name, text in expected.items() if f"{name}={text}" not in lines] == []


RENDER = """
import io, json, os, sys, traceback
import structlog
from rich.console import Console
from rich.traceback import Traceback

def everything(error):
    with_locals = structlog.tracebacks.ExceptionDictTransformer(
        show_locals=True, locals_max_string=100_000, max_frames=200)
    console = Console(file=io.StringIO(), width=400)
    kind, value, trace = type(error), error, error.__traceback__
    console.print(Traceback.from_exception(
        kind, value, trace, show_locals=True, max_frames=0, locals_max_length=None, locals_max_string=None,
        locals_hide_dunder=False, locals_hide_sunder=False))
    print(console.file.getvalue())
    print(json.dumps(with_locals((kind, value, trace)), default=repr))
    log = io.StringIO()
    structlog.wrap_logger(structlog.PrintLogger(log), processors=[
        structlog.processors.ExceptionRenderer(with_locals), structlog.processors.JSONRenderer(default=repr),
    ]).error("failed", exc_info=error)
    structlog.dev.rich_traceback(log, (kind, value, trace))
    print(log.getvalue())
    print("".join(traceback.TracebackException(kind, value, trace, capture_locals=True).format()))
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(trace)]
    print("OURS", sum("prefect_preflight" in name for name in frames))

try:
    import prefect
except BaseException as error:
    everything(error)
"""


class TestRenderersOfLocals:
    """Row 8: renderers of tracebacks that print locals show no canary from our frames."""

    @pytest.fixture
    def toy(self, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
        """A world whose Prefect is a toy, on a host with rich and structlog."""
        return new_world(hosts(*COMPANIONS))

    def rendered(self, world: World, **variables: str) -> str:
        """What the renderers print of the exception that `import prefect` raises."""
        install(world)
        variables.setdefault("PREFECT_API_URL", "https://me:cnryApiUrl0password@prefect.example.com/api")
        result = world.run(RENDER, env={**ENABLED, **variables}, timeout=180, check=True)
        ours = int(result.stdout.rsplit("OURS ", 1)[1])
        assert ours >= 2, "the exception passed none of our frames"
        assert "cnryApiUrl0password" not in result.stdout
        return result.stdout

    def test_prefect_fails(self, toy: World) -> None:
        """The body of Prefect raises when all hooks have run."""
        standin.install(toy, body="raise RuntimeError('Prefect is broken')")
        output = self.rendered(toy)
        assert "Prefect is broken" in output and found_in(output) == []

    def test_strict_mode(self, toy: World) -> None:
        """Strict mode ends the import, and says why."""
        standin.install(toy)
        output = self.rendered(toy, PREFECT_PLUGINS_STRICT="1")
        assert "[plugins] required plugin" in output and found_in(output) == []
