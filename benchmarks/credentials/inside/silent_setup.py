"""A plugin that assumes a role and says nothing of when its credentials end, as most do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prefect.plugins import SetupResult, register_hook
from prefect_aws_setup import assume_role

if TYPE_CHECKING:
    from prefect.plugins import HookContext


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Returns the credentials of the role in ``PREFECT_AWS_SETUP_ROLE_ARN``; None where that fails."""
    role = os.environ["PREFECT_AWS_SETUP_ROLE_ARN"]
    try:
        credentials = assume_role(role, os.environ["AWS_DEFAULT_REGION"])
    except Exception:
        ctx.logger_factory("silent-setup").exception("Could not assume the role %s", role)
        return None
    return SetupResult(
        env={
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
    )
