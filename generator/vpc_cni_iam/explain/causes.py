"""Why a request of the plugin was denied, where what is known of it says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER, kind_of
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.report.sentences.matrix import works_with_text
from vpc_cni_iam.coverage.report.sentences.repairs import replacement_for
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.explain.calls import (
    AllowingStatements,
    PossibleCall,
    allows_action,
    request_of,
    tag_keys,
    unmet,
)
from vpc_cni_iam.explain.reading.denial import Denial, role_name
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Outcome, Request, evaluate
from vpc_cni_iam.policy.matching.variables import UNKNOWN
from vpc_cni_iam.policy.report import undecided_text

_CREATE = "ec2:CreateNetworkInterface"
_WRITING = (_CREATE, "ec2:CreateTags")


class CauseName(StrEnum):
    """The names of causes; they never change."""

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
    policy_older_than_plugin = "policy-older-than-plugin"


class Certainty(StrEnum):
    """How certain a cause is."""

    certain = "certain"
    possible = "possible"


# What denied a request, by AWS's words. Source: IAM User Guide, "Troubleshoot access denied error
# messages".
_LIMITS = (
    ("service control policy", CauseName.service_control_policy, "a service control policy"),
    ("resource control policy", CauseName.resource_control_policy, "a resource control policy"),
    ("permissions boundary", CauseName.boundary, "the permissions boundary of the role"),
    ("session policy", CauseName.session_policy, "a session policy"),
    ("vpc endpoint policy", CauseName.endpoint_policy, "the policy of a VPC endpoint"),
)
_EXPLICIT, _NO_ALLOW = "explicit deny", "no identity-based policy allows"


class RolePolicies(Struct, frozen=True, eq=False):
    """The policies of the role, about which each question is answered once."""

    subject: Subject


class Cause(Struct, frozen=True):
    """A cause of a denial."""

    name: CauseName
    certainty: Certainty
    text: str
    fix: str  # what to do


def causes(
    denial: Denial,
    possible: Sequence[PossibleCall],
    statements: Iterable[AllowingStatements],
    policies: RolePolicies | None,
    version: PluginVersion,
    *,
    is_plugins: bool,
) -> tuple[Cause, ...]:
    """Return the causes of a denial, the certain ones first; policies None are not given.

    Of what another program asked, only AWS's own words tell a cause.
    """
    if not is_plugins:
        return tuple(_of_reason(denial))
    order = list(Certainty)
    of_policy = list(_of_policies(denial, policies, version, is_plugins=bool(possible)))
    # What was not read may decide the request, and a person has other policies.
    if denial.is_person or (policies is not None and not policies.subject.is_complete):
        of_policy = [replace(cause, certainty=Certainty.possible) for cause in of_policy]
    known = [
        *_of_reason(denial),
        *_of_principal(denial),
        *_of_tags(denial),
        *of_policy,
        *(_of_catalog(denial, statements) if policies is None else ()),
        *(_of_version(denial.action) if policies is None and possible else ()),
    ]
    once: dict[CauseName, Cause] = {}
    for cause in sorted(known, key=lambda c: order.index(c.certainty)):
        once.setdefault(cause.name, cause)
    return tuple(once.values())


def _of_reason(denial: Denial) -> Iterator[Cause]:
    reason = denial.reason.lower()
    for words, name, what in _LIMITS:
        if words in reason:
            fix = f"change it to allow {denial.action}; the policies of the role are not the cause"
            yield Cause(name, Certainty.certain, f"{what} denies the request: {denial.reason}", fix)
            return
    if _EXPLICIT in reason:
        text = "a Deny statement matches the request"
        text += f": {denial.reason}" if "policy" in reason else ""
        yield Cause(CauseName.explicit_deny, Certainty.certain, text, "change that statement")


def _of_principal(denial: Denial) -> Iterator[Cause]:
    if denial.is_node:
        yield Cause(
            CauseName.node_role,
            # The user agent of some plugin versions does not name the plugin.
            Certainty.certain if denial.is_by_plugin else Certainty.possible,
            f"the plugin uses the role of the node, {role_name(denial.principal)}, and no role of "
            "aws-node",
            f"if aws-node has a role by {Identity.pod_identity} or {Identity.irsa}, restart its "
            "pods so that they get it; else give it one, or attach the policy to the role of the "
            "node",
        )
    elif denial.is_person:
        yield Cause(
            CauseName.other_principal,
            Certainty.possible,
            "a person sent the request, and not the plugin, which has a role",
            f"look at the policies of {denial.principal}, if it is to be allowed",
        )


def _of_tags(denial: Denial) -> Iterator[Cause]:
    tags = tag_keys(denial)
    if denial.action in _WRITING and tags is not None and CLUSTER not in tags and len(tags) > 1:
        yield _cluster_name(Certainty.possible)


def _cluster_name(certainty: Certainty) -> Cause:
    return Cause(
        CauseName.cluster_name_missing,
        certainty,
        f"the request has no tag {CLUSTER} with the name of the cluster, which a scoped policy "
        "needs",
        "set the environment variable CLUSTER_NAME of aws-node to the name in the policy",
    )


def _of_policies(
    denial: Denial, policies: RolePolicies | None, version: PluginVersion, *, is_plugins: bool
) -> Iterator[Cause]:
    """Yield why the policies of the role do not allow the request.

    An interface is made with tags. AWS checks the two actions, and the name of the call is one.
    """
    if policies is None:
        return
    is_checked = bool(denial.resource) or denial.context is not None
    actions = _WRITING if denial.action == _CREATE and not is_checked else (denial.action,)
    possible = [
        cause
        for action in actions
        for cause in _of_action(
            replace(denial, action=action), policies, version, is_plugins=is_plugins
        )
    ]
    yield from [
        cause for cause in possible if cause.name is not CauseName.allowed_by_policy
    ] or possible


def _of_action(
    denial: Denial, policies: RolePolicies, version: PluginVersion, *, is_plugins: bool
) -> Iterator[Cause]:
    policy, request = policies.subject, request_of(denial)
    if not grants(policies, denial.action):
        yield _lacks(policies, denial.action, version, is_plugins=is_plugins)
    elif _denies_in_any_context(policy, denial):
        yield _denied(policy)
    elif _allows_in_any_context(policy, denial):
        yield _allowed(policy, denial)
    elif request is None:
        text = f"{policy.title} allows {denial.action} on some resources or under conditions"
        fix = "give the decoded message to see which: aws sts decode-authorization-message"
        yield Cause(CauseName.condition_or_resource, Certainty.possible, text, fix)
    else:
        yield from _of_decision(denial, policy, request)


@lru_cache
def grants(policies: RolePolicies, action: str) -> bool:
    """Say whether policies allow an action on some resource under some condition."""
    return granted(policies.subject.policies).evaluate(Request(action, "*")).allowed


@lru_cache
def _lacks(
    policies: RolePolicies, action: str, version: PluginVersion, *, is_plugins: bool
) -> Cause:
    policy = policies.subject
    setting = RequestSetting(version, policy.mode, names=policy.names)
    every = matrix(policy.policies, setting, regions=policy.regions, excess=False)
    return Cause(
        CauseName.policy_lacks_action,
        Certainty.certain,
        f"{policy.title} does not allow {action}; this policy {works_with_text(every)}",
        (replacement_for(policy, setting) if is_plugins else "")
        or f"allow {action} to the role, if who calls it may",
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
    certainty = Certainty.certain if certain else Certainty.possible
    if keys := unmet(about, request):
        yield from _of_conditions(denial, keys, certainty)
    elif certain:
        text = f"{policy.title} allows {denial.action}, and not on this resource"
        yield Cause(
            CauseName.condition_or_resource, certainty, text, "allow it on this resource, too"
        )
    else:
        name = policy.statement(decision)
        why = undecided_text(decision.undecided)
        text = f"statement {name} of {policy.title} may decide the request: {why}"
        yield Cause(CauseName.condition_or_resource, certainty, text, "check that statement")


def _denied(policy: Subject) -> Cause:
    text = f"a Deny statement of {policy.title} matches the request"
    return Cause(CauseName.explicit_deny, Certainty.certain, text, "change that statement")


def _allowed(policy: Subject, denial: Denial) -> Cause:
    follows = "so that something else denies it"
    if _NO_ALLOW in denial.reason.lower():
        follows = "and AWS says that no policy of the role does: it is not what the role has"
    return Cause(
        CauseName.allowed_by_policy,
        Certainty.certain,
        f"{policy.title} allows this request, {follows}",
        "check that the policy is attached to the role of aws-node, its permissions boundary, and "
        "service control policies",
    )


def _denies_in_any_context(policy: Subject, denial: Denial) -> bool:
    """Say whether policies deny a request whatever its condition keys are."""
    statements = (s for p in policy.policies for s in p.statements)
    # Whether NotResource matches a resource that is not known, is open.
    denies = tuple(
        s
        for s in statements
        if s.effect == "Deny" and not s.conditions and (denial.resource or not s.not_resources)
    )
    request = Request(denial.action, denial.resource or "*", may_have=lambda key: UNKNOWN)
    return evaluate([Policy(denies)], request).outcome is Outcome.EXPLICITLY_DENIED


def _allows_in_any_context(policy: Subject, denial: Denial) -> bool:
    """Say whether policies allow a request whatever its condition keys are."""
    statements = [s for p in policy.policies for s in p.statements]
    allows = (s for s in statements if s.effect == "Allow" and s.resources and not s.conditions)
    request = Request(denial.action, denial.resource or "*")
    denies = (replace(s, effect="Allow") for s in statements if s.effect == "Deny")
    allowed = evaluate([Policy(tuple(allows))], request).allowed
    return allowed and not any(allows_action(s, denial.action) for s in denies)


def _of_catalog(denial: Denial, statements: Iterable[AllowingStatements]) -> Iterator[Cause]:
    """Yield what a scoped policy would miss in the request."""
    for allowing in statements:
        yield from _of_conditions(denial, allowing.unmet, Certainty.possible)


def _of_conditions(
    denial: Denial, keys: Iterable[str], certainty: Certainty = Certainty.certain
) -> Iterator[Cause]:
    context = {key.lower(): values for key, values in denial.context or ()}
    for key in keys:
        name = key.partition("/")[2]
        if name == CLUSTER and (values := context.get(key.lower())):
            text = f"the tag {CLUSTER} is {values[0]}, which is not the cluster of the policy"
            fix = "write the policy for this cluster, or set CLUSTER_NAME of aws-node to its name"
            yield Cause(CauseName.other_cluster, certainty, text, fix)
        elif name == CLUSTER and key.lower().startswith("aws:requesttag/"):
            yield _cluster_name(certainty)
        elif name == CLUSTER:
            yield Cause(
                CauseName.interface_not_tagged,
                certainty,
                f"the network interface does not have the tag {CLUSTER}: it was made without "
                "CLUSTER_NAME, or not by the plugin",
                "set CLUSTER_NAME of aws-node; `vpc-cni-iam preflight` lists such interfaces and "
                "the commands that tag them",
            )
        elif name.startswith(KUBERNETES_CLUSTER) and kind_of(denial.resource) == "instance":
            yield Cause(
                CauseName.instance_not_tagged,
                certainty,
                f"the instance does not have the tag {name}=owned",
                f"aws ec2 create-tags --resources INSTANCES --tags Key={name},Value=owned; set it "
                "in the launch template, too",
            )
        elif key.lower() == "ec2:vpc":
            vpcs = context.get("ec2:vpc", ())
            where = f", it is in {vpcs[0].rpartition('/')[2]}" if vpcs else ""
            yield Cause(
                CauseName.wrong_vpc,
                certainty,
                f"the {kind_of(denial.resource)} is not in the VPC of the policy{where}",
                "write the policy for the VPC of the nodes: --vpc-id",
            )
        else:
            does = "does" if certainty is Certainty.certain else "may"
            text = f"the request {does} not meet the condition on {key}"
            yield Cause(CauseName.condition, certainty, text, "change the condition or the request")


def _of_version(action: str) -> Iterator[Cause]:
    first = min(r.first for c in calls.calls() if c.action == action for r in c.ranges)
    if first > known_versions.served()[0]:
        text = f"the plugin calls it from {first} on; a policy from before does not allow it"
        yield Cause(
            CauseName.policy_older_than_plugin, Certainty.possible, text, "update the policy"
        )
