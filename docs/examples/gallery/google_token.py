"""A token for Google's APIs, by Application Default Credentials. Needs google-auth[requests].

The entry point is `google-token = google_token`.
"""

from __future__ import annotations

import os
from datetime import timezone

from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Set CLOUDSDK_AUTH_ACCESS_TOKEN, which gcloud and its kin read, for the scopes in GOOGLE_TOKEN_SCOPES."""
    scopes = os.environ.get("GOOGLE_TOKEN_SCOPES", "").split()
    if not scopes:
        ctx.logger_factory("google-token").debug("GOOGLE_TOKEN_SCOPES is not set, so there is nothing to do")
        return None
    import google.auth  # here, since it takes long to import
    from google.auth.transport.requests import Request

    credentials, project = google.auth.default(scopes=scopes)
    credentials.refresh(Request())
    env = {"CLOUDSDK_AUTH_ACCESS_TOKEN": credentials.token}
    if project:
        env["GOOGLE_CLOUD_PROJECT"] = project
    return SetupResult(
        env=env,
        note=f"Token for {' '.join(scopes)}",
        required=True,
        expires_at=credentials.expiry.replace(tzinfo=timezone.utc),  # which google-auth gives without a zone
        inherit=True,
    )
