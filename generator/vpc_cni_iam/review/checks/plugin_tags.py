"""Tags of nodes, subnets and security groups that the policies of aws-node's roles ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.requests import KUBERNETES_CLUSTER
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, ROLE_USES, TAGGED_KINDS, TEMPLATE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one, read, text
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.template import Side, known
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.resolve import as_left
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.needs import plugin_needs
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule

_INSTANCE = "instance"
# What has tags, by the type of its resource, and by the prefix of its ID. The tags of a request
# for a Spot Instance are not those of the instance. Source: Amazon EC2 API, RequestSpotInstances.
_KINDS = {"aws_instance": _INSTANCE, **TAGGED_KINDS}
_PREFIXES = {
    "i": _INSTANCE,
    "eni": "network-interface",
    "sg": "security-group",
    "subnet": "subnet",
}
# What is nothing but a tag, with the argument that says what has it.
_GROUP_TAG = "aws_autoscaling_group_tag"
_TAGS = {_GROUP_TAG: "autoscaling_group_name", "aws_ec2_tag": "resource_id"}
# What launches instances, with the arguments that name their launch templates.
_LAUNCHING = {
    kind: paths
    for kind, uses in ROLE_USES.items()
    if (paths := tuple(path for path, target in uses.items() if target == TEMPLATE))
}
_TYPES = {*_KINDS, *_TAGS, *_LAUNCHING, TEMPLATE}
_ARGUMENTS = ("tags", "tags_all", "tag", "tag_specifications", "value")
_KEYS = ("aws:resourcetag/", "ec2:resourcetag/")


class TagRemoved(Struct, frozen=True):
    """A resource loses or changes a tag that a policy of aws-node's role asks for."""

    role: IamResource
    tag: str = ""  # empty for tags that are sensitive, and change
    kind: str = ""  # of what has the tag, such as ``instance``
    actions: tuple[str, ...] = ()  # those that the policy then no longer allows
    is_changed: bool = False  # whether there is another value
    is_later: bool = False  # whether the tags are known after apply
    is_of_other: bool = False  # whether the resource is a tag of another one


class _TagChange(Struct, frozen=True):
    """The tags of one kind before and after, and the resources that set them."""

    kind: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    sources: tuple[Resource, ...]


class _Asking(Struct, frozen=True):
    """Policies that ask for tags: those of a role of aws-node, or what limits it."""

    role: IamResource
    policies: tuple[Policy, ...]
    cluster: str

    def no_longer_allowed(self, change: _TagChange) -> tuple[str, ...]:
        """Return the actions that the policies allow before and not after, by the tags alone."""
        allowing = [
            (statement, replace(statement, resources=("*",), not_resources=(), conditions=asked))
            for policy in self.policies
            for statement in policy.only("Allow").statements
            if _is_about(statement, change.kind)
            for asked in [tuple(c for c in statement.conditions if _tag(c))]
        ]
        compiled = compile_policies([Policy(tuple(by_tags for _, by_tags in allowing))])
        old, new = (
            {f"{key}{tag.lower()}": str(value) for tag, value in tags.items() for key in _KEYS}
            | {"aws:principaltag/eks-cluster-name": self.cluster}
            for tags in (change.before, change.after)
        )
        return tuple(
            action
            for action in dict.fromkeys(a for s, _ in allowing for a in known(s.actions))
            if compiled.evaluate(Request(action, "*", "", old)).allowed
            and not compiled.evaluate(Request(action, "*", "", new)).allowed
        )


def check(context: Context) -> Iterator[Finding]:
    """Yield what loses a tag without which a policy no longer allows aws-node something."""
    resources = [as_left(r) for r in context.filler.resources if r.type in _TYPES]
    asking: dict[str, list[_Asking]] = defaultdict(list)
    for needs, role in ((n, r) for n in plugin_needs(context) if resources for r in n.roles):
        for layer in (role.permissions.policies, *role.permissions.limits):
            conditions = (c for policy in layer for s in policy.statements for c in s.conditions)
            for tag in {tag for condition in conditions if (tag := _tag(condition))}:
                asking[tag].append(_Asking(role.role, layer, needs.plugin.after.cluster.name))
    for change in _changes(resources, context) if asking else ():
        yield from _lost(change, asking)
    for resource in filter(_hides_change, resources if asking else ()):
        evidence = TagRemoved(next(iter(asking.values()))[0].role)
        yield finding(Rule.TAG_REMOVED, evidence, resource.address)


def _tag(condition: Condition) -> str:
    """Return the tag that a condition asks for, in lower case as IAM compares it; empty if none."""
    key = str(condition.key).lower()
    return key.partition("/")[2] if key.startswith(_KEYS) else ""


def _is_about(statement: Statement, kind: str) -> bool:
    kinds = (text.split(":")[-1].partition("/")[0] for text in known(statement.resources))
    return bool(statement.not_resources) or any(wildcard.matches(each, kind) for each in kinds)


def _lost(change: _TagChange, asking: Mapping[str, list[_Asking]]) -> Iterator[Finding]:
    """Yield which tag is lost that policies ask for, and what they no longer allow."""
    old, new = change.before, change.after
    tags = sorted(tag for tag in {**old, **new} if old.get(tag) != new.get(tag))
    if change.sources[-1].type == NODE_GROUP:  # which sets the tag of the cluster itself
        tags = [tag for tag in tags if not tag.startswith(KUBERNETES_CLUSTER)]
    first = {each: tag for tag in reversed(tags) for each in asking.get(tag.lower(), ())}
    source = next((s for s in change.sources if s.before != s.after), change.sources[-1])
    is_later = any(isinstance(one(source, name, Side.AFTER), Unknown) for name in _ARGUMENTS)
    for each, tag in first.items():
        if actions := each.no_longer_allowed(change):
            is_of_other = source.type in _TAGS
            how = tag in new, is_later, is_of_other
            evidence = TagRemoved(each.role, tag, change.kind, actions, *how)
            yield finding(Rule.TAG_REMOVED, evidence, source.address, subject=each.role)


def _changes(resources: list[Resource], context: Context) -> Iterator[_TagChange]:
    """Yield the tags of what stays: what is new had none, and what is deleted needs none.

    Instances have the tags of their launch template, and then those of what launches them.
    """
    gone = {text(r, name, Side.BEFORE) for r in resources if not r.after for name in ("id", "name")}
    launched = list(_of_instances(resources, context))
    yield from launched
    sources = {source.address for change in launched for source in change.sources}
    for resource in resources:
        owner = text(resource, _TAGS.get(resource.type, ""), Side.BEFORE)
        stays = resource.after is not None or (resource.type in _TAGS and owner not in gone - {""})
        if resource.before is not None and stays and not _hides_change(resource):
            by_kind = _tags(resource, Side.AFTER)
            for kind, tags in _tags(resource, Side.BEFORE).items():
                if not (kind == _INSTANCE and resource.address in sources):
                    yield _TagChange(kind, tags, by_kind.get(kind, {}), (resource,))


def _of_instances(resources: list[Resource], context: Context) -> Iterator[_TagChange]:
    """Yield the tags with which groups launch instances, by each of their templates."""
    own: dict[tuple[Side, str], list[Resource]] = defaultdict(list)
    for resource, side in product((r for r in resources if r.type == _GROUP_TAG), Side):
        own[side, text(resource, _TAGS[_GROUP_TAG], side)].append(resource)
    for group in resources:
        if group.type in _LAUNCHING and group.before is not None and group.after is not None:
            old, new = (_launching(group, own, context, side) for side in Side)
            had = [_together(sources, Side.BEFORE) for sources in old]
            for sources in new:
                tags = _together(sources, Side.AFTER)
                # Of several templates one may take the place of another.
                pairs = [(tags, sources)] if tags in had else zip(had, old, strict=True)
                for earlier, others in pairs:
                    yield _TagChange(_INSTANCE, earlier, tags, (*others, *sources))


def _launching(
    group: Resource,
    own: Mapping[tuple[Side, str], list[Resource]],
    context: Context,
    side: Side,
) -> list[tuple[Resource, ...]]:
    """Return what sets the tags of the instances of a group, for each of its templates."""
    name, resolver = text(group, "name", side), context.filler.resolver
    of_group = own.get((side, name), []) if name else []
    placed = (p for path in _LAUNCHING[group.type] for p in read(group, path, side))
    templates = [
        resolver.by_address[template.address]
        for each in placed
        for template in context.uses.named(group, each, TEMPLATE, side)
        if isinstance(template, InPlan)
    ]
    return [(template, *of_group, group) for template in templates] or [(*of_group, group)]


def _together(sources: tuple[Resource, ...], side: Side) -> Mapping[str, object]:
    every = (_tags(source, side).get(_INSTANCE, {}) for source in sources)
    return {tag: value for tags in every for tag, value in tags.items()}


def _tags(resource: Resource, side: Side) -> Mapping[str, Mapping[str, object]]:
    """Return the tags that a resource sets, by the kind of what has them."""
    if resource.type in _KINDS:
        values = (one(resource, name, side) for name in ("tags_all", "tags"))
        tags = next((v.value for v in values if isinstance(v, Known) and v.value), None)
        return {_KINDS[resource.type]: _mapping(tags)}
    if resource.type == "aws_ec2_tag":
        kind = _PREFIXES.get(text(resource, "resource_id", side).partition("-")[0], "")
        return {kind: {text(resource, "key", side): text(resource, "value", side)}}
    if resource.type == TEMPLATE:
        blocks = _blocks(resource, "tag_specifications.*", side)
        return {str(block.get("resource_type")): _mapping(block.get("tags")) for block in blocks}
    blocks = [b for b in _blocks(resource, "tag.*", side) if b.get("propagate_at_launch")]
    return {_INSTANCE: {str(block.get("key")): block.get("value") for block in blocks}}


def _blocks(resource: Resource, path: str, side: Side) -> list[Mapping[str, object]]:
    values = (placed.value for placed in read(resource, path, side))
    return [_mapping(value.value) for value in values if isinstance(value, Known)]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _hides_change(resource: Resource) -> bool:
    """Say whether tags change that are sensitive, of what stays."""
    if resource.before is None or not (resource.after or resource.type in _TAGS):
        return False
    pairs = ([one(resource, name, side) for side in Side] for name in _ARGUMENTS)
    return any(
        old != new and isinstance(old, Sensitive) | isinstance(new, Sensitive) for old, new in pairs
    )
