"""Tags of nodes, their subnets and interfaces that the policies of aws-node's role ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.requests import KUBERNETES_CLUSTER
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.arguments import TEMPLATE
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.review.account.attribute_value import blocks, flagged
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.account.policy_state import ReadPolicy
from vpc_cni_iam.review.account.workloads import Workloads
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, rule
from vpc_cni_iam.review.make_finding import finding

rule(
    "plugin-tag-removed",
    "warning",
    "coverage-lost any-change",
    "A resource loses a tag that a policy of aws-node's role asks for.",
    "A policy that is scoped to a cluster allows the plugin to change only what has the cluster's "
    "tags. Nodes without them get no more addresses than their first interface has. Instances, "
    "launch templates, Auto Scaling groups, fleets, subnets, security groups, network interfaces "
    "and `aws_ec2_tag` are read. Nodes have the tags of their launch template and of their group "
    "together; managed node groups set `kubernetes.io/cluster/NAME` themselves.",
)
_KINDS = {
    "aws_instance": "instance",
    "aws_network_interface": "network-interface",
    "aws_security_group": "security-group",
    "aws_subnet": "subnet",
}
_KINDS_OF_IDS = {"i": "instance", "eni": "network-interface", "sg": "security-group"}
# What launches instances, and where it tags them itself.
_MANAGED, _GROUP_TAG = "aws_eks_node_group", "aws_autoscaling_group_tag"
_GROUPS = ("aws_autoscaling_group", "aws_ec2_fleet", "aws_spot_fleet_request", _MANAGED)
_SPECIFICATION = "launch_specification"
# What is nothing but a tag, with the argument that says what has it.
_TAGGED = {_GROUP_TAG: "autoscaling_group_name", "aws_ec2_tag": "resource_id"}
_KEYS = ("aws:resourcetag/", "ec2:resourcetag/")
_ARGUMENTS = ("tags", "tags_all", "tag", "tag_specifications", _SPECIFICATION)
_Tags: TypeAlias = Mapping[str, object]


class _Asking(NamedTuple):
    """Whose policies may ask for tags."""

    role: str
    groups: tuple[tuple[Policy, ...], ...]  # its policies, and each that limits it
    cluster: str  # the name by which session tags know its cluster


class _Launch(NamedTuple):
    """With which tags a group launches instances."""

    tags: _Tags
    sources: list[Resource]  # what sets them, the group as the last
    hidden: str = ""  # what may set more, and the plan does not show


def check(context: Context) -> Iterator[Finding]:
    """Yield what loses a tag without which a policy no longer allows the plugin something."""
    asking = [a for a in _asking(context) if any(_keys(p) for group in a.groups for p in group)]
    resources = [*_managed(context.plan.resources)] if asking else []
    in_groups: set[str] = set()
    for before, after in _groups(resources, context):
        in_groups.update(s.address for launch in (*before, *after) for s in launch.sources)
        yield from _of_group(before, after, asking)
    for resource in resources:
        if resource.before is None or not (resource.after or _stays(resource, context)):
            continue  # what comes had no tags, and what goes needs none
        if _changes_hidden(resource):
            message = f"{resource.address} changes tags that are marked sensitive, and a policy of "
            message += f"{asking[0].role} asks for tags"
            yield finding("plugin-tag-removed", message, resource.address)
        else:
            yield from _of_resource(resource, asking, grouped=resource.address in in_groups)


def _managed(resources: Iterable[Resource]) -> Iterator[Resource]:
    """Yield what a plan manages; what it only forgets stays as it is."""
    for resource in resources:
        if not (resource.drift or resource.deposed) and resource.mode == "managed":
            yield resource.unchanged() if action_of(resource) == "forget" else resource


def _of_resource(resource: Resource, asking: list[_Asking], *, grouped: bool) -> Iterator[Finding]:
    before, after = (dict(_tags(resource.type, side)) for side in (resource.before, resource.after))
    hidden = "what launches nodes" if resource.type == TEMPLATE else ""
    for kind, tags in before.items():
        if kind != "instance" or not grouped:
            yield from _of_kind([resource], kind, asking, (tags, after.get(kind, {})), hidden)


def _groups(
    resources: list[Resource], context: Context
) -> Iterator[tuple[list[_Launch], list[_Launch]]]:
    """Yield how each group that stays launches instances before and after."""
    workloads = Workloads(context.plan, context.owners)
    tags = [resource for resource in resources if resource.type == _GROUP_TAG]
    for group in resources:
        if group.type in _GROUPS and group.before is not None and group.after is not None:
            before = _launches(group, tags, workloads, after=False)
            yield before, _launches(group, tags, workloads, after=True)


def _launches(
    group: Resource, group_tags: list[Resource], workloads: Workloads, *, after: bool
) -> list[_Launch]:
    """Return how a group launches instances on one side."""
    values = _values(group, after=after)
    if specifications := blocks(values, _SPECIFICATION):
        return [_Launch(_mapping(each.get("tags")), [group]) for each in specifications]
    name, argument = values.get("name"), _TAGGED[_GROUP_TAG]
    own = [r for r in group_tags if name and _values(r, after=after).get(argument) == name]
    launches = []
    for template, later in [*workloads.templates(group, after=after)] or [(group, after)]:
        sides = [(each, after) for each in (*own, group)]
        hidden = "" if template else "the launch template"
        if template:
            sides.insert(0, (template, later))
        tags: dict[str, object] = {}
        for source, side in sides:
            tags |= dict(_tags(source.type, _values(source, after=side))).get("instance", {})
        launches.append(_Launch(tags, [source for source, _ in sides], hidden))
    return launches


def _of_group(
    before: list[_Launch], after: list[_Launch], asking: list[_Asking]
) -> Iterator[Finding]:
    """Yield what tags that a group's next instances lack no longer let a role do."""
    for new in after:
        for old in before if new.tags not in [launch.tags for launch in before] else ():
            sources = [*old.sources, *new.sources]
            yield from _of_kind(sources, "instance", asking, (old.tags, new.tags), new.hidden)


def _of_kind(
    sources: list[Resource],
    kind: str,
    asking: list[_Asking],
    sides: tuple[_Tags, _Tags],
    hidden: str = "",
) -> Iterator[Finding]:
    """Yield what tags that change no longer let a role do on what has them."""
    before, after = sides
    changed = sorted(key for key in {**before, **after} if before.get(key) != after.get(key))
    if sources[-1].type == _MANAGED:
        changed = [key for key in changed if not key.startswith(KUBERNETES_CLUSTER)]
    for who, group in [(each, policies) for each in asking for policies in each.groups]:
        asked = [key for key in changed if any(key.lower() in _keys(policy) for policy in group)]
        denied = _denied(kind, group, _requests(*sides, who)) if asked else []
        if denied:
            does = "changes" if asked[0] in after else "loses"
            if any(flagged(r.unknown, name) for r in sources for name in _ARGUMENTS):
                does = "may lose"
            on = f"{first_of(denied)} on the {kind.replace('-', ' ')}"
            address = _setting(sources, kind, asked[0])
            message = f"{address} {does} the tag {asked[0]}. Then a policy of "
            message += f"{who.role} does not allow {on}"
            message += f", unless {hidden} sets it, which is not shown" if hidden else ""
            yield finding("plugin-tag-removed", message, address)


def _setting(sources: list[Resource], kind: str, key: str) -> str:
    """Return what set a tag and changes it, else the address of what has other sources."""
    for source in sources:
        sides = (dict(_tags(source.type, side)) for side in (source.before, source.after))
        old, new = (tags.get(kind, {}).get(key) for tags in sides)
        if old not in (None, new):
            return source.address
    return sources[-1].address


def _values(resource: Resource, *, after: bool) -> Mapping[str, Any]:
    return (resource.after if after else resource.before) or {}


def _asking(context: Context) -> Iterator[_Asking]:
    clusters = {role: plugin for plugin, c in context.clusters for role in c.after.roles}
    for role, principal in context.principals.items():
        if principal.concerns_plugin:
            has, plugin = context.effective.by_principal[role], clusters.get(role)
            sessions = [read for _, read in plugin.after.identity.sessions] if plugin else []
            limits = ((read,) for read in (has.bounds[1], *sessions))
            groups = tuple(tuple(_shown(group)) for group in (tuple(has.after.values()), *limits))
            cluster = plugin.after.names.get("cluster_name", "") if plugin else ""
            yield _Asking(role, groups, cluster)


def _shown(reads: Iterable[ReadPolicy | None]) -> Iterator[Policy]:
    """Yield policies as they may be told; marks stand for sensitive values in tags, too."""
    yield from (read.state.policy for read in reads if read and read.state.policy)


@lru_cache(4096)
def _keys(policy: Policy) -> frozenset[str]:
    """Return the keys of tags that a policy asks for, in lower case as IAM compares them."""
    keys = (c.key.lower() for s in policy.statements for c in s.conditions)
    return frozenset(key.partition("/")[2] for key in keys if key.startswith(_KEYS))


def _stays(tag: Resource, context: Context) -> bool:
    """Say whether what goes is a tag alone, and not what has it."""
    if tag.type not in _TAGGED:
        return False
    tagged = (tag.before or {}).get(_TAGGED[tag.type])
    gone = (r.before or {} for r in context.plan.resources if r.after is None)
    return not any(tagged and tagged in (each.get("id"), each.get("name")) for each in gone)


def _changes_hidden(resource: Resource) -> bool:
    """Say whether tags change that are sensitive."""
    sides = ((resource.before, resource.hidden_before), (resource.after, resource.hidden_after))
    names = [name for name in _ARGUMENTS if any(flagged(mark, name) for _, mark in sides)]
    old, new = ([(values or {}).get(name) for name in names] for values, _ in sides)
    return old != new


def _tags(kind: str, values: Mapping[str, Any] | None) -> Iterator[tuple[str, _Tags]]:
    """Yield the tags that a resource sets, by the kind of what has them."""
    values = values or {}
    if kind in _KINDS:
        yield _KINDS[kind], _mapping(values.get("tags_all") or values.get("tags"))
    elif kind == TEMPLATE:
        for block in blocks(values, "tag_specifications"):
            yield str(block.get("resource_type")), _mapping(block.get("tags"))
    elif kind == "aws_ec2_tag":
        prefix = str(values.get("resource_id")).partition("-")[0]
        yield _KINDS_OF_IDS.get(prefix, prefix), {str(values.get("key")): values.get("value")}
    elif kind.startswith("aws_autoscaling_group"):
        tags = [tag for tag in blocks(values, "tag") if tag.get("propagate_at_launch")]
        yield "instance", {str(tag.get("key")): tag.get("value") for tag in tags}


def _mapping(value: object) -> _Tags:
    return value if isinstance(value, Mapping) else {}


def _requests(before: _Tags, after: _Tags, asking: _Asking) -> tuple[Request, Request]:
    """Return a request about what has the tags, before and after."""
    cluster = {"aws:principaltag/eks-cluster-name": asking.cluster}
    old, new = (
        {f"{key}{tag.lower()}": str(value) for tag, value in tags.items() for key in _KEYS}
        for tags in (before, after)
    )
    return Request("", "*", "", cluster | old), Request("", "*", "", cluster | new)


def _denied(kind: str, group: Sequence[Policy], requests: tuple[Request, Request]) -> list[str]:
    """Return the actions that policies allow before and not after, by the tags alone."""
    statements = [s for p in group for s in p.only("Allow").statements if _is_about(s, kind)]
    compiled = compile_policies([Policy(tuple(map(_of_tags, statements)))])
    actions = dict.fromkeys(action for s in statements for action in s.actions)
    before, after = (
        {a for a in actions if compiled.evaluate(replace(request, action=a)).allowed}
        for request in requests
    )
    return [action for action in actions if action in before - after]


def _is_about(statement: Statement, kind: str) -> bool:
    kinds = (each.split(":")[-1].partition("/")[0] for each in statement.resources)
    return bool(statement.not_resources) or any(wildcard.matches(each, kind) for each in kinds)


def _of_tags(statement: Statement) -> Statement:
    """Return a statement with its conditions on tags alone."""
    conditions = tuple(c for c in statement.conditions if c.key.lower().startswith(_KEYS))
    return replace(statement, resources=("*",), not_resources=(), conditions=conditions)
