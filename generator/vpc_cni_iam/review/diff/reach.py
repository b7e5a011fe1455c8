"""How far policies reach: whether they allow everything, or changes of IAM permissions."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement, statements_of
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.review.diff.permissions import Permissions

_Call = tuple[str, str]  # an action and a resource
_IAM = "arn:aws:iam::111122223333"
# Source: IAM User Guide, "Access levels", Permissions management of the service iam.
_ESCALATING: tuple[_Call, ...] = tuple(
    (f"iam:{action}", f"{_IAM}:{kind}/example")
    for action, kind in (
        *(("AttachRolePolicy", "role"), ("PutRolePolicy", "role")),
        *(("AttachUserPolicy", "user"), ("PutUserPolicy", "user"), ("CreateAccessKey", "user")),
        *(("AttachGroupPolicy", "group"), ("PutGroupPolicy", "group"), ("AddUserToGroup", "group")),
        *(("CreatePolicyVersion", "policy"), ("SetDefaultPolicyVersion", "policy")),
        ("UpdateAssumeRolePolicy", "role"),
    )
)
# One action of each of some services: many policies that allow everything deny another action.
_SAMPLES: tuple[_Call, ...] = (
    ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-0"),
    ("s3:DeleteBucket", "arn:aws:s3:::example"),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:111122223333:function:example"),
)
_USER: _Call = ("iam:CreateUser", f"{_IAM}:user/example")
_BROAD: _Call = ("*", "*")  # stands for a statement about everything


class Reach(IntEnum):
    """How far policies reach."""

    LIMITED = 0
    SERVICES = 1  # every action on all resources, except for those of a few services
    IAM = 2  # changes of IAM permissions, which can give any access
    EVERYTHING = 3


def reach(permissions: Permissions) -> Reach:
    """Return how far permissions reach within their limits."""
    layers = [_of_policies(layer) for layer in (permissions.policies, *permissions.limits)]
    allowed = frozenset.intersection(*layers)
    most = allowed.issuperset((_BROAD, *_SAMPLES))
    if most and _USER in allowed:
        return Reach.EVERYTHING
    if not allowed.isdisjoint(_ESCALATING):
        return Reach.IAM
    return Reach.SERVICES if most else Reach.LIMITED


def farther(had: Reach, has: Reach) -> Reach:
    """Return a reach that is farther than before; otherwise `LIMITED`."""
    return has if has > had else Reach.LIMITED


@lru_cache(4096)
def _of_policies(policies: tuple[Policy, ...]) -> frozenset[_Call]:
    """Return which of the requests policies allow, each by its action and resource."""
    allows = statements_of(policies, "Allow")
    if not any(map(_may_reach, allows)):
        return frozenset()
    broad = {_BROAD} if any(map(_is_everything, allows)) else set()
    every = {_USER, *_SAMPLES, *_ESCALATING}
    try:
        compiled = compile_policies(policies)
    except InputError:
        return frozenset({*broad, *every} if broad else ())
    return frozenset(broad | {c for c in every if compiled.evaluate(Request(*c)).allowed})


def _may_reach(statement: Statement) -> bool:
    """Return whether a statement may cover IAM on all resources; a quick test for most."""
    broad = statement.not_resources or any("*" in str(text) for text in statement.resources)
    actions = [str(action).lower() for action in statement.actions]
    about = statement.not_actions or any(a.startswith(("iam:", "*")) for a in actions)
    return bool(broad and about)


def _is_everything(statement: Statement) -> bool:
    if statement.conditions or "*" not in statement.resources:
        return False
    return bool(statement.not_actions) or any(a in ("*", "*:*") for a in statement.actions)
