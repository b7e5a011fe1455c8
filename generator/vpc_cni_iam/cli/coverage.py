"""``vpc-cni-iam coverage``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import formats
from vpc_cni_iam.cli import common, inputs, options, usage
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import IpFamily

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.analysis.cover import PluginVerdict
    from vpc_cni_iam.coverage.simulate.scenarios import Scenario
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.coverage.subject import Opener, Subject
    from vpc_cni_iam.plugin.settings import PluginSettings

HELP = """Check a policy against every AWS call that a plugin version makes, and list its risks.

Each call is evaluated as the requests that IAM checks, in named scenarios such as node start and
leaked ENI clean-up. POLICY is a JSON policy, the output of an AWS CLI command such as aws iam
get-policy-version, the JSON of a plan, a .tf file, a module's directory, or - for JSON on standard
input. Attached managed policies count; those of AWS are taken from the catalog. To check a policy
of the catalog, give --variant. Cluster, VPC, account and Region are those in the Allow statements
of the policy, or examples; options override them. If the Region is not known, each one that the
policy names is checked, and one that it does not name.

Exit code 1 means that a required call is denied, or that POLICY has a policy that was not read, or
an attached one that is not known, and --document does not select others. With --strict, it means
that any call is denied; with --all-versions, that this is so at any plugin version; with --used,
that the role used an action that POLICY does not allow, or that something was not read. Risks do
not change the exit code.

\b
Examples:
  vpc-cni-iam coverage policy.json --cni-version v1.22.1
  vpc-cni-iam coverage infra/vpc-cni --document ipv4-scoped --verbose
  vpc-cni-iam coverage --variant ipv6 --revision 2024-07-22 --all-versions
  vpc-cni-iam coverage policy.json --all-versions --format svg > coverage.svg
  vpc-cni-iam coverage policy.json --env ENABLE_SUBNET_DISCOVERY=false
  vpc-cni-iam coverage a.json b.json --boundary c.json --scp d.json
  vpc-cni-iam coverage modules/irsa --document vpc_cni --var-file irsa.tfvars
  vpc-cni-iam coverage modules/irsa/policies.tf --engine terraform
  kubectl get daemonset aws-node -n kube-system -o json > aws-node.json
  vpc-cni-iam coverage policy.json --daemonset aws-node.json
  vpc-cni-iam coverage policy.json --used trail/ --role prod-aws-node
  vpc-cni-iam coverage --print-sql --role prod-aws-node
"""


_REPORTS = "vpc_cni_iam.coverage.report"
if TYPE_CHECKING:
    Format = StrEnum
else:
    Format = options.choices("Format", formats.names(_REPORTS))


def _scenarios() -> list[str]:
    from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS

    return [s.name for s in SCENARIOS]


class PolicyOptions(Struct, frozen=True):
    """The options that choose the policy."""

    variant: str | None = options.variant("Check this variant of the catalog instead.")
    revision: str | None = options.revision("With --variant: upstream's document of this date.")
    document: list[str] | None = value(
        "NAME", "Name of a policy or a role in POLICY, if it has several; repeat for more."
    )
    no_additions: bool = flag("With --variant: add no calls to upstream's document.")
    all_calls: bool = flag("With --variant: add all calls, also those that are not needed.")


class NodeOptions(Struct, frozen=True):
    """The options that describe the plugin, its node and its cluster."""

    daemonset: str | None = value(
        "FILE", "JSON or YAML of aws-node: plugin version, IP family and environment."
    )
    cni_version: str | None = options.plugin_version(
        "Plugin version, such as v1.20.4.  [default: the DaemonSet's, or latest]"
    )
    mode: IpFamily | None = options.mode("the policy's")
    feature: list[str] | None = options.feature("Optional feature in use; repeat for more.")
    env: list[str] | None = value(
        "NAME=VALUE", "Environment variable of aws-node; repeat for more."
    )
    primary_tag: list[str] | None = value(
        "KEY=VALUE", "Tag of the nodes' primary network interfaces; repeat for more."
    )
    irsa: bool = flag("The role has no session tags of EKS Pod Identity.")
    untagged_instances: bool = flag("Instances do not have the cluster's tag.")


class ScenarioOptions(Struct, frozen=True):
    """The options that choose the plugin versions and scenarios to check."""

    all_versions: bool = flag("Show a matrix of plugin versions and actions.")
    scenario: list[str] | None = value(
        "NAME",
        "Check this scenario; repeat for more.  [default: those that are to be expected]",
        autocompletion=_scenarios,
    )
    skip: list[str] | None = value(
        "NAME", "Skip this scenario; repeat for more.", autocompletion=_scenarios
    )
    list_scenarios: bool = flag("List the scenarios and exit.")


def coverage(
    surroundings: options.ClusterOptions,
    variables: options.ModuleOptions,
    chosen: PolicyOptions,
    limits: options.LimitOptions,
    node: NodeOptions,
    used: usage.UsageOptions,
    selected: ScenarioOptions,
    policy: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[POLICY]...", help="Policies of one role: paths; - is standard input."
        ),
    ] = None,
    explain: str | None = value("RISK", "Explain the risk of this name and exit."),
    strict: bool = options.strict(
        "Fail if any call is denied; refuse a plugin version newer than the catalog."
    ),
    verbose: bool = flag("List the allowed calls, too."),
    output: Format = options.output_format(Format.__members__["text"]),
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.coverage.simulate.scenarios import find

    if selected.list_scenarios or explain is not None:
        _explain(explain)
        return
    used.check(
        output.value,
        chosen_scenarios=bool(selected.scenario or selected.skip or selected.all_versions),
    )
    if used.print_sql:
        usage.print_query(used)
        return
    subject, setting = _asked(
        policy or [], surroundings, variables, chosen, limits, node, used, strict=strict
    )
    if used.used:
        raise typer.Exit(usage.show(used, subject, setting, output.value))
    own = [subject.program] if subject.program else []
    scenarios = find(selected.scenario or own, selected.skip or ())
    whole = selected.all_versions
    worst = _show(
        subject, setting, scenarios, output.value, whole=whole, verbose=verbose, strict=strict
    )
    fails = worst.is_failure(strict=strict) or not subject.is_complete
    raise typer.Exit(1 if fails else 0)


def _asked(
    files: list[str],
    surroundings: options.ClusterOptions,
    variables: options.ModuleOptions,
    chosen: PolicyOptions,
    limits: options.LimitOptions,
    node: NodeOptions,
    used: usage.UsageOptions,
    *,
    strict: bool,
) -> tuple[Subject, RequestSetting]:
    """Return the policies, and the plugin as the cluster has it."""
    from vpc_cni_iam.coverage.subject import limited
    from vpc_cni_iam.inputs.daemonset import unread
    from vpc_cni_iam.inputs.variables import check_used
    from vpc_cni_iam.plugin.settings import PluginSettings

    others = [node.daemonset or "", *(used.used or ()), *(variables.var_file or ())]
    inputs.check_once([*files, *limits.files, *others])
    file = node.daemonset
    plugin = PluginSettings() if file is None else inputs.plugin_settings(file)
    version = node.cni_version or _version(plugin, strict=strict)
    names = surroundings.values
    names |= {k: names[k] or v for k, v in plugin.names().items()}  # where there is no option
    opener = variables.opener(names)
    subject = _subject(files, chosen, node, version, opener)
    subject = limited(subject, limits.boundary, limits.scp or (), opener)
    check_used(opener.user_values, (*files, *limits.files))
    setting = _setting(subject, node, version, plugin)
    _say_names(subject, setting)
    subject = replace(subject, skipped=(*subject.skipped, *unread(setting.plugin)))
    return subject, setting


def _say_names(subject: Subject, setting: RequestSetting) -> None:
    """Say which names were taken from the policy, and of which it has several."""
    from vpc_cni_iam.coverage.names import all_names
    from vpc_cni_iam.errors import first_of

    regions = subject.regions  # each is checked
    if subject.own_names:
        values = (f"{name.replace('_', ' ')} {v}" for name, v in subject.own_names.items())
        common.say(f"taken from the policy: {', '.join(values)}")
    for name, several in all_names(subject.policies).items():
        checked = getattr(setting.names, name)
        if len(several) > 1 and checked not in several and not (name == "region" and regions):
            words = f"the policy has several of {name.replace('_', ' ')}, {first_of(several, 4)}"
            common.say(f"{words}: checked with {checked}; give one with --{name.replace('_', '-')}")


def _explain(risk: str | None) -> None:
    """Print the explanation of a risk; without one, the list of scenarios."""
    from vpc_cni_iam.coverage.analysis import risks
    from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS

    if risk is not None:
        typer.echo(risks.explanation(risk), nl=False)
        return
    for scenario in SCENARIOS:
        typer.echo(f"{scenario.name:<24} {scenario.summary}")


def _version(plugin: PluginSettings, *, strict: bool) -> str:
    """Return the version of the plugin as a file has it; the newest known one without a file."""
    from vpc_cni_iam.errors import UsageError

    if not plugin.file:
        return "latest"
    if not plugin.version:
        problem = "the tag of the image of aws-node is not a plugin version; give --cni-version"
        raise UsageError(f"{plugin.file}: {problem}")
    return options.known(plugin.version, strict=strict)


def _subject(
    files: list[str],
    chosen: PolicyOptions,
    node: NodeOptions,
    version: str,
    opener: Opener,
) -> Subject:
    from vpc_cni_iam.catalog.selection import Additions, additions_of, select
    from vpc_cni_iam.coverage import subject
    from vpc_cni_iam.errors import UsageError

    if bool(files) == (chosen.variant is not None):
        raise UsageError("name one policy: a path, - for standard input, or --variant")
    additions = additions_of(no_additions=chosen.no_additions, all_calls=chosen.all_calls)
    if chosen.variant is not None:
        if chosen.document:
            raise UsageError("--document selects from a module; --variant names one policy")
        selection = select(
            revision=chosen.revision,
            cni_version=version if chosen.revision is None else None,
            features=node.feature or (),
            additions=additions,
        )
        return subject.of_variant(chosen.variant, selection, opener.user_names)
    if chosen.revision is not None or additions is not Additions.needed:
        raise UsageError("--revision, --no-additions and --all-calls need --variant")
    return subject.of_files(files, chosen.document or (), opener)


def _setting(
    subject: Subject, node: NodeOptions, version: str, plugin: PluginSettings
) -> RequestSetting:
    """Return what requests depend on, with the plugin set up as a file and options have it."""
    from vpc_cni_iam.catalog.facts import known_versions
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.plugin.settings import of_options

    setting = RequestSetting(
        known_versions.find(version),
        node.mode.value if node.mode else plugin.mode or subject.mode,
        names=subject.names,
        session_tags=not node.irsa,
        instance_tagged=not node.untagged_instances,
        primary_tags=_pairs("--primary-tag KEY=VALUE", node.primary_tag),
    )
    own = [subject.program] if subject.program else []
    environment = _pairs("--env NAME=VALUE", node.env)
    chosen = of_options(environment, setting.version, (*(node.feature or ()), *own))
    return setting.configured(plugin.overridden(chosen))


def _pairs(option: str, words: list[str] | None) -> dict[str, str]:
    from vpc_cni_iam.errors import UsageError

    pairs = [word.partition("=") for word in words or ()]
    for name, equals, _ in pairs:
        if not equals:
            raise UsageError(f"{option.partition(' ')[0]} {name!r}: write it as {option}")
    return {name: value for name, _, value in pairs}


def _show(
    subject: Subject,
    setting: RequestSetting,
    scenarios: tuple[Scenario, ...],
    output: str,
    *,
    whole: bool,
    verbose: bool,
    strict: bool,
) -> PluginVerdict:
    """Print the report about one version, or about every one, and return the verdict.

    It is about every one if `whole`, and in formats that show no single one.
    """
    from vpc_cni_iam.coverage.analysis.cover import cover
    from vpc_cni_iam.coverage.analysis.matrix import matrix
    from vpc_cni_iam.coverage.analysis.risks import find_risks
    from vpc_cni_iam.coverage.report.sentences.repairs import repairs_for

    report = formats.load(_REPORTS, output)
    policies, limits = subject.policies, subject.limiting
    if whole or not hasattr(report, "version"):
        result = matrix(policies, setting, scenarios, limits, subject.regions)
        if version := result.newest_failure(strict=strict):
            denied = [why for (v, _), why in result.reasons.items() if v == version]
            at = replace(result.setting, version=version)
            repairs = repairs_for(subject, at, scenarios, denied, strict=strict)
            result = replace(result, repairs=repairs, repaired=version)
        typer.echo(report.matrix(subject, result, verbose=verbose), nl=False)
        return result.verdict
    coverage = cover(policies, setting, scenarios, limits, subject.regions)
    denied = [(scenario.name, call) for scenario, call in coverage.denied()]
    repairs = repairs_for(subject, coverage.setting, scenarios, denied, strict=strict)
    coverage = replace(coverage, repairs=repairs)
    risks = find_risks(policies, setting, limits, subject.regions)
    text = report.version(subject, coverage, risks, verbose=verbose)
    typer.echo(common.folded(text) if output == "text" else text, nl=False)
    return coverage.verdict
