"""What a plan does not show although it may matter, reported once for the plan."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ROLE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import value_at
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Unknown
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.plugin.node_roles import node_role_changes

_INLINE = "inline_policy"


class NotShownKind(Enum):
    """What a plan does not show."""

    # A new role may have inline policies of a dynamic block. A plan shows none of them, so it looks
    # like a role without them.
    INLINE_POLICIES = "inline policies"
    # An argument that is known after apply is taken as the role that it refers to. A plan does not
    # show whether a function changes the reference.
    REFERENCES = "references"


class NotShownByPlan(Struct, frozen=True):
    """What a plan does not show of some of its resources."""

    kind: NotShownKind
    addresses: tuple[str, ...]  # in order


@fact
def not_shown(context: Context) -> tuple[NotShownByPlan, ...]:
    """Return what a plan does not show."""
    _ = context.accounts, node_role_changes(context)  # these resolve the names
    reader, source = context.reader, context.reader.source
    assumed = {
        resource.address
        for resource, path in reader.resolver.assumed.values()
        if not (source and source.is_reference(resource, path))
    }
    addresses = {
        NotShownKind.INLINE_POLICIES: {
            r.address for r in reader.resources if _may_have_inline(r, context)
        },
        NotShownKind.REFERENCES: assumed,
    }
    return tuple(NotShownByPlan(k, tuple(sorted(every))) for k, every in addresses.items() if every)


def _may_have_inline(resource: Resource, context: Context) -> bool:
    """Return whether a new role may have inline policies that its plan does not show."""
    if resource.type != ROLE or "create" not in resource.actions:
        return False
    expression = context.plan.configuration.expression
    is_open = isinstance(value_at(resource, (_INLINE,), Side.AFTER), Unknown)
    shown = (resource.after or {}).get(_INLINE) is not None
    is_set = expression(resource.module, resource.block, _INLINE) is not None
    block = context.locator.block_text(resource.address)  # a plan leaves dynamic blocks out
    is_dynamic = block is None or ("dynamic" in block and _INLINE in block)
    return is_open and is_dynamic and not shown and not is_set
