"""Prints the identity that AWS sees in this process. Importing Prefect is all it does about credentials."""

from __future__ import annotations

import os

import boto3
import prefect  # noqa: F401  # for what its import does

NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def report(where: str) -> None:
    """Prints who AWS takes us for, and which credentials there are, but none of their values."""
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    present = [name for name in NAMES if name in os.environ]
    print(f"{where} (process {os.getpid()})", flush=True)
    print(f"  identity     {arn}", flush=True)
    print(f"  environment  {', '.join(present)}", flush=True)


if __name__ == "__main__":
    report("A plain script")
