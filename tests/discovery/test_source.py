"""Plugins that are for Prefect's server alone: known by their source, and not imported at start-up."""

from __future__ import annotations

import py_compile
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from prefect_preflight._discovery import Candidate
from prefect_preflight._discovery.source import is_for_server
from snippets import ENABLED, IMPORT_AND_TELL, told

if TYPE_CHECKING:
    from pathlib import Path

    from hosts import Host
    from worlds import World

SERVER = """
import os
os.write(2, b"LOADED ")
from prefect.plugins import register_hook

@register_hook
def set_database_connection_params(connection_url, settings):
    os.write(2, b"CALLED ")
    return {"application_name": "ours"}
"""
"""A plugin as prefect-aws and prefect-azure are: a hook for Prefect's server, and none for the start."""

UNCLEAR = {
    "a start-up hook": "def setup_environment(*, ctx): pass\n",
    "a name of the hook": "register_hook(specname='setup_environment')\n",
    "names from elsewhere": "from acme_hooks import  *\n",
    "names from elsewhere, folded": "from acme_hooks import \\\n  *\n",
    "a lazy module": "def __getattr__(name): raise AttributeError(name)\n",
    "globals": "globals()['setup_' + 'environment'] = None\n",
    "setattr": "import sys; setattr(sys.modules[__name__], 'setup_' + 'environment', None)\n",
    "vars": "import sys; vars(sys.modules[__name__]).update({})\n",
    "another object in its place": "import sys; sys.modules[__name__] = object()\n",
    "exec": "exec('setup_' + 'environment = None')\n",
    "a name in other letters": "def \u017fetup_environment(*, ctx): pass\n",
    "a hook whose name is misspelt": "@register_hook\ndef setup_enviroment(*, ctx): pass\n",
    "a hook of another name": "@register_hook(\n    tryfirst=True,\n)\nasync def prepare(*, ctx): pass\n",
    "another encoding": None,
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path, with a package that must not be imported."""
    package = tmp_path / "acme_source"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('the package is imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def seen(value: str = "acme_source.plugins") -> bool:
    """Whether the plugin of this entry point is known to be for the server."""
    found = is_for_server(Candidate("acme", value, None, None))
    assert not [name for name in sys.modules if name.startswith("acme_source")]
    return found


@pytest.mark.core
class TestSource:
    """In this process, on files."""

    def test_a_hook_for_the_server_alone(self, path: Path) -> None:
        """Neither the module nor the package around it is imported to find that out."""
        (path / "acme_source" / "plugins.py").write_text(SERVER)
        assert seen()

    @pytest.mark.parametrize("what", UNCLEAR)
    def test_whatever_is_not_clear(self, path: Path, what: str) -> None:
        """Anything that might be, or make, a start-up hook is for loading to tell."""
        text = UNCLEAR[what]
        file = path / "acme_source" / "plugins.py"
        file.write_text(("# coding: latin-1\n" if text is None else "") + SERVER + (text or ""), encoding="utf-8")
        assert not seen()

    @pytest.mark.parametrize("value", ["acme_source.plugins:plugin", "acme_source.none", "acme_none", "", ".x", "sys"])
    def test_what_is_no_module(self, path: Path, value: str) -> None:
        """Objects, modules that are not found, and those that are loaded already are loaded as ever."""
        (path / "acme_source" / "plugins.py").write_text(SERVER)
        assert not seen(value)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "def setup_enviroment(*, ctx): pass\n",
            "def set_database_connection(url): pass\n",
            "def set_database_connection_params(connection_url, settings): pass  # without the decorator\n",
            "# set_database_connection_params\n",
            "def broken(:\n",
        ],
    )
    def test_mistakes_are_for_the_diagnosis(self, path: Path, text: str) -> None:
        """A module without any hook, with a misspelt one, or with an error is loaded, and its mistake explained."""
        (path / "acme_source" / "plugins.py").write_text(text)
        assert not seen()

    def test_byte_code_alone(self, path: Path) -> None:
        """A module without its source is known by the names in its byte code."""
        for text, expected in ((SERVER, True), (SERVER + "from acme_hooks import *\n", False)):
            source = path / "acme_source" / "plugins.py"
            source.write_text(text)
            py_compile.compile(str(source), cfile=str(source) + "c", doraise=True)
            source.unlink()
            sys.path_importer_cache.clear()
            assert seen() is expected

    def test_in_a_zip_archive(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """So is one in an archive, by what its loader reads."""
        with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as archive:
            archive.writestr("acme_source/__init__.py", "raise RuntimeError('the package is imported')\n")
            archive.writestr("acme_source/plugins.py", SERVER)
        monkeypatch.syspath_prepend(tmp_path / "plugins.zip")
        assert seen()


def test_it_is_not_loaded(world: World) -> None:
    """`import prefect` does not load it; the report and the diagnosis say so in words."""
    world.plugin("server-side", SERVER)
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED))
    assert found.statuses == {"server_side": "no-startup-hook"} and found.lines == ()
    assert found.report["outcome"] == "success"
    text = world.run(["-m", "plugins_diag"], env=ENABLED, check=True)
    assert "server_side: no start-up hook; Prefect's server loads it when it needs it" in text.stdout
    assert "LOADED" not in text.stderr


def test_who_asks_for_it_sees_it(world: World) -> None:
    """`--plugin NAME` loads it."""
    world.plugin("server-side", SERVER)
    result = world.run(["-m", "plugins_diag", "--plugin", "server_side"], env=ENABLED, check=True)
    assert "LOADED" in result.stderr and "Hooks: set_database_connection_params" in result.stdout, result


@pytest.mark.parametrize("subprocess", [False, True])
def test_the_kit_sees_it(world: World, subprocess: bool) -> None:
    """So does the kit for plugin authors, in its own process and in a child."""
    world.plugin("server-side", SERVER)
    program = f"""
        from prefect_preflight.testing import run_plugin
        run = run_plugin("server_side", subprocess={subprocess})
        print(run.status, run.hook_names)
    """
    result = world.run(program, check=True)
    assert result.stdout == "no-hook ('set_database_connection_params',)\n", result


def test_required_by_name(world: World) -> None:
    """It cannot have done what strict mode requires it for; without a list nobody requires it."""
    world.plugin("server-side", SERVER)
    strict = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1"}
    result = world.run("import prefect", env=strict, PREFECT_PLUGINS_REQUIRED="server-side")
    assert result.returncode == 1
    assert result.stderr.startswith("[plugins] required plugin 'server_side' has no start-up hook"), result
    assert world.run("import prefect", env=strict).returncode == 0


ENGINE = """
import asyncio, prefect, sys
from prefect.server.database.configurations import AsyncPostgresConfiguration
from prefect.settings import get_current_settings
assert "server_side" not in sys.modules
configuration = AsyncPostgresConfiguration("postgresql+asyncpg://user@localhost/none")
async def main():
    engine = await configuration.engine()
    print(engine.pool._creator.__closure__ is not None)
asyncio.run(main())
"""


def test_prefects_server_loads_it(world: World, real_prefect: Host) -> None:
    """The server's engine asks it for its parameters, once."""
    world.plugin("server-side", SERVER)
    result = world.run(ENGINE, env=ENABLED, check=True, timeout=120)
    assert result.stderr.count("LOADED ") == 1 and result.stderr.count("CALLED ") == 1, result
