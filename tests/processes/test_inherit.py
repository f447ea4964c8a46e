"""What a descendant may take over from an ancestor, and everything that makes its hook run instead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counting

# A tree of three generations; the statements run in the parent between its import and the start of its child.
TREE = """
    import json, os, subprocess, sys, time, prefect, probe
    LOOK = [sys.executable, "-m", "probe"]
    GRANDCHILD = [sys.executable, "-c",
        "import json, subprocess, sys, probe; seen = [probe.look()]; "
        "seen.append(json.loads(subprocess.run([sys.executable, '-m', 'probe'], stdout=subprocess.PIPE).stdout)); "
        "print(json.dumps(seen))"]
    parent = probe.look()
    {statements}
    done = subprocess.run(GRANDCHILD, stdout=subprocess.PIPE, check=True)
    print(json.dumps({{"parent": parent, "child": json.loads(done.stdout)[0], "grandchild": json.loads(done.stdout)[1],
                       "note": os.environ.get("PREFECT_PREFLIGHT_INHERITED")}}))
"""


def tree(counting: Counting, statements: str = "pass", **variables: str | None) -> tuple[list[str], object]:
    """Runs the tree; returns the plugin's status in parent, child and grandchild, and the parent's note."""
    told = counting.json(TREE.format(statements=statements), **variables)
    for member in ("parent", "child", "grandchild"):
        assert told[member]["outcome"] == "success" and told[member]["token"], told
    statuses = [told[member]["statuses"]["counting_plugin"] for member in ("parent", "child", "grandchild")]
    return statuses, told["note"]


def test_lasts_for_the_tree_without_an_expiry(counting: Counting) -> None:
    """With `inherit=True` and no `expires_at` one run does for all generations."""
    counting.install(options="inherit=True")
    statuses, _ = tree(counting)
    assert statuses == ["success", "inherited", "inherited"]
    assert counting.runs == 1


def test_lasts_until_the_expiry(counting_standin: Counting) -> None:
    """With an expiry far ahead one run does for all generations."""
    counting_standin.install(options="inherit=True, expires_at=now + timedelta(hours=1)")
    statuses, _ = tree(counting_standin)
    assert statuses == ["success", "inherited", "inherited"]
    assert counting_standin.runs == 1


def test_nothing_is_inherited_unless_the_plugin_says_so(counting_standin: Counting) -> None:
    """Without `inherit=True` each process runs the hook, and the note says as much."""
    counting_standin.install(options="expires_at=now + timedelta(hours=1)")
    statuses, note = tree(counting_standin)
    assert statuses == ["success"] * 3
    assert [entry["inherit"] for entry in json.loads(str(note))["plugins"].values()] == [False]
    assert counting_standin.runs == 3


# What the parent does after its import, and how often the hook runs in the tree then.
DIFFERENT = {
    "value-changed": ("os.environ['HOOK_TOKEN'] = 'other'", 2),
    "value-missing": ("del os.environ['HOOK_FIXED']", 2),
    "timeout-changed": ("os.environ['PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS'] = '7'", 2),
    "allow-list-changed": ("os.environ['PREFECT_PLUGINS_ALLOW'] = 'counting-plugin'", 2),
    "strict-changed": ("os.environ['PREFECT_PLUGINS_STRICT'] = '1'", 2),
    "note-missing": ("del os.environ['PREFECT_PREFLIGHT_INHERITED']", 2),
    "note-of-others": ("os.environ['PREFECT_PREFLIGHT_INHERITED'] = '[1, 2'", 2),
    "note-of-a-future-format": (
        """note = json.loads(os.environ["PREFECT_PREFLIGHT_INHERITED"]); note["format"] = 99
    os.environ["PREFECT_PREFLIGHT_INHERITED"] = json.dumps(note)""",
        2,
    ),
    "impossible-expiry": (
        """note = json.loads(os.environ["PREFECT_PREFLIGHT_INHERITED"])
    next(iter(note["plugins"].values()))["expires"] = 1e300
    os.environ["PREFECT_PREFLIGHT_INHERITED"] = json.dumps(note)""",
        2,
    ),
    "endless-nesting": ("os.environ['PREFECT_PREFLIGHT_INHERITED'] = '[' * 100_000", 2),
    "unrelated-variable": ("os.environ['UNRELATED'] = 'other'", 1),
    "prefect-setting": ("os.environ['PREFECT_LOGGING_EXTRA_LOGGERS'] = 'mine'", 1),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_differs_makes_the_hook_run(counting_standin: Counting, case: str) -> None:
    """A changed or missing value, setting or note makes the child run the hook, once; its own child inherits again."""
    statements, runs = DIFFERENT[case]
    counting_standin.install(options="inherit=True, expires_at=now + timedelta(hours=1)")
    statuses, _ = tree(counting_standin, statements)
    assert statuses == ["success", "success" if runs == 2 else "inherited", "inherited"]
    assert counting_standin.runs == runs


DAMAGED = [
    "null",
    "{}",
    "[]",
    '"text"',
    "7",
    '{"format": 2}',
    '{"format": 2, "settings": 2, "plugins": 3}',
    "\x7f",
    " ",
]


@pytest.mark.parametrize("plugins", [None, [], 3, {"KEY": 3}, {"KEY": {}}, {"KEY": None}, {"KEY": {"names": "x"}}])
def test_damaged_entry_makes_the_hook_run(counting_standin: Counting, plugins: object) -> None:
    """Whatever stands in the note, no child fails because of it."""
    counting_standin.install(options="inherit=True")
    text = json.dumps(plugins)
    statements = (
        "note = json.loads(os.environ['PREFECT_PREFLIGHT_INHERITED']); key, = note['plugins']; "
        f"note['plugins'] = json.loads({text!r}.replace('KEY', key)); "
        "os.environ['PREFECT_PREFLIGHT_INHERITED'] = json.dumps(note)"
    )
    statuses, _ = tree(counting_standin, statements)
    assert statuses == ["success", "success", "inherited"]


@pytest.mark.parametrize("damaged", DAMAGED)
def test_damaged_note_makes_the_hook_run(counting_standin: Counting, damaged: str) -> None:
    """A note that is not ours is ignored without a word."""
    counting_standin.install(options="inherit=True")
    result = counting_standin.run(["-m", "probe"], PREFECT_PREFLIGHT_INHERITED=damaged)
    assert result.returncode == 0 and result.stderr == "", str(result)
    assert json.loads(result.stdout)["statuses"] == {"counting_plugin": "success"}


def test_another_version_of_the_plugin_runs(counting_standin: Counting) -> None:
    """A child that has the plugin in another version runs the hook."""
    counting_standin.install(options="inherit=True")
    distribution = counting_standin.world.overlay / "counting_plugin-0.1.0.dist-info"
    metadata = distribution / "METADATA"
    statements = (
        f"text = open({str(metadata)!r}).read(); "
        f"open({str(metadata)!r}, 'w').write(text.replace('Version: 0.1.0', 'Version: 0.2.0'))"
    )
    statuses, _ = tree(counting_standin, statements)
    assert statuses == ["success", "success", "inherited"]
    assert counting_standin.runs == 2


def test_denied_plugin_stays_denied(counting_standin: Counting) -> None:
    """A deny list beats what an ancestor left."""
    counting_standin.install(options="inherit=True")
    statements = "os.environ['PREFECT_PLUGINS_DENY'] = 'counting_plugin'"
    statuses, _ = tree(counting_standin, statements)
    assert statuses == ["success", "filtered", "filtered"]
    assert counting_standin.runs == 1


def test_expiry_runs_the_hook_and_the_margin_comes_before_it(counting_standin: Counting) -> None:
    """Values that live 4 s are good for 3.6 s: a tenth of their life is kept back."""
    counting_standin.install(options="inherit=True, expires_at=now + timedelta(seconds=4)")
    statuses, _ = tree(counting_standin, "time.sleep(3.65)")
    assert statuses[:2] == ["success", "success"]
    assert counting_standin.runs in (2, 3)  # on a slow machine the grandchild may find the child's expired too


def test_note_that_vanishes_while_hooks_run(counting_standin: Counting) -> None:
    """A hook that clears variables harms nobody: what was inherited stays, and is passed on."""
    counting_standin.install(options="inherit=True")
    clearing = "import os\nos.environ.pop('PREFECT_PREFLIGHT_INHERITED', None)\n"
    counting_standin.world.plugin(
        "clearing-plugin",
        f"""
from prefect_preflight import register_hook

@register_hook
def setup_environment(*, ctx):
    {clearing.replace(chr(10), chr(10) + "    ").strip()}
""",
    )
    statuses, note = tree(counting_standin)
    assert statuses == ["success", "inherited", "inherited"]
    assert note
    assert counting_standin.runs == 1


def test_settings_of_a_file_hold_in_another_directory(counting_standin: Counting) -> None:
    """Settings from a file are the same settings in a child with another working directory: it inherits."""
    counting_standin.install(options="inherit=True")
    text = '[plugins]\nsetup_timeout_seconds = 7\nallow = ["counting-plugin", "other"]\n'
    (counting_standin.world.cwd / "prefect.toml").write_text(text)
    statuses, _ = tree(counting_standin, f"os.chdir({str(counting_standin.world.home)!r})")
    assert statuses == ["success", "inherited", "inherited"]
    assert counting_standin.runs == 1


def test_already_expired_values_are_applied_but_not_inherited(counting_standin: Counting) -> None:
    """A plugin that returns what has expired already runs in each process."""
    counting_standin.install(options="inherit=True, expires_at=now - timedelta(seconds=1)")
    statuses, _ = tree(counting_standin)
    assert statuses == ["success"] * 3
    assert counting_standin.runs == 3


def test_the_note_holds_no_value(counting_standin: Counting) -> None:
    """The note names variables and holds salted digests: two runs with the same values have different notes."""
    counting_standin.install(body="return SetupResult(env={'HOOK_TOKEN': 'canary-4711'}, inherit=True)")
    program = "import json, os, prefect; print(json.dumps(dict(os.environ)))"
    environments = [counting_standin.json(program) for _ in range(2)]
    notes = [environment["PREFECT_PREFLIGHT_INHERITED"] for environment in environments]
    assert [environment["HOOK_TOKEN"] for environment in environments] == ["canary-4711"] * 2
    assert all("HOOK_TOKEN" in note and "4711" not in note for note in notes)
    assert notes[0] != notes[1]


def test_diagnose_says_so(counting_standin: Counting) -> None:
    """Diagnose in a child shows that the environment is inherited, and until when it is valid."""
    counting_standin.install(options="inherit=True, expires_at=now + timedelta(hours=1)")
    result = counting_standin.run(
        "import prefect, subprocess, sys; sys.exit(subprocess.call([sys.executable, '-m', 'plugins_diag']))"
    )
    assert result.returncode == 0, str(result)
    assert "inherited" in result.stdout and "ancestor" in result.stdout, str(result)
    assert "Expires: " in result.stdout or "valid until" in result.stdout, str(result)
    assert counting_standin.runs == 1
