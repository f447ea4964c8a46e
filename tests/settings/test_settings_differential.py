"""Our settings against Prefect's own, on generated combinations of sources.

One child interpreter with a real Prefect answers every case with what its `Settings()` resolves. By hand,
more cases than the default: `PREFLIGHT_DIFFERENTIAL_CASES=500 pytest tests/test_settings_differential.py`;
other ones: `PREFLIGHT_DIFFERENTIAL_SEED=7`.

Where ours is meant to differ (docs/settings.md has the same list):

* Names are stripped and empty ones dropped, in JSON and TOML arrays too: a plugin's name is neither.
* "No list" and an empty list are one to Prefect, an empty set. Ours tells them apart, since an empty ALLOW
  lets nothing through: only absence and null are "no list".
* A timeout that is not finite, or not above 0, is a bad value; Prefect takes nan, inf, 0 and negative ones.
* Where Prefect refuses to start (a bad value, broken TOML), ours reports a problem and goes on. A bad value in
  a source that a better one overrules is no problem to us or to Prefect.
* A broken TOML file with none of our names in it is not parsed, so ours reports nothing.
* `PREFECT_EXPERIMENTS_PLUGINS` as one JSON object counts, as in Prefect 3.4.24 to 3.6.29.
* A `.env` that is a pipe is not read (in `test_settings.py`).
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from hosts import NEW
from prefect_preflight._settings.resolution import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASES = int(os.environ.get("PREFLIGHT_DIFFERENTIAL_CASES", "60"))
SEED = int(os.environ.get("PREFLIGHT_DIFFERENTIAL_SEED", "0"))

ORACLE = """
import json, os, pathlib, sys, warnings
warnings.simplefilter("ignore")
answers, sys.stdout = sys.stdout, sys.stderr
import logging
logging.disable(logging.CRITICAL)
from prefect.settings import sources
from prefect.settings.models.root import Settings
for line in sys.stdin:
    case = json.loads(line)
    os.chdir(case["directory"])
    os.environ.clear()
    os.environ.update(case["environ"])
    sys.argv = case["argv"]
    sources._file_cache.clear()
    sources.DEFAULT_PREFECT_HOME = pathlib.Path.home() / ".prefect"
    try:
        settings = Settings()
        plugins = settings.plugins
        answer = {
            "enabled": plugins.enabled, "strict": plugins.strict, "safe_mode": plugins.safe_mode,
            "allow": sorted(plugins.allow), "deny": sorted(plugins.deny),
            "setup_timeout_seconds": repr(plugins.setup_timeout_seconds),
            "api_url": settings.api.url, "logging_level": settings.logging.level,
        }
    except BaseException as error:
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
"""


class _Oracle:
    """A child interpreter that resolves settings as Prefect does."""

    def __init__(self, python: str, home: Path) -> None:
        environ = {"HOME": str(home), "PATH": os.environ.get("PATH", "")}
        self.child = subprocess.Popen(
            [python, "-c", ORACLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environ, cwd=home,
        )  # fmt: skip

    def ask(self, environ: dict[str, str], directory: Path, argv: list[str]) -> dict[str, Any]:
        assert self.child.stdin is not None and self.child.stdout is not None
        question = {"environ": environ, "directory": str(directory), "argv": argv}
        self.child.stdin.write(json.dumps(question) + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        assert answer, f"Prefect's interpreter ended with {self.child.wait(10)}"
        result: dict[str, Any] = json.loads(answer)
        return result

    def close(self) -> None:
        self.child.communicate(timeout=30)


@pytest.fixture(scope="module")
def oracle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Oracle]:
    """Yield Prefect 3.8.8, of the shared environment or of `PREFLIGHT_DIFFERENTIAL_PYTHON`."""
    python = os.environ.get("PREFLIGHT_DIFFERENTIAL_PYTHON")
    if not python:
        python = str(request.getfixturevalue("hosts").preset(NEW).python)
    child = _Oracle(python, tmp_path_factory.mktemp("home"))
    yield child
    child.close()


# -- cases ------------------------------------------------------------------------------------------------

FIELDS = ("enabled", "strict", "safe_mode", "allow", "deny", "setup_timeout_seconds")
BOOLEANS = [
    "1",
    "0",
    "true",
    "false",
    "t",
    "f",
    "yes",
    "no",
    "y",
    "n",
    "on",
    "off",
    "TRUE",
    "False",
    "On",
    "YES",
]
LISTS = [
    "a",
    "a,b",
    " a , b ",
    "a,,b",
    "",
    ",",
    '["a","b"]',
    '"a"',
    '"a,b"',
    "null",
    "[]",
    '["b", "a", "b"]',
    "a-b,a_b",
]
LISTS += ["{}", "[", "nullish", "tea,falsy", ' ["x"] ', "a\tb", "x y", "é", "[a]"]
SECONDS = ["20", "5.5", "1e2", "0.25", " 7 ", "+3", "1_0", "5.", ".5", "007"]
BAD = {
    "boolean": ["maybe", "", " 1", "1 ", "2", "null", "truе"],
    "list": ["5", "true", "[1]", '{"a": 1}', '[["a"]]', "0.5", '["a", null]', "NaN"],
    "seconds": ["abc", "", "nan", "inf", "-1", "0", "-inf", "1e999", "5s", "1__0", "_1", "0x10", "١"],
}
URLS = ["http://127.0.0.1:4200/api", "https://example.test/api", "", "null", "x y"]
NATIVE = {
    "boolean": [True, False, 1, 0, "yes", "off", 1.0, "TRUE", "0"],
    "list": [["a", "b"], "a,b", [], "", ["a"], "x", '["q"]', [" a ", ""], "null"],
    "seconds": [20, 5.5, "30", 1, True, 1e3],
}
NATIVE_BAD = {
    "boolean": ["maybe", 2, [], 0.5, ["1"], -1],
    "list": [5, [1], True, [["a"]], 1.5],
    "seconds": ["x", [], -3, 0, False, "nan"],
}


def _kind_of(field: str) -> str:
    return "seconds" if field == "setup_timeout_seconds" else "list" if field in ("allow", "deny") else "boolean"


class _Case:
    """One combination of sources, written to a directory."""

    def __init__(self, number: int, root: Path) -> None:
        self.random = random.Random(f"{SEED}-{number}")
        self.root = root
        self.directory = root / "project"
        self.directory.mkdir(parents=True)
        self.home = root / "home"
        self.home.mkdir()
        self.bad = self.chance(0.25)
        self.environ = {"HOME": str(self.home), "NAMES": "v1,v2", "FLAG": "1"}
        self.argv = ["script.py"]
        self.prefect_toml: list[str] = []
        self.pyproject: list[str] = []
        self.env_file: list[str] = []
        self.fill()

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, choices: Any) -> Any:
        return self.random.choice(list(choices))

    def text(self, field: str) -> str:
        kind = _kind_of(field)
        if self.bad and self.chance(0.15):
            return str(self.pick(BAD[kind]))
        return str(self.pick({"boolean": BOOLEANS, "list": LISTS, "seconds": SECONDS}[kind]))

    def native(self, field: str) -> Any:
        return self.pick((NATIVE_BAD if self.bad and self.chance(0.15) else NATIVE)[_kind_of(field)])

    def name(self, field: str) -> str:
        name = self.pick(("PREFECT_PLUGINS_", "PREFECT_EXPERIMENTS_PLUGINS_")) + field.upper()
        return str(self.pick([name, name, name, name.lower(), name.title()]))

    def some_fields(self, probability: float) -> list[str]:
        return [field for field in FIELDS if self.chance(probability)]

    def group(self) -> tuple[str, str]:
        content: dict[str, Any] = {}
        for field in self.some_fields(0.4):
            key = self.pick([field, field, field.upper(), self.name(field).lower()])
            content[key] = self.native(field)
        if self.chance(0.1):
            content["allow"] = None
        if self.bad and self.chance(0.1):
            return "PREFECT_PLUGINS", str(self.pick(["", "[]", "5", "null", "{", '"x"']))
        if self.chance(0.3):
            return "PREFECT_EXPERIMENTS", json.dumps({self.pick(["plugins", "PLUGINS"]): content})
        return str(self.pick(["PREFECT_PLUGINS", "prefect_plugins"])), json.dumps(content)

    def fill(self) -> None:
        if self.chance(0.6):
            self.fill_environ()
        if self.chance(0.5):
            self.fill_env_file()
        if self.chance(0.5):
            self.prefect_toml = self.tables("")
        if self.chance(0.5):
            self.pyproject = self.tables("tool.prefect")
        if self.chance(0.6):
            self.fill_profiles()
        if self.chance(0.05):
            self.environ[self.pick(["PREFECT_TEST_MODE", "PREFECT_TESTING_TEST_MODE", "PREFECT_UNIT_TEST_MODE"])] = "1"
        if self.bad and self.chance(0.1):
            self.pick([self.prefect_toml, self.pyproject]).append("[tool.prefect.plugins\nenabled = nonsense")
        self.write(self.directory / "prefect.toml", self.prefect_toml)
        self.write(self.directory / "pyproject.toml", self.pyproject)
        self.write(self.directory / ".env", self.env_file)

    def write(self, path: Path, lines: list[str]) -> None:
        if lines or self.chance(0.1):
            path.parent.mkdir(parents=True, exist_ok=True)
            newline = self.pick(["\n", "\n", "\r\n"])
            path.write_bytes(newline.join(lines).encode() + self.pick([b"", b"\n"]))

    def fill_environ(self) -> None:
        for field in self.some_fields(0.3):
            for _ in range(self.pick([1, 1, 2])):
                self.environ[self.name(field)] = self.text(field)
        if self.chance(0.3):
            self.environ[self.pick(["PREFECT_API_URL", "prefect_api_url"])] = self.pick(URLS)
        if self.chance(0.1):
            self.environ["PREFECT_API"] = json.dumps(self.pick([{"url": "http://group"}, {"url": None}, {}]))
        if self.chance(0.2):
            self.environ.update([self.group()])
        if self.chance(0.2):
            self.environ["PREFECT_LOGGING_LEVEL"] = self.pick(["debug", "WARNING", "Error"])
        if self.chance(0.1):
            self.environ["PREFECT_DEBUG_MODE"] = self.pick(["1", "0"])

    def fill_env_file(self) -> None:
        lines = []
        for field in self.some_fields(0.3):
            lines.append(self.env_line(self.name(field), self.text(field)))
        if self.chance(0.3):
            lines.append(self.env_line("PREFECT_API_URL", self.pick(URLS)))
        if self.chance(0.15):
            name, value = self.group()
            lines.append(f"{name}='{value}'")
        if self.chance(0.2):
            lines.append(
                "PREFECT_PLUGINS_DENY=" + self.pick(["${NAMES}", "x,${NAMES:-d}", "'${NONE:-d1,d2}'", "$NAMES"])
            )
        if self.chance(0.1):
            lines += ["WHICH=w1", "PREFECT_PLUGINS_ALLOW=${WHICH},${FLAG}x", "WHICH=w2"]
        if self.chance(0.1):
            lines.append(
                self.pick(
                    [
                        "PREFECT_PLUGINS_ENABLED",
                        "not a line",
                        "'x",
                        "=",
                        "OTHER=1",
                        "# PREFECT_PLUGINS_STRICT=1",
                    ]
                )
            )
        self.random.shuffle(lines)
        self.env_file += lines

    def env_line(self, name: str, value: str) -> str:
        plain = f"{name}={value}"
        if "'" in value or "\n" in value:
            return plain
        return str(
            self.pick(
                [
                    plain,
                    plain,
                    f"export {plain}",
                    f"{name}='{value}'",
                    f"{name} = {value}",
                    f"{plain} # why",
                    f"  {plain}",
                ]
                + ([] if '"' in value else [f'{name}="{value}"'])
            )
        )

    def tables(self, root: str) -> list[str]:
        lines: list[str] = []
        prefix = root + "." if root else ""
        if self.chance(0.2):
            lines += [f"[{root}]"] if root else []
            lines += [f"debug_mode = {self.pick(['true', 'false'])}"]
        style = self.pick(["table", "table", "inline"])
        values = {field: json.dumps(self.native(field)) for field in self.some_fields(0.4)}
        if style == "inline" and not lines and root:
            lines += [f"[{root}]", "plugins = {" + ", ".join(f"{k} = {v}" for k, v in values.items()) + "}"]
        elif values:
            lines += [f"[{prefix}plugins]", *(f"{k} = {v}" for k, v in values.items())]
        if self.chance(0.3):
            lines += [f"[{prefix}experiments.plugins]"]
            lines += [f"{field} = {json.dumps(self.native(field))}" for field in self.some_fields(0.4)]
        if self.chance(0.3):
            lines += [f"[{prefix}api]", f"url = {json.dumps(self.pick(URLS))}"]
        if self.chance(0.2):
            lines += [f"[{prefix}logging]", f"level = {json.dumps(self.pick(['debug', 'CRITICAL']))}"]
        if self.chance(0.1):
            lines += [f"[{prefix}testing]", f"test_mode = {self.pick(['true', 'false'])}"]
        return lines

    def fill_profiles(self) -> None:
        where = self.pick(
            ["home", "home", "prefect_home", "environ", "env_file", "prefect_toml", "pyproject", "nowhere"]
        )
        path = self.root / "elsewhere" / "mine.toml"
        if where == "home":
            path = self.home / ".prefect" / "profiles.toml"
        elif where == "prefect_home":
            self.environ["PREFECT_HOME"] = str(self.root / "elsewhere")
            path = self.root / "elsewhere" / "profiles.toml"
        elif where == "environ":
            self.environ["PREFECT_PROFILES_PATH"] = self.pick([str(path), "../elsewhere/mine.toml"])
        elif where == "env_file":
            self.env_file.insert(0, f"{self.pick(['PREFECT_PROFILES_PATH', 'prefect_profiles_path'])}={path}")
        elif where == "prefect_toml":
            self.prefect_toml.insert(0, f"profiles_path = {json.dumps(str(path))}")
        elif where == "pyproject" and "[tool.prefect]" not in self.pyproject:
            self.pyproject[:0] = ["[tool.prefect]", f"profiles_path = {json.dumps(str(path))}"]
        if self.chance(0.1):
            return
        self.write(path, self.profiles())
        if self.chance(0.3):
            self.environ["PREFECT_PROFILE"] = self.pick(["one", "two", "none", ""])
        if self.chance(0.2):
            self.argv = [
                self.pick(["/usr/bin/prefect", "prefect", "/x/prefect.py"]),
                "--profile",
                self.pick(["one", "two", "none"]),
            ]

    def profiles(self) -> list[str]:
        lines = [f'active = "{self.pick(["one", "two", "none"])}"'] if self.chance(0.8) else []
        for name in ("one", "two"):
            lines.append(f"[profiles.{name}]")
            names = {self.name(field).upper(): self.native(field) for field in self.some_fields(0.3)}
            lines += [f"{key} = {json.dumps(value)}" for key, value in names.items()]
            if self.chance(0.4):
                lines.append(f"PREFECT_API_URL = {json.dumps(self.pick(URLS))}")
            if self.chance(0.2):
                lines.append('PREFECT_LOGGING_LEVEL = "error"')
            if self.chance(0.1):
                key, value = self.group()
                lines.append(f"{key.upper()} = {json.dumps(value)}")
        return lines

    def describe(self) -> str:
        files = [path for path in sorted(self.root.rglob("*")) if path.is_file()]
        shown = [f"--- {path.relative_to(self.root)}\n{path.read_bytes().decode()}" for path in files]
        return "\n".join([f"environ {self.environ}", f"argv {self.argv}", *shown])


# -- comparison -------------------------------------------------------------------------------------------


def _difference(ours: Any, theirs: dict[str, Any]) -> str:
    """Return in which field ours differs from Prefect's without a reason given above, or an empty string."""
    slugs = {problem.slug for problem in ours.problems}
    if "internal-error" in slugs:
        return f"ours failed: {ours.problems}"
    if "refused" in theirs:
        explained = slugs & {"bad-value", "broken-file"}
        return "" if explained else f"Prefect refused ({theirs['refused']}), ours saw no problem"
    for field in ("enabled", "strict", "safe_mode", "api_url", "logging_level"):
        if getattr(ours, field) != theirs[field]:
            return f"{field}: ours {getattr(ours, field)!r}, Prefect's {theirs[field]!r}"
    for field in ("allow", "deny"):
        mine, other = getattr(ours, field), theirs[field]
        # Prefect runs its validator on the default too, so that "no list" is an empty set there.
        if set(mine or ()) != {name.strip() for name in other} - {""}:
            return f"{field}: ours {mine!r}, Prefect's {other!r}"
    seconds = float(theirs["setup_timeout_seconds"])
    if not (math.isfinite(seconds) and seconds > 0):
        return "" if "bad-value" in slugs else f"a timeout of {seconds} was no problem to ours"
    if ours.setup_timeout_seconds != seconds:
        return f"setup_timeout_seconds: ours {ours.setup_timeout_seconds}, Prefect's {seconds}"
    return ""


def test_ours_equals_prefects(oracle: _Oracle, tmp_path: Path) -> None:
    """For generated combinations of sources, ours resolves to what Prefect 3.8.8 resolves."""
    differences, refused = [], 0
    for number in range(CASES):
        case = _Case(number, tmp_path / str(number))
        theirs = oracle.ask(case.environ, case.directory, case.argv)
        ours = resolve(case.environ, directory=str(case.directory), argv=case.argv, full=True)
        refused += "refused" in theirs
        found = _difference(ours, theirs)
        if found:
            differences.append(f"=== case {number}: {found}\n{case.describe()}")
        quick = resolve(case.environ, directory=str(case.directory), argv=case.argv)
        assert quick.enabled == ours.enabled, case.describe()
        if quick.enabled:
            assert all(getattr(quick, name) == getattr(ours, name) for name in (*FIELDS, "api_url"))
    print(f"{CASES} cases, {refused} of them refused by Prefect, {len(differences)} differences")  # noqa: T201 - for `pytest -s`
    assert not differences, "\n\n".join(differences[:10])
    # If Prefect refused most of them, the comparison would say little.
    assert refused <= CASES * 0.4


def test_exports_mean_the_same_to_prefect(oracle: _Oracle, tmp_path: Path) -> None:
    """What came from files is exported in a form that Prefect itself reads as the same, elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number in range(CASES):
        case = _Case(number, tmp_path / str(number))
        ours = resolve(case.environ, directory=str(case.directory), argv=case.argv, full=True)
        child = oracle.ask({"HOME": str(elsewhere), **ours.exports}, elsewhere, ["script.py"])
        assert "refused" not in child, (ours.exports, child)
        for name in ours.exports:
            field = name[len("PREFECT_PLUGINS_") :].lower()
            value, theirs = getattr(ours, field), child[field]
            if field in ("allow", "deny"):
                assert theirs == sorted(value or ()), case.describe()
            else:
                assert (float(theirs) if field == "setup_timeout_seconds" else theirs) == value
