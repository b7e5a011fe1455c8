"""The policies that a plan leaves behind, as far as it knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues, Part
from vpc_cni_iam.inputs.plan.secrets import holds_mark
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.parse import loads

if TYPE_CHECKING:
    from vpc_cni_iam.inputs.plan.reader import Plan, Resource

_POLICIES = (
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
)


def _policies(content: Content, _: ModuleValues) -> Iterator[Part]:
    """Yield the identity policies of a plan by their resource's address, and what was skipped.

    The policy documents that the plan read are taken if it has no other policy. Skipped is what is
    only known after apply, sensitive, or names principals.
    """
    from vpc_cni_iam.inputs.plan.reader import read_plan

    source = content.source
    plan = read_plan(content.text.encode(), source)
    texts = dict(_managed(plan)) or dict(_documents(plan))
    for name, (value, why) in texts.items():
        if value is None:
            yield Skipped(name, Reason.not_read, why)
            continue
        policy = loads(value, f"{source}: {name}")
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


def _managed(plan: Plan) -> Iterator[tuple[str, tuple[str | None, str]]]:
    for resource in plan.resources:
        if resource.drift or resource.deposed:
            continue
        if resource.after is None:
            if resource.unknown is True and resource.type in _POLICIES:
                yield resource.address, _known(resource, "policy", {})
            continue
        if resource.type in _POLICIES:
            yield resource.address, _known(resource, "policy", resource.after)
        blocks = resource.after.get("inline_policy") if resource.type == "aws_iam_role" else None
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict) and block.get("policy") != "":
                name = f'{resource.address}.inline_policy["{block.get("name")}"]'
                values = {"inline_policy": block.get("policy")}
                yield name, _known(resource, "inline_policy", values)


def _documents(plan: Plan) -> Iterator[tuple[str, tuple[str | None, str]]]:
    for resource in plan.documents:
        yield resource.address, _known(resource, "json", resource.after or {})


def _known(resource: Resource, name: str, values: Mapping[str, object]) -> tuple[str | None, str]:
    """Return the text of a policy, or None and why it cannot be had."""
    hidden = resource.hidden_after
    if hidden is True or (isinstance(hidden, dict) and _marked(hidden.get(name))):
        return None, "is marked sensitive"
    text = values.get(name)
    if not isinstance(text, str):
        return None, "is only known after apply"
    return (None, "has values that the plan marks sensitive") if holds_mark(text) else (text, "")


def _marked(mark: object) -> bool:
    return "True" in repr(mark)


# The reader of plans refuses the state and the log of an engine by name.
KIND = Kind(
    "the JSON of Terraform or OpenTofu (a plan, a state or a log)",
    "`terraform show -json PLANFILE` or `tofu show -json PLANFILE`, compressed by gzip or not",
    lambda c: c.has_member("format_version", "@level", "serial"),
    _policies,
)
