"""The example plugin, real botocore, and an STS that refuses keys which have expired.

`nox -s credentials` makes a table of many more situations, with workers and servers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sts import serving

from hosts import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hosts import Host
    from worlds import World

LEASE = 10  # seconds: a tenth of it, in which a renewal is due, is long enough for a call of STS
EXAMPLE = ROOT / "docs" / "examples" / "prefect-aws-setup" / "src" / "prefect_aws_setup" / "__init__.py"
ROLE = "arn:aws:iam::123456789012:role/PrefectRole"

# A client that is made at the start, and knows nothing of us; it asks twice a second who it is.
CLIENT = """
    import json, sys, time
    import prefect
    import boto3
    client = boto3.client("sts", region_name="us-east-1")
    began, answers = time.monotonic(), []
    while time.monotonic() < began + {seconds}:
        try:
            answers.append(client.get_caller_identity()["Arn"].split("/")[1])
        except Exception as error:  # botocore does not even sign with credentials that it knows to have expired
            answers.append(str(error))
        time.sleep(0.5)
    print(json.dumps(answers))
"""


class Aws:
    """A world with the example plugin, an STS, and a profile that may assume the role."""

    def __init__(self, world: World, url: str, log: Path) -> None:
        self.world = world
        self.url = url
        self._log = log
        world.plugin("prefect-aws-setup", EXAMPLE.read_text(), module="prefect_aws_setup")
        (world.home / ".aws").mkdir()
        (world.home / ".aws" / "credentials").write_text(
            "[starting]\naws_access_key_id = starting\naws_secret_access_key = secret\n"
        )

    def environment(self, base: str, **more: str | None) -> dict[str, str | None]:
        """The environment of a process whose base credentials are in a profile, or in the environment."""
        key = {"AWS_ACCESS_KEY_ID": "starting", "AWS_SECRET_ACCESS_KEY": "secret"}
        profile = {"PREFECT_AWS_SETUP_PROFILE": "starting"}
        return {
            "PREFECT_PLUGINS_ENABLED": "1",
            "PREFECT_AWS_SETUP_ROLE_ARN": ROLE,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            **(key if base == "environment" else profile),
            **more,
        }

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What the STS was asked for."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def calls(self) -> list[tuple[str, str]]:
        """Who has signed each AssumeRole, and what the STS said."""
        return [(entry["signer"], entry["verdict"]) for entry in self.requests if entry["action"] == "AssumeRole"]


@pytest.fixture
def aws(new_host: Host, new_world: Callable[[Host], World], tmp_path: Path) -> Iterator[Aws]:
    """An STS with leases of ten seconds, and a world that knows it."""
    log = tmp_path / "requests.jsonl"
    with serving(new_host, tmp_path, str(tmp_path / "actions"), "--json-log", str(log), "--lease", str(LEASE)) as url:
        yield Aws(new_world(new_host), url, log)


def test_a_client_that_outlives_three_leases(aws: Aws) -> None:
    """With renewal all of its requests succeed, signed by four keys; without, none does after the first lease."""
    program = CLIENT.format(seconds=3.3 * LEASE)
    variables = {
        "renewed": aws.environment("environment", PREFECT_PREFLIGHT_RENEW="1", AWS_SDK_UA_APP_ID="renewed"),
        "alone": aws.environment("profile", AWS_SDK_UA_APP_ID="alone"),
    }
    children = {name: aws.world.start(program, env=environment) for name, environment in variables.items()}
    answers = {}
    for name, child in children.items():
        stdout, stderr = child.communicate(timeout=120)
        assert child.returncode == 0 and stderr == "", stderr
        answers[name] = json.loads(stdout)
    assert set(answers["renewed"]) == {"PrefectRole"} and len(answers["renewed"]) > 3 * LEASE
    assert set(answers["alone"][: LEASE // 2]) == {"PrefectRole"} and "still expired" in answers["alone"][-1]
    keys = {entry["key"] for entry in aws.requests if entry["application"] == "renewed" and entry["signer"] == "role"}
    assert len(keys) == 4
    # The base credentials stand in the environment, where the role's own have taken their place since.
    assert set(aws.calls()) == {("base", "ok")}


FAMILY = """
    import json, subprocess, sys, time
    import prefect
    time.sleep({pause})
    command = [sys.executable, "-m", "plugins_diag", "--format", "json"]
    print(subprocess.run(command, stdout=-1).stdout.decode())
"""


@pytest.mark.parametrize("base", ["profile", "environment"])
def test_a_child_after_the_lease(aws: Aws, base: str) -> None:
    """With a profile it has a new key. From the environment it cannot: no request is signed, and it says so."""
    program = FAMILY.format(pause=LEASE + 0.5)
    told = aws.world.run(program, env=aws.environment(base), timeout=120).json
    (plugin,), codes = told["plugins"], [found["code"] for found in told["findings"]]
    if base == "profile":
        assert (told["outcome"], plugin["status"], codes) == ("success", "success", ["PF503"])
        assert aws.calls() == [("base", "ok")] * 2
    else:
        assert (told["outcome"], plugin["status"]) == ("failures", "expired")
        assert codes == ["PF408"]
        assert aws.calls() == [("base", "ok")]
