"""For the tests of `plugins_diag`: the documented sample, the schema, and hand-made diagnoses.

Each function makes something healthy, and takes changes to it as keywords.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

from prefect_preflight._command_line.diagnosis import Diagnosis
from prefect_preflight._command_line.diagnosis.activation import Activation, PrefectFound
from prefect_preflight._command_line.diagnosis.prefect_import import ImportResult
from prefect_preflight._command_line.diagnosis.startup_files import StartupFile
from prefect_preflight._command_line.diagnosis.surroundings import Surroundings
from prefect_preflight.report import (
    HookInfo,
    PluginInfo,
    PrefectInfo,
    ProblemInfo,
    Report,
    SettingInfo,
)

DOCUMENTED = """\
Prefect Experimental Plugin System Diagnostics

Enabled: True
Timeout: 20.0s
Strict mode: False
Safe mode: False
Allow list: None
Deny list: None

Discoverable Plugins (entry point group: prefect.plugins)

  • aws-setup: active
    Module: prefect_aws_setup:Plugin
    API requirement: >=0.1,<1

Running Startup Hooks

  • aws-setup: success
    Environment variables: 4
      AWS_ACCESS_KEY_ID=••••••
      AWS_SECRET_ACCESS_KEY=••••••
      AWS_SESSION_TOKEN=••••••
      AWS_REGION=us-west-2
    Note: Assumed role PrefectRole
    Expires: 2024-01-15 18:30:00+00:00
"""
"""The sample in Prefect's documentation of the plugin system, section "Diagnostics"."""

DOCUMENTED_SECTIONS = [
    [line for line in section.splitlines() if line and "Expires:" not in line]
    for section in re.split(r"^(?=Discoverable|Running)", DOCUMENTED, flags=re.MULTILINE)
]
"""The sample's lines by section, but for the expiry, which is shown by how far away it is: settings, plugins, hooks."""

EXPIRY = datetime(2024, 1, 15, 18, 30, tzinfo=timezone.utc)
BEFORE = datetime(2024, 1, 15, 17, 30, tzinfo=timezone.utc)
"""An hour before `EXPIRY`: a time at which nothing is wrong with the samples."""

MASK = "••••••"
_SITE = "/env/lib/python3.12/site-packages"


def plugin(**changes: Any) -> PluginInfo:
    """A plugin of the same shape as the one in the sample of Prefect's documentation, with `changes`."""
    sample = PluginInfo(
        name="aws-setup",
        value="prefect_aws_setup:Plugin",
        distribution="prefect-aws-setup",
        version="0.1.0",
        status="success",
        reason=None,
        api_requirement=">=0.1,<1",
        stage="early",
        deferred_by=None,
        load_seconds=0.25,
        hooks=(HookInfo("normal", 0.25, 0.5),),
        hook_names=("setup_environment",),
        environment={
            "AWS_ACCESS_KEY_ID": MASK,
            "AWS_SECRET_ACCESS_KEY": MASK,
            "AWS_SESSION_TOKEN": MASK,
            "AWS_REGION": "us-west-2",
        },
        note="Assumed role PrefectRole",
        required=False,
        expires_at=EXPIRY,
        inherit=False,
        error=None,
        warnings=(),
    )
    return replace(sample, **changes)


def unloaded(**changes: Any) -> PluginInfo:
    """A plugin that was not loaded, with `changes`."""
    nothing: dict[str, Any] = {
        "api_requirement": None,
        "stage": None,
        "load_seconds": None,
        "hooks": (),
        "hook_names": (),
        "environment": {},
        "note": None,
        "expires_at": None,
    }
    return plugin(**{**nothing, **changes})


def settings(**values: Any) -> tuple[SettingInfo, ...]:
    """All settings, enabled; a value may be given alone, or with its source as a pair."""
    defaults: dict[str, Any] = {
        "enabled": (True, "PREFECT_PLUGINS_ENABLED"),
        "allow": None,
        "deny": None,
        "setup_timeout_seconds": 20.0,
        "strict": False,
        "safe_mode": False,
        "required": None,
        "logging_level": "INFO",
        "api_url": None,
    }
    infos = []
    for name, value in {**defaults, **values}.items():
        pair = value if isinstance(value, tuple) else (value, "default")
        infos.append(SettingInfo(name, *pair))
    return tuple(infos)


def report(*plugins: PluginInfo, **changes: Any) -> Report:
    """The report of a successful run of `plugins` (the sample if none is given), with `changes`."""
    sample = Report(
        schema_version=1,
        outcome="success",
        reason=None,
        preflight_version="0.1.0",
        python="3.12.1",
        executable="/env/bin/python",
        pid=4711,
        prefect=PrefectInfo("prefect", "3.8.8", f"{_SITE}/prefect", "superseded"),
        hooks_run_in="workers",
        timeout_seconds=20.0,
        seconds=0.75,
        settings=settings(),
        problems=(),
        plugins=plugins or (plugin(),),
        conflicts={},
    )
    return replace(sample, **changes)


def activation(**changes: Any) -> Activation:
    """An active start-up hook, with `changes`."""
    file = f"{_SITE}/prefect_preflight.pth"
    sample = Activation(
        state="active",
        by=file,
        activated_here=False,
        startup_files=(StartupFile(file, "pth"),),
        unread_files=(),
        site_directories=(_SITE,),
        finders_in_front=(),
        location=f"{_SITE}/prefect_preflight",
        version="0.1.0",
        copies=(),
        no_site=False,
        isolated=False,
        ignore_environment=False,
        prefect=PrefectFound(f"{_SITE}/prefect", "prefect", "3.8.8"),
        misspelt=(),
    )
    return replace(sample, **changes)


def diagnosis(*plugins: PluginInfo, **parts: Any) -> Diagnosis:
    """A diagnosis of `plugins`; keywords replace the other healthy parts."""
    return Diagnosis(
        report=parts.get("report") or report(*plugins),
        activation=parts.get("activation") or activation(),
        imported=parts.get("imported") or ImportResult("imported"),
        surroundings=parts.get("surroundings", Surroundings()),
        options=parts.get("options", {}),
    )


def problem(slug: str, message: str, source: str = "PREFECT_PLUGINS_STRICT") -> ProblemInfo:
    """Something wrong with the settings."""
    return ProblemInfo(slug, source, message)


_SCHEMA = files("prefect_preflight") / "_command_line" / "report.schema.json"
SCHEMA: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """The schema with no room for fields that it does not describe, so that the tests find those."""
    schema = copy.deepcopy(schema)

    def close(node: Any) -> None:
        if isinstance(node, dict):
            if "properties" in node and node.get("type") == "object":
                node.setdefault("additionalProperties", False)
            for child in node.values():
                close(child)
        elif isinstance(node, list):
            for child in node:
                close(child)

    close(schema)
    return schema


VALIDATOR = Draft202012Validator(closed(SCHEMA))
