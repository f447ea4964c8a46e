"""`PREFECT_PREFLIGHT_REPORT_LINE=1`: one line of JSON on stderr for each import; and what a process is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from hosts import ROOT
from prefect_preflight._reports.process import kind_of
from snippets import ENABLED, hook, returning

if TYPE_CHECKING:
    from worlds import World

pytestmark = pytest.mark.core

ON = {**ENABLED, "PREFECT_PREFLIGHT_REPORT_LINE": "1"}
EXPIRING = hook(
    """
from datetime import datetime, timedelta, timezone
return SetupResult(env={"ACME_TOKEN": "hunter2-canary"}, expires_at=datetime.now(timezone.utc) + timedelta(seconds=-5))
"""
)


def line(text: str) -> dict[str, Any]:
    """The one line of JSON among those of a log."""
    (found,) = [line for line in text.splitlines() if line.startswith("{")]
    data: dict[str, Any] = json.loads(found)
    return data


def test_the_line(world: World) -> None:
    """It says what ran, how long it took, and which variables it set; never a value, and nothing on stdout."""
    world.plugin("acme", returning(ACME_TOKEN="hunter2-canary", ACME_URL="https://acme.example"))
    world.plugin("broken", hook("raise OSError('no route')"))
    result = world.run("import prefect", env=ON, check=True)
    data = line(result.stderr)
    assert result.stdout == "" and "hunter2" not in result.stderr
    assert (data["event"], data["outcome"], data["failed"], data["kind"]) == (
        "import",
        "failures",
        ["broken"],
        "script",
    )
    acme = next(plugin for plugin in data["plugins"] if plugin["name"] == "acme")
    assert (acme["status"], acme["variables"], acme["variables_count"]) == ("success", ["ACME_TOKEN", "ACME_URL"], 2)
    assert acme["seconds"] >= 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", data["time"])


def test_names_that_look_like_secrets_leave_it_json(world: World) -> None:
    """Plugins and variables may be called by the words that redaction looks for."""
    names = ("API_TOKEN", "PASSWORD", "AUTHORIZATION", "SECRET_KEY")
    source = returning(**dict.fromkeys(names, "hunter2-canary"))
    world.plugin("acme-token", source, entry_points={"token": "acme_token"})
    raising = hook("raise ValueError('token=hunter2-canary Authorization: Bearer hunter2-canary')")
    world.plugin("acme-password", raising, entry_points={"password": "acme_password"})
    data = line(world.run("import prefect", env=ON, check=True).stderr)
    assert {plugin["name"] for plugin in data["plugins"]} == {"token", "password"} and "hunter2" not in str(data)
    assert next(plugin["variables"] for plugin in data["plugins"] if plugin["name"] == "token") == sorted(names)


def test_it_is_off_by_default(world: World) -> None:
    """Nothing of it is loaded then; a bad value is told."""
    world.plugin("acme", returning("A"))
    code = "import prefect, sys; print('prefect_preflight._reports.line' in sys.modules)"
    result = world.run(code, env=ENABLED, check=True)
    assert (result.stdout, result.stderr) == ("False\n", "")
    result = world.run("import prefect", env={**ENABLED, "PREFECT_PREFLIGHT_REPORT_LINE": "perhaps"}, check=True)
    assert "PREFECT_PREFLIGHT_REPORT_LINE" in result.stderr and "{" not in result.stderr


def test_a_refresh_has_a_line_too(world: World) -> None:
    """And says that it is one."""
    world.plugin("acme", EXPIRING)
    result = world.run("import prefect, prefect_preflight; prefect_preflight.refresh()", env=ON, check=True)
    events = [json.loads(line)["event"] for line in result.stderr.splitlines() if line.startswith("{")]
    assert events == ["import", "refresh"]


def test_strict_mode_has_a_line(world: World) -> None:
    """A process that is ended at its import says so in this form too."""
    env = {**ON, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_REQUIRED": "missing"}
    result = world.run("import prefect", env=env)
    assert result.returncode == 1 and line(result.stderr)["outcome"] == "strict-exit"
    bad = world.run("import prefect", env={**env, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "soon"})
    assert bad.returncode == 1 and line(bad.stderr)["outcome"] == "strict-exit"


@pytest.mark.parametrize(("count", "named"), [(5, 5), (900, 20)])
def test_it_is_never_too_long(world: World, count: int, named: int) -> None:
    """Collectors cut lines: so the names of variables are left out before."""
    env = f"{{f'ACME_VARIABLE_WITH_A_LONG_NAME_{{n:04}}': '1' for n in range({count})}}"
    world.plugin("acme", hook(f"return SetupResult(env={env})"))
    result = world.run("import prefect", env=ON, check=True)
    plugin = line(result.stderr)["plugins"][0]
    assert (plugin["variables_count"], len(plugin["variables"])) == (count, named)
    assert max(map(len, result.stderr.splitlines())) <= 16 * 1024


def test_without_a_standard_error(world: World) -> None:
    """A process that has none loses the line alone."""
    world.plugin("acme", returning("A"))
    code = "import sys, os; sys.stderr = None; import prefect; print(os.environ['A'])"
    assert world.run(code, env=ON, check=True).stdout == "A\n"


def test_the_documented_keys(world: World) -> None:
    """docs/report.md lists the keys of the line, and of its plugins, and no others."""
    world.plugin("acme", returning("A"))
    data = line(world.run("import prefect", env=ON, check=True).stderr)
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    section = page.partition("## A line for each import")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([a-z_\[\].]+)` \|", section, re.MULTILINE)
    assert documented == [*data, *(f"plugins[].{key}" for key in data["plugins"][0])]


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (["/env/bin/prefect", "worker", "start", "--pool", "x"], {}, "worker"),
        (["/env/bin/prefect", "--profile", "worker"], {}, "command-line"),
        (["/env/bin/prefect", "agent", "start"], {}, "worker"),
        (["C:\\env\\Scripts\\prefect.exe", "server", "start"], {}, "server"),
        (["/env/bin/prefect", "flow-run", "execute"], {}, "flow-run"),
        (["/env/bin/prefect", "deploy", "--all"], {}, "command-line"),
        (["-m prefect.engine"], {}, "flow-run"),
        (["-m prefect.flow_engine"], {}, "flow-run"),
        (["/env/lib/python3.12/site-packages/prefect/engine.py"], {}, "flow-run"),
        (["-m prefect", "server", "start"], {}, "server"),
        (["/env/lib/python3.12/site-packages/prefect/__main__.py", "version"], {}, "command-line"),
        (["/env/lib/python3.12/site-packages/ipykernel_launcher.py", "-f", "x"], {}, "notebook"),
        ([""], {"notebook": True}, "notebook"),
        (["flow.py"], {"pool_child": True}, "pool-child"),
        (["flow.py"], {}, "script"),
        (["-c"], {}, "script"),
        (["-m acme.flows"], {}, "script"),
        ([""], {}, "interactive"),
        ([], {}, "interactive"),
    ],
)
def test_the_kind_of_a_process(arguments: list[str], options: dict[str, bool], expected: str) -> None:
    """By its command line alone."""
    assert kind_of(arguments, **options) == expected
