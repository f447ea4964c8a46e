"""Assumes an AWS role before Prefect starts, and hands its temporary credentials to the environment.

The variables that steer it are in the README beside this package.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import botocore.session
from prefect.plugins import SetupResult, register_hook

if TYPE_CHECKING:
    from prefect.plugins import HookContext

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"

DEFAULT_REGION = "us-east-1"
DEFAULT_DURATION = 3600
"""Seconds. AWS takes 900 up to the role's own maximum, of which 3600 is the default."""


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Returns the credentials of the role in ``PREFECT_AWS_SETUP_ROLE_ARN``; None where that is not set.

    Raises:
        Exception: Whatever went wrong, if ``PREFECT_AWS_SETUP_REQUIRED`` is set. Otherwise it is only logged.
    """
    logger = ctx.logger_factory("prefect-aws-setup")
    role = os.environ.get("PREFECT_AWS_SETUP_ROLE_ARN")
    if not role:
        logger.debug("No role to assume: PREFECT_AWS_SETUP_ROLE_ARN is not set")
        return None

    required = bool(os.environ.get("PREFECT_AWS_SETUP_REQUIRED"))
    region = os.environ.get("AWS_REGION", DEFAULT_REGION)
    try:
        credentials = assume_role(role, region)
    except Exception:
        logger.exception("Could not assume the role %s", role)
        if required:
            raise
        return None

    return SetupResult(
        env={
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
            # With it botocore reads the environment again when the credentials near their end.
            "AWS_CREDENTIAL_EXPIRATION": credentials["Expiration"].isoformat(),
            "AWS_REGION": region,
        },
        note=f"Assumed role {role.rpartition('/')[2]}",
        required=required,
        expires_at=credentials["Expiration"],
        inherit=bool(os.environ.get("PREFECT_AWS_SETUP_INHERIT")),
    )


def assume_role(role: str, region: str) -> dict[str, Any]:
    """Returns STS's ``Credentials`` for a role; ``Expiration`` in it is an aware datetime.

    Raises:
        ValueError: ``PREFECT_AWS_SETUP_DURATION`` is not a whole number.
        botocore.exceptions.BotoCoreError: There is no way to STS: no credentials, profile or connection.
        botocore.exceptions.ClientError: STS said no.
    """
    session = botocore.session.Session(profile=os.environ.get("PREFECT_AWS_SETUP_PROFILE"))
    sts = session.create_client("sts", region_name=region)
    answer = sts.assume_role(
        RoleArn=role,
        RoleSessionName="prefect",
        DurationSeconds=int(os.environ.get("PREFECT_AWS_SETUP_DURATION", DEFAULT_DURATION)),
    )
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials
