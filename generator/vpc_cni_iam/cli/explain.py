"""``vpc-cni-iam explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import value
from vpc_cni_iam.cli.options import IpFamily

if TYPE_CHECKING:
    from vpc_cni_iam.explain.explain import Cluster

HELP = """Explain why a request of the plugin was denied, or why it has no credentials.

FILE has lines of ipamd.log, Kubernetes events, CloudTrail records with an errorCode, or the output
of aws sts decode-authorization-message. Paste them as they are: wrapped, folded, quoted or as XML.
- is standard input.

Errors of credentials (IRSA, EKS Pod Identity, IMDS) come first. For each, the report says what it
proves, what else can cause it, and which command to run next. For a denied call, it says what
breaks, the likely cause, and which statement allows the call. With --policy, it says what the
role's policies do not allow. Repeated requests are reported once.

Exit code 1 means that a denied request is not explained, because no known program makes the call or
the text does not name it. It also means that a part of --policy was not read.

\b
Examples:
  kubectl get events -A -o json | vpc-cni-iam explain -
  vpc-cni-iam explain /var/log/aws-routed-eni/ipamd.log --cni-version v1.20.4
  aws sts decode-authorization-message --encoded-message MESSAGE > d.json
  vpc-cni-iam explain d.json --policy policy.json
"""


def explain(
    surroundings: options.ClusterNames,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Text; - is standard input.")] = "-",
    daemonset: str | None = value(
        "FILE", "JSON or YAML of aws-node: plugin version, IP family and names."
    ),
    cni_version: str | None = options.plugin_version(
        "Plugin version.  [default: the one in the text, the DaemonSet's, or latest]"
    ),
    mode: IpFamily | None = options.mode("the DaemonSet's, or both"),
    policy: str | None = value("POLICY", "Policy of the plugin's role, as in coverage."),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.coverage import subject
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.explain.explain import explain as explanations
    from vpc_cni_iam.explain.reading import incidents
    from vpc_cni_iam.explain.report import text
    from vpc_cni_iam.texts.limits import LOG

    if policy == "-":
        raise UsageError("--policy is a path; standard input has the denied requests")
    inputs.check_once([file, daemonset or ""])
    cluster = _cluster(surroundings, daemonset, cni_version, mode)
    opener = subject.Opener(str, dict(cluster.names))
    opened = subject.of_files([policy], (), opener) if policy is not None else None
    if opened is not None:
        opened = opened.doubting(subject.without_boundaries(opened.skipped))
    read = incidents.read(inputs.text(file, limit=LOG), inputs.source(file))
    result = explanations(read, cluster, opened)
    common.show_result(result, output, text.lines(result))
    raise typer.Exit(0 if result.complete else 1)


def _cluster(
    surroundings: options.ClusterNames,
    daemonset: str | None,
    cni_version: str | None,
    mode: IpFamily | None,
) -> Cluster:
    """Return the plugin and its cluster, from options and a DaemonSet."""
    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.catalog.facts.calls import FAMILIES
    from vpc_cni_iam.explain.explain import Cluster

    plugin = inputs.plugin_settings(daemonset)
    is_known = not (plugin.unread or plugin.has_more)
    family = mode.value if mode else plugin.mode if is_known else None
    default = options.known(plugin.version) if plugin.version else "latest"
    return Cluster(
        known_versions.find(cni_version) if cni_version else None,
        known_versions.find(default),
        (family,) if family else tuple(FAMILIES),
        surroundings.with_names(plugin),
    )
