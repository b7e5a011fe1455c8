"""``vpc-cni-iam coverage``."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam import formats
from vpc_cni_iam.cli import common, inputs, names, versions
from vpc_cni_iam.cli.common import Mode

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.simulate.scenarios import Scenario
    from vpc_cni_iam.coverage.simulate.settings import PluginSetting
    from vpc_cni_iam.coverage.subject import Subject

HELP = """Show whether a policy lets the plugin work, and what it lets the role do besides.

Every call that the release makes is put to the policy as the requests that IAM checks, in named
situations of a node's life. POLICY is a JSON policy, what the AWS CLI prints of one, such as
aws iam get-policy-version, the JSON of a plan, a .tf file, a module's directory, or - for JSON on
standard input; --variant takes a policy of the catalog. The cluster, VPC and account are those
that the policy names, or examples; options replace them. Exit code 1 says that a call is denied
without which the plugin fails, with --strict that any is; with --all-releases, at any release; or
that POLICY holds a policy that was not read, unless --document chooses others. A risk does not
change it.

\b
Examples:
  vpc-cni-iam coverage policy.json --cni-version v1.22.1
  vpc-cni-iam coverage infra/vpc-cni --document ipv4_scoped --verbose
  vpc-cni-iam coverage --variant ipv6 --revision 2024-07-22 --all-releases
  vpc-cni-iam coverage policy.json --all-releases --format svg > coverage.svg
  vpc-cni-iam coverage policy.json --env ENABLE_SUBNET_DISCOVERY=false
"""


_REPORTS = "vpc_cni_iam.coverage.report"
if TYPE_CHECKING:
    Format = StrEnum
else:
    Format = common.choices("Format", formats.names(_REPORTS))
_TEXT = Format.__members__["text"]


def _scenarios() -> list[str]:
    from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS

    return [s.name for s in SCENARIOS]


def coverage(
    policy: Annotated[
        str | None,
        typer.Argument(metavar="[POLICY]", help="The policy: a path; - is standard input."),
    ] = None,
    variant: Annotated[
        str | None, common.variant("Take this variant of the catalog instead.")
    ] = None,
    revision: Annotated[
        str | None, common.revision("With --variant: upstream's document of this date exactly.")
    ] = None,
    document: Annotated[
        list[str] | None,
        typer.Option(
            "--document",
            metavar="NAME",
            help="One of several policies in POLICY; repeat for more.",
        ),
    ] = None,
    cni_version: Annotated[
        str, versions.release("The plugin's release, such as v1.20.4, or latest.")
    ] = "latest",
    all_releases: Annotated[
        bool, typer.Option("--all-releases", help="Show the matrix of releases and actions.")
    ] = False,
    mode: Annotated[
        Mode | None, typer.Option(help="IP family of the cluster.  [default: the policy's]")
    ] = None,
    feature: Annotated[
        list[str] | None, common.feature("Optional feature in use; repeat for more.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="NAME=VALUE",
            help="Variable of aws-node's environment; repeat for more.",
        ),
    ] = None,
    primary_tag: Annotated[
        list[str] | None,
        typer.Option(
            "--primary-tag",
            metavar="KEY=VALUE",
            help="Tag that the nodes' primary interfaces are made with; repeat for more.",
        ),
    ] = None,
    situation: Annotated[
        list[str] | None,
        typer.Option(
            "--situation",
            metavar="NAME",
            help="Check this situation; repeat for more.  [default: all]",
            autocompletion=_scenarios,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip",
            metavar="NAME",
            help="Leave this situation out; repeat for more.",
            autocompletion=_scenarios,
        ),
    ] = None,
    list_situations: Annotated[
        bool, typer.Option("--list-situations", help="List the situations, and nothing else.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="RISK", help="Explain a risk of this name, and nothing else."
        ),
    ] = None,
    irsa: Annotated[
        bool, typer.Option("--irsa", help="The role lacks EKS Pod Identity's session tags.")
    ] = False,
    untagged_instances: Annotated[
        bool, typer.Option("--untagged-instances", help="Instances lack the cluster's tag.")
    ] = False,
    no_gaps: Annotated[
        bool,
        typer.Option("--no-gaps", help="With --variant: add nothing to the document in force."),
    ] = False,
    cluster_name: names.ClusterNameOption = None,
    vpc_id: names.VpcIdOption = None,
    partition: names.PartitionOption = None,
    region: names.RegionOption = None,
    account_id: names.AccountIdOption = None,
    vpc_owner_id: names.VpcOwnerIdOption = None,
    hyperpod_cluster_id: names.HyperpodClusterIdOption = None,
    strict: Annotated[
        bool,
        versions.strict("Exit with 1 if any call is denied; refuse a release that is not known."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="List the calls that are allowed, too.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = _TEXT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.coverage.simulate.scenarios import find

    if list_situations or explain is not None:
        _explain(explain)
        return
    given = {
        "cluster_name": cluster_name,
        "vpc_id": vpc_id,
        "partition": partition,
        "region": region,
        "account_id": account_id,
        "vpc_owner_id": vpc_owner_id,
        "hyperpod_cluster_id": hyperpod_cluster_id,
    }
    subject = _subject(policy, variant, (revision, cni_version, feature, no_gaps), document, given)
    setting = _setting(subject, cni_version, mode, env, feature, not irsa, not untagged_instances)
    setting = replace(setting, primary_tags=_pairs("--primary-tag KEY=VALUE", primary_tag))
    chosen = find(situation or (), skip or ())
    report = formats.load(_REPORTS, output.value)
    show = _one if hasattr(report, "release") and not all_releases else _matrix
    worst = show(subject, setting, chosen, report, verbose)
    fails = worst == "fatal" or (strict and worst != "allowed")
    raise typer.Exit(1 if fails or not subject.is_complete else 0)


def _explain(risk: str | None) -> None:
    """Print what a risk is; the list of situations without one."""
    from vpc_cni_iam.coverage.analysis import risks
    from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS

    if risk is not None:
        typer.echo(risks.explanation(risk), nl=False)
        return
    for scenario in SCENARIOS:
        typer.echo(f"{scenario.name:<24} {scenario.summary}")


def _subject(
    policy: str | None,
    variant: str | None,
    chosen: tuple[str | None, str, list[str] | None, bool],
    documents: list[str] | None,
    given: dict[str, str | None],
) -> Subject:
    from vpc_cni_iam.catalog.selection import select
    from vpc_cni_iam.coverage import subject
    from vpc_cni_iam.errors import UsageError

    revision, cni_version, features, no_gaps = chosen
    if bool(policy) == (variant is not None):
        raise UsageError("name a policy, by a path or - or by --variant, and only one")
    if variant is not None:
        if documents:
            raise UsageError("--document chooses from a module; --variant names one policy")
        release = cni_version if revision is None else None
        selection = select(
            revision=revision, cni_version=release, features=features or (), gaps=not no_gaps
        )
        return subject.of_variant(variant, selection, given)
    if revision is not None or no_gaps:
        raise UsageError("--revision and --no-gaps choose a document of a --variant")
    stdin = partial(inputs.text, "-")
    opened = subject.of_input(policy or "", stdin, documents or (), given)
    if opened.own_names:
        names = (f"{name.replace('_', ' ')} {v}" for name, v in opened.own_names.items())
        common.say(f"taken from the policy: {', '.join(names)}")
    return opened


def _setting(
    subject: Subject,
    cni_version: str,
    mode: Mode | None,
    env: list[str] | None,
    features: list[str] | None,
    session_tags: bool,
    instance_tagged: bool,
) -> PluginSetting:
    from vpc_cni_iam.catalog.facts import releases
    from vpc_cni_iam.coverage.simulate.settings import PluginSetting, configure

    setting = PluginSetting(
        releases.find(cni_version),
        mode.value if mode else subject.mode,
        names=subject.names,
        session_tags=session_tags,
        instance_tagged=instance_tagged,
    )
    return configure(setting, _pairs("--env NAME=VALUE", env), features or ())


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    from vpc_cni_iam.errors import UsageError

    pairs = [pair.partition("=") for pair in given or ()]
    for name, equals, _ in pairs:
        if not equals:
            raise UsageError(f"{option.partition(' ')[0]} {name!r}: write it as {option}")
    return {name: value for name, _, value in pairs}


def _one(
    subject: Subject,
    setting: PluginSetting,
    scenarios: tuple[Scenario, ...],
    report: ModuleType,
    verbose: bool,
) -> str:
    """Print the report about one release, and return the verdict."""
    from vpc_cni_iam.coverage.analysis.cover import cover
    from vpc_cni_iam.coverage.analysis.risks import find_risks

    coverage = cover(subject.policies, setting, scenarios)
    risks = find_risks(subject.policies, setting)
    typer.echo(report.release(subject, coverage, risks, verbose=verbose), nl=False)
    return coverage.verdict


def _matrix(
    subject: Subject,
    setting: PluginSetting,
    scenarios: tuple[Scenario, ...],
    report: ModuleType,
    verbose: bool,
) -> str:
    """Print the report about every release, and return the verdict."""
    from vpc_cni_iam.coverage.analysis.matrix import matrix

    result = matrix(subject.policies, setting, scenarios)
    typer.echo(report.matrix(subject, result, verbose=verbose), nl=False)
    return result.verdict
