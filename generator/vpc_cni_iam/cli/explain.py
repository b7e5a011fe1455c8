"""``vpc-cni-iam explain``."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import value
from vpc_cni_iam.cli.options import IpFamily

HELP = """Explain why AWS denied a request of the plugin.

FILE has lines of ipamd.log, an event of a pod with the reason MissingIAMPermissions, records of
CloudTrail with an errorCode, or what aws sts decode-authorization-message prints; - is standard
input. The answer names the call, what its denial breaks, the likely cause, and the statement that
allows it. With --policy, it names what the role's policies do not allow.

Exit code 1 means that a denied request is not explained: it is no known call of the plugin, or the
text does not say which call was denied. It also means that a part of --policy was not read.

\b
Examples:
  kubectl get events -n kube-system -o json | vpc-cni-iam explain -
  vpc-cni-iam explain /var/log/aws-routed-eni/ipamd.log --cni-version v1.20.4
  aws sts decode-authorization-message --encoded-message MESSAGE > d.json
  vpc-cni-iam explain d.json --policy policy.json
"""


def explain(
    surroundings: options.ClusterOptions,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Text; - is standard input.")] = "-",
    cni_version: str | None = options.plugin_version(
        "Plugin version.  [default: the one in the text, or latest]"
    ),
    strict: bool = options.STRICT,
    mode: IpFamily | None = options.mode("both"),
    policy: str | None = value("POLICY", "Policy of the plugin's role, as in coverage."),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.coverage import subject
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.explain import explain as explaining
    from vpc_cni_iam.explain import report
    from vpc_cni_iam.inputs import denial
    from vpc_cni_iam.inputs.skipped import without_boundaries

    if policy == "-":
        raise UsageError("--policy is a path; standard input has the denied requests")
    version = known_versions.find(cni_version) if cni_version else None
    names = surroundings.values
    opener = subject.Opener(str, names)
    opened = subject.of_files([policy], (), opener) if policy is not None else None
    if opened is not None:
        opened = replace(opened, skipped=without_boundaries(opened.skipped))
    denials = denial.read(inputs.text(file), inputs.source(file))
    result = explaining.explain(denials, version, mode.value if mode else None, names, opened)
    common.show_result(result, output, report.lines(result))
    raise typer.Exit(0 if result.complete else 1)
