"""``vpc-cni-iam preflight``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, NoReturn

import typer
from msgspec.structs import replace

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import value

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.compose import Composed
    from vpc_cni_iam.plugin.settings import PluginSettings
    from vpc_cni_iam.preflight.rules import RuleResult


HELP = """List the instances and network interfaces without the tags that a scoped policy needs.

FILE has the output of one or both of the AWS CLI commands in the examples, in any order and with
any number of pages; - is standard input. With both, nodes can be told from other instances.
Instances alone are enough if all are nodes and the policy lets the plugin tag any interface.
Interfaces alone are enough if the policy requires no tag of instances.

The cluster's name and the plugin's settings are read from --daemonset. Unless --no-harden is given,
the last lines list the nodes' subnets and security groups, which a policy with --limit-to needs.
Exit code 1 means that the plugin would fail with the policy, or that this is not known.

\b
Examples:
  aws ec2 describe-instances >instances.json
  aws ec2 describe-network-interfaces >interfaces.json
  vpc-cni-iam preflight instances.json interfaces.json --cluster-name prod
  aws ec2 describe-instances |
    vpc-cni-iam preflight - interfaces.json --cluster-name prod
  vpc-cni-iam preflight interfaces.json --cluster-name prod \\
    --variant ipv6-scoped
  kubectl get daemonset aws-node -n kube-system -o json >aws-node.json
  vpc-cni-iam preflight instances.json --daemonset aws-node.json --no-harden
  kubectl get eniconfigs -o json >eniconfigs.json
  vpc-cni-iam preflight instances.json interfaces.json --cluster-name prod \\
    --eni-configs eniconfigs.json
"""


def preflight(
    files: options.AwsOutput,
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
    eni_configs: str | None = value(
        "FILE",
        "With --harden: JSON or YAML of ENIConfigs, to list their subnets and security groups too.",
    ),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.inputs.aws import ec2
    from vpc_cni_iam.preflight import findings, report

    inputs.check_once([*files, daemonset or "", eni_configs or ""])
    plugin = inputs.plugin_settings(daemonset)
    own, variant = plugin.names(), _variant(plugin, variant)
    cluster = cluster_name or own.get("cluster_name") or _no_cluster_name(plugin)
    documents, chosen, settings = as_set_up(plugin, documents, hardening, variant)
    (composed,) = options.chosen((variant,), documents, chosen).composed()
    inventory = ec2.read(files, sys.stdin.buffer)
    result = findings.preflight(
        inventory,
        composed,
        cluster,
        vpc_id or own.get("vpc_id"),
        (*_differences(plugin, cluster), *_of_keys(hardening, chosen)),
        settings,
        eni_configs=inputs.eni_configs(eni_configs, hardened=bool(chosen.harden)),
    )
    lists = report.list_lines(result.lists) if result.nodes and is_limitable(composed) else ()
    common.show_result(result, output, chain(report.lines(result), lists))
    raise typer.Exit(1 if result.verdict.is_failure(if_degraded=False) else 0)


def is_limitable(composed: Composed) -> bool:
    """Return whether a policy is hardened and can be limited to lists."""
    from vpc_cni_iam.catalog.narrowing import IdList, names_any

    return composed.hardened and any(names_any(composed.policy, kind) for kind in IdList)


def _variant(plugin: PluginSettings, name: str | None) -> str:
    """Return the variant to move to; raises `UsageError` for one of the other IP family."""
    from vpc_cni_iam.catalog.variants import find
    from vpc_cni_iam.errors import UsageError

    mode = plugin.mode or "ipv4"
    chosen = name or f"{mode}-scoped"
    if plugin.file and mode not in find((chosen,))[0].modes:
        raise UsageError(f"--variant {chosen} is not for {mode}, the IP family in {plugin.file}")
    return chosen


def _no_cluster_name(plugin: PluginSettings) -> NoReturn:
    from vpc_cni_iam.errors import UsageError

    where = f"; {plugin.file} does not name it" if plugin.file else " or --daemonset"
    raise UsageError(f"name the cluster with --cluster-name{where}")


def _differences(plugin: PluginSettings, cluster: str) -> Iterator[RuleResult]:
    """Yield the results where the plugin's file contradicts the cluster's name or is not read."""
    from vpc_cni_iam.inputs.daemonset import unread
    from vpc_cni_iam.preflight import rules

    if not plugin.file:
        return
    if plugin.cluster_name != cluster and "CLUSTER_NAME" not in plugin.unread:
        yield rules.of_cluster_name(plugin.cluster_name, cluster)
    yield from (rules.of_unread(str(part)) for part in unread(plugin))


def _of_keys(
    hardening: options.HardeningOptions, chosen: options.HardeningOptions
) -> Iterator[RuleResult]:
    """Yield the result if the tag keys of the policy are those of the plugin's file."""
    from vpc_cni_iam.preflight import rules

    if chosen.additional_tag_key and not hardening.additional_tag_key:
        yield rules.of_additional_tags(chosen.additional_tag_key)


def as_set_up(
    plugin: PluginSettings,
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    variant: str,
) -> tuple[options.DocumentOptions, options.HardeningOptions, PluginSettings]:
    """Return the options with the plugin version, features and tags of the plugin's file.

    The last value is the plugin's settings as its version reads them.
    """
    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting

    hardening = hardening.resolved((variant,), documents.revision)
    if not plugin.file:
        return documents, hardening, plugin
    version = documents.cni_version or plugin.version
    if version and documents.cni_version is None and documents.revision is None:
        version = options.known(version)
        documents = replace(documents, cni_version=version)
    plugin_version = known_versions.find(version) if version else known_versions.newest()
    setting = RequestSetting(plugin_version, plugin.mode or "ipv4").configured(plugin)
    features = dict.fromkeys((*(documents.feature or ()), *setting.features))
    documents = replace(documents, feature=list(features))
    if hardening.harden and hardening.additional_tag_key is None:
        keys = list(setting.plugin.additional_tags)
        hardening = replace(hardening, additional_tag_key=keys or None)
    return documents, hardening, setting.plugin
