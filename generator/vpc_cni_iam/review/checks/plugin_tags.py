"""Tags of nodes, subnets and security groups that the policies of aws-node's roles require."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.requests import KUBERNETES_CLUSTER
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, ROLE_USES, TAGGED_KINDS, TEMPLATE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets
from vpc_cni_iam.inputs.plan.values import one, text, values_of
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Condition, Policy, Statement, statements_of
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.template import Side, known
from vpc_cni_iam.policy.value import Unknown
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.checks.metadata import launch_templates
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.needs import plugin_needs
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule

_INSTANCE = "instance"
# The kind of object with tags, by resource type and by ID prefix. A Spot request's tags are not
# those of its instance. Source: Amazon EC2 API, RequestSpotInstances.
_KINDS = {"aws_instance": _INSTANCE, **TAGGED_KINDS}
_PREFIXES = {"i": _INSTANCE, "eni": "network-interface", "sg": "security-group", "subnet": "subnet"}
# Resources that are only a tag, by the argument that names the tagged object.
_GROUP_TAG, _TAG = "aws_autoscaling_group_tag", "aws_ec2_tag"
_TAGS = {_GROUP_TAG: "autoscaling_group_name", _TAG: "resource_id"}
_LAUNCHING = {kind for kind, uses in ROLE_USES.items() if TEMPLATE in uses.values()}
_TYPES = {*_KINDS, *_TAGS, *_LAUNCHING, TEMPLATE}
_SPECIFICATION = "launch_specification"  # of the instances of a Spot Fleet, without a template
_ARGUMENTS = ("tags", "tags_all", "tag", "tag_specifications", _SPECIFICATION, "key", "value")
_KEYS = ("aws:resourcetag/", "ec2:resourcetag/")


class TagRemoved(Struct, frozen=True):
    """A resource loses or changes a tag that a policy of aws-node's role requires."""

    role: IamResource
    tag: str
    kind: str  # of the tagged object, such as ``instance``
    actions: tuple[str, ...]  # those that the policy then no longer allows
    is_shown: bool  # whether the plan shows the new tags


class _TagChange(Struct, frozen=True):
    """The tags of one kind of object before and after, and their source."""

    kind: str
    before: Mapping[str, str]
    after: Mapping[str, str] | None  # None if they are known after apply
    sources: tuple[Resource, ...]


class _Asking(Struct, frozen=True):
    """Policies that require tags: those of a role of aws-node, or its limits."""

    role: IamResource
    statements: tuple[Statement, ...]  # the Allow statements
    cluster: str

    def changed(self, change: _TagChange) -> list[str]:
        """Return the required tags that change."""
        old, new = change.before, change.after or {}
        asked = {_tag(condition) for s in self.statements for condition in s.conditions} - {""}
        if change.sources[-1].type == NODE_GROUP:  # a node group sets the cluster's tag itself
            asked = {tag for tag in asked if not tag.startswith(KUBERNETES_CLUSTER)}
        return sorted(tag for tag in asked if old.get(tag) != new.get(tag))

    def denied(self, change: _TagChange) -> tuple[str, ...]:
        """Return the actions that the policies no longer allow, because of the tags alone."""
        own = [s for s in self.statements if _is_about(s, change.kind)]
        anywhere = {"resources": ("*",), "not_resources": ()}
        by_tags = tuple(
            replace(statement, conditions=conditions, **anywhere)
            for statement in own
            for conditions in [tuple(filter(_tag, statement.conditions))]
            # Unknown tags need not meet a condition.
            if not conditions or change.after is not None
        )
        policies = compile_policies([Policy(by_tags)])
        keys = {f"{key}{tag}": v for tag, v in (change.after or {}).items() for key in _KEYS}
        keys["aws:principaltag/eks-cluster-name"] = self.cluster
        actions = dict.fromkeys(action for statement in own for action in known(statement.actions))
        return tuple(a for a in actions if not policies.evaluate(Request(a, "*", "", keys)).allowed)


def check(context: Context) -> Iterator[Finding]:
    """Yield resources that lose a tag without which a policy no longer allows calls of aws-node."""
    asking = [
        _Asking(role.role, allowing, needs.plugin.after.cluster.name)
        for needs in plugin_needs(context)
        for role in needs.roles
        for layer in (role.access.permissions.policies, *role.access.permissions.limits)
        for allowing in [statements_of(layer, "Allow")]
        if any(_tag(condition) for statement in allowing for condition in statement.conditions)
    ]
    resources = [r for r in context.reader.resources if asking and r.type in _TYPES]
    changes = (change for change in _changes(resources, context) if change.before != change.after)
    for change, each in product(changes, asking):
        tags = each.changed(change)
        if tags and (actions := each.denied(change)):
            source = next((s for s in change.sources if _is_changed(s)), change.sources[-1])
            tag, is_shown = context.plan.secrets.masked(tags[0]), change.after is not None
            evidence = TagRemoved(each.role, tag, change.kind, actions, is_shown)
            yield finding(Rule.TAG_REMOVED, evidence, source.address, subject=each.role)


def _tag(condition: Condition) -> str:
    """Return the tag of a condition, in lower case as IAM compares it; empty if there is none."""
    key = str(condition.key).lower()
    return key.partition("/")[2] if key.startswith(_KEYS) else ""


def _is_about(statement: Statement, kind: str) -> bool:
    kinds = (text.split(":")[-1].partition("/")[0] for text in known(statement.resources))
    return bool(statement.not_resources) or any(wildcard.matches(each, kind) for each in kinds)


def _changes(resources: list[Resource], context: Context) -> Iterator[_TagChange]:
    """Yield the changed tags of existing objects; new objects had none, deleted ones need none.

    Instances have the tags of their launch template, then those of the resource that launches them.
    """
    secrets, launching = context.plan.secrets, set[str]()
    for group in (r for r in resources if r.type in _LAUNCHING and r.before and r.after):
        old, new = (_sources(group, side, context) for side in Side)
        launching |= {source.address for sources in (*old, *new) for source in sources}
        yield from _of_launched(old, new, secrets)
    for resource in _staying(resources):
        for kind in _tags(resource, Side.BEFORE):
            if kind != _INSTANCE or resource.address not in launching:
                before, after = (_together((resource,), s, kind, secrets) for s in Side)
                yield _TagChange(kind, before or {}, after, (resource,))


def _of_launched(
    old: list[tuple[Resource, ...]], new: list[tuple[Resource, ...]], secrets: Secrets
) -> Iterator[_TagChange]:
    """Yield the tags of instances by their sources before and after, for each template."""
    had = [_together(sources, Side.BEFORE, _INSTANCE, secrets) for sources in old]
    for sources in new:
        tags = _together(sources, Side.AFTER, _INSTANCE, secrets)
        # One of several templates may replace another.
        for others, earlier in zip(old, had, strict=True) if tags not in had else ():
            yield _TagChange(_INSTANCE, earlier or {}, tags, (*others, *sources))


def _staying(resources: list[Resource]) -> Iterator[Resource]:
    """Yield resources that stay, and deleted tags of objects that stay."""
    deleted = (r for r in resources if r.after is None and r.type not in _TAGS)
    gone = {text(r, name, Side.BEFORE) for r in deleted for name in ("id", "name")} - {""}
    for resource in (r for r in resources if r.before is not None):
        owner = text(resource, _TAGS.get(resource.type, ""), Side.BEFORE)
        if resource.after or (resource.type in _TAGS and owner not in gone):
            yield resource


def _sources(group: Resource, side: Side, context: Context) -> list[tuple[Resource, ...]]:
    """Return the resources that set the tags of a group's instances, for each template."""
    return [(t, group) for t in launch_templates(group, side, context)] or [(group,)]


def _together(
    sources: tuple[Resource, ...], side: Side, kind: str, secrets: Secrets
) -> Mapping[str, str] | None:
    """Return the tags of one kind that resources set together; None if any are unknown."""
    if any(isinstance(one(s, name, side), Unknown) for s in sources for name in _ARGUMENTS):
        return None
    every = (_tags(source, side).get(kind) or {} for source in sources)
    values = ((tag, value) for tags in every for tag, value in tags.items())
    return {str(secrets.judged(t)).lower(): str(secrets.judged(value)) for t, value in values}


def _tags(resource: Resource, side: Side) -> Mapping[str, Mapping[str, object]]:
    """Return the tags that a resource sets, by the kind of tagged object."""
    values = values_of(resource, side) or {}
    if resource.type in _KINDS:
        return {_KINDS[resource.type]: _mapping(values.get("tags_all") or values.get("tags"))}
    if resource.type == _TAG:
        kind = _PREFIXES.get(str(values.get("resource_id")).partition("-")[0], "")
        return {kind: {str(values.get("key")): values.get("value")}}
    if resource.type == TEMPLATE:
        blocks = _blocks(values.get("tag_specifications"))
        return {str(block.get("resource_type")): _mapping(block.get("tags")) for block in blocks}
    blocks = [b for b in _blocks(values.get("tag")) if b.get("propagate_at_launch")]
    specified = [_mapping(b.get("tags")) for b in _blocks(values.get(_SPECIFICATION))]
    first, *others = specified or [{}]  # of several specifications, those that all have
    shared = {key: tag for key, tag in first.items() if all(o.get(key) == tag for o in others)}
    return {_INSTANCE: {**shared, **{str(b.get("key")): b.get("value") for b in blocks}}}


def _blocks(values: object) -> list[Mapping[str, object]]:
    return list(map(_mapping, values)) if isinstance(values, list) else []


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _is_changed(resource: Resource) -> bool:
    return any(one(resource, n, Side.BEFORE) != one(resource, n, Side.AFTER) for n in _ARGUMENTS)
