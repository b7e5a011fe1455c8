"""The policies that a plan leaves behind, as far as it knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues, Part
from vpc_cni_iam.inputs.plan.secrets import holds_mark
from vpc_cni_iam.inputs.plan.values import value_at
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Sensitive, Value

if TYPE_CHECKING:
    from vpc_cni_iam.inputs.plan.reader import Plan

_POLICIES = (
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
)


_LATER = "is only known after apply"


def _policies(content: Content, _: ModuleValues) -> Iterator[Part]:
    """Yield the identity policies of a plan by their resource's address, and what was skipped.

    The policy documents that the plan read are taken if it has no other policy. Skipped is what is
    only known after apply, sensitive, or names principals.
    """
    from vpc_cni_iam.inputs.plan.reader import read_plan

    source = content.source
    plan = read_plan(content.text.encode(), source)
    values = dict(_managed(plan)) or dict(_documents(plan))
    for name, value in values.items():
        if not isinstance(value, Known) or not isinstance(value.value, str):
            why = "is marked sensitive" if isinstance(value, Sensitive) else _LATER
            yield Skipped(name, Reason.not_read, why)
            continue
        if holds_mark(value.value):
            yield Skipped(name, Reason.not_read, "has values that the plan marks sensitive")
            continue
        policy = loads(value.value, f"{source}: {name}")
        if policy.names_principals:
            yield Skipped(name, Reason.other_kind, "it names principals")
        else:
            yield name, policy
    for resource in plan.resources:
        if resource.drift or resource.deposed or resource.after is None:
            continue
        if resource.type == "aws_iam_role" and "assume_role_policy" in resource.after:
            name = f"{resource.address}.assume_role_policy"
            yield Skipped(name, Reason.other_kind, "a trust policy")
    if not plan.complete:
        detail = "made with -target, or with changes that are put off; make a plan of everything"
        yield Skipped("the rest of the plan", Reason.not_read, detail)


def _managed(plan: Plan) -> Iterator[tuple[str, Value]]:
    for resource in plan.resources:
        if resource.drift or resource.deposed:
            continue
        if resource.type in _POLICIES and (resource.after is not None or resource.unknown is True):
            yield resource.address, value_at(resource, ("policy",), Side.AFTER)
        blocks = (resource.after or {}).get("inline_policy")
        if resource.type != "aws_iam_role" or not isinstance(blocks, list):
            continue
        for place, block in enumerate(blocks):
            if isinstance(block, dict) and block.get("policy") != "":
                name = f'{resource.address}.inline_policy["{block.get("name")}"]'
                yield name, value_at(resource, ("inline_policy", place, "policy"), Side.AFTER)


def _documents(plan: Plan) -> Iterator[tuple[str, Value]]:
    for resource in plan.documents:
        yield resource.address, value_at(resource, ("json",), Side.AFTER)


# The reader of plans refuses the state and the log of an engine by name.
KIND = Kind(
    "the JSON of Terraform or OpenTofu (a plan, a state or a log)",
    "`terraform show -json PLANFILE` or `tofu show -json PLANFILE`, compressed by gzip or not",
    lambda c: c.has_member("format_version", "@level", "serial"),
    _policies,
    "plan",
    "a plan of the role and its policies, or what aws iam get-role-policy prints",
)
