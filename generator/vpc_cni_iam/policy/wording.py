"""Statements and conditions in words, as messages say them."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.policy.document import ANYONE, Condition, Principal, Statement
from vpc_cni_iam.policy.template import Text


def describe(statement: Statement) -> str:
    """Return one line that says what a statement does."""
    verb = "allows" if statement.effect == "Allow" else "denies"
    what = _listed(statement.actions) or f"all but {_listed(statement.not_actions)}"
    parts = [verb, what]
    for word, texts in (
        ("on", statement.resources),
        ("on all but", statement.not_resources),
        ("to", principal_names(statement.principals)),
        ("to all but", principal_names(statement.not_principals)),
    ):
        if texts:
            parts.append(f"{word} {_listed(texts)}")
    if statement.conditions:
        parts.append("if " + " and ".join(map(condition_text, statement.conditions)))
    return " ".join(parts)


def _listed(texts: Iterable[Text]) -> str:
    return ", ".join(map(str, texts))


def condition_text(condition: Condition) -> str:
    """Return a condition as one readable phrase."""
    return f"{condition.key} {asked_text(condition)}"


def asked_text(condition: Condition) -> str:
    """Return what a condition asks of its key, such as ``StringEquals 'a' or 'b'``."""
    return f"{condition.operator} {' or '.join(repr(str(value)) for value in condition.values)}"


def principals_text(statement: Statement) -> str:
    """Return whom a statement of a resource's policy is about, empty if it names nobody."""
    names = ", ".join(principal_names(statement.not_principals or statement.principals))
    return f"all but {names}" if statement.not_principals else names


def principal_names(principals: Iterable[Principal]) -> tuple[str, ...]:
    """Return principals by name, with their type where they have one."""
    return tuple(
        str(identifier) if principal.type == ANYONE else f"{principal.type} {identifier}"
        for principal in principals
        for identifier in principal.identifiers
    )
