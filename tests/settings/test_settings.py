"""What each source of settings means, without any Prefect: the rules one by one, and every kind of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prefect_preflight
from prefect_preflight._settings import FIELDS, Settings, resolution
from prefect_preflight._settings.resolution import resolve

PACKAGES = Path(prefect_preflight.__file__).parent.parent


class Project:
    """A working directory and a home of the test's own, and an environment that knows only them."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.directory = root / "project"
        for path in (self.home, self.directory):
            path.mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        """Writes a file, relative to the working directory."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def profiles(self, text: str) -> Path:
        """Writes the profiles to where Prefect looks for them by default."""
        return self.write(str(self.home / ".prefect" / "profiles.toml"), text)

    def resolve(
        self,
        variables: dict[str, str] | None = None,
        /,
        *,
        full: bool = True,
        argv: tuple[str, ...] = ("script.py",),
        **more: str,
    ) -> Settings:
        """Resolves with these variables and a home, and nothing else in the environment."""
        environ = {"HOME": str(self.home), **(variables or {}), **more}
        return resolve(environ, directory=str(self.directory), argv=argv, full=full)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)


def slugs(resolved: Settings) -> list[str]:
    """The kinds of the problems."""
    return [problem.slug for problem in resolved.problems]


def only_problem(resolved: Settings) -> str:
    """The text of the only problem, which is one line."""
    assert len(resolved.problems) == 1, resolved.problems
    text = resolved.problems[0].text
    assert text.isprintable()
    return text


# -- defaults and the environment -------------------------------------------------------------------------


def test_defaults(project: Project) -> None:
    """With nothing set, every setting has its documented default, and says so."""
    resolved = project.resolve()
    assert {field: getattr(resolved, field) for field in FIELDS} == {
        "enabled": False,
        "allow": None,
        "deny": None,
        "setup_timeout_seconds": 20.0,
        "strict": False,
        "safe_mode": False,
        "required": None,
    }
    assert (resolved.logging_level, resolved.api_url) == ("INFO", None)
    assert resolved.sources == dict.fromkeys((*FIELDS, "logging_level", "api_url"), "default")
    assert resolved.problems == ()
    assert resolved.exports == {}


@pytest.mark.parametrize("prefix", ["PREFECT_PLUGINS_", "PREFECT_EXPERIMENTS_PLUGINS_"])
def test_environment(project: Project, prefix: str) -> None:
    """Each setting is taken from the environment, under both prefixes, and knows the name it came from."""
    values = {"ENABLED": "1", "ALLOW": "a,b", "DENY": "c", "SETUP_TIMEOUT_SECONDS": "2.5", "STRICT": "yes"}
    values |= {"SAFE_MODE": "on", "REQUIRED": "a"}
    resolved = project.resolve({prefix + name: value for name, value in values.items()})
    assert (resolved.enabled, resolved.strict, resolved.safe_mode) == (True, True, True)
    assert (resolved.allow, resolved.deny, resolved.required) == (("a", "b"), ("c",), ("a",))
    assert resolved.setup_timeout_seconds == 2.5
    assert all(resolved.sources[field] == prefix + field.upper() for field in FIELDS)
    assert resolved.problems == ()
    assert resolved.exports == {}


def test_environment_names_in_any_case(project: Project) -> None:
    """Names are case-insensitive, as Prefect's are; the source is named as written."""
    resolved = project.resolve(prefect_plugins_enabled="1", Prefect_Experiments_Plugins_Strict="1")
    assert resolved.enabled
    assert resolved.strict
    assert resolved.sources["enabled"] == "prefect_plugins_enabled"


def test_new_name_wins(project: Project) -> None:
    """The new name beats the legacy one, and a contradiction between them is reported."""
    names = {"PREFECT_PLUGINS_STRICT": "0", "PREFECT_EXPERIMENTS_PLUGINS_STRICT": "1"}
    resolved = project.resolve(names)
    assert not resolved.strict
    assert slugs(resolved) == ["conflict"]
    text = only_problem(resolved)
    assert "PREFECT_PLUGINS_STRICT='0'" in text
    assert "PREFECT_EXPERIMENTS_PLUGINS_STRICT='1'" in text
    assert text.endswith("PREFECT_PLUGINS_STRICT is used")


def test_same_value_under_both_names(project: Project) -> None:
    """Two names with the same meaning do not contradict each other."""
    names = {"PREFECT_PLUGINS_ENABLED": "1", "PREFECT_EXPERIMENTS_PLUGINS_ENABLED": "true"}
    assert project.resolve(names).problems == ()


@pytest.mark.parametrize("text", ["1", "true", "T", "Yes", "y", "ON", "TRUE"])
def test_true(project: Project, text: str) -> None:
    """These mean true, in any case."""
    assert project.resolve(PREFECT_PLUGINS_ENABLED=text).enabled is True


@pytest.mark.parametrize("text", ["0", "false", "F", "No", "n", "OFF"])
def test_false(project: Project, text: str) -> None:
    """These mean false, in any case."""
    resolved = project.resolve(PREFECT_PLUGINS_SAFE_MODE=text)
    assert resolved.safe_mode is False
    assert resolved.sources["safe_mode"] == "PREFECT_PLUGINS_SAFE_MODE"
    assert resolved.problems == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ("a",)),
        (" a , b,a ", ("a", "b")),
        ("a,,b", ("a", "b")),
        ('["b","a"]', ("b", "a")),
        ('"a"', ("a",)),
        ('"a,b"', ("a", "b")),
        ("A-b,c_d", ("A-b", "c_d")),
        ("[a", ("[a",)),
        ("null", None),
        ("", ()),
        (",", ()),
        ("[]", ()),
    ],
)
def test_names(project: Project, text: str, names: tuple[str, ...] | None) -> None:
    """Lists are JSON or separated by commas, keep their order, and an empty one is not the same as none."""
    resolved = project.resolve(PREFECT_PLUGINS_ALLOW=text)
    assert resolved.allow == names
    assert resolved.problems == ()


# -- bad values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "bad", "allowed", "default"),
    [
        *[("strict", bad, "a boolean (1, 0, true", "false") for bad in ("maybe", "", " 1", "2", "null")],
        *[
            ("setup_timeout_seconds", bad, "a number of seconds above 0", "20.0")
            for bad in ("abc", "-1", "nan", "inf", "0", "", "1e999", "5s")
        ],
        *[("allow", bad, "a list of plugin names", "None") for bad in ("5", "[1]", '{"a":1}', "true")],
    ],
)
def test_bad_value(project: Project, field: str, bad: str, allowed: str, default: str) -> None:
    """A bad value is one line with variable, value, what is allowed and what is used; the default is used."""
    name = "PREFECT_PLUGINS_" + field.upper()
    resolved = project.resolve({name: bad})
    assert str(getattr(resolved, field)).lower() == default.lower()
    assert resolved.sources[field] == "default"
    assert slugs(resolved) == ["bad-value"]
    assert resolved.problems[0].field == field
    assert resolved.problems[0].source == name
    text = only_problem(resolved)
    assert text.startswith(f"{name}={bad!r} is not {allowed}")
    assert text.endswith(f"the default is {default}")


def test_bad_value_does_not_fall_through(project: Project) -> None:
    """A bad value means the default, not what a lesser source says, and nothing else is lost."""
    project.write("prefect.toml", "[plugins]\nstrict = true\nsafe_mode = true\n")
    resolved = project.resolve(PREFECT_PLUGINS_STRICT="maybe")
    assert not resolved.strict
    assert resolved.safe_mode


def test_bad_value_that_is_overruled(project: Project) -> None:
    """A bad value in a source that a better one overrules is no problem, as with Prefect."""
    project.write("prefect.toml", "[plugins]\nstrict = 'maybe'\n")
    resolved = project.resolve(PREFECT_PLUGINS_STRICT="1")
    assert resolved.strict
    assert resolved.problems == ()


def test_long_bad_value_is_cut(project: Project) -> None:
    """A megabyte of nonsense stays one readable line."""
    assert len(only_problem(project.resolve(PREFECT_PLUGINS_STRICT="x" * 1_000_000))) < 500


def test_disabled_stops_there(project: Project) -> None:
    """Disabled: the other settings are not even looked at."""
    resolved = project.resolve(full=False, PREFECT_PLUGINS_STRICT="1", PREFECT_PLUGINS_ALLOW="[1]")
    assert not resolved.strict
    assert resolved.problems == ()


def test_bad_enabled_still_resolves_strict(project: Project) -> None:
    """If ENABLED itself is bad, strict mode is known, so that it can fail closed."""
    resolved = project.resolve(full=False, PREFECT_PLUGINS_ENABLED="maybe", PREFECT_PLUGINS_STRICT="1")
    assert not resolved.enabled
    assert resolved.strict
    assert slugs(resolved) == ["bad-value"]


def test_broken_file_still_resolves_strict(project: Project) -> None:
    """So it is if a broken file may have held ENABLED."""
    project.write("prefect.toml", "[plugins\nenabled = true\n")
    resolved = project.resolve(full=False, PREFECT_PLUGINS_STRICT="1")
    assert resolved.strict
    assert slugs(resolved) == ["broken-file"]


# -- groups as JSON ---------------------------------------------------------------------------------------


def test_group_as_json(project: Project) -> None:
    """`PREFECT_PLUGINS` as a JSON object sets several settings at once, and beats the single names."""
    content = {"enabled": True, "allow": ["a"], "deny": "b,c", "setup_timeout_seconds": 3}
    resolved = project.resolve(PREFECT_PLUGINS=json.dumps(content), PREFECT_PLUGINS_ENABLED="0")
    assert resolved.enabled
    assert (resolved.allow, resolved.deny, resolved.setup_timeout_seconds) == (("a",), ("b", "c"), 3.0)
    assert resolved.sources["enabled"] == "PREFECT_PLUGINS (JSON)"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("PREFECT_EXPERIMENTS", {"plugins": {"enabled": True}}),
        ("PREFECT_EXPERIMENTS_PLUGINS", {"enabled": True}),
        ("PREFECT_PLUGINS", {"PREFECT_PLUGINS_ENABLED": True}),
    ],
)
def test_other_groups_as_json(project: Project, name: str, content: object) -> None:
    """The legacy groups work too, and so do the settings' environment names inside."""
    assert project.resolve({name: json.dumps(content)}, full=False).enabled


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '"x"', "[" * 100_000])
def test_bad_group(project: Project, text: str) -> None:
    """What is not a JSON object is one line, without the text, which may hold an API key; the rest counts."""
    resolved = project.resolve(PREFECT_PLUGINS=text, PREFECT_PLUGINS_STRICT="1")
    assert only_problem(resolved) == "PREFECT_PLUGINS is not a JSON object; it is not used"
    assert resolved.strict


def test_unknown_key_in_group(project: Project) -> None:
    """Keys of a group are lower-case; another one is reported."""
    resolved = project.resolve(PREFECT_PLUGINS='{"STRICT": true}')
    assert not resolved.strict
    assert only_problem(resolved).endswith("did you mean strict?")


# -- .env -------------------------------------------------------------------------------------------------


def test_env_file(project: Project) -> None:
    """`.env` is read with its usual syntax: export, quotes, comments, references; the source says so."""
    project.write(
        ".env",
        "# settings\nexport PREFECT_PLUGINS_ENABLED=1\nBASE=a\n"
        "PREFECT_PLUGINS_ALLOW='${BASE},${FROM_ENVIRON},${NONE:-c}'  # why\n"
        'prefect_plugins_deny = "x y"\r\n',
    )
    resolved = project.resolve(FROM_ENVIRON="b")
    assert resolved.enabled
    assert resolved.allow == ("a", "b", "c")
    assert resolved.deny == ("x y",)
    assert resolved.sources["enabled"] == ".env: PREFECT_PLUGINS_ENABLED"
    assert resolved.sources["deny"] == ".env: prefect_plugins_deny"
    assert resolved.problems == ()


def test_environment_beats_env_file(project: Project) -> None:
    """Even a legacy name in the environment beats a new name in `.env`."""
    project.write(".env", "PREFECT_PLUGINS_STRICT=1\n")
    assert not project.resolve(PREFECT_EXPERIMENTS_PLUGINS_STRICT="0").strict


def test_env_file_with_a_bad_line(project: Project) -> None:
    """A line that is not understood is reported with its number, and the rest counts."""
    project.write(".env", "PREFECT_PLUGINS_STRICT=1\nPREFECT_X='no end\n")
    resolved = project.resolve()
    assert resolved.strict
    assert only_problem(resolved) == ".env: line 2 is not understood and left out"


def test_env_file_in_another_encoding(project: Project) -> None:
    """A `.env` that is not UTF-8 is one line, if it may hold anything of ours."""
    project.write(".env", b"PREFECT_PLUGINS_ENABLED=1\nNAME=\xff\n")
    resolved = project.resolve()
    assert not resolved.enabled
    assert slugs(resolved) == ["broken-file"]
    assert only_problem(resolved).startswith(".env cannot be read, and is not used")


def test_env_file_without_python_dotenv(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without python-dotenv one line says that `.env` was not read, and why."""
    project.write(".env", "PREFECT_PLUGINS_ENABLED=1\n")
    for name in ("dotenv", "dotenv.parser", "dotenv.variables"):
        monkeypatch.setitem(sys.modules, name, None)
    resolved = project.resolve()
    assert slugs(resolved) == ["broken-file"]
    assert only_problem(resolved).startswith(".env is not read, since python-dotenv cannot be imported: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_env_file_that_is_a_pipe(project: Project) -> None:
    """A pipe is not opened, which could block for ever, and that is reported."""
    os.mkfifo(project.directory / ".env")
    assert only_problem(project.resolve()) == ".env is a pipe, and is not used"


# -- TOML -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "root"), [("prefect.toml", ""), ("pyproject.toml", "tool.prefect.")], ids=["prefect", "pyproject"]
)
@pytest.mark.parametrize("table", ["plugins", "experiments.plugins"])
def test_toml(project: Project, file: str, root: str, table: str) -> None:
    """Both TOML files count, with the new and the legacy table, and with native values."""
    project.write(
        file,
        f"[{root}{table}]\nenabled = true\nallow = ['a', 'b']\ndeny = 'c,d'\nsetup_timeout_seconds = 7\n"
        "strict = 1\nsafe_mode = 'off'\nrequired = ['a']\n",
    )
    resolved = project.resolve()
    assert (resolved.enabled, resolved.strict, resolved.safe_mode) == (True, True, False)
    assert (resolved.allow, resolved.deny, resolved.required) == (("a", "b"), ("c", "d"), ("a",))
    assert resolved.setup_timeout_seconds == 7.0
    assert resolved.sources["strict"] == f"{file} [{root}{table}] strict"
    assert resolved.problems == ()


def test_order_of_sources(project: Project) -> None:
    """Environment, `.env`, prefect.toml, pyproject.toml, profile, legacy tables: each beats those after it."""
    project.write("prefect.toml", "[experiments.plugins]\nallow = 'legacy-toml'\n")
    project.write("pyproject.toml", "[tool.prefect.experiments.plugins]\nallow = 'legacy-pyproject'\n")
    assert project.resolve().allow == ("legacy-toml",)
    project.profiles("active = 'x'\n[profiles.x]\nPREFECT_EXPERIMENTS_PLUGINS_ALLOW = 'profile'\n")
    assert project.resolve().allow == ("profile",)
    project.write("pyproject.toml", "[tool.prefect.plugins]\nallow = 'pyproject'\n")
    assert project.resolve().allow == ("pyproject",)
    project.write("prefect.toml", "[plugins]\nallow = 'toml'\n")
    assert project.resolve().allow == ("toml",)
    project.write(".env", "PREFECT_EXPERIMENTS_PLUGINS_ALLOW=env-file\n")
    assert project.resolve().allow == ("env-file",)
    assert project.resolve(PREFECT_EXPERIMENTS_PLUGINS_ALLOW="environ").allow == ("environ",)


@pytest.mark.parametrize(
    "content",
    [
        b"[plugins\nenabled = true\n",
        b"[plugins]\nenabled = true\n# \xff\n",
        b"plugins = 5 # enabled\n",
        b"plugins.enabled = " + b"[" * 100_000,
    ],
    ids=["syntax", "encoding", "no table", "depth"],
)
def test_broken_toml(project: Project, content: bytes) -> None:
    """A TOML file that cannot be read is one clear line that names it, and the other sources count."""
    project.write("prefect.toml", content)
    resolved = project.resolve(PREFECT_PLUGINS_STRICT="1")
    assert not resolved.enabled
    assert resolved.strict
    assert slugs(resolved) == ["broken-file"]
    assert only_problem(resolved).startswith("prefect.toml")


def test_toml_that_is_a_directory(project: Project) -> None:
    """A directory of that name is no file, to us as to Prefect."""
    (project.directory / "prefect.toml").mkdir()
    assert project.resolve().problems == ()


def test_unreadable_toml(project: Project) -> None:
    """A file that cannot be opened is one line."""
    (project.directory / "prefect.toml").symlink_to("prefect.toml")  # a loop; root may read anything else
    assert only_problem(project.resolve()).startswith("prefect.toml cannot be read, and is not used")


def test_only_the_working_directory_counts(project: Project) -> None:
    """Files of parent directories are not looked for."""
    project.write("prefect.toml", "[plugins]\nenabled = true\n")
    below = project.directory / "below"
    below.mkdir()
    assert not resolve({"HOME": str(project.home)}, directory=str(below), argv=[]).enabled


def test_working_directory_is_the_default(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a directory given, the files are those of the working directory."""
    project.write("prefect.toml", "[plugins]\nenabled = true\n")
    monkeypatch.chdir(project.directory)
    assert resolve({"HOME": str(project.home)}).enabled


def test_working_directory_that_is_gone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory that was deleted has no files, and harms nothing."""
    gone = project.directory / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    resolved = resolve({"HOME": str(project.home), "PREFECT_PLUGINS_ENABLED": "1"}, full=True)
    assert resolved.enabled
    assert resolved.problems == ()


# -- profiles ---------------------------------------------------------------------------------------------

PROFILES = (
    "active = 'one'\n[profiles.one]\nPREFECT_PLUGINS_ALLOW = 'one'\n[profiles.two]\nPREFECT_PLUGINS_ALLOW = 'two'\n"
)


def test_active_profile(project: Project) -> None:
    """The active profile counts, and the source names it and its file."""
    path = project.profiles(PROFILES)
    resolved = project.resolve()
    assert resolved.allow == ("one",)
    assert resolved.sources["allow"] == f"profile 'one' in {path}: PREFECT_PLUGINS_ALLOW"


def test_which_profile(project: Project) -> None:
    """`prefect --profile` beats PREFECT_PROFILE, which beats `active`; other programs' options are not read."""
    project.profiles(PROFILES)
    assert project.resolve(PREFECT_PROFILE="two").allow == ("two",)
    assert project.resolve(PREFECT_PROFILE="").allow == ("one",)
    option = ("--profile", "two")
    assert project.resolve(argv=("/usr/bin/prefect", *option), PREFECT_PROFILE="one").allow == ("two",)
    assert project.resolve(argv=("/usr/bin/other", *option)).allow == ("one",)


@pytest.mark.parametrize("where", ["environ", "env_file", "prefect_toml", "pyproject", "prefect_home"])
def test_where_profiles_are(project: Project, where: str) -> None:
    """The profiles' path is looked up where Prefect looks it up."""
    project.profiles("active = 'x'\n[profiles.x]\nPREFECT_PLUGINS_ALLOW = 'home'\n")
    path = project.write("elsewhere/profiles.toml", PROFILES)
    environ = {}
    if where == "environ":
        environ["PREFECT_PROFILES_PATH"] = "elsewhere/profiles.toml"
    elif where == "env_file":
        project.write(".env", f"PREFECT_PROFILES_PATH={path}\n")
    elif where == "prefect_toml":
        project.write("prefect.toml", f"profiles_path = '{path}'\n")
    elif where == "pyproject":
        project.write("pyproject.toml", f"[tool.prefect]\nprofiles_path = '{path}'\n")
    else:
        environ["PREFECT_HOME"] = str(path.parent)
    assert project.resolve(environ).allow == ("one",)


def test_unknown_profile(project: Project) -> None:
    """A profile that is nowhere defined is reported, and no profile counts."""
    path = project.profiles(PROFILES)
    resolved = project.resolve(PREFECT_PROFILE="three")
    assert resolved.allow is None
    assert slugs(resolved) == ["unknown-profile"]
    assert only_problem(resolved) == f"PREFECT_PROFILE: there is no profile 'three' in {path}; no profile is used"


def test_unknown_profile_without_profiles(project: Project) -> None:
    """So it is where there are no profiles at all, but for those that Prefect brings along."""
    assert slugs(project.resolve(PREFECT_PROFILE="three")) == ["unknown-profile"]
    assert project.resolve(PREFECT_PROFILE="ephemeral").problems == ()


def test_profiles_in_test_mode(project: Project) -> None:
    """In Prefect's test mode profiles do not count."""
    project.profiles(PROFILES)
    assert project.resolve(PREFECT_TEST_MODE="1").allow is None


@pytest.mark.parametrize(
    "text", ["profiles = 5 # {}", "[profiles]\none = 5 # {}\n", "active = 5\n[profiles.one]\n{}=1\n"]
)
def test_odd_profiles(project: Project, text: str) -> None:
    """Profiles of other shapes count for nothing and harm nothing."""
    project.profiles(text.format("PREFECT_PLUGINS_ALLOW"))
    assert project.resolve().allow is None
    assert project.resolve(PREFECT_PROFILE="one", PREFECT_PLUGINS_STRICT="1").strict


# -- Prefect's own settings -------------------------------------------------------------------------------


def test_api_url(project: Project) -> None:
    """The API's URL comes from the same sources, and knows which."""
    project.profiles("active = 'x'\n[profiles.x]\nPREFECT_API_URL = 'http://profile'\n")
    assert project.resolve().api_url == "http://profile"
    project.write("prefect.toml", "[api]\nurl = 'http://toml'\n")
    resolved = project.resolve()
    assert (resolved.api_url, resolved.sources["api_url"]) == ("http://toml", "prefect.toml [api] url")
    assert project.resolve(PREFECT_API_URL="http://environ").api_url == "http://environ"
    group = json.dumps({"URL": "http://group"})
    assert project.resolve(PREFECT_API_URL="http://environ", PREFECT_API=group).api_url == "http://group"


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({"PREFECT_LOGGING_LEVEL": "warning"}, "WARNING"),
        ({"PREFECT_LOGGING_LEVEL": "error", "PREFECT_DEBUG_MODE": "1"}, "DEBUG"),
        ({"PREFECT_LOGGING_LEVEL": "error", "PREFECT_DEBUG_MODE": "0"}, "ERROR"),
        ({"PREFECT_TEST_MODE": "1"}, "DEBUG"),
        ({"PREFECT_LOGGING": '{"level": "critical"}'}, "CRITICAL"),
        ({"PREFECT_LOGGING_LEVEL": "chatty"}, "INFO"),
    ],
)
def test_logging_level(project: Project, environ: dict[str, str], level: str) -> None:
    """The level is Prefect's, with debug and test mode in force; a bad one is a problem."""
    resolved = project.resolve(environ)
    assert resolved.logging_level == level
    assert slugs(resolved) == (["bad-value"] if level == "INFO" else [])


# -- names that mean nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PREFECT_PLUGINS_TIMEOUT", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS"),
        ("PREFECT_PLUGINS_ENABLE", "PREFECT_PLUGINS_ENABLED"),
        ("PREFECT_PLUGINS_STRCT", "PREFECT_PLUGINS_STRICT"),
        ("PREFECT_EXPERIMENTS_PLUGINS_ALLOWED", "PREFECT_EXPERIMENTS_PLUGINS_ALLOW"),
        ("prefect_plugins_safemode", "PREFECT_PLUGINS_SAFE_MODE"),
    ],
)
def test_did_you_mean(project: Project, name: str, meant: str) -> None:
    """A misspelt name is reported with the one that is meant."""
    resolved = project.resolve({name: "1"})
    assert slugs(resolved) == ["unknown-name"]
    assert only_problem(resolved).startswith(name + " is not a setting")
    assert only_problem(resolved).endswith(f"; did you mean {meant}?")


def test_no_idea_what_is_meant(project: Project) -> None:
    """A name that is like none of ours gets no guess."""
    assert "did you mean" not in only_problem(project.resolve(PREFECT_PLUGINS_QQQ="1"))


@pytest.mark.parametrize(
    ("file", "text", "source"),
    [
        ("prefect.toml", "[plugins]\ntimeout = 3\n", "prefect.toml [plugins] timeout"),
        (
            "pyproject.toml",
            "[tool.prefect.experiments.plugins]\nStrict = true\n",
            "pyproject.toml [tool.prefect.experiments.plugins] Strict",
        ),
        (".env", "PREFECT_PLUGINS_STRIKT=1\n", ".env: PREFECT_PLUGINS_STRIKT"),
    ],
)
def test_unknown_names_in_files(project: Project, file: str, text: str, source: str) -> None:
    """So is a misspelt name or key in a file."""
    project.write(file, text)
    assert only_problem(project.resolve()).startswith(source + " is not a setting")
    assert "did you mean" in only_problem(project.resolve())


def test_unknown_name_in_profile(project: Project) -> None:
    """So is one in a profile."""
    path = project.profiles("active = 'x'\n[profiles.x]\nPREFECT_PLUGINS_ENABLE = true\n")
    assert only_problem(project.resolve()).startswith(f"profile 'x' in {path}: PREFECT_PLUGINS_ENABLE is not")


# -- exports ----------------------------------------------------------------------------------------------


def test_exports(project: Project, tmp_path: Path) -> None:
    """What came from files is exported, means the same elsewhere, and what the environment says is not."""
    project.write(".env", "PREFECT_EXPERIMENTS_PLUGINS_ENABLED=on\n")
    project.write("prefect.toml", "[plugins]\nallow = []\ndeny = ['a,b', 'c']\nsetup_timeout_seconds = 0.1\n")
    project.write("pyproject.toml", "[tool.prefect.plugins]\nsafe_mode = false\nrequired = 'r'\n")
    here = project.resolve(PREFECT_PLUGINS_STRICT="1")
    names = {"ENABLED", "ALLOW", "DENY", "SETUP_TIMEOUT_SECONDS", "SAFE_MODE", "REQUIRED"}
    assert here.exports.keys() == {"PREFECT_PLUGINS_" + name for name in names}
    assert here.exports["PREFECT_PLUGINS_ENABLED"] == "1"
    child = {"HOME": str(tmp_path), "PREFECT_PLUGINS_STRICT": "1", **here.exports}
    elsewhere = resolve(child, directory=str(tmp_path), full=True)
    assert all(getattr(elsewhere, field) == getattr(here, field) for field in FIELDS)
    assert elsewhere.problems == ()


def test_exports_of_a_group_in_a_file(project: Project) -> None:
    """A group in `.env` overrules the environment; the child, which has no such file, is told so."""
    project.write(".env", "PREFECT_PLUGINS='{\"enabled\": true}'\n")
    here = project.resolve(PREFECT_PLUGINS_ENABLED="0")
    assert here.enabled
    assert here.exports == {"PREFECT_PLUGINS_ENABLED": "1"}


def test_bad_values_are_not_exported(project: Project) -> None:
    """A bad value in a file is not handed on."""
    project.write("prefect.toml", "[plugins]\nstrict = 'maybe'\n")
    assert project.resolve().exports == {}


# -- cost and robustness ----------------------------------------------------------------------------------

CHILD = """
import os, sys
before = set(sys.modules)
from prefect_preflight._settings import Settings, anything_set
settings = Settings()
if anything_set(os.environ):
    from prefect_preflight._settings.resolution import fill
    fill(settings, os.environ)
assert not settings.enabled
print(*sorted(set(sys.modules) - before - {"prefect_preflight", "__future__"}))
"""


def added_modules(directory: Path, **environ: str) -> list[str]:
    """The modules that resolving imports in a fresh interpreter."""
    environ |= {"PYTHONPATH": str(PACKAGES), "HOME": str(directory)}
    child = subprocess.run(
        [sys.executable, "-S", "-c", CHILD], cwd=directory, env=environ, capture_output=True, text=True, check=True
    )
    assert child.stderr == ""
    return child.stdout.split()


def test_nothing_set_imports_nothing(tmp_path: Path) -> None:
    """In the common case one module is imported: no parser, no `typing`, no `re`."""
    assert added_modules(tmp_path) == ["prefect_preflight._settings"]


def test_foreign_files_import_nothing(tmp_path: Path) -> None:
    """Files with nothing of ours, broken ones too, are not parsed."""
    (tmp_path / ".env").write_text("SECRET=1\nPREFECT_API_URL=http://x\n")
    (tmp_path / "prefect.toml").write_text("[api]\nurl = 'x'\n")
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['prefect']\n[broken")
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text("[profiles.x]\nPREFECT_API_URL = 'x'\n")
    assert added_modules(tmp_path) == ["prefect_preflight._settings"]


def test_disabled_imports_no_parser(tmp_path: Path) -> None:
    """Disabled in the environment: only modules of our own."""
    added = added_modules(tmp_path, PREFECT_PLUGINS_ENABLED="0", PREFECT_EXPERIMENTS_PLUGINS_ALLOW="a,b")
    assert all(name.startswith("prefect_preflight.") for name in added)


def test_checks_that_are_left_out_would_find_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing seems to be wrong the checks are not loaded; had they run, they would have found nothing."""
    names = (
        *("PREFECT_PLUGINS_ENABLED", "PREFECT_EXPERIMENTS_PLUGINS_ENABLED", "prefect_plugins_enabled"),
        *("PREFECT_PLUGINS_STRICT", "PREFECT_PLUGINS_STRCT", "PREFECT_EXPERIMENTS_PLUGIN_STRICT"),
        *("PREFECT_PLUGINS", "PREFECT_EXPERIMENTS", "PREFECT_API_URL"),
    )
    left_out = 0
    for number in range(2 ** len(names)):
        chosen = [name for index, name in enumerate(names) if number >> index & 1]
        environ = {name: "{}" if name in ("PREFECT_PLUGINS", "PREFECT_EXPERIMENTS") else "1" for name in chosen}
        found = [problem.text for problem in project.resolve(environ).problems]
        with monkeypatch.context() as context:
            context.setattr(resolution._Resolver, "may_have_mistakes", lambda _: True)
            checked = [problem.text for problem in project.resolve(environ).problems]
        assert found == checked, chosen
        left_out += not found
    assert 0 < left_out < 2 ** len(names)


def test_without_argv(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter without `sys.argv` resolves all the same."""
    monkeypatch.delattr(sys, "argv")
    resolved = resolve({"HOME": str(project.home), "PREFECT_PLUGINS_ENABLED": "1"}, directory=str(project.directory))
    assert resolved.enabled
    assert resolved.problems == ()


def test_without_home(project: Project) -> None:
    """An empty environment, as in cron and systemd, is no problem."""
    assert resolve({}, directory=str(project.directory), argv=[]).problems == ()


@pytest.mark.parametrize("argv", [[], [""], [None, 5, b"x"], None, 5])
def test_odd_command_lines(project: Project, argv: Any) -> None:
    """A command line of another shape raises nothing."""
    resolve({"HOME": str(project.home)}, directory=str(project.directory), argv=argv, full=True)


def test_odd_paths_stay_on_one_line(project: Project) -> None:
    """A path with line breaks or NUL is named on one line."""
    project.write("a\nb.toml", "[profiles # PREFECT_PLUGINS_ENABLED")
    assert r"a\nb.toml" in only_problem(project.resolve(PREFECT_PROFILES_PATH="a\nb.toml"))
    assert r"a\x00b" in only_problem(project.resolve(PREFECT_PROFILES_PATH="a\x00b"))


def test_internal_errors_are_problems() -> None:
    """Whatever goes wrong inside is a problem in the result, and nothing is raised."""

    class Broken(dict):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            raise RuntimeError("no\nnames")

    resolved = resolve(Broken())
    assert slugs(resolved) == ["internal-error"]
    assert not resolved.enabled
    assert "RuntimeError" in only_problem(resolved)


ours = [prefix + field.upper() for prefix in ("PREFECT_PLUGINS_", "PREFECT_EXPERIMENTS_PLUGINS_") for field in FIELDS]
ours += ["PREFECT_PLUGINS", "PREFECT_EXPERIMENTS", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH", "PREFECT_HOME"]
ours += ["PREFECT_API", "PREFECT_API_URL", "PREFECT_LOGGING_LEVEL", "HOME", "PREFECT_PLUGINS_TIMEOUT"]
names = st.sampled_from(ours) | st.text()
values = st.text() | st.sampled_from(
    ["1", "true", "maybe", "[]", '["a"]', '{"enabled": 1}', "${X}", "nan", "a,b", "../x"]
)
lines = st.builds("{}={}".format, names, values) | st.builds("{} = {}".format, st.sampled_from(FIELDS), values)
tables = st.sampled_from(
    ["[plugins]", "[tool.prefect.plugins]", "[profiles.x]", "[experiments.plugins]", "active = 'x'"]
)
texts = st.lists(lines | tables | st.text()).map("\n".join)
contents = st.binary() | texts.map(lambda text: text.encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    environ=st.dictionaries(names, values),
    files=st.dictionaries(st.sampled_from([".env", "prefect.toml", "pyproject.toml", "profiles.toml"]), contents),
    argv=st.lists(values | st.sampled_from(["/usr/bin/prefect", "--profile"]), max_size=4),
    full=st.booleans(),
)
def test_never_raises(
    tmp_path: Path, environ: dict[str, str], files: dict[str, bytes], argv: list[str], full: bool
) -> None:
    """No environment, no file and no command line makes `resolve` raise, or fail inside."""
    for name in (".env", "prefect.toml", "pyproject.toml", "profiles.toml"):
        (tmp_path / name).write_bytes(files.get(name, b""))
    environ.setdefault("PREFECT_HOME", str(tmp_path))
    resolved = resolve(environ, directory=str(tmp_path), argv=argv, full=full)
    assert "internal-error" not in slugs(resolved), resolved.problems
    assert 0 < resolved.setup_timeout_seconds < float("inf")
    assert all(problem.text.isprintable() for problem in resolved.problems)
    assert not any("\0" in value for value in resolved.exports.values())
