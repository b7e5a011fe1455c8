"""``vpc-cni-iam usage``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.plugin import PluginOptions

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.coverage.subject import Opener, Subject
    from vpc_cni_iam.usage.usage import OpenSettings

HELP = """Compare the calls of a role in CloudTrail with the calls that the plugin can make.

TRAIL has CloudTrail events, or the result of --print-sql. It can be a directory, or - for standard
input. The report says for each action of the policy whether it is used, callable, safe to drop or
not decided. It ends with the policy without unused actions, which is proven to allow no more than
before and is checked at the plugin version.

Exit code 1 means that the role used an action that the policy does not allow, or that something was
not read.

\b
Examples:
  vpc-cni-iam usage trail/ --role prod-aws-node --policy policy.json
  vpc-cni-iam usage events.json --policy policy.json --daemonset aws-node.json
  vpc-cni-iam usage --print-sql --role prod-aws-node
"""


class UsedPolicyOptions(Struct, frozen=True):
    """The options that choose the policies of the role."""

    PANEL: ClassVar[str] = "Policy"

    policy: list[str] | None = value(
        "POLICY",
        "Policy of the role, as in coverage; repeat for more.  [default: upstream's document]",
    )
    document: list[str] | None = value(
        "NAME", "Name of a policy or a role in --policy, if it has several; repeat for more."
    )

    def opened(self, opener: Opener, version: str, mode: str, features: Sequence[str]) -> Subject:
        """Return the policies, or without any upstream's document for an IP family."""
        from vpc_cni_iam.catalog.selection import select
        from vpc_cni_iam.coverage import subject
        from vpc_cni_iam.errors import UsageError

        if self.policy:
            return subject.of_files(self.policy, self.document or (), opener)
        if self.document:
            raise UsageError("--document needs --policy")
        selection = select(cni_version=version, features=features)
        return subject.of_variant(mode, selection, opener.user_names)


class QueryOptions(Struct, frozen=True):
    """The options for the query."""

    PANEL: ClassVar[str] = "Query"

    print_sql: bool = flag("Print the Athena query that counts the calls of roles, and exit.")
    table: str | None = value("NAME", "With --print-sql: Athena table.  [default: cloudtrail_logs]")


def usage(
    limits: options.LimitOptions,
    plugin: PluginOptions,
    chosen: UsedPolicyOptions,
    sql: QueryOptions,
    trail: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TRAIL]...", help="CloudTrail events; - is standard input."),
    ] = None,
    role: list[str] | None = value(
        "ROLE",
        "ARN or name of the plugin's role; repeat for more.  "
        "[default: the role in the plugin's events]",
    ),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.inputs.aws import cloudtrail
    from vpc_cni_iam.usage import report
    from vpc_cni_iam.usage.query import query
    from vpc_cni_iam.usage.usage import usage as compared

    if sql.print_sql and trail:
        raise UsageError("--print-sql reads no events; remove TRAIL")
    if sql.print_sql:
        typer.echo(query(sql.table, role or ()), nl=False)
        return
    if sql.table is not None:
        raise UsageError("--table needs --print-sql")
    if not trail:
        raise UsageError("name CloudTrail events: a file, a directory, or - for standard input")
    inputs.check_once([*trail, *(chosen.policy or ()), *limits.files, plugin.daemonset or ""])
    subject, setting, unknown = _asked(chosen, limits, plugin)
    with common.progress("reading events") as passed:
        events = cloudtrail.read(trail, sys.stdin.buffer, role or (), passed)
    result = compared(subject, setting, events, role or (), unknown)
    common.show_result(result, output, report.to_text(result))
    raise typer.Exit(0 if result.complete and not result.not_allowed else 1)


def _asked(
    chosen: UsedPolicyOptions, limits: options.LimitOptions, plugin: PluginOptions
) -> tuple[Subject, RequestSetting, OpenSettings]:
    """Return the policies of the role, the plugin's settings in the cluster, and which are open."""
    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.coverage.subject import Opener
    from vpc_cni_iam.usage.usage import OpenSettings

    settings = inputs.plugin_settings(plugin.daemonset)
    version = plugin.version(settings)
    opener = Opener(partial(inputs.text, "-"), dict(settings.names()))
    mode = plugin.mode.value if plugin.mode else settings.mode or "ipv4"
    subject = limits.applied(chosen.opened(opener, version, mode, plugin.feature or ()), opener)
    unknown = OpenSettings(
        version=not (plugin.cni_version or settings.file),
        mode=not (plugin.mode or settings.mode),
    )
    return *plugin.checked(subject, settings, RequestSetting(known_versions.find(version))), unknown
