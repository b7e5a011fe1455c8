"""Tags of nodes, subnets and security groups that the policies of aws-node's roles ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.requests import KUBERNETES_CLUSTER
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, ROLE_USES, TEMPLATE
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.values import one, read, text
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.template import Side, known
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.resolve import as_left, identifier
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule

_INSTANCE = "instance"
_KINDS = {
    "aws_instance": _INSTANCE,
    "aws_network_interface": "network-interface",
    "aws_security_group": "security-group",
    "aws_subnet": "subnet",
}
_KINDS_OF_IDS = {"i": _INSTANCE, "eni": "network-interface", "sg": "security-group"}
_GROUP, _GROUP_TAG, _TAG = "aws_autoscaling_group", "aws_autoscaling_group_tag", "aws_ec2_tag"
_GROUPS = (_GROUP, "aws_ec2_fleet", "aws_spot_fleet_request", NODE_GROUP)
# What is nothing but a tag, with the argument that says what has it.
_TAGGED = {_GROUP_TAG: "autoscaling_group_name", _TAG: "resource_id"}
_NAMES = ("id", "name")
_KEYS = ("aws:resourcetag/", "ec2:resourcetag/")
_ARGUMENTS = ("tags", "tags_all", "tag", "tag_specifications", "launch_specification")
_Tags: TypeAlias = Mapping[str, object]


class TagChange(Enum):
    """What happens to a tag."""

    LOST = "lost"
    CHANGED = "changed"
    MAY_BE_LOST = "may be lost"  # the tags are known after apply
    HIDDEN = "hidden"  # the tags are sensitive, and change


class TagRemoved(Struct, frozen=True):
    """A resource changes a tag that a policy of aws-node's role asks for."""

    change: TagChange
    role: IamResource
    tag: str = ""  # empty for `TagChange.HIDDEN`
    kind: str = ""  # of what has the tag, such as ``instance``
    actions: tuple[str, ...] = ()  # those that the policy then no longer allows
    is_template: bool = False  # whether what launches nodes of the template may set the tag
    has_hidden_template: bool = False  # whether a launch template that is not shown may set it


class _Tagged(Struct, frozen=True):
    """Tags of one kind on one side, and the resources that set them."""

    kind: str
    tags: _Tags
    sources: tuple[Resource, ...]
    has_hidden_template: bool = False


class _Asking(Struct, frozen=True):
    """Policies that ask for tags: those of a role of aws-node, or what limits it."""

    role: IamResource
    policies: tuple[Policy, ...]
    cluster: str


def check(context: Context) -> Iterator[Finding]:
    """Yield what loses a tag without which a policy no longer allows aws-node something."""
    asking: dict[str, list[_Asking]] = defaultdict(list)
    for each in context.plugin_policies:
        for layer in each.layers:
            for key in {key for policy in layer for key in _keys(policy)}:
                asking[key].append(_Asking(each.role, layer, each.cluster))
    for before, after in _changes(context) if asking else ():
        yield from _lost(before, after, asking)
    for resource in context.filler.resources if asking else ():
        is_left = resource.after is not None or resource.type in _TAGGED
        if resource.before is not None and is_left and _hides_change(resource):
            evidence = TagRemoved(TagChange.HIDDEN, next(iter(asking.values()))[0].role)
            yield finding(Rule.TAG_REMOVED, evidence, resource.address)


def _changes(context: Context) -> Iterator[tuple[_Tagged, _Tagged]]:
    """Yield tags before and after, of what stays."""
    resources = [as_left(r) for r in context.filler.resources]
    gone = {text(r, name, Side.BEFORE) for r in resources if not r.after for name in _NAMES} - {""}
    of_groups = _tags_of_groups(resources)
    grouped: set[str] = set()
    for group in resources:
        if group.type in _GROUPS and group.before is not None and group.after is not None:
            old, new = (_launches(group, of_groups, context, side) for side in Side)
            grouped |= {source.address for launch in (*old, *new) for source in launch.sources}
            known_tags = [launch.tags for launch in old]
            yield from ((o, n) for n in new if n.tags not in known_tags for o in old)
    for resource in resources:
        # What is new had no tags, and what is deleted needs none.
        if resource.before is not None and (resource.after or _stays(resource, gone)):
            yield from _pairs(resource, {_INSTANCE} if resource.address in grouped else set())


def _tags_of_groups(resources: list[Resource]) -> Mapping[str, list[Resource]]:
    """Return the resources that tag a group, by its name."""
    of_groups: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        if resource.type == _GROUP_TAG:
            for name in {text(resource, _TAGGED[_GROUP_TAG], side) for side in Side} - {""}:
                of_groups[name].append(resource)
    return of_groups


def _pairs(resource: Resource, skipped: set[str]) -> Iterator[tuple[_Tagged, _Tagged]]:
    """Yield the tags that a resource itself sets, before and after, but for some kinds."""
    old, new = (_of_resource(resource, side) for side in Side)
    after = {tagged.kind: tagged for tagged in new}
    for tagged in () if _hides_change(resource) else old:
        if tagged.kind not in skipped:
            yield tagged, after.get(tagged.kind, replace(tagged, tags={}))


def _lost(
    before: _Tagged, after: _Tagged, asking: Mapping[str, list[_Asking]]
) -> Iterator[Finding]:
    """Yield which tag is lost that policies ask for, and what they no longer allow."""
    old, new = before.tags, after.tags
    sources = (*before.sources, *after.sources)
    # A managed node group sets the tag of the cluster itself.
    is_set = KUBERNETES_CLUSTER if sources[-1].type == NODE_GROUP else "\0"
    changed = sorted(
        key for key in {**old, **new} if old.get(key) != new.get(key) and not key.startswith(is_set)
    )
    by_policies = {each: key for key in reversed(changed) for each in asking.get(key.lower(), ())}
    for each, tag in by_policies.items():
        actions = _no_longer_allowed(before, after, each)
        if actions:
            change = TagChange.CHANGED if tag in new else TagChange.LOST
            change = TagChange.MAY_BE_LOST if any(map(_is_later, sources)) else change
            evidence = TagRemoved(
                change,
                each.role,
                tag,
                before.kind,
                actions,
                is_template=sources[-1].type == TEMPLATE,
                has_hidden_template=after.has_hidden_template,
            )
            address = _setting(sources, before.kind, tag)
            yield finding(Rule.TAG_REMOVED, evidence, address, subject=each.role)


def _setting(sources: tuple[Resource, ...], kind: str, key: str) -> str:
    """Return the address of what set a tag and changes it, else of what has other sources."""
    for source in sources:
        old, new = (
            next((t.tags.get(key) for t in _of_resource(source, side) if t.kind == kind), None)
            for side in Side
        )
        if old not in (None, new):
            return source.address
    return sources[-1].address


def _launches(
    group: Resource, of_groups: Mapping[str, list[Resource]], context: Context, side: Side
) -> list[_Tagged]:
    """Return with which tags a group launches instances: those of its template, then its own."""
    if specifications := list(read(group, "launch_specification.*.tags", side)):
        return [_Tagged(_INSTANCE, _mapping(placed.value), (group,)) for placed in specifications]
    name, argument = text(group, "name", side), _TAGGED[_GROUP_TAG]
    own = [r for r in of_groups.get(name, ()) if text(r, argument, side) == name]
    launches = []
    for template in [*_templates(group, context, side)] or [(group, False)]:
        resource, is_hidden = template
        sources = (*(() if resource in (None, group) else (resource,)), *own, group)
        tags: dict[str, object] = {}
        for source in filter(None, sources):
            for tagged in _of_resource(source, side):
                tags |= tagged.tags if tagged.kind == _INSTANCE else {}
        launches.append(_Tagged(_INSTANCE, tags, tuple(filter(None, sources)), is_hidden))
    return launches


def _templates(
    group: Resource, context: Context, side: Side
) -> Iterator[tuple[Resource | None, bool]]:
    """Yield the launch templates of a group; None for one that the plan does not show."""
    resolver = context.filler.resolver
    for path, target in ROLE_USES[group.type].items():
        for placed in read(group, path, side) if target == TEMPLATE else ():
            value, place = identifier(placed.value, placed.path)
            for named in resolver.resolve(group, place, value, TEMPLATE, side):
                is_shown = isinstance(named, InPlan)
                address = named.address if isinstance(named, InPlan) else ""
                yield (resolver.by_address[address] if is_shown else None), not is_shown


def _of_resource(resource: Resource, side: Side) -> list[_Tagged]:
    """Return the tags that a resource sets, by the kind of what has them."""
    if resource.type in _KINDS:
        every = one(resource, "tags_all", side)
        tags = _mapping(every) or _mapping(one(resource, "tags", side))
        return [_Tagged(_KINDS[resource.type], tags, (resource,))]
    if resource.type == TEMPLATE:
        blocks = _blocks(resource, "tag_specifications.*", side)
        return [
            _Tagged(str(b.get("resource_type")), _dict(b.get("tags")), (resource,)) for b in blocks
        ]
    if resource.type == _TAG:
        prefix = text(resource, "resource_id", side).partition("-")[0]
        key = text(resource, "key", side)
        tags = {key: text(resource, "value", side)} if key else {}
        return [_Tagged(_KINDS_OF_IDS.get(prefix, prefix), tags, (resource,))]
    if resource.type in (_GROUP, _GROUP_TAG):
        blocks = [b for b in _blocks(resource, "tag.*", side) if b.get("propagate_at_launch")]
        tags = {str(block.get("key")): block.get("value") for block in blocks}
        return [_Tagged(_INSTANCE, tags, (resource,))]
    return []


def _blocks(resource: Resource, path: str, side: Side) -> list[Mapping[str, object]]:
    placed = (each.value for each in read(resource, path, side))
    return [_dict(value.value) for value in placed if isinstance(value, Known)]


def _mapping(value: object) -> _Tags:
    return _dict(value.value) if isinstance(value, Known) else {}


def _dict(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _stays(tag: Resource, gone: set[str]) -> bool:
    """Say whether what is deleted is a tag alone, and not what has it."""
    return tag.type in _TAGGED and text(tag, _TAGGED[tag.type], Side.BEFORE) not in gone


def _hides_change(resource: Resource) -> bool:
    """Say whether tags change that are sensitive."""
    names = (*_ARGUMENTS, "key", "value") if resource.type == _TAG else _ARGUMENTS
    old, new = ([one(resource, name, side) for name in names] for side in Side)
    return any(
        isinstance(before, Sensitive) or isinstance(after, Sensitive)
        for before, after in zip(old, new, strict=True)
        if before != after
    )


def _is_later(resource: Resource) -> bool:
    values = (one(resource, name, Side.AFTER) for name in _ARGUMENTS)
    return any(isinstance(value, Unknown) for value in values)


@lru_cache(4096)
def _keys(policy: Policy) -> frozenset[str]:
    """Return the keys of tags that a policy asks for, in lower case as IAM compares them."""
    keys = (str(c.key).lower() for s in policy.statements for c in s.conditions)
    return frozenset(key.partition("/")[2] for key in keys if key.startswith(_KEYS))


def _no_longer_allowed(before: _Tagged, after: _Tagged, asking: _Asking) -> tuple[str, ...]:
    """Return the actions that policies allow before and not after, by the tags alone."""
    statements = [
        statement
        for policy in asking.policies
        for statement in policy.only("Allow").statements
        if _is_about(statement, before.kind)
    ]
    compiled = compile_policies([Policy(tuple(map(_of_tags, statements)))])
    principal = {"aws:principaltag/eks-cluster-name": asking.cluster}
    old, new = (
        principal | {f"{key}{t.lower()}": str(v) for t, v in side.tags.items() for key in _KEYS}
        for side in (before, after)
    )
    return tuple(
        action
        for action in dict.fromkeys(a for s in statements for a in known(s.actions))
        if compiled.evaluate(Request(action, "*", "", old)).allowed
        and not compiled.evaluate(Request(action, "*", "", new)).allowed
    )


def _is_about(statement: Statement, kind: str) -> bool:
    kinds = (text.split(":")[-1].partition("/")[0] for text in known(statement.resources))
    return bool(statement.not_resources) or any(wildcard.matches(each, kind) for each in kinds)


def _of_tags(statement: Statement) -> Statement:
    """Return a statement with its conditions on tags alone."""
    conditions = tuple(c for c in statement.conditions if str(c.key).lower().startswith(_KEYS))
    return replace(statement, resources=("*",), not_resources=(), conditions=conditions)
