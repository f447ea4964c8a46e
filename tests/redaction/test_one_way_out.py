"""Whatever leaves for people goes one way: through `_redaction.outlet`, without secrets and on one line."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import prefect_preflight
from corpus_redaction import noise
from prefect_preflight._redaction import MASK, Redactor
from prefect_preflight._redaction.characters import escaped, quoted
from prefect_preflight._running import progress
from prefect_preflight._threads.deadline import Deadline
from snippets import ENABLED, hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosts import Host, Result
    from worlds import World

PACKAGE = Path(prefect_preflight.__file__).parent

WAYS_OUT = {
    # module: what it uses, and why it may
    "_prefect_preflight.py": {"sys.stderr", "SystemExit"},  # the package is damaged there: nothing of it can be asked
    "prefect_preflight/_activation_path/sitecustomize.py": {"sys.stderr"},  # the same
    "prefect_preflight/_state.py": {"sys.stderr", "sys.__stderr__", "SystemExit"},  # where a line of the outlet ends
    "prefect_preflight/_redaction/loggers.py": {"logging.getLogger"},  # our handler, our filter
    "prefect_preflight/_running/progress.py": {"sys.stderr"},  # asks whether it is a terminal, rewrites one line of it
    "prefect_preflight/_running/stragglers.py": {"SystemExit"},  # has no text; ends a thread
    "prefect_preflight/_prefect/settings_context.py": {"logging.getLogger"},  # one that has our filter
    "prefect_preflight/_threads/executor.py": {
        "sys.stderr",
        "sys.stdout",
    },  # a forked child's own last words, and flush
    "prefect_preflight/_command_line/terminal.py": {"sys.stderr", "sys.stdout", "click.echo"},  # made by the outlet
    "prefect_preflight/_command_line/reports/__init__.py": {"sys.stdout"},  # writes what `terminal` made
    "prefect_preflight/_command_line/audit.py": {"sys.stdout"},  # the same
    "prefect_preflight/_command_line/probe.py": {"sys.stdout"},  # the same
    "prefect_preflight/_command_line/other_python.py": {"sys.stdout"},  # flushes it before another process writes
    "prefect_preflight/_command_line/explain.py": {"click.echo", "sys.stdout"},  # the documentation, word for word
}
USES = (
    "sys.stderr",
    "sys.stdout",
    "sys.__stderr__",
    "sys.__stdout__",
    "logging.getLogger",
    "warnings.warn",
    "os.write",
)
CALLS = ("print", "click.echo", "click.secho", "SystemExit")


def ways_out(path: Path) -> set[str]:
    """What a module uses of that by which a text can leave."""
    tree = ast.parse(path.read_text("utf-8"))
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & {*USES}
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    bases = {ast.unparse(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    return used | ((called | bases) & {*CALLS})


@pytest.mark.core
def test_there_is_no_other() -> None:
    """No module but those with a reason writes, prints, makes a logger or an exit; the kit speaks to test suites."""
    modules = [PACKAGE.parent / "_prefect_preflight.py", *PACKAGE.rglob("*.py")]
    found = {
        path.relative_to(PACKAGE.parent).as_posix(): ways_out(path)
        for path in modules
        if PACKAGE / "testing" not in path.parents
    }
    assert {name: uses for name, uses in found.items() if uses} == WAYS_OUT


TOKEN = noise("one way out", 48)
LEARNT = {"ACME_VALUE": "nothing", "ACME_TOKEN": TOKEN}

TALKATIVE = hook(
    """
token = os.environ["ACME_TOKEN"]
ctx.logger_factory("acme").warning("own: %s", token)
ctx.logger_factory("acme").getChild("http").warning("child: %s", token)
logging.getLogger("prefect.another").warning("another: %s", token)
try:
    raise ValueError(token)
except ValueError:
    logging.getLogger("prefect.another").exception("with a traceback")
raise type("E" + token, (Exception,), {})(f"'{token[:24]}...{token[-23:]}' is no number")
""",
    imports="logging, os",
)


def survivors(output: str) -> list[str]:
    """The pieces of the token, from its beginning or its end, that can be read in an output."""
    return [piece for piece in (TOKEN[:12], TOKEN[-12:], TOKEN[18:30]) if piece in output]


@pytest.mark.core
def test_loggers_that_have_no_filter_of_ours(world: World) -> None:
    """Our handler redacts whatever it shows: children of a plugin's logger, loggers made by name, their tracebacks."""
    world.plugin("acme", TALKATIVE)
    result = world.run("import prefect", env={**ENABLED, **LEARNT}, check=True)
    assert survivors(result.stderr) == []
    for text in ("own: ", "child: ", "another: "):
        assert f"WARNING: {text}{MASK}" in result.stderr, result
    assert f"  | ValueError: {MASK}" in result.stderr, result


PARTS = hook(
    """
import pydantic
class Model(pydantic.BaseModel):
    number: int
Model(number=os.environ["ACME_TOKEN"])
""",
    imports="os",
)


def test_a_secret_that_pydantic_shows_in_part(world: World, each_prefect: Host) -> None:
    """Pydantic leaves out the middle of a long value; of what is left nothing can be read."""
    world.plugin("acme", PARTS)
    result = world.run(("-m", "plugins_diag"), env={**ENABLED, **LEARNT})
    assert "ValidationError" in result.stdout and survivors(result.stdout + result.stderr) == []


@pytest.mark.parametrize(
    "text",
    [
        f"input_value='{TOKEN[:24]}...{TOKEN[-23:]}'",
        f"begins with {TOKEN[:12]}",
        f"ends in {TOKEN[-12:]}",
        f"{TOKEN[:20]}\n{TOKEN[20:]}",
        f"twice {TOKEN[:15]} {TOKEN[:16]} and whole {TOKEN}{TOKEN[:13]}",
    ],
)
def test_the_beginning_and_the_end_of_a_secret(text: str) -> None:
    """Any piece of at least 12 characters from either end is hidden."""
    redactor = Redactor()
    redactor.learn("ACME_TOKEN", TOKEN)
    assert survivors(redactor.text(text)) == []


@pytest.mark.parametrize(
    "value", ["postgresql://app:hunter2@db.internal/prod", '{"type": "service_account", "key": 1}']
)
def test_where_the_beginning_is_no_secret(value: str) -> None:
    """What begins as any URL or document does is hidden as a whole, and its parts by what they are."""
    redactor = Redactor()
    redactor.learn("ACME_DSN", value)
    assert value not in redactor.text(f"it is {value}")
    other = value.replace("hunter2", "another")[:14]
    assert redactor.text(f"unlike {other}") == f"unlike {other}"


@pytest.mark.parametrize(
    "unit", ["<key>", "auth=('", "key: |\n  ", "| key | ", "[parameters: key ", "sk_live_", "a.b-"]
)
def test_long_texts_of_what_is_worst_for_a_pattern(unit: str) -> None:
    """The patterns take time in proportion to a text's length: so this comes to an end."""
    redactor = Redactor()
    text = unit * (200_000 // len(unit))
    redactor.learn("A_SECRET", text)
    assert len(redactor.text(text)) <= 32_768


HOSTILE = {
    "PREFECT_PLUGINS_SAFE_MODE": TOKEN,  # a bad value
    "PREFECT_PLUGINS_ALLOW": f"acme,{TOKEN}",
    "PREFECT_PLUGINS_DENY": TOKEN,
    "PREFECT_PLUGINS_REQUIRED": f"acme,{TOKEN}",
    f"PREFECT_PLUGINS_{TOKEN}": "1",
    "PREFECT_PROFILE": TOKEN,
    "PREFECT_LOGGING_LEVEL": TOKEN,
}
UNKNOWN = "\n\n@register_hook(specname=TOKEN)\ndef other(*, ctx): ...\n"


def outputs(world: World, env: dict[str, str], reports: Path) -> Iterator[tuple[str, Result, str]]:
    """All that leaves: of an import, of each form of the diagnosis, as a file and as a tree."""
    env = {**env, "PREFECT_PREFLIGHT_REPORT_DIR": str(reports)}
    for name, arguments in (
        ("import", ("-c", "import prefect")),
        ("text", ("-m", "plugins_diag")),
        ("check", ("-m", "plugins_diag", "--check")),
        ("json", ("-m", "plugins_diag", "--format", "json")),
        ("an option", ("-m", "plugins_diag", "--plugin", TOKEN)),
        ("tree", ("-m", "prefect_preflight._command_line.main", "reports", str(reports))),
    ):
        result = world.run(arguments, env=env)
        yield name, result, result.stdout + result.stderr
    for file in reports.glob("*.json"):
        yield file.name, result, file.read_text()


@pytest.mark.parametrize("strict", ["0", "1"])
def test_what_speaks_of_settings_names_and_types(world: World, tmp_path: Path, strict: str) -> None:
    """Lines about settings, lists, sources, hooks' names and errors' types are redacted like all else."""
    head = "import os\nTOKEN = os.environ['ACME_TOKEN']\n"
    world.plugin("acme", head + TALKATIVE + UNKNOWN)
    found = list(outputs(world, {**ENABLED, **LEARNT, **HOSTILE, "PREFECT_PLUGINS_STRICT": strict}, tmp_path / "dir"))
    assert len(found) >= 7
    for name, result, output in found:
        assert survivors(output) == [], (name, result)
        masked = MASK in output or json.dumps(MASK)[1:-1] in output
        assert masked or name in ("an option", "tree"), (name, result)


UNSAFE = "\x1b[31mred\x07\x9b2J\u202etxt\u2066\r\nFORGED | prefect | ERROR: line\x00\u200b\x85\u2028end"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069]")
IN_CONTROL = f"TEXT = {UNSAFE!r}\n" + hook(
    """
logger = ctx.logger_factory("acme")
logger.warning("own %s", TEXT)
logger.getChild("http").warning("child " + TEXT)
logging.getLogger("prefect.an" + TEXT).warning("another")
try:
    raise ValueError(TEXT)
except ValueError:
    logger.exception("raised")
raise type("Own" + TEXT.replace(chr(0), ""), (Exception,), {})(TEXT)
""",
    imports="logging",
)


def assert_one_line_each(world: World) -> None:
    """No control character of a plugin's reaches a line: each text has its own, each line of a traceback is marked."""
    world.plugin("acme", IN_CONTROL)
    world.plugin("bad-name", hook("return None", options=r"specname='a\x1b[2J\nFORGED'"))
    for level in ("INFO", "DEBUG"):
        result = world.run("import prefect", env={**ENABLED, "PREFECT_LOGGING_LEVEL": level}, check=True)
        assert result.stdout == ""
        assert CONTROLS.search(result.stderr) is None, repr(result.stderr)
        assert not [line for line in result.stderr.splitlines() if line.startswith(("FORGED", "txt", "end"))], result
        assert "FORGED" in result.stderr
    strict = world.run(
        "import prefect", env={**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_LOGGING_LEVEL": "ERROR"}
    )
    (line,) = [line for line in strict.stderr.split("\n") if "required plugin" in line]
    assert CONTROLS.search(strict.stderr) is None and line.startswith("[plugins] ") and "FORGED" in line
    for arguments in (("-m", "plugins_diag"), ("-m", "plugins_diag", "--check")):
        told = world.run(arguments, env=ENABLED)
        assert CONTROLS.search(told.stdout + told.stderr) is None, repr(told)


@pytest.mark.core
def test_control_characters(world: World) -> None:
    """On the stand-in."""
    assert_one_line_each(world)


def test_control_characters_with_a_real_prefect(world: World, each_prefect: Host) -> None:
    """And on both Prefects."""
    assert_one_line_each(world)


@pytest.mark.core
def test_the_progress_line() -> None:
    """Nor the line that is shown while hooks run."""
    line = progress._line(UNSAFE, Deadline(20))
    assert CONTROLS.search(line) is None and "\n" not in line


@pytest.mark.core
def test_escaping() -> None:
    """What moves no cursor stays: letters of all scripts, joiners; what is marked as a quotation keeps its lines."""
    for text in ("Löwenzahn ☀ 日本語", "می‌خواهم 👩‍💻", "a b", ""):
        assert escaped(text) == text
    assert escaped("a\nb\tc\x1b\u202e\ud800") == r"a\nb\tc\x1b\u202e\ud800"
    assert escaped("trace:" + quoted("one\n  two\x1b")) == "trace:\n  | one\n  |   two\\x1b"
