"""The causes of a denied request of the plugin that follow from what is known about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls, known_versions, requests
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER, kind_of
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.analysis.repairs import replacement_for
from vpc_cni_iam.coverage.report.sentences.matrix import works_with_text
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.explain.calls import (
    AllowingStatements,
    PossibleCall,
    allows_action,
    features_of,
    modes_of,
    request_of,
    service_account_of,
    tag_keys,
)
from vpc_cni_iam.explain.reading.denial import Denial, role_name
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Outcome, Request, evaluate, unmet
from vpc_cni_iam.policy.matching.variables import UNKNOWN
from vpc_cni_iam.policy.report import undecided_text

_CREATE = "ec2:CreateNetworkInterface"
_WRITING = (_CREATE, "ec2:CreateTags")


class CauseName(StrEnum):
    """The names of causes. They never change."""

    service_control_policy = "service-control-policy"
    resource_control_policy = "resource-control-policy"
    boundary = "boundary"
    session_policy = "session-policy"
    endpoint_policy = "endpoint-policy"
    allowed_by_policy = "allowed-by-policy"
    explicit_deny = "explicit-deny"
    condition_or_resource = "condition-or-resource"
    node_role = "node-role"
    other_principal = "other-principal"
    cluster_name_missing = "cluster-name-missing"
    policy_lacks_action = "policy-lacks-action"
    other_cluster = "other-cluster"
    interface_not_tagged = "interface-not-tagged"
    instance_not_tagged = "instance-not-tagged"
    wrong_vpc = "wrong-vpc"
    condition = "condition"
    not_allowed = "not-allowed"
    policy_without_feature = "policy-without-feature"
    other_ip_family = "other-ip-family"
    policy_older_than_plugin = "policy-older-than-plugin"


class Certainty(StrEnum):
    """How certain a cause is."""

    certain = "certain"
    possible = "possible"


_CERTAIN, _POSSIBLE = Certainty
# The kind of policy that denied a request, by AWS's words. Source: IAM User Guide, "Troubleshoot
# access denied error messages".
_LIMITS = (
    ("service control policy", CauseName.service_control_policy),
    ("resource control policy", CauseName.resource_control_policy),
    ("permissions boundary", CauseName.boundary),
    ("session policy", CauseName.session_policy),
    ("vpc endpoint policy", CauseName.endpoint_policy),
)
OF_OTHER_POLICIES = frozenset(name for _, name in _LIMITS)
_EXPLICIT, _NO_ALLOW = "explicit deny", "no identity-based policy allows"


class RolePolicies(Struct, frozen=True, eq=False):
    """The policies of the role; each question about them is answered once."""

    subject: Subject


class Cause(Struct, frozen=True):
    """A cause of a denial."""

    name: CauseName
    certainty: Certainty
    text: str
    fix: str  # what to do


class CauseTexts(resources.Facts, frozen=True):
    """The texts of a cause, with places for values."""

    text: str
    fix: str


def _cause(name: CauseName, certainty: Certainty, form: str = "", **values: object) -> Cause:
    """Return a cause with the text of its table, or of its form's table."""
    texts = resources.data("explain/report/causes.toml", dict[str, CauseTexts])
    words = texts[f"{name}.{form}" if form else name]
    return Cause(name, certainty, words.text.format_map(values), words.fix.format_map(values))


def causes(
    denial: Denial,
    possible: Sequence[PossibleCall],
    statements: Iterable[AllowingStatements],
    policies: RolePolicies | None,
    version: PluginVersion,
    *,
    is_plugins: bool,
) -> tuple[Cause, ...]:
    """Return the causes of a denial, the certain ones first; policies are None if not given.

    For a request of another program, only AWS's own words tell a cause.
    """
    if not is_plugins:
        return tuple(_of_reason(denial))
    order = list(Certainty)
    of_policy = list(_of_policies(denial, policies, version, possible))
    # A policy that was not read may decide the request. A person has other policies.
    if denial.is_person or (policies is not None and not policies.subject.is_complete):
        of_policy = [replace(cause, certainty=_POSSIBLE) for cause in of_policy]
    known = [
        *_of_reason(denial),
        *_of_principal(denial, service_account_of(possible)),
        *_of_tags(denial),
        *of_policy,
    ]
    if policies is None:
        known += _of_catalog(denial, statements)
        known += _of_missing(denial, possible, version)
    once: dict[CauseName, Cause] = {}
    for cause in sorted(known, key=lambda c: order.index(c.certainty)):
        once.setdefault(cause.name, cause)
    return tuple(once.values())


def _of_reason(denial: Denial) -> Iterator[Cause]:
    reason = denial.reason.lower()
    for words, name in _LIMITS:
        if words in reason:
            yield _cause(name, _CERTAIN, reason=denial.reason, action=denial.action)
            return
    if _EXPLICIT in reason:
        where = f": {denial.reason}" if "policy" in reason else ""
        yield _cause(CauseName.explicit_deny, _CERTAIN, "by-aws", where=where)


def _of_principal(denial: Denial, program: str) -> Iterator[Cause]:
    if denial.is_node:
        # The user agent of some plugin versions does not name the plugin.
        certainty = _CERTAIN if denial.is_by_plugin else _POSSIBLE
        named = {"program": program, "role": role_name(denial.principal)}
        ways = {"pod_identity": Identity.pod_identity, "irsa": Identity.irsa}
        yield _cause(CauseName.node_role, certainty, **named, **ways)
    elif denial.is_person:
        yield _cause(CauseName.other_principal, _POSSIBLE, principal=denial.principal)


def _of_tags(denial: Denial) -> Iterator[Cause]:
    tags = tag_keys(denial)
    if denial.action in _WRITING and tags is not None and CLUSTER not in tags and len(tags) > 1:
        yield _cause(CauseName.cluster_name_missing, _POSSIBLE, tag=CLUSTER)


def _of_policies(
    denial: Denial,
    policies: RolePolicies | None,
    version: PluginVersion,
    possible: Sequence[PossibleCall],
) -> Iterator[Cause]:
    """Yield why the policies of the role do not allow the request.

    The plugin creates an interface with tags, except old versions. AWS then checks two actions, and
    the call names one.
    """
    if policies is None:
        return
    is_checked = bool(denial.resource) or denial.context is not None
    is_tagged = denial.action == _CREATE and not is_checked and requests.tag_keys(version).created
    actions = _WRITING if is_tagged else (denial.action,)
    known = [
        cause
        for action in actions
        for cause in _of_action(replace(denial, action=action), policies, version, possible)
    ]
    denied = [cause for cause in known if cause.name is not CauseName.allowed_by_policy]
    is_limited = any(cause.name in OF_OTHER_POLICIES for cause in _of_reason(denial))
    yield from denied if denied or is_limited else known


def _of_action(
    denial: Denial,
    policies: RolePolicies,
    version: PluginVersion,
    possible: Sequence[PossibleCall],
) -> Iterator[Cause]:
    policy, request = policies.subject, request_of(denial)
    if not grants(policies, denial.action):
        modes, is_plugins = modes_of(possible), bool(possible)
        family = tuple(_of_family(denial.action, modes, version, (policy.mode,), _CERTAIN))
        lacks = (policies, denial.action, version, features_of(possible))
        yield from family or [_lacks(*lacks, is_plugins=is_plugins)]
    elif _denies_in_any_context(policy, denial):
        yield _denied(policy)
    elif _allows_in_any_context(policy, denial):
        yield _allowed(policy, denial)
    elif request is None:
        named = {"policy": policy.title, "action": denial.action}
        yield _cause(CauseName.condition_or_resource, _POSSIBLE, "not-known", **named)
    else:
        yield from _of_decision(denial, policy, request)


@lru_cache
def grants(policies: RolePolicies, action: str) -> bool:
    """Return whether policies allow an action on any resource, under any condition."""
    return granted(policies.subject.policies).evaluate(Request(action, "*")).allowed


@lru_cache
def _lacks(
    policies: RolePolicies,
    action: str,
    version: PluginVersion,
    features: tuple[str, ...],
    *,
    is_plugins: bool,
) -> Cause:
    policy = policies.subject
    setting = RequestSetting(version, policy.mode, features, policy.names)
    every = matrix(policy.policies, setting, regions=policy.regions, excess=False)
    replacement = replacement_for(policy, setting) if is_plugins else ""
    return _cause(
        CauseName.policy_lacks_action,
        _CERTAIN,
        "of-plugin" if replacement else "of-others",
        policy=policy.title,
        action=action,
        works_with=works_with_text(every),
        replacement=replacement,
    )


def _of_decision(denial: Denial, policy: Subject, request: Request) -> Iterator[Cause]:
    """Yield why the policies of the role do not allow a request whose context is known."""
    decision = evaluate(policy.policies, request)
    outcome = decision.outcome
    if outcome is Outcome.ALLOWED:
        yield _allowed(policy, denial)
        return
    if outcome is Outcome.EXPLICITLY_DENIED:
        yield _denied(policy)
        return
    statements = (s for p in policy.policies for s in p.statements)
    about = tuple(s for s in statements if allows_action(s, denial.action))
    certain = outcome is Outcome.IMPLICITLY_DENIED
    certainty = _CERTAIN if certain else _POSSIBLE
    if conditions := unmet(about, request):
        keys = tuple(str(condition.key) for condition in conditions)
        yield from _of_conditions(denial, keys, certainty)
        return
    yield _cause(
        CauseName.condition_or_resource,
        certainty,
        "elsewhere" if certain else "undecided",
        policy=policy.title,
        action=denial.action,
        statement=policy.statement(decision),
        why="" if certain else undecided_text(decision.undecided),
    )


def _denied(policy: Subject) -> Cause:
    return _cause(CauseName.explicit_deny, _CERTAIN, "of-policy", policy=policy.title)


def _allowed(policy: Subject, denial: Denial) -> Cause:
    form = "by-aws" if _NO_ALLOW in denial.reason.lower() else "else"
    return _cause(CauseName.allowed_by_policy, _CERTAIN, form, policy=policy.title)


def _denies_in_any_context(policy: Subject, denial: Denial) -> bool:
    """Return whether policies deny a request with any condition keys."""
    statements = (s for p in policy.policies for s in p.statements)
    # It is not known whether NotResource matches an unknown resource.
    denies = tuple(
        s
        for s in statements
        if s.effect == "Deny" and not s.conditions and (denial.resource or not s.not_resources)
    )
    request = Request(denial.action, denial.resource or "*", may_have=lambda key: UNKNOWN)
    return evaluate([Policy(denies)], request).outcome is Outcome.EXPLICITLY_DENIED


def _allows_in_any_context(policy: Subject, denial: Denial) -> bool:
    """Return whether policies allow a request with any condition keys."""
    statements = [s for p in policy.policies for s in p.statements]
    allows = (s for s in statements if s.effect == "Allow" and s.resources and not s.conditions)
    request = Request(denial.action, denial.resource or "*")
    denies = (replace(s, effect="Allow") for s in statements if s.effect == "Deny")
    allowed = evaluate([Policy(tuple(allows))], request).allowed
    return allowed and not any(allows_action(s, denial.action) for s in denies)


def _of_catalog(denial: Denial, statements: Iterable[AllowingStatements]) -> Iterator[Cause]:
    """Yield the conditions of the scoped policy that the request would not meet."""
    for allowing in statements:
        yield from _of_conditions(denial, allowing.unmet, _POSSIBLE)


def _of_conditions(denial: Denial, keys: Iterable[str], certainty: Certainty) -> Iterator[Cause]:
    context = {key.lower(): values for key, values in denial.context or ()}
    kind = kind_of(denial.resource)
    for key in keys:
        tag, value = key.partition("/")[2], next(iter(context.get(key.lower(), ())), "")
        if tag == CLUSTER:
            name = CauseName.interface_not_tagged
            if value:
                name = CauseName.other_cluster
            elif key.lower().startswith("aws:requesttag/"):
                name = CauseName.cluster_name_missing
            yield _cause(name, certainty, tag=tag, value=value)
        elif tag.startswith(KUBERNETES_CLUSTER) and kind == "instance":
            yield _cause(CauseName.instance_not_tagged, certainty, tag=tag)
        elif key.lower() == "ec2:vpc":
            where = f"; it is in {value.rpartition('/')[2]}" if value else ""
            yield _cause(CauseName.wrong_vpc, certainty, kind=kind, where=where)
        else:
            yield _cause(CauseName.condition, certainty, certainty, key=key)


def _of_missing(
    denial: Denial, possible: Sequence[PossibleCall], version: PluginVersion
) -> Iterator[Cause]:
    """Yield why the policies of the role, which are not known, may not allow the action."""
    action = denial.action
    if is_not_allowed := _NO_ALLOW in denial.reason.lower():
        yield _cause(CauseName.not_allowed, _CERTAIN, action=action)
    if not possible or any(_of_reason(denial)):  # another policy denies it
        return
    modes = modes_of(possible)
    if features := features_of(possible):
        options = " ".join(f"--feature {name}" for name in features)
        command = f"vpc-cni-iam policy {modes[0]} --cni-version {version} {options}"
        named = {"features": " or ".join(features), "command": command}
        yield _cause(CauseName.policy_without_feature, _POSSIBLE, **named)
        return
    # AWS's own policy, which most roles have, is for IPv4.
    if is_not_allowed or modes == ["ipv6"]:
        yield from _of_family(action, modes, version, calls.FAMILIES, _POSSIBLE)
    first = min(
        r.first
        for c in calls.calls()
        for r in c.ranges
        if c.action == action and r.feature is None and r.mode in modes
    )
    if first > known_versions.served()[0]:
        yield _cause(CauseName.policy_older_than_plugin, _POSSIBLE, first=first)


def _of_family(
    action: str,
    modes: Iterable[Mode],
    version: PluginVersion,
    families: Iterable[Mode],
    certainty: Certainty,
) -> Iterator[Cause]:
    """Yield that a policy of one of the families is for another one than the call."""
    sent = {r.mode for r in calls.call_ranges(calls.FAMILIES, version) if r.action == action}
    others = [calls.FAMILIES[mode] for mode in families if mode not in sent]
    for mode in sent.intersection(modes) if others else ():
        named = {"family": calls.FAMILIES[mode], "mode": mode, "version": str(version)}
        yield _cause(CauseName.other_ip_family, certainty, other=others[0], **named)
