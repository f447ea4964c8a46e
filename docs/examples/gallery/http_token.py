"""A token by OAuth 2.0's client credentials (RFC 6749, section 4.4). The entry point is `http-token = http_token`."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Set HTTP_TOKEN from the token endpoint HTTP_TOKEN_URL, for the client HTTP_TOKEN_CLIENT_ID."""
    url = os.environ.get("HTTP_TOKEN_URL")
    if not url:
        ctx.logger_factory("http-token").debug("HTTP_TOKEN_URL is not set, so there is nothing to do")
        return None
    client, secret = quote(os.environ["HTTP_TOKEN_CLIENT_ID"]), quote(os.environ["HTTP_TOKEN_CLIENT_SECRET"])
    form = {"grant_type": "client_credentials", "scope": os.environ.get("HTTP_TOKEN_SCOPE", "")}
    request = Request(
        url,
        data=urlencode({name: value for name, value in form.items() if value}).encode(),
        headers={"Authorization": f"Basic {b64encode(f'{client}:{secret}'.encode()).decode()}"},
    )
    with urlopen(request, timeout=5) as answer:  # below the deadline, so that the error is the server's
        token = json.load(answer)
    seconds = token.get("expires_in")  # which a server should say, and need not
    return SetupResult(
        env={"HTTP_TOKEN": token["access_token"]},
        note=f"Token of {client}",
        required=True,
        expires_at=datetime.now(timezone.utc) + timedelta(seconds=seconds) if seconds else None,
        inherit=True,
    )
