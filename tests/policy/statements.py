"""Statements, conditions and upstream's policies, written shortly."""

from __future__ import annotations

from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching import conditions
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck


def allow(
    *actions: str, on: str | tuple[str, ...] = "*", when: Condition | tuple[Condition, ...] = ()
) -> Statement:
    resources = (on,) if isinstance(on, str) else on
    asked = (when,) if isinstance(when, Condition) else when
    return Statement("Allow", actions, resources=resources, conditions=asked)


def deny(
    *actions: str, on: str | tuple[str, ...] = "*", when: Condition | tuple[Condition, ...] = ()
) -> Statement:
    return replace(allow(*actions, on=on, when=when), effect="Deny")


def when(operator: str, *values: str, key: str = "aws:RequestTag/team") -> tuple[Condition, ...]:
    return (Condition(operator, key, values),)


def check(operator: str, *values: str, key: str = "s3:prefix") -> ConditionCheck:
    """A condition as the proofs read it."""
    condition = Condition(operator, key, values)
    return conditions.parse(condition, ElementPath("test"), variables=True)


def filled(policy: Policy) -> Policy:
    names = {"cluster_name": "prod", "vpc_id": "vpc-1"}
    return parameters.fill(policy, {**parameters.values({}), **names})


def upstream() -> list[Policy]:
    return [
        filled(revision.document(variant))
        for revision in documents.revisions()
        for variant in ("ipv4", "ipv6", "ipv4-scoped")
    ]
