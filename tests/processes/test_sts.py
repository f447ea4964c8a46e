"""One AssumeRole for a hundred children: moto's STS, real botocore, and a log of the calls that arrived."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest
from sts import serving

from toys import repetitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hosts import Host
    from worlds import World

PLUGIN = """
import os
from prefect_preflight import SetupResult, register_hook

@register_hook
def setup_environment(*, ctx):
    import botocore.session
    from botocore.config import Config
    # AWS gives 15 minutes at least, and botocore refuses less; moto gives what it is asked for.
    config = Config(parameter_validation=False)
    session = botocore.session.Session()
    # The identity to start from, not the one that an earlier run of this hook has put into the environment.
    session.set_credentials("starting-id", "starting-secret")
    sts = session.create_client("sts", region_name="us-east-1", config=config)
    credentials = sts.assume_role(
        RoleArn="arn:aws:iam::123456789012:role/Prefect",
        RoleSessionName="test",
        DurationSeconds=int(os.environ["ROLE_SECONDS"]),
    )["Credentials"]
    return SetupResult(
        env={
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        },
        expires_at=credentials["Expiration"],
        inherit=os.environ["ROLE_INHERIT"] == "1",
    )
"""

# The parent imports Prefect, then starts the children, four at a time, and tells the keys that each of them had.
FAMILY = """
    import json, os, prefect, subprocess, sys, time
    from concurrent.futures import ThreadPoolExecutor
    CODE = "import prefect, os; print(os.environ['AWS_ACCESS_KEY_ID'])"
    own = os.environ["AWS_ACCESS_KEY_ID"]
    def child(number):
        done = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, check=True, timeout=60)
        return done.stdout.decode().strip()
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(child, range(COUNT)))
    print(json.dumps([own, keys]))
"""

EXPIRING = """
    import json, os, prefect, subprocess, sys, time
    CODE = "import prefect, os; print(os.environ['AWS_ACCESS_KEY_ID'])"
    keys = [os.environ["AWS_ACCESS_KEY_ID"]]
    for _ in range(2):
        time.sleep(2.1)
        done = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, check=True, timeout=60)
        keys.append(done.stdout.decode().strip())
    print(json.dumps([keys, os.environ["AWS_ACCESS_KEY_ID"]]))
"""


class Sts:
    """A running STS: its address, and the calls that arrived."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    @property
    def calls(self) -> list[str]:
        """The actions that were asked for, in order."""
        return self._log.read_text().split() if self._log.exists() else []


@pytest.fixture
def sts(new_host: Host, tmp_path: Path) -> Iterator[Sts]:
    """An STS on a free port of the loopback interface, while the test runs."""
    log = tmp_path / "sts.log"
    with serving(new_host, tmp_path, str(log)) as url:
        yield Sts(url, log)


@pytest.fixture
def aws_world(new_host: Host, new_world: Callable[[Host], World], sts: Sts) -> Callable[..., tuple[object, Sts]]:
    """Runs a program where the plugin assumes a role for so many seconds; gives what it printed, and the STS."""
    world = new_world(new_host)
    world.plugin("role-plugin", PLUGIN)

    def run(program: str, seconds: int, inherit: bool, timeout: float, **more: str) -> tuple[object, Sts]:
        result = world.run(
            program,
            timeout=timeout,
            PREFECT_PLUGINS_ENABLED="1",
            PREFECT_PLUGINS_STRICT="1",
            AWS_ENDPOINT_URL=sts.url,
            AWS_EC2_METADATA_DISABLED="true",
            ROLE_SECONDS=str(seconds),
            ROLE_INHERIT=str(int(inherit)),
            **more,
        )
        assert result.returncode == 0, str(result)
        return result.json, sts

    return run


@pytest.mark.parametrize("inherit", [True, False], ids=["inherit", "own"])
def test_calls_of_a_parent_and_its_children(aws_world: Callable[..., tuple[object, Sts]], inherit: bool) -> None:
    """A parent and 100 children (``PREFLIGHT_FULL=1``; else 6): one AssumeRole where inherited, else one each."""
    count = repetitions(100, 6)
    (own, keys), sts = aws_world(FAMILY.replace("COUNT", str(count)), 3600, inherit, 60 + 6 * count)  # type: ignore[misc]
    assert len(keys) == count
    assert set(keys) == {own} if inherit else len({own, *keys}) == count + 1
    assert sts.calls == ["AssumeRole"] * (1 if inherit else count + 1)


THIRD = """
    import os, prefect, time
    keys = {os.environ["AWS_ACCESS_KEY_ID"]}
    while len(keys) < 3:
        time.sleep(0.1)
        keys.add(os.environ["AWS_ACCESS_KEY_ID"])
"""


def test_calls_in_the_third_lease(aws_world: Callable[..., tuple[object, Sts]]) -> None:
    """A parent that renews, and 100 children (``PREFLIGHT_FULL=1``; else 6) in its third lease: one call a lease."""
    count, seconds = repetitions(100, 6), repetitions(60, 12)
    program = textwrap.dedent(THIRD) + textwrap.dedent(FAMILY.replace("COUNT", str(count)))
    (own, keys), sts = aws_world(program, seconds, True, 60 + 6 * count, PREFECT_PREFLIGHT_RENEW="1")  # type: ignore[misc]
    assert len(keys) == count and set(keys) == {own}
    assert sts.calls == ["AssumeRole"] * 3


def test_children_after_the_expiry_fetch_again(aws_world: Callable[..., tuple[object, Sts]]) -> None:
    """With credentials that live for 2 s, a child that starts later has new ones, and so has the next one."""
    (keys, own), sts = aws_world(EXPIRING, 2, True, 60)  # type: ignore[misc]
    assert len(set(keys)) == 3
    assert own == keys[0]
    assert sts.calls == ["AssumeRole"] * 3
