"""The SQL query that counts the actions that roles used.

Source: Amazon Athena User Guide, "Create a table for CloudTrail logs in Athena".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.inputs.aws.cloudtrail import AGENT, COLUMNS

_ROLE = "useridentity.sessioncontext.sessionissuer.arn"
_NAME = "useridentity.sessioncontext.sessionissuer.username"
_TABLE = re.compile(r'[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*|"[^"\n]+"(?:\."[^"\n]+")*')
_ROLE_NAME = re.compile(r"[\w+=,.@-]+|arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+")


def query(table: str | None, roles: Sequence[str]) -> str:
    """Return a query for Athena whose result `vpc_cni_iam.inputs.aws.cloudtrail` reads.

    Without roles, all roles are included. Raises `UsageError` for a name that no table or role can
    have.
    """
    if not _TABLE.fullmatch(table := table or "cloudtrail_logs"):
        raise UsageError(f"--table {table}: write it as TABLE or DATABASE.TABLE")
    for role in roles:
        if not _ROLE_NAME.fullmatch(role):
            raise UsageError(f"--role {role} is neither the ARN nor the name of a role")
    agent = AGENT.replace(r"\.", "[.]")
    keys = (
        _ROLE,
        "eventsource",
        "eventname",
        "errorcode",
        f"regexp_extract(useragent, '{agent}', 1)",
    )
    counts = ("count(DISTINCT eventid)", "min(eventtime)", "max(eventtime)")
    columns = [f"{sql} AS {name}" for sql, name in zip((*keys, *counts), COLUMNS, strict=True)]
    where = f"{_ROLE} LIKE '%:role/%'"
    if roles:
        arns, names = ([r for r in roles if (":" in r) is is_arn] for is_arn in (True, False))
        parts = [f"{_ROLE} IN ({_texts(arns)})"] * bool(arns)
        parts += [f"{_NAME} IN ({_texts(names)})"] * bool(names)
        where = " OR ".join(parts)
    select, group = ",\n  ".join(columns), ",\n  ".join(keys)
    return f"SELECT\n  {select}\nFROM {table}\nWHERE {where}\nGROUP BY\n  {group}\n"


def _texts(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
