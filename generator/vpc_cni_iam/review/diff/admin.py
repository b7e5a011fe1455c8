"""Whether policies allow everything, or allow to give oneself everything by way of IAM."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies

_EVERYTHING = ("*", "*:*")
_ACCOUNT = "arn:aws:iam::111122223333"
# With any of these on any resource, whoever has them can give himself every other permission.
# Source: IAM User Guide, "Access levels", Permissions management of the service iam.
_ESCALATING = (
    ("iam:AttachRolePolicy", f"{_ACCOUNT}:role/example"),
    ("iam:AttachUserPolicy", f"{_ACCOUNT}:user/example"),
    ("iam:AttachGroupPolicy", f"{_ACCOUNT}:group/example"),
    ("iam:PutRolePolicy", f"{_ACCOUNT}:role/example"),
    ("iam:PutUserPolicy", f"{_ACCOUNT}:user/example"),
    ("iam:PutGroupPolicy", f"{_ACCOUNT}:group/example"),
    ("iam:CreatePolicyVersion", f"{_ACCOUNT}:policy/example"),
    ("iam:SetDefaultPolicyVersion", f"{_ACCOUNT}:policy/example"),
    ("iam:UpdateAssumeRolePolicy", f"{_ACCOUNT}:role/example"),
    ("iam:CreateAccessKey", f"{_ACCOUNT}:user/example"),
    ("iam:AddUserToGroup", f"{_ACCOUNT}:group/example"),
)
# One action of each of some services: a Deny of any of them is no rare thing.
_SAMPLES = (
    ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0"),
    ("s3:DeleteBucket", "arn:aws:s3:::example"),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:111122223333:function:example"),
)
_IAM_SAMPLE = Request("iam:CreateUser", f"{_ACCOUNT}:user/example")


class AccessScope(IntEnum):
    """How far policies reach."""

    limited = 0
    services = 1
    iam = 2
    everything = 3


REACH_TEXTS = {
    AccessScope.services: (
        "can now call every action on all resources, but for those of a few services"
    ),
    AccessScope.iam: "can now change IAM permissions, and so give itself any access",
    AccessScope.everything: "can now call every action on all resources",
}


def reach(policies: Iterable[Policy], bound: Policy | None = None) -> AccessScope:
    """Return how far policies reach, within a permissions boundary if one is known."""
    own = _reach(tuple(policies))
    if bound is None:
        return own
    limit = _reach((bound,))
    # Neither has what the other one has.
    return (
        AccessScope.limited
        if {own, limit} == {AccessScope.services, AccessScope.iam}
        else min(own, limit)
    )


@lru_cache(4096)
def _reach(policies: tuple[Policy, ...]) -> AccessScope:
    statements = [s for policy in policies for s in policy.statements]
    if not any(map(_may_reach, statements)):
        return AccessScope.limited
    try:
        compiled = compile_policies(policies)
    except InputError:
        return (
            AccessScope.everything if any(map(_is_everything, statements)) else AccessScope.limited
        )
    most = any(map(_is_everything, statements)) and all(
        compiled.evaluate(Request(action, resource)).allowed for action, resource in _SAMPLES
    )
    if most and compiled.evaluate(_IAM_SAMPLE).allowed:
        return AccessScope.everything
    if any(compiled.evaluate(Request(a, resource)).allowed for a, resource in _ESCALATING):
        return AccessScope.iam
    return AccessScope.services if most else AccessScope.limited


def _may_reach(statement: Statement) -> bool:
    """Say whether a statement may be about IAM, on anything: most are not, and cost nothing."""
    if statement.effect != "Allow":
        return False
    broad = any("*" in resource for resource in statement.resources)
    about_iam = any(action.lower().startswith(("iam:", "*")) for action in statement.actions)
    return bool((broad or statement.not_resources) and (about_iam or statement.not_actions))


def _is_everything(statement: Statement) -> bool:
    if statement.effect != "Allow" or statement.conditions or "*" not in statement.resources:
        return False
    return bool(statement.not_actions) or any(a in _EVERYTHING for a in statement.actions)
