"""The SQL query that counts the actions that roles used.

Sources: Amazon Athena User Guide, "Create a table for CloudTrail logs in Athena"; AWS CloudTrail
User Guide, "CloudTrail Lake SQL constraints". Both have events in columns of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vpc_cni_iam.coverage.usage.query_engine import QueryEngine
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.inputs.aws.cloudtrail import AGENT, COLUMNS

_ROLE = "useridentity.sessioncontext.sessionissuer.arn"
_NAME = "useridentity.sessioncontext.sessionissuer.username"
_TABLE = re.compile(r'[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*|"[^"\n]+"(?:\."[^"\n]+")*')
_STORE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROLE_NAME = re.compile(r"[\w+=,.@-]+|arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+")


def query(engine: QueryEngine, table: str | None, roles: Sequence[str]) -> str:
    """Return a query whose result `vpc_cni_iam.inputs.aws.cloudtrail` reads.

    `table` is that of Athena, or the ID of the event data store; without roles, every role counts.
    Raises `UsageError` for a name that neither has.
    """
    if engine is QueryEngine.athena and not _TABLE.fullmatch(table := table or "cloudtrail_logs"):
        raise UsageError(f"--table {table}: write it as TABLE or DATABASE.TABLE")
    if engine is QueryEngine.lake and not _STORE.fullmatch(table or ""):
        problem = "is not the ID of an event data store" if table else "is missing"
        example = "--table 01234567-89ab-cdef-0123-456789abcdef"
        raise UsageError(f"--table {problem}; give the last part of its ARN, such as {example}")
    for role in roles:
        if not _ROLE_NAME.fullmatch(role):
            raise UsageError(f"--role {role}: is neither the ARN of a role nor a name of one")
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
