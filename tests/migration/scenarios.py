"""The programs of the migration tests: each is run by Prefect's own plugin system and by ours, with the same plugins.

Several rows of the table share a program where one cannot disturb the other. What a plugin notes in `recorder.seen`,
the program prints in the end, with its environment, as one JSON document.
"""

from __future__ import annotations

import dataclasses
from textwrap import dedent
from typing import TYPE_CHECKING

from snippets import limited

if TYPE_CHECKING:
    from collections.abc import Mapping

API = "from prefect.plugins import HookContext, SetupResult, register_hook\nfrom recorder import note, seen\n"
"""The head of each plugin."""

RECORDER = """
seen, loops = [], []

def note(*what):
    seen.append(list(what))
"""

TELL = """
import json, os, sys
import recorder
print(json.dumps({"seen": recorder.seen, "env": dict(os.environ)}))
"""
"""The end of a program."""

SECRET = "h4rd-to-guess-9f31"
"""A password that must not be printed."""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One program, to be run by both systems.

    Attributes:
        plugins: Names of entry points, in the order in which they stand, to the text of their modules; `API` comes
            before it.
        program: The program's text, or arguments of `python`.
        values: What an entry point names, where that is not its module.
        variables: Its environment, on top of `PREFECT_PLUGINS_ENABLED=1`; None takes a name away.
        files: What lies in its working directory.
        installed: What lies beside the plugins, by path; lone surrogates are bytes that are no UTF-8.
    """

    plugins: Mapping[str, str]
    program: str | tuple[str, ...] = "import prefect\n" + TELL
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    variables: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    installed: Mapping[str, str] = dataclasses.field(default_factory=dict)


def hook(body: str, *, options: str = "", signature: str = "*, ctx", keyword: str = "def", before: str = "") -> str:
    """Returns the text of a plugin whose hook has that body."""
    marker = f"@register_hook({options})" if options else "@register_hook"
    lines = "\n".join("    " + line for line in dedent(body).strip().splitlines())
    return f"{before}\n\n{marker}\n{keyword} setup_environment({signature}):\n{lines}\n"


def setting(name: str, value: str = "set", **more: str) -> str:
    """Returns the text of a plugin that sets one variable; `more` are arguments of `hook`."""
    return hook(f"return SetupResult(env={{{name!r}: {value!r}}})", **more)


def _overlapping(name: str) -> str:
    return hook(f"import time\nnote({name!r}, 'begins')\ntime.sleep(0.3)\nnote({name!r}, 'ends')")


_IN_A_LOOP = hook(
    "import asyncio, recorder\nrecorder.loops.append(asyncio.get_running_loop())\nawait asyncio.sleep(0.1)",
    keyword="async def",
)
_LOADED = """
import sys
served = ("prefect.plugins", "prefect._experimental")
note("loaded", sum(name.startswith("prefect.") and not name.startswith(served) for name in sys.modules))
"""
_CLASS = """
class Plugin:
    PREFECT_PLUGIN_API_REQUIRES = ">=0.1"

    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env={"A_CLASS": "set"})

class Newer:
    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env={"NEWER_THAN_THE_API": "set"})

newer = Newer()
PREFECT_PLUGIN_API_REQUIRES = ">=5"
"""

_AWAITABLE = """
class Later:
    def __await__(self):
        yield from ()
        return SetupResult(env={"AWAITABLE": "set"})
"""
ORDINARY = Scenario(
    {
        "one": _overlapping("one"),
        "two": _overlapping("two"),
        "main_thread": hook("import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\nnote('main thread', 'ok')"),
        "loaded": hook(_LOADED),
        "server_only": "note('server', 'imported')\n\n@register_hook\ndef set_database_connection_params("
        "connection_url, settings):\n    return {}\n",
        "a_class": _CLASS,
        "module_requires": "",
        "a_function": setting("A_FUNCTION"),
        "positional": setting("POSITIONAL", signature="ctx"),
        "all_keywords": setting("ALL_KEYWORDS", signature="**arguments"),
        "no_ctx": setting("NO_CTX", signature=""),
        "other_name": setting("OTHER_NAME", signature="context"),
        "no_marker": setting("NO_MARKER").replace("@register_hook", ""),
        "other_function": setting("OTHER_FUNCTION", options="specname='setup_environment'").replace(
            "def setup_environment", "def prepare"
        ),
        "misspelt": setting("MISSPELT").replace("def setup_environment", "def setup_enviroment"),
        "expiry": hook(
            "from datetime import datetime, timezone\n"
            "until = datetime(2100, 1, 1, tzinfo=timezone.utc)\n"
            "return SetupResult(env={'EXPIRY': 'set'}, expires_at=until, inherit=True)"
        ),
        "object_with_env": hook(
            "from types import SimpleNamespace\nreturn SimpleNamespace(env={'OBJECT': 'set'}, note=None)"
        ),
        "legacy_plugin": setting("LEGACY"),
        "async_one": _IN_A_LOOP,
        "async_two": _IN_A_LOOP,
        "twice": hook("note('twice', 'called')"),
        "twice_again": "",
        "bad_requirement": setting("BAD_REQUIREMENT", before="PREFECT_PLUGIN_API_REQUIRES = 'soon'"),
        "number_requirement": setting("NUMBER_REQUIREMENT", before="PREFECT_PLUGIN_API_REQUIRES = 0.1"),
        "awaitable": hook("return Later()", before=_AWAITABLE),  # the last, for nothing comes after it there
    },
    "import prefect, recorder\nrecorder.note('loops', len(set(map(id, recorder.loops))))\n" + TELL,
    values={
        "a_class": "a_class:Plugin",
        "module_requires": "a_class:newer",
        "a_function": "a_function:setup_environment",
        "twice_again": "twice",
    },
    variables={"PREFECT_PLUGINS_DENY": "legacy-plugin"},
)

_FIRST = "import os\nnote({name!r}, os.environ.get('FIRST'))\n"
ORDER = Scenario(
    {
        "last": hook(_FIRST.format(name="last") + "return SetupResult(env={'BOTH': 'last'})", options="trylast=True"),
        "z_normal": hook(_FIRST.format(name="normal") + "return SetupResult(env={'SHARED': 'z'})"),
        "a_normal": setting("SHARED", "a"),
        "late": hook(
            "note('late')\nreturn SetupResult(env={})",
            before="from prefect import flow",
            options="tryfirst=True",
        ),
        "first": hook(
            "note('first')\nreturn SetupResult(env={'FIRST': 'set', 'BOTH': 'first'})", options="tryfirst=True"
        ),
        "wrapper": hook("note('wrapper', 'called')\nyield", options="hookwrapper=True"),
    }
)

KILLED = dataclasses.replace(ORDER, variables={"PREFECT_PREFLIGHT_DISABLE": "1"})

GOOD = {"before": setting("BEFORE"), "after": setting("AFTER")}
"""Two good plugins, one before and one after a bad one."""


def among(bad: str, program: str | None = None, **variables: str) -> Scenario:
    """Returns a scenario with a bad plugin between two good ones."""
    plugins = {"before": GOOD["before"], "bad": bad, "after": GOOD["after"]}
    return Scenario(plugins, program or "import prefect\n" + TELL, variables=variables)


NOT_STRINGS = among(hook("return SetupResult(env={'NUMBER': 5, 'NOTHING': None})"))
BAD_NAME = among(hook("return SetupResult(env={'GOOD': '1', 'BAD=NAME': '2', 'LATER': '3'})"))
NO_RESULT = among(hook("return {'PLAIN': 'dict'}"))
_STARTS = """
import os, prefect, recorder, subprocess, sys
try:
    recorder.note("child", subprocess.run([sys.executable, "-S", "-c", ""]).returncode)
except OSError as error:
    recorder.note("child", str(error))
os.environ.pop("LONG", None)
"""
TOO_LONG = among(hook("return SetupResult(env={'LONG': 200_000 * 'x'})"), _STARTS + TELL)
EXIT_AT_LOAD = among("import sys\nsys.exit(4)")
EXIT = among(hook("import sys\nsys.exit(3)"))
RAISES = among(hook(f"raise ValueError('token={SECRET} refused\\nand more')"))
LOOP = Scenario(
    {"plain": setting("PLAIN"), "a": setting("ASYNC", keyword="async def")},
    "import asyncio\nasync def main():\n    import prefect\nasyncio.run(main())\n" + TELL,
)
SAFE = Scenario({"safe": hook("note('hook')", before="note('module')")}, variables={"PREFECT_PLUGINS_SAFE_MODE": "1"})
_CHILD = """
import os, subprocess, sys, prefect
if "CHILD" not in os.environ:
    os.environ["CHILD"] = "1"
    sys.exit(subprocess.call([sys.executable, *sys.orig_argv[1:]]))
"""
CHILD = Scenario(
    {"leased": hook("import os\nnote('found', os.environ.get('LEASE'))\nreturn SetupResult(env={'LEASE': 'value'})")},
    _CHILD + TELL,
)
NESTED = Scenario(
    {
        "starts_python": hook(
            "import os, subprocess, sys\n"
            "if os.environ.get('DEPTH'):\n    return SetupResult(env={'INNER': 'set'})\n"
            "child = 'import prefect, os; print(os.environ.get(\"INNER\"))'\n"
            "env = {**os.environ, 'DEPTH': '1'}\n"
            "note('inner', subprocess.run([sys.executable, '-c', child], env=env, stdout=-1, text=True).stdout)"
        )
    }
)
HANGS = Scenario(
    {"sync": hook("import time\ntime.sleep(1.5)\nreturn SetupResult(env={'SYNC': 'set'})"), "done": setting("DONE")},
    variables=limited(0.5),
)
SLOW_LOAD = Scenario({"slow": setting("SLOW", before="import time\ntime.sleep(1.5)")}, variables=limited(0.5))
ONE_LATE = Scenario(
    {
        "done": setting("DONE"),
        "late": hook(
            "import asyncio\nawait asyncio.sleep(30)\nreturn SetupResult(env={'LATE': '1'})", keyword="async def"
        ),
    },
    variables=limited(0.5),
)
SAME_NAME = Scenario(
    {"plugin": "from prefect._experimental.plugins import SetupResult, register_hook\n" + setting("ONE")},
    ("-W", "default", "-c", "import prefect\n" + TELL),
    installed={
        "other.py": API + setting("OTHER"),
        "other-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 1\n",
        "other-1.dist-info/entry_points.txt": "[prefect.plugins]\nplugin = other\n",
    },
)
BROKEN_METADATA = Scenario(
    {"plugin": setting("PLUGIN")},
    installed={"broken-1.dist-info/entry_points.txt": "[prefect.plugins]\nother = other\n\udcff\n"},
)
EMPTY_ALLOW = Scenario({"plugin": setting("PLUGIN")}, variables={"PREFECT_PLUGINS_ALLOW": ""})
_WORKS = f"""
ctx.logger_factory("works").info("at work")
url = "https://user:{SECRET}@host/"
env = {{"AWS_REGION": "us-east-1", "MY_TOKEN": "{SECRET}", "MY_PASSPHRASE": "{SECRET}", "MY_URL": url}}
return SetupResult(env=env, note="with token={SECRET}")
"""
_ALL = {
    "works": hook(_WORKS),
    "nothing": hook("return None"),
    "raises": hook(f"raise ValueError('token={SECRET} refused')"),
    "no_load": "import no_such_module",
    "newer": setting("NEWER", before="PREFECT_PLUGIN_API_REQUIRES = '>=1'"),
    "odd": setting("ODD", before="PREFECT_PLUGIN_API_REQUIRES = 'not-valid'"),
    "denied": setting("DENIED", before="open('denied', 'w').close()"),
}
LOGGED = Scenario(_ALL, variables={"PREFECT_PLUGINS_DENY": "denied"})
LOGGED_DEBUG = Scenario(
    _ALL, ("-m", "prefect", "--version"), variables={"PREFECT_PLUGINS_DENY": "denied", "PREFECT_LOGGING_LEVEL": "DEBUG"}
)
LOGGED_BY_APPLICATION = Scenario(
    _ALL,
    ("-c", "import logging; logging.basicConfig(level=logging.INFO); import prefect"),
    variables={"PREFECT_PLUGINS_DENY": "denied"},
)
DIAGNOSE = Scenario(_ALL, ("-m", "prefect", "plugins", "diagnose"), variables={"PREFECT_PLUGINS_DENY": "denied"})
_PROFILES = """
active = "x"
[profiles.x]
PREFECT_DEFAULT_WORK_POOL_NAME = "from-profile"
"""
_URL = """
import os
profiles = os.path.abspath("profiles.toml")
return SetupResult(env={"PREFECT_API_URL": "http://hook.example/api", "PREFECT_PROFILES_PATH": profiles})
"""
_SETTINGS = """
import prefect, recorder
from prefect.settings import PREFECT_API_URL, PREFECT_DEFAULT_WORK_POOL_NAME
recorder.note(PREFECT_API_URL.value(), PREFECT_DEFAULT_WORK_POOL_NAME.value())
"""
SETTINGS = Scenario({"url": hook(_URL)}, _SETTINGS + TELL, files={"profiles.toml": _PROFILES})
_AGAIN = """
import asyncio, importlib, logging, prefect
from prefect.plugins import HookContext, run_startup_hooks
from recorder import note
importlib.reload(prefect)
note("reloaded")
context = HookContext(prefect_version="3.8.8", api_url=None, logger_factory=logging.getLogger)
note("summaries", len(asyncio.run(run_startup_hooks(context))))
"""
AGAIN = Scenario({"again": hook("note('hook')\nreturn SetupResult(env={'AGAIN': 'set'})")}, _AGAIN + TELL)
FILES = Scenario(
    {"plugin": setting("PLUGIN")},
    variables={"PREFECT_PLUGINS_ENABLED": None},
    files={"prefect.toml": "[plugins]\nenabled = true\n"},
)
BAD_SETTING = Scenario({"plugin": setting("PLUGIN")}, variables={"PREFECT_PLUGINS_STRICT": "perhaps"})
STRICT = {"PREFECT_PLUGINS_STRICT": "1"}
FAILURES = {
    "raises": hook("raise ValueError('refused')"),
    "late": hook("import asyncio\nawait asyncio.sleep(30)", keyword="async def"),
    "no_load": "import no_such_module",
    "bad_name": hook("return SetupResult(env={'BAD=NAME': '2'})"),
    "empty": hook("return SetupResult(env={}, required=True)"),
    "exit_0": hook("import sys\nsys.exit(0)"),
    "no_hook": "",
    "newer": setting("NEWER", before="PREFECT_PLUGIN_API_REQUIRES = '>=1'"),
}
STRICTS = {name: Scenario({name: text}, variables={**STRICT, **limited(0.5)}) for name, text in FAILURES.items()}
STRICT_LOOP = Scenario({"raises": FAILURES["raises"]}, LOOP.program, variables=STRICT)
STRICT_NAMED = Scenario({"plugin": setting("PLUGIN")}, variables={**STRICT, "PREFECT_PLUGINS_REQUIRED": "not-there"})


def find(name: str) -> Scenario:
    """Returns a scenario by its name: those of strict mode have the name of the failure."""
    return STRICTS[name] if name in STRICTS else globals()[name]
