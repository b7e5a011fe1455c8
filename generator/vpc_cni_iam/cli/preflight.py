"""``vpc-cni-iam preflight``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import value

HELP = """List the instances and network interfaces without the tags that a scoped policy needs.

FILE has the output of one of the two AWS CLI commands in the examples, or of both, in any order
and with any number of pages; - is standard input. One of the two is enough. With both, nodes are
told apart from other instances. --daemonset tells the cluster's name and how the plugin is
configured there. Exit code 1 means that the plugin would fail
under the policy, or that this is not known.

\b
Examples:
  aws ec2 describe-instances >instances.json
  aws ec2 describe-network-interfaces >interfaces.json
  vpc-cni-iam preflight instances.json interfaces.json --cluster-name prod
  aws ec2 describe-instances |
    vpc-cni-iam preflight - --cluster-name prod --harden
  vpc-cni-iam preflight *.json --cluster-name prod --variant ipv6-scoped
  kubectl get daemonset aws-node -n kube-system -o json >aws-node.json
  vpc-cni-iam preflight instances.json --daemonset aws-node.json
"""


def preflight(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Output of the AWS CLI; - is standard input."),
    ],
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    cluster_name: str | None = value("NAME", "Name of the cluster.  [default: the DaemonSet's]"),
    daemonset: str | None = value(
        "FILE", "JSON or YAML of aws-node: cluster, VPC, IP family, plugin version and features."
    ),
    vpc_id: str | None = value("ID", "VPC of the nodes.  [default: the one they are in]"),
    variant: str | None = options.variant(
        "Variant to move to.  [default: ipv4-scoped, or the DaemonSet's family]"
    ),
    output: options.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.cli.preflight_target import as_deployed, target_of
    from vpc_cni_iam.inputs.aws import ec2
    from vpc_cni_iam.inputs.kind import Content
    from vpc_cni_iam.preflight import findings, report
    from vpc_cni_iam.texts.limits import INVENTORY

    inputs.check_once([*files, daemonset or ""])
    deployment = inputs.deployment(daemonset) if daemonset is not None else None
    target = target_of(deployment, cluster_name, vpc_id, variant)
    if deployment is not None:
        documents, hardening = as_deployed(deployment, target.mode, documents, hardening)
    (composed,) = options.chosen((target.variant,), documents, hardening).composed()
    stdin = partial(inputs.text, "-", limit=INVENTORY)
    inventory = ec2.read(Content.of(file, stdin, INVENTORY) for file in files)
    result = findings.preflight(inventory, composed, target.cluster, target.vpc, target.differences)
    common.show_result(result, output, report.to_text(result))
    raise typer.Exit(1 if result.breaks else 0)
