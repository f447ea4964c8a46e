"""The fields of a 1Password item, by a Connect server. The entry point is `onepassword-item = onepassword_item`."""

from __future__ import annotations

import json
import os
import re
from urllib.parse import quote
from urllib.request import Request, urlopen

from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Set a variable for each field of the item OP_ITEM_ID in the vault OP_VAULT_ID: OP_ITEM_USERNAME, and so on."""
    vault, item = os.environ.get("OP_VAULT_ID"), os.environ.get("OP_ITEM_ID")
    if not (vault and item):
        ctx.logger_factory("onepassword-item").debug("OP_VAULT_ID and OP_ITEM_ID are not set: nothing to do")
        return None
    request = Request(
        f"{os.environ['OP_CONNECT_HOST']}/v1/vaults/{quote(vault)}/items/{quote(item)}",
        headers={"Authorization": f"Bearer {os.environ['OP_CONNECT_TOKEN']}"},
    )
    with urlopen(request, timeout=5) as answer:  # below the deadline, so that the error is the server's
        fields = json.load(answer)["fields"]
    return SetupResult(
        env={
            f"OP_ITEM_{re.sub(r'[^A-Za-z0-9]+', '_', field['label']).upper()}": field["value"]
            for field in fields
            if field.get("value")
        },
        note=f"Item {item}",
        required=True,
        inherit=True,
    )
