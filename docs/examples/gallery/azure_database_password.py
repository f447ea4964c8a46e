"""A password for Azure's database for PostgreSQL: a token of the managed identity. Needs azure-identity.

The entry point is `azure-database-password = azure_database_password`.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone

from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"

SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Set PGPASSWORD for the user in PGUSER, where AZURE_DATABASE_PASSWORD asks for it."""
    if not os.environ.get("AZURE_DATABASE_PASSWORD"):
        ctx.logger_factory("azure-database-password").debug("AZURE_DATABASE_PASSWORD is not set: nothing to do")
        return None
    from azure.identity import ManagedIdentityCredential  # here, since it takes long to import

    # Of a user-assigned identity the client's ID says which.
    credential = ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID"), retry_total=1)
    token = credential.get_token(SCOPE)
    return SetupResult(
        env={"PGPASSWORD": token.token},
        note="Token of the managed identity",
        required=True,
        expires_at=datetime.fromtimestamp(token.expires_on, timezone.utc),
        inherit=True,
    )
