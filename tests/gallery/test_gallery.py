"""The gallery's plugins, with the vendors' own libraries, against stand-ins for the vendors' services.

No emulator of Vault, Google, Azure or 1Password and no build of SOPS comes from a package index. prefect-aws-setup is
tested in `tests/processes`, against moto's STS.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import services
import standin
from hosts import IS_WINDOWS, ROOT
from pages import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosts import Host, Hosts, Result
    from worlds import World

GALLERY = ROOT / "docs" / "examples" / "gallery"
LIBRARIES = ("hvac>=2", "google-auth[requests]>=2", "azure-identity>=1.15", "cryptography>=42")
TELL = """
import json, os, prefect, prefect_preflight
(plugin,) = prefect_preflight.last_report().plugins
names = list(plugin.environment)
expires = plugin.expires_at and plugin.expires_at.isoformat()
error = plugin.error and plugin.error.message
print(json.dumps([plugin.status, {name: os.environ.get(name) for name in names}, expires, error, plugin.note]))
"""
NOWHERE = "http://127.0.0.1:9"  # the port of "discard", where nobody listens


class Case(NamedTuple):
    """A plugin: its settings, with the service's address as `{url}`; what they set; in how many seconds it expires.

    Attributes:
        refused: settings with which the service says no.
        error: what the one line about that says.
    """

    module: str
    settings: dict[str, str]
    env: dict[str, str]
    seconds: int | None
    refused: dict[str, str]
    error: str


VAULT = {"VAULT_ADDR": "{url}", "VAULT_ROLE_ID": "flows", "VAULT_SECRET_ID": services.GOOD}
CASES = {
    "vault, static": Case(
        "vault_secret",
        {**VAULT, "VAULT_SECRET_PATH": "secret/data/flows"},
        {"VAULT_SECRET_API_KEY": "vault-key-4711"},
        None,
        {"VAULT_SECRET_ID": "wrong-canary-4711"},
        "invalid role or secret ID",
    ),
    "vault, dynamic": Case(
        "vault_secret",
        {**VAULT, "VAULT_SECRET_PATH": "database/creds/flows"},
        {"VAULT_SECRET_USERNAME": "v-flows", "VAULT_SECRET_PASSWORD": "vault-password-4711"},
        1200,
        {"VAULT_SECRET_PATH": "database/creds/nobody"},
        "there is no secret at database/creds/nobody",
    ),
    "google": Case(
        "google_token",
        {"GOOGLE_TOKEN_SCOPES": "https://www.googleapis.com/auth/devstorage.read_only", "TOKEN_PATH": "/google/token"},
        {"CLOUDSDK_AUTH_ACCESS_TOKEN": "google-token-4711", "GOOGLE_CLOUD_PROJECT": "flows"},
        3599,
        {"TOKEN_PATH": "/google/refuses"},
        "The account has been disabled",
    ),
    "azure": Case(
        "azure_database_password",
        {
            "AZURE_DATABASE_PASSWORD": "1",
            "IDENTITY_ENDPOINT": "{url}/msi/token",
            "IDENTITY_HEADER": services.GOOD,
        },
        {"PGPASSWORD": "azure-token-4711"},
        7200,
        {"IDENTITY_HEADER": "wrong-canary-4711"},
        "Unauthorized",
    ),
    "1password": Case(
        "onepassword_item",
        {"OP_CONNECT_HOST": "{url}", "OP_CONNECT_TOKEN": services.GOOD, "OP_VAULT_ID": "v", "OP_ITEM_ID": "i"},
        {
            "OP_ITEM_USERNAME": "flows",
            "OP_ITEM_PASSWORD": "onepassword-4711",
            "OP_ITEM_API_KEY_OLD_": "onepassword-key-4711",
        },
        None,
        {"OP_CONNECT_TOKEN": "wrong-canary-4711"},
        "HTTP Error 401",
    ),
    "http": Case(
        "http_token",
        {
            "HTTP_TOKEN_URL": "{url}/oauth/token",
            "HTTP_TOKEN_CLIENT_ID": "flows",
            "HTTP_TOKEN_CLIENT_SECRET": services.GOOD,
        },
        {"HTTP_TOKEN": "oauth-token-4711"},
        600,
        {"HTTP_TOKEN_CLIENT_SECRET": "wrong-canary-4711"},
        "HTTP Error 401",
    ),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the stand-ins."""
    with services.serve() as url:
        yield url


@pytest.fixture
def world(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the vendors' libraries, and the stand-in for Prefect."""
    world = new_world(hosts(*LIBRARIES))
    standin.install(world)
    return world


def account(world: World, token_uri: str) -> str:
    """A service account's key file, whose key is made for the test."""
    make = """
        from cryptography.hazmat.primitives import serialization as s
        from cryptography.hazmat.primitives.asymmetric import rsa
        key = rsa.generate_private_key(65537, 2048)
        print(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())
    """
    key = world.run(make, env={"PREFECT_PREFLIGHT_DISABLE": "1"}, check=True).stdout
    file = world.home / "account.json"
    data = {
        "type": "service_account",
        "project_id": "flows",
        "client_email": "flows@example.com",
        "private_key_id": "1",
    }
    file.write_text(json.dumps({**data, "private_key": key, "token_uri": token_uri}))
    return str(file)


def run(world: World, module: str, settings: dict[str, str], url: str) -> tuple[Result, list[Any]]:
    """Imports Prefect with one plugin of the gallery; returns also what came of it."""
    world.plugin(module.replace("_", "-"), (GALLERY / f"{module}.py").read_text(encoding="utf-8"))
    settings = {name: value.format(url=url) for name, value in settings.items()}
    if "TOKEN_PATH" in settings:
        settings["GOOGLE_APPLICATION_CREDENTIALS"] = account(world, f"{url}{settings.pop('TOKEN_PATH')}")
    result = world.run(TELL, env={"PREFECT_PLUGINS_ENABLED": "1", **settings}, check=True)
    return result, json.loads(result.stdout)


@pytest.mark.parametrize("case", CASES)
def test_what_it_is_for(world: World, url: str, case: str) -> None:
    """The variables stand at the import, with their expiry; no secret is in the note or on stderr."""
    module, settings, env, seconds, _, _ = CASES[case]
    result, (status, found, expires, error, note) = run(world, module, settings, url)
    assert (status, found, error) == ("success", env, None), result
    assert "4711" not in note + result.stderr
    if seconds is None:
        assert expires is None
    else:
        left = datetime.fromisoformat(expires) - datetime.now(timezone.utc)
        assert timedelta(seconds=seconds - 60) < left <= timedelta(seconds=seconds + 1)


@pytest.mark.parametrize("case", CASES)
def test_a_service_that_refuses(world: World, url: str, case: str) -> None:
    """One line says what is the matter, without the secret; nothing is set, and Prefect loads."""
    module, settings, _, _, refused, says = CASES[case]
    result, (status, found, _, error, _) = run(world, module, {**settings, **refused}, url)
    assert (status, found) == ("failed", {}) and says in error, result
    assert "4711" not in result.stdout + result.stderr
    assert sum("prefect.plugins | ERROR" in line for line in result.stderr.splitlines()) == 1, result


@pytest.mark.parametrize("case", [case for case in CASES if case != "vault, dynamic"])
def test_a_service_that_is_down(world: World, case: str) -> None:
    """The error is the connection's, and comes before the deadline."""
    module, settings, *_ = CASES[case]
    result, (status, found, _, _, _) = run(world, module, settings, NOWHERE)
    assert (status, found) == ("failed", {}), result
    assert "4711" not in result.stdout + result.stderr


def test_without_their_settings(world: World) -> None:
    """They do nothing, and import no vendor's library."""
    modules = sorted(path.stem for path in GALLERY.glob("*.py"))
    for module in modules:
        world.plugin(module.replace("_", "-"), (GALLERY / f"{module}.py").read_text(encoding="utf-8"))
    tell = """
        import sys, prefect, prefect_preflight
        plugins = prefect_preflight.last_report().plugins
        print([(plugin.name, plugin.status, len(plugin.environment)) for plugin in plugins])
        print(sorted({"hvac", "google.auth", "azure.identity", "urllib3"} & set(sys.modules)))
    """
    result = world.run(tell, env={"PREFECT_PLUGINS_ENABLED": "1"}, check=True)
    assert result.stdout == f"{[(module, 'success', 0) for module in modules]}\n[]\n", result


@pytest.mark.skipif(IS_WINDOWS, reason="the stand-in for the program sops is a shell script")
def test_sops(world: World) -> None:
    """The program's values are set, and what it complains of is in the error."""
    program = world.home / "bin" / "sops"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$*" = "--decrypt --output-type json flows.yaml" ] || { echo "no key for $4" >&2; exit 128; }\n'
        """echo '{"DB_PASSWORD": "sops-4711", "PORT": 5432}'\n"""
    )
    program.chmod(0o755)
    path = f"{program.parent}:/usr/bin:/bin"
    result, found = run(world, "sops_file", {"SOPS_FILE": "flows.yaml", "PATH": path}, "")
    assert found[:2] == ["success", {"DB_PASSWORD": "sops-4711"}], result
    result, found = run(world, "sops_file", {"SOPS_FILE": "other.yaml", "PATH": path}, "")
    assert found[0] == "failed" and "sops cannot decrypt other.yaml: no key for other.yaml" in found[3], result


def test_the_page_has_the_files() -> None:
    """docs/gallery.md shows each plugin, as it is in its file."""
    shown = {block.rest: block.text for block in blocks() if block.kind == "gallery"}
    assert shown == {path.name: path.read_text(encoding="utf-8") for path in Path(GALLERY).glob("*.py")}
