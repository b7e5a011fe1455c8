"""Where policies stand in the resources of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.reader import Plan, Resource
from vpc_cni_iam.review.account.attribute_value import (
    ABSENT,
    LISTS,
    UNKNOWN,
    AttributeValue,
    flagged,
    side,
)
from vpc_cni_iam.review.diff.changes import Kind

# The argument of a policy and the one that names who has it, by type.
_POLICIES = {
    "aws_iam_policy": ("policy", ""),
    "aws_iam_role_policy": ("policy", "role"),
    "aws_iam_user_policy": ("policy", "user"),
    "aws_iam_group_policy": ("policy", "group"),
}
# Resources that attach what they name, and detach the rest.
ATTACHING = tuple(f"aws_iam_{w}_policy_attachments_exclusive" for w in ("role", "user", "group"))
# The argument of policy ARNs, and those that name who has them.
_ATTACHMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "aws_iam_role_policy_attachment": ("policy_arn", ("role",)),
    "aws_iam_user_policy_attachment": ("policy_arn", ("user",)),
    "aws_iam_group_policy_attachment": ("policy_arn", ("group",)),
    "aws_iam_policy_attachment": ("policy_arn", ("roles", "users", "groups")),
    "aws_iam_role_policy_attachments_exclusive": ("policy_arns", ("role_name",)),
    "aws_iam_user_policy_attachments_exclusive": ("policy_arns", ("user_name",)),
    "aws_iam_group_policy_attachments_exclusive": ("policy_arns", ("group_name",)),
}
# The argument that lists, and the one that names what is listed for.
_MEMBERSHIPS = {
    "aws_iam_user_group_membership": ("groups", "user"),
    "aws_iam_group_membership": ("users", "group"),
}
_BOUNDED = ("aws_iam_role", "aws_iam_user")
# What removes each inline policy that it does not name.
EXCLUSIVE = {
    f"aws_iam_{who}_policies_exclusive": f"{who}_name" for who in ("role", "user", "group")
}


class PolicyAttribute(Struct, frozen=True):
    """A place of a policy, or of the ARN of one."""

    resource: Resource
    kind: Kind  # what stands there
    attribute: str  # the place, as people write it
    path: tuple[str, ...]  # the place in the resource's expressions in the configuration
    before: AttributeValue  # what stood there
    after: AttributeValue  # what will stand there
    # The arguments that name who has it: pairs of the argument and ``role``, ``user`` or ``group``;
    # empty for the resource itself, and for what nobody has yet.
    owners: tuple[tuple[str, str], ...] = ()
    # Whether it stands for what else is in a list that is only known after apply.
    whole: bool = False


def slots(
    resource: Resource, plan: Plan, dynamic: frozenset[str] = frozenset()
) -> Iterator[PolicyAttribute]:
    """Yield the places of policies in a resource, in a fixed order.

    `plan` has the configuration, which says what of a role is set there; `dynamic` has addresses of
    roles whose inline policies a dynamic block makes.
    """
    kind = resource.type
    if kind in _POLICIES:
        argument, owner = _POLICIES[kind]
        slot = whole(resource, "permissions", argument)
        yield replace(slot, owners=((owner, owner),)) if owner else slot
    elif kind in _ATTACHMENTS:
        argument, names = _ATTACHMENTS[kind]
        owners = tuple((name, name.removesuffix("_name").removesuffix("s")) for name in names)
        for slot in _each(resource, "attachment", argument):
            yield replace(slot, owners=owners)
    elif kind in EXCLUSIVE:
        name = EXCLUSIVE[kind]
        for slot in _each(resource, "exclusive", "policy_names"):
            yield replace(slot, owners=((name, name.removesuffix("_name")),))
    elif kind in _MEMBERSHIPS:
        argument, owner = _MEMBERSHIPS[kind]
        for slot in _each(resource, "membership", argument):
            yield replace(slot, owners=((owner, owner),))
    elif kind in _BOUNDED:
        if kind == "aws_iam_role":
            yield whole(resource, "trust", "assume_role_policy")
            yield from _role(resource, plan, dynamic)
        boundary = whole(resource, "boundary", "permissions_boundary")
        stays = resource.after is not None or boundary.after.unknown
        if stays and (boundary.before.value or boundary.after.value or boundary.after.unknown):
            yield boundary


def computed_attributes(resource: Resource, plan: Plan) -> Iterator[PolicyAttribute]:
    """Yield what a role repeats of what others made, and the boundary of who goes."""
    if resource.drift or resource.before is None or resource.type not in _BOUNDED:
        return
    if resource.after is None:
        yield whole(resource, "boundary", "permissions_boundary")  # the rest is said to go
    if resource.type != "aws_iam_role":
        return
    once = resource.unchanged()
    if not _set(resource, plan, "inline_policy"):
        yield from _inline(once, plan)
    if not _set(resource, plan, "managed_policy_arns"):
        yield from _each(once, "attachment", "managed_policy_arns")


def _role(resource: Resource, plan: Plan, dynamic: frozenset[str]) -> Iterator[PolicyAttribute]:
    """Yield what a role holds inline, and the managed policies that it names itself.

    Both attributes are also computed: where they are not set, they repeat what other resources
    say, in the state before this plan.
    """
    if resource.address in dynamic or _set(resource, plan, "inline_policy"):
        yield from _inline(resource, plan)
    if _set(resource, plan, "managed_policy_arns"):
        yield from _each(resource, "attachment", "managed_policy_arns")


def may_have_inline(resource: Resource, plan: Plan) -> bool:
    """Say whether a role may come with inline policies of which its plan says nothing."""
    comes = resource.type == "aws_iam_role" and "create" in resource.actions
    unknown = flagged(resource.unknown, "inline_policy") and not resource.drift
    shown = (resource.after or {}).get("inline_policy") is not None
    return comes and unknown and not shown and not _set(resource, plan, "inline_policy")


def _set(resource: Resource, plan: Plan, argument: str) -> bool:
    """Say whether an argument that is also computed is set, by what is in a plan for it.

    The configuration in a plan leaves out ``dynamic`` blocks; but a plan changes nothing that is
    only computed, and knows nothing of it before the resource is there.
    """
    if plan.configuration.expression(resource.module, resource.block, argument) is not None:
        return True
    before, after = ((v or {}).get(argument) for v in (resource.before, resource.after))
    if after is None and flagged(resource.unknown, argument):
        return before is not None and tuple(resource.actions) == ("update",)
    return bool(before or after) and before != after


def whole(resource: Resource, kind: Kind, name: str) -> PolicyAttribute:
    """Return the place of a policy that is the value of an argument."""
    before, after = side(resource, name, after=False), side(resource, name, after=True)
    return PolicyAttribute(resource, kind, name, (name,), before, after)


def _each(resource: Resource, kind: Kind, name: str) -> Iterator[PolicyAttribute]:
    """Yield a slot for each value of a list, or one for an argument of one value."""
    if name not in LISTS:
        slot = whole(resource, kind, name)
        if slot.before != ABSENT or slot.after != ABSENT:
            yield slot
        return
    before, after = _values(resource, name, after=False), _values(resource, name, after=True)
    secret = kind == "exclusive" and any(value.hidden for value in after.values())
    if UNKNOWN in after or secret:
        # What stood there may stay: nothing says that it goes.
        after = {**before, **after}
    if not after and resource.after is not None and resource.type.endswith("_exclusive"):
        # It removes everything.
        yield PolicyAttribute(resource, kind, name, (name,), ABSENT, AttributeValue.of([]))
    for key in dict.fromkeys([*before, *after]):
        old = before.get(key, ABSENT)
        new = after.get(key, ABSENT)
        place = f'{name}["{key}"]'
        yield PolicyAttribute(resource, kind, place, (name,), old, new, whole=new.unknown)


def _values(resource: Resource, name: str, *, after: bool) -> dict[str, AttributeValue]:
    whole = side(resource, name, after=after)
    values = resource.after if after else resource.before
    listed = (values or {}).get(name)
    marks = resource.hidden_after if after else resource.hidden_before
    if not isinstance(listed, list):
        return {UNKNOWN: whole} if whole.unknown else {}
    known: dict[str, AttributeValue] = {}
    for place, value in enumerate(listed):
        unknown = after and flagged(resource.unknown, name, place)
        hidden = flagged(marks, name, place)
        key = UNKNOWN if unknown else str(value)
        known[key] = AttributeValue.of(value, unknown=unknown, hidden=hidden)
    return known


def _inline(resource: Resource, plan: Plan) -> Iterator[PolicyAttribute]:
    before, after = _named(resource, after=False), _named(resource, after=True)
    if UNKNOWN in after:
        # What stood there may stay: nothing says that it goes.
        after = {**before, **after}
    for key in dict.fromkeys([*before, *after]):
        place = _block(resource, plan, key, len(after))
        yield PolicyAttribute(
            resource,
            "permissions",
            f'inline_policy["{key}"]',
            ("inline_policy", place, "policy"),
            before.get(key, ABSENT),
            after.get(key, ABSENT),
        )


def _block(resource: Resource, plan: Plan, name: str, several: int) -> str:
    """Return which block of the configuration makes an inline policy: a plan sorts them."""
    expression = plan.configuration.expression(resource.module, resource.block, "inline_policy")
    blocks = expression if isinstance(expression, list) else [expression]
    for place, block in enumerate(blocks):
        argument = block.get("name") if isinstance(block, Mapping) else None
        if isinstance(argument, Mapping) and argument.get("constant_value") == name:
            return str(place)
    alone = len(blocks) == several == 1 and name != UNKNOWN
    return "0" if alone else "none"


def inline_name(slot: PolicyAttribute, *, after: bool) -> str:
    """Return the name of an inline policy, empty where it is not known or sensitive."""
    if slot.kind != "permissions" or slot.resource.type == "aws_iam_policy":
        return ""
    if slot.resource.type == "aws_iam_role":
        name = slot.attribute.removeprefix('inline_policy["').removesuffix('"]')
        return "" if name.startswith("(") else name  # which no name in IAM does
    value = side(slot.resource, "name", after=after)
    return str(value.value or "") if not (value.hidden or value.unknown) else ""


def _named(resource: Resource, *, after: bool) -> dict[str, AttributeValue]:
    values = resource.after if after else resource.before
    hidden = resource.hidden_after if after else resource.hidden_before
    blocks = (values or {}).get("inline_policy")
    if not isinstance(blocks, list):
        unknown = after and flagged(resource.unknown, "inline_policy")
        return {UNKNOWN: AttributeValue.of(None, unknown=True)} if unknown else {}
    values_by_name = {}
    for place, block in enumerate(blocks):
        fields = block if isinstance(block, Mapping) else {}
        where = ("inline_policy", place, "policy")
        unknown = after and flagged(resource.unknown, *where)
        if not (unknown or fields.get("name") or fields.get("policy")):
            continue  # an empty block, which asks for no inline policy at all
        secret = flagged(hidden, "inline_policy", place, "name")
        name = fields.get("name") if not secret else None
        value = None if unknown else fields.get("policy")
        key = (
            name
            if isinstance(name, str) and name and name not in values_by_name
            else f"(block {place})"
        )
        values_by_name[key] = AttributeValue.of(
            value, unknown=unknown, hidden=flagged(hidden, *where)
        )
    return values_by_name
