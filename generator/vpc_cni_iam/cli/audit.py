"""``vpc-cni-iam audit``."""

from __future__ import annotations

import sys

import typer

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import flag, value

HELP = """List the roles that the plugin uses or could use, and say which break at a plugin version.

FILE has the output of aws iam get-account-authorization-details for one or more accounts, in any
number of pages and files; - is standard input. The command lists the roles that aws-node can assume
with IRSA or EKS Pod Identity, and roles of EC2 instances that have permissions of the plugin.

FILE can also have the output of aws eks describe-addon, describe-nodegroup, describe-cluster,
list-clusters, describe-pod-identity-association and list-pod-identity-associations. It shows which
cluster uses which role and plugin version. The plugin's configuration is read from an add-on's
configuration values and from --daemonset. With --nodes, FILE also has the output of kubectl get
-o json for the pods of aws-node and for nodes.

Exit code 1 means that the plugin fails with one of the roles, or that something was not read or
decided. With --nodes, it means that an answer is not "safe", or that something was not read or
decided. IAM's output has no service control policies; check them with `coverage --scp`.

\b
Examples:
  aws iam get-account-authorization-details | vpc-cni-iam audit -
  vpc-cni-iam audit account-*.json addon.json --to v1.23.2
  vpc-cni-iam audit --nodes account.json clusters.json prod-*.json
"""


def audit(
    files: options.AwsOutput,
    to: str = options.plugin_version(
        "Plugin version to check, such as v1.20.4, or latest.", "latest", ("--to", "--cni-version")
    ),
    daemonset: list[str] | None = value(
        "FILE", "JSON or YAML of a cluster's aws-node, as in coverage; repeat for more."
    ),
    nodes: bool = flag("Report whether each node role still needs the plugin's permissions."),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.audit.audit import audit as audit_roles
    from vpc_cni_iam.audit.report.text import lines, lines_of_nodes
    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.inputs.aws.account import AccountDetails

    inputs.check_once([*files, *(daemonset or ())])
    version = known_versions.find(to, "--to")
    settings = [inputs.plugin_settings(file) for file in daemonset or ()]
    with (
        common.progress("reading accounts") as passed,
        AccountDetails(files, sys.stdin.buffer, passed) as details,
    ):
        result = audit_roles(details, version, settings, nodes=nodes)
    shown = lines_of_nodes(result) if nodes else lines(result)
    common.show_result(result, output, shown, fold=True)
    raise typer.Exit(0 if result.is_good else 1)
