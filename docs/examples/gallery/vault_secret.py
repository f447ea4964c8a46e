"""A secret of HashiCorp Vault's, by AppRole. Needs hvac; the entry point is `vault-secret = vault_secret`."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Set a variable for each field of the secret at VAULT_SECRET_PATH: VAULT_SECRET_USERNAME, and so on."""
    path = os.environ.get("VAULT_SECRET_PATH")  # such as database/creds/flows, or secret/data/flows
    if not path:
        ctx.logger_factory("vault-secret").debug("VAULT_SECRET_PATH is not set, so there is nothing to do")
        return None
    import hvac  # here, so that processes without a secret do not pay for it

    client = hvac.Client(url=os.environ["VAULT_ADDR"], timeout=5)
    login = client.auth.approle.login(os.environ["VAULT_ROLE_ID"], os.environ["VAULT_SECRET_ID"])
    answer = client.read(path)
    if answer is None:
        raise LookupError(f"there is no secret at {path}: see VAULT_SECRET_PATH, and the policy of the role")
    fields = answer["data"].get("data", answer["data"])  # version 2 of the key-value engine has them one level down
    seconds = answer["lease_duration"]  # 0 for what does not expire
    if answer["lease_id"]:  # a dynamic secret, which ends with the token that asked for it
        seconds = min(seconds, login["auth"]["lease_duration"] or seconds)
    return SetupResult(
        env={f"VAULT_SECRET_{name.upper()}": str(value) for name, value in fields.items()},
        note=f"Secret {path}",
        required=True,
        expires_at=datetime.now(timezone.utc) + timedelta(seconds=seconds) if seconds else None,
        inherit=True,
    )
