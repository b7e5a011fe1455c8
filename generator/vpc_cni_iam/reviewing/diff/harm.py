"""What becomes possible by a change of policies, in the policies' words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpc_cni_iam.policy.diff import (
    ConditionChange,
    Difference,
    ElementChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
    VersionChanged,
    differences,
)
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.reviewing.account.documents import Document
from vpc_cni_iam.reviewing.account.grants import Grant
from vpc_cni_iam.reviewing.diff.principals import GrantChange


def scope(grants: Iterable[GrantChange]) -> tuple[Difference, ...]:
    """Return the statements by which changes of grants may allow more, as reports may show them.

    The grants are compared together: what moves from one policy to another is not new.
    """
    changes = tuple(grants)
    old, new = (
        Policy(tuple(_shown(side)))
        for side in ([c.before for c in changes], [c.after for c in changes])
    )
    return tuple(d for d in differences(old, new) if _may_allow_more(d))


def _shown(grants: Iterable[Grant | None]) -> Iterator[Statement]:
    for grant in grants:
        if grant is not None and isinstance(grant.content, Document):
            yield from grant.content.shown.statements


def _may_allow_more(difference: Difference) -> bool:
    match difference:
        case VersionChanged():
            return False
        case StatementAdded(statement=statement):
            return statement.effect == "Allow"
        case StatementRemoved(statement=statement):
            return statement.effect == "Deny"
        case StatementChanged(old=old, elements=elements):
            return any(_widens(element, is_deny=old.effect == "Deny") for element in elements)


def _widens(element: ElementChange, *, is_deny: bool) -> bool:
    """Say whether a changed element may let a statement allow more, or deny less."""
    match element:
        case ValuesChange(name, removed, added):
            excepts = name.startswith("Not")
            return bool(removed if excepts != is_deny else added)
        case ConditionChange(old, new):
            dropped = new if is_deny else old
            return dropped is not None
