"""``vpc-cni-iam coverage``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer
from msgspec import Struct

from vpc_cni_iam import formats
from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.plugin import PluginOptions

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.analysis.risks import Risk
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.coverage.subject import Opener, Subject

HELP = """Check a policy against every AWS call that a plugin version makes, and list its risks.

POLICY is a JSON policy, the output of an AWS CLI command such as aws iam get-policy-version, the
JSON of a plan, a .tf file, a module's directory, or - for JSON on standard input. To check a policy
of the catalog, use --variant. Attached managed policies are included; AWS managed policies are
taken from the catalog.

The plugin's calls are checked as the requests that IAM evaluates, in named scenarios such as node
start and leaked ENI clean-up. Cluster, VPC, account and Region are taken from the policy's Allow
statements, else examples are used; options override them. If the Region is not known, each Region
that the policy names is checked, and one that it does not name.

Exit code 1 means that a required call is denied; with --all-versions, at any plugin version. It
also means that a policy in POLICY was not read or an attached one is not known, unless --document
selects others. --fail-on warning also fails on a denied call that limits the plugin, and on a risk
that is a warning. --fail-on note fails on any denied call or risk.

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
"""


_REPORTS = "vpc_cni_iam.coverage.report"
if TYPE_CHECKING:
    CoverageFormat = StrEnum
else:
    CoverageFormat = options.choices("CoverageFormat", formats.names(_REPORTS))


def _scenarios() -> list[str]:
    from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS

    return [s.name for s in SCENARIOS]


class FailOn(StrEnum):
    """The least severity that makes the command fail, in the words of a review."""

    error = "error"
    warning = "warning"
    note = "note"


class PolicyOptions(Struct, frozen=True):
    """The options that choose the policy."""

    PANEL: ClassVar[str] = "Policy"

    role: str | None = value("ADDRESS|ARN", "Role to check, if POLICY has several.")
    document: list[str] | None = value(
        "NAME", "Name of a policy in POLICY to check instead; repeat for more."
    )
    variant: str | None = options.variant("Check this variant of the catalog instead.")
    revision: str | None = options.revision("With --variant: upstream's document of this date.")

    def opened(
        self, files: Sequence[str], opener: Opener, version: str, features: Sequence[str]
    ) -> Subject:
        """Return the policies of files, or the variant."""
        from vpc_cni_iam.catalog.selection import select
        from vpc_cni_iam.coverage import subject
        from vpc_cni_iam.errors import UsageError

        if bool(files) == (self.variant is not None):
            raise UsageError("name one policy: a path, - for standard input, or --variant")
        if self.variant is not None:
            if self.document or self.role:
                raise UsageError("--role and --document select from POLICY; --variant is a policy")
            selection = select(
                revision=self.revision,
                cni_version=version if self.revision is None else None,
                features=features,
            )
            return subject.of_variant(self.variant, selection, opener.user_names)
        if self.revision is not None:
            raise UsageError("--revision needs --variant")
        if self.document and self.role:
            raise UsageError("--role names a role with all its policies; leave out --document")
        return subject.of_files(files, self.document or (), opener, self.role or "")


class LimitOptions(Struct, frozen=True):
    """The options for policies that limit the role's policies."""

    PANEL: ClassVar[str] = "Limits"

    boundary: str | None = value("POLICY", "Permissions boundary of the role.")
    scp: list[str] | None = value(
        "POLICY", "Service control policies of one level of the organization; repeat for more."
    )

    @property
    def files(self) -> list[str]:
        """The files that they name, and an empty name if there is no boundary."""
        return [*(self.scp or ()), self.boundary or ""]

    def applied(self, subject: Subject, opener: Opener) -> Subject:
        """Return the policies of a role with these limits."""
        from vpc_cni_iam.coverage.subject import limited

        return limited(subject, self.boundary, self.scp or (), opener)


class NodeOptions(Struct, frozen=True):
    """The options that describe the sessions of the role, and the nodes."""

    PANEL: ClassVar[str] = "Plugin"

    irsa: bool = flag("The role's sessions have no tags of EKS Pod Identity.")
    primary_tag: list[str] | None = value(
        "KEY=VALUE", "Tag of the nodes' primary network interfaces; repeat for more."
    )
    untagged_instances: bool = flag("Instances do not have the cluster's tag.")

    def surroundings(self, version: str, *, session_tags: bool) -> RequestSetting:
        """Return the settings of requests that are not settings of the plugin."""
        from vpc_cni_iam.catalog.facts import known_versions
        from vpc_cni_iam.coverage.simulate.settings import RequestSetting

        return RequestSetting(
            known_versions.find(version),
            session_tags=session_tags and not self.irsa,
            instance_tagged=not self.untagged_instances,
            primary_tags=options.pairs("--primary-tag KEY=VALUE", self.primary_tag),
        )


class ScenarioOptions(Struct, frozen=True):
    """The options that choose the plugin versions and scenarios to check."""

    PANEL: ClassVar[str] = "Scenarios"

    all_versions: bool = flag("Show a matrix of plugin versions and actions.")
    scenario: list[str] | None = value(
        "NAME",
        "Check this scenario, or with no-NAME, all but this one; repeat for more. `catalog "
        "--list-scenarios` lists them.  [default: those expected with the plugin's settings]",
        autocompletion=_scenarios,
    )


def coverage(
    chosen: PolicyOptions,
    limits: LimitOptions,
    plugin: PluginOptions,
    node: NodeOptions,
    surroundings: options.ClusterNames,
    variables: options.ModuleOptions,
    selected: ScenarioOptions,
    policy: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[POLICY]...", help="Policies of one role: paths; - is standard input."
        ),
    ] = None,
    fail_on: FailOn = options.choice(
        FailOn,
        "--fail-on",
        "Fail on a denied call or a risk of this severity or a higher one.",
        FailOn.error,
    ),
    verbose: bool = flag("List allowed calls, all actions never called and other scenarios, too."),
    output: CoverageFormat = options.output_format(CoverageFormat.__members__["text"]),
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.coverage.analysis.risks import find_risks
    from vpc_cni_iam.coverage.check import check, check_versions
    from vpc_cni_iam.coverage.simulate.scenarios import find

    subject, setting = _asked(policy or [], surroundings, variables, chosen, limits, plugin, node)
    own = [subject.program] if subject.program else []
    scenarios = find((*own, *(selected.scenario or ())))
    if_degraded = fail_on is not FailOn.error
    report = formats.load(_REPORTS, output.value)
    if selected.all_versions or not hasattr(report, "version"):
        every = check_versions(subject, setting, scenarios, if_degraded=if_degraded)
        typer.echo(report.matrix(subject, every, verbose=verbose), nl=False)
        fails = every.doubted(subject.skipped).is_failure(if_degraded=if_degraded)
        fails |= bool(every.reasons) and fail_on is FailOn.note
        risks: tuple[Risk, ...] = ()
        if fail_on is not FailOn.error:  # the report about all versions has no risks
            risks = find_risks(subject.policies, setting, subject.limiting, subject.regions)
    else:
        checked = check(subject, setting, scenarios, if_degraded=if_degraded)
        text = report.version(subject, checked, verbose=verbose)
        common.show_report(text, is_text=output.value == "text", fold=True)
        fails = checked.verdict.is_failure(if_degraded=if_degraded)
        fails |= bool(checked.denied()) and fail_on is FailOn.note
        risks = checked.risks
    raise typer.Exit(1 if fails or _has_risk(risks, fail_on) else 0)


def _has_risk(risks: Iterable[Risk], fail_on: FailOn) -> bool:
    """Return whether a risk makes the command fail."""
    if fail_on is FailOn.error:
        return False
    return any(fail_on is FailOn.note or risk.severity.value == fail_on for risk in risks)


def _asked(
    files: list[str],
    surroundings: options.ClusterNames,
    variables: options.ModuleOptions,
    chosen: PolicyOptions,
    limits: LimitOptions,
    plugin: PluginOptions,
    node: NodeOptions,
) -> tuple[Subject, RequestSetting]:
    """Return the policies, and the plugin's settings in the cluster."""
    others = [plugin.daemonset or "", *(variables.var_file or ())]
    inputs.check_once([*files, *limits.files, *others])
    settings = inputs.plugin_settings(plugin.daemonset)
    version = plugin.version(settings)
    opener = variables.opener(surroundings.with_names(settings))
    subject = chosen.opened(files, opener, version, plugin.feature or ())
    subject = limits.applied(subject, opener)
    opener.check_used((*files, *limits.files))
    if shown := subject.plugin:
        settings = shown.settings if plugin.daemonset is None else settings
        version = plugin.version(settings)
    around = node.surroundings(version, session_tags=not shown or shown.session_tags)
    subject, setting = plugin.checked(subject, settings, around)
    _say_names(subject, setting)
    return subject, setting


def _say_names(subject: Subject, setting: RequestSetting) -> None:
    """Say which names were taken from the policy, and for which it has several values."""
    from vpc_cni_iam.coverage.names import all_names
    from vpc_cni_iam.errors import first_of

    regions = subject.regions  # each is checked
    if subject.plugin:
        shown = (f"{n.replace('_', ' ')} {v}" for n, v in subject.plugin.names.items())
        common.say(f"taken from the plan: {', '.join(shown)}")
    if subject.own_names:
        values = (f"{name.replace('_', ' ')} {v}" for name, v in subject.own_names.items())
        common.say(f"taken from the policy: {', '.join(values)}")
    for name, several in all_names(subject.policies).items():
        checked = getattr(setting.names, name)
        if len(several) > 1 and checked not in several and not (name == "region" and regions):
            option, listed = name.replace("_", "-"), first_of(several, 4)
            common.say(
                f"the policy has several values for {name.replace('_', ' ')}, {listed}: "
                f"checked with {checked}; choose one with --set {option}=VALUE"
            )
