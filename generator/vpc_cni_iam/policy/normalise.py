"""The normal form of a policy: equal for two documents that mean the same to IAM.

It removes differences without a meaning (IAM User Guide, "IAM JSON policy elements reference"): the
order of statements, values and keys; a list of one value or a scalar; repeated values; the case of
actions and condition keys ("Action", "Condition": both are not case-sensitive); Sid and Id, which
are labels. Resources, values, principals and condition operators stay unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import TypeAlias

from vpc_cni_iam.policy.document import Policy, Principal, Statement
from vpc_cni_iam.policy.template import PolicyText, folded

Normal: TypeAlias = Hashable


@lru_cache(1024)
def statement(value: Statement) -> Normal:
    """Return the normal form of one statement, for comparison or as a key."""
    return (
        value.effect,
        _folded(value.actions),
        _folded(value.not_actions),
        frozenset(value.resources),
        frozenset(value.not_resources),
        conditions(value),
        _principals(value.principals),
        _principals(value.not_principals),
    )


def conditions(value: Statement) -> frozenset[tuple[str, PolicyText, frozenset[PolicyText]]]:
    """Return a statement's conditions as a set of operator, key and set of values."""
    return frozenset((c.operator, folded(c.key), frozenset(c.values)) for c in value.conditions)


def policy(value: Policy) -> Normal:
    """Return the normal form of a document."""
    return (value.version, frozenset(Counter(map(statement, value.statements)).items()))


def equal(left: Policy, right: Policy) -> bool:
    """Return whether two documents mean the same to IAM."""
    return len(left.statements) == len(right.statements) and policy(left) == policy(right)


def _folded(actions: Iterable[PolicyText]) -> frozenset[PolicyText]:
    return frozenset(folded(action) for action in actions)


def _principals(principals: Iterable[Principal]) -> frozenset[tuple[str, PolicyText]]:
    return frozenset((p.type, i) for p in principals for i in p.identifiers)
