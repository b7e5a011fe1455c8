"""What ``vpc-cni-iam coverage --used`` and ``--print-sql`` do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import progress
from vpc_cni_iam.cli.expand import flag, value

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.coverage.subject import Subject


class UsageOptions(Struct, frozen=True):
    """The options about what a role used of its policies."""

    used: list[str] | None = value(
        "FILE",
        "Report which actions the role used. FILE has events of CloudTrail, or the result of "
        "--print-sql; it can be a directory, or - for standard input. Repeat for more.",
    )
    role: list[str] | None = value(
        "ROLE",
        "With --used and --print-sql: ARN or name of the plugin's role; repeat for more.  "
        "[default: the role of the events that the plugin sent]",
    )
    print_sql: bool = flag("Print the query for Athena that counts what roles used, and exit.")
    table: str | None = value(
        "NAME", "With --print-sql: table of Athena.  [default: cloudtrail_logs]"
    )

    def check(self, output: str, *, chosen_scenarios: bool) -> None:
        """Refuse options that do not belong together; raises `UsageError`."""
        from vpc_cni_iam.errors import UsageError

        if self.table is not None and not self.print_sql:
            raise UsageError("--table needs --print-sql")
        if self.role and not self.print_sql and not self.used:
            raise UsageError("--role needs --used or --print-sql")
        if not self.used:
            return
        if output not in ("text", "json"):
            raise UsageError(f"--used has no format {output}; give --format text or json")
        if chosen_scenarios:
            problem = "leave --scenario, --skip and --all-versions out"
            raise UsageError(f"--used looks at every scenario of one plugin version; {problem}")


def print_query(asked: UsageOptions) -> None:
    """Print the query that counts what roles used."""
    from vpc_cni_iam.coverage.usage.query import query

    typer.echo(query(asked.table, asked.role or ()), nl=False)


def show(asked: UsageOptions, subject: Subject, setting: RequestSetting, output: str) -> int:
    """Print what a role used of its policies, and return the exit code."""
    from vpc_cni_iam.coverage.usage import report
    from vpc_cni_iam.coverage.usage.usage import usage
    from vpc_cni_iam.inputs.aws import cloudtrail

    with progress("reading events") as passed:
        trail = cloudtrail.read(asked.used or (), sys.stdin.buffer, asked.role or (), passed)
    result = usage(subject, setting, trail, asked.role or ())
    common.show_result(result, common.Format(output), report.to_text(result))
    return 0 if result.complete and not result.not_allowed else 1
