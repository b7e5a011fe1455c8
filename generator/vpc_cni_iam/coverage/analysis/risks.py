"""The known risks of a policy, found by evaluating requests.

``risks.md`` explains each under its identifier; ``docs/risks.md`` is a copy of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum, StrEnum
from functools import partial
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    KUBERNETES_CLUSTER,
    OWNER,
    kind_of,
)
from vpc_cni_iam.coverage.analysis.aws_actions import unknown_actions
from vpc_cni_iam.coverage.analysis.called import called_actions
from vpc_cni_iam.coverage.analysis.excess import escalating_actions, excess_grants
from vpc_cni_iam.coverage.analysis.reach import (
    ASSIGN,
    ATTACH,
    CREATE,
    DETACH,
    MODIFY,
    Attacker,
)
from vpc_cni_iam.coverage.analysis.regions import in_regions
from vpc_cni_iam.coverage.judge.judge import run_scenarios
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.requests import TAGS_OF_RESOURCES, Requests, may_have
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.coverage.simulate.send import NODE, Answers, Limits
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.levels import Level
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.matching.variables import UNKNOWN
from vpc_cni_iam.policy.template import known

_PAGE = "risks.md"


class RiskName(StrEnum):
    """The name of a risk, and the heading of its explanation; it never changes."""

    privilege_escalation = "privilege-escalation"
    actions_beyond_calls = "actions-beyond-calls"
    unknown_action = "unknown-action"
    interfaces_unscoped = "interfaces-unscoped"
    instances_unscoped = "instances-unscoped"
    instance_tag_not_set = "instance-tag-not-set"
    creates_in_any_vpc = "creates-in-any-vpc"
    security_groups_unscoped = "security-groups-unscoped"
    addresses_reassignable = "addresses-reassignable"
    describe_unscoped = "describe-unscoped"
    unconditioned_create_tags = "unconditioned-create-tags"
    untagged_interfaces_claimable = "untagged-interfaces-claimable"
    any_tag_key = "any-tag-key"
    tag_keys_closed = "tag-keys-closed"
    cluster_name_needed = "cluster-name-needed"
    condition_key_not_modelled = "condition-key-not-modelled"


_FIRST = (
    RiskName.privilege_escalation,
    RiskName.actions_beyond_calls,
    RiskName.interfaces_unscoped,
    RiskName.unconditioned_create_tags,
)


class Extent(Enum):
    """The network interfaces of a risk."""

    every = "every"
    vpc = "vpc"  # those of the cluster's VPC
    others = "others"  # those of other clusters, or without a cluster


class Risk(Struct, frozen=True):
    """A risk of a policy."""

    identifier: RiskName
    severity: Level
    names: tuple[str, ...] = ()  # the actions, patterns, calls, keys or tag of the risk
    examples: tuple[str, ...] = ()  # actions that its patterns allow
    extent: Extent = Extent.every


def page() -> str:
    """Return the page that explains every risk, as Markdown."""
    return resources.text(f"coverage/{_PAGE}")


def explanation(identifier: str) -> str:
    """Return the explanation of one risk from the page, or raise `UsageError`."""
    parts = (part.partition("\n\n") for part in page().split("\n## ")[1:])
    known = {name: text.strip() + "\n" for name, _, text in parts}
    return known[resolve(identifier, known, "risk")]


def find_risks(
    policies: Sequence[Policy],
    setting: RequestSetting,
    limits: Limits = (),
    regions: Sequence[CheckedRegion] = (),
) -> tuple[Risk, ...]:
    """Return the known risks of policies in any of the Regions, the most severe first; see `cover`.

    If several Regions have a risk, it is that of the first.
    """
    every = in_regions(setting, regions, partial(risks_of_calls, policies, limits=limits))
    of_calls = [r.result for r in every] or [risks_of_calls(policies, setting, limits)]
    return with_risks_of_calls(policies, setting, limits, chain.from_iterable(of_calls))


def with_risks_of_calls(
    policies: Sequence[Policy], setting: RequestSetting, limits: Limits, of_calls: Iterable[Risk]
) -> tuple[Risk, ...]:
    """Return the known risks of policies; `of_calls` are those of the plugin's calls."""
    excess = _excess(policies, setting, limits)
    risks: dict[RiskName, Risk] = {}
    for risk in (*excess, *of_calls, *_reading(policies, setting)):
        risks.setdefault(risk.identifier, risk)
    order = sorted(
        risks.values(), key=lambda r: (r.severity is Level.NOTE, r.identifier not in _FIRST)
    )
    return tuple(order)


def risks_of_calls(
    policies: Sequence[Policy], setting: RequestSetting, limits: Limits = ()
) -> tuple[Risk, ...]:
    """Return the risks that depend only on the statements about the plugin's calls."""
    asked = Attacker(Answers(policies, limits), setting)
    return (*_reach(asked), *_tagging(asked), *_needs(asked))


def risks_of_access(
    policies: Sequence[Policy], setting: RequestSetting, limits: Limits = ()
) -> tuple[Risk, ...]:
    """Return those of `risks_of_calls` that are about what the calls can reach and tag."""
    asked = Attacker(Answers(policies, limits), setting)
    return (*_reach(asked), *_tagging(asked))


def _excess(policies: Sequence[Policy], setting: RequestSetting, limits: Limits) -> Iterator[Risk]:
    """Yield the risks of actions that the plugin does not call, or that AWS does not have."""
    called = called_actions(setting)
    if access := tuple(a for a in escalating_actions(policies, limits) if a not in called):
        yield Risk(RiskName.privilege_escalation, Level.WARNING, access)
    excess = excess_grants(policies, called, limits)
    grants = [grant for grant in excess.grants if grant.is_grave]
    if grants:
        patterns = tuple(grant.pattern for grant in grants)
        yield Risk(RiskName.actions_beyond_calls, Level.WARNING, patterns, grants[0].examples)
    named = (a for p in policies for s in p.statements for a in known((*s.actions, *s.not_actions)))
    if unknown := unknown_actions(named):
        yield Risk(RiskName.unknown_action, Level.WARNING, unknown)


def _reach(asked: Attacker) -> Iterator[Risk]:
    """Yield the risks of access to resources outside of the cluster."""
    for subnet, extent in ((asked.there, Extent.every), (asked.here, Extent.vpc)):
        if actions := asked.may_change(asked.eni(subnet, asked.theirs)):
            yield Risk(RiskName.interfaces_unscoped, Level.WARNING, actions, extent=extent)
            break
    untagged = Requests(replace(asked.setting, instance_tagged=False), asked.ready.named)
    if any(asked.allows(untagged.on_instance(action)) for action in (ATTACH, DETACH)):
        yield Risk(RiskName.instances_unscoped, Level.WARNING)
    elif asked.allows(asked.requests.on_instance(ATTACH)):
        tag = f"{KUBERNETES_CLUSTER}{asked.setting.names.cluster_name}=owned"
        yield Risk(RiskName.instance_tag_not_set, Level.WARNING, (tag,))
    if asked.may_create(asked.there, asked.foreign_group(asked.there)):
        yield Risk(RiskName.creates_in_any_vpc, Level.WARNING)
    own = asked.eni(asked.here, asked.ours)
    created = asked.may_create(asked.here, asked.foreign_group(asked.here))
    taken = {MODIFY: asked.may_set_group(own), CREATE: created}
    if actions := tuple(action for action, allowed in taken.items() if allowed):
        yield Risk(RiskName.security_groups_unscoped, Level.WARNING, actions)
    if asked.may(ASSIGN, own):
        yield Risk(RiskName.addresses_reassignable, Level.NOTE)
    seen = [a for a in called_actions(asked.setting) if a.startswith("ec2:Describe")]
    if any(asked.allows(*asked.requests.on_nothing(a)) for a in seen):
        yield Risk(RiskName.describe_unscoped, Level.NOTE)


def _tagging(asked: Attacker) -> Iterator[Risk]:
    """Yield the risks of tagging interfaces."""
    foreign = (
        asked.eni(asked.there, asked.theirs),
        asked.eni(asked.here, asked.theirs),
        asked.eni(asked.there, {}),
    )
    claimed = [asked.may_claim(eni) for eni in foreign]
    own = asked.eni(asked.here, asked.ours)
    gained = asked.may_change(own)
    if any(claimed):
        extent = Extent.every if claimed[0] else Extent.others
        actions = () if any(map(asked.may_change, foreign)) else gained
        yield Risk(RiskName.unconditioned_create_tags, Level.WARNING, actions, extent=extent)
    elif gained and asked.may_claim(asked.eni(asked.here, {})):
        yield Risk(RiskName.untagged_interfaces_claimable, Level.WARNING, gained)
    if asked.may_tag(own, {"example-key": "example"}):
        yield Risk(RiskName.any_tag_key, Level.NOTE)
    elif asked.may_tag(own, {INSTANCE: NODE}):
        yield Risk(RiskName.tag_keys_closed, Level.NOTE)


def _needs(asked: Attacker) -> Iterator[Risk]:
    """Yield the configuration that the plugin needs for the policy to work."""
    if not asked.setting.plugin.has_cluster_name:
        return
    nameless = asked.setting.with_environment(CLUSTER_NAME="")
    fresh = find(("fresh-node",))
    with_name, without = (
        [c.template.name for p in run_scenarios(asked.ready, s, fresh) for c in p.calls if c.fails]
        for s in (asked.setting, nameless)
    )
    if lost := tuple(name for name in dict.fromkeys(without) if name not in with_name):
        yield Risk(RiskName.cluster_name_needed, Level.NOTE, lost)


def _reading(policies: Iterable[Policy], setting: RequestSetting) -> Iterator[Risk]:
    """Yield the parts of the policies that no rule checks."""
    tags = {CLUSTER, INSTANCE, CREATED_AT, OWNER, *setting.primary_tags}
    known = {tag.lower() for tag in (*tags, *setting.plugin.additional_tags)}
    unknown = {
        str(condition.key): None
        for policy in policies
        for statement in policy.statements
        for condition in statement.conditions
        if _is_unset(key := str(condition.key).lower(), known)
        or any(
            may_have(kind_of(resource), session_tags=setting.session_tags)(key) is UNKNOWN
            for resource in statement.resources or ("*",)
        )
    }
    if unknown:
        yield Risk(RiskName.condition_key_not_modelled, Level.WARNING, tuple(unknown))


def _is_unset(key: str, tags: Collection[str]) -> bool:
    """Return whether a key is of a resource's tag that nothing sets."""
    name, _, tag = key.partition("/")
    set_ = tag in tags or tag.startswith(KUBERNETES_CLUSTER)
    return name in TAGS_OF_RESOURCES and not set_
