"""The Principal element of resource and trust policies.

Follows the IAM User Guide page "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from vpc_cni_iam.policy.document import ANYONE, NOT_EVERYONE, Statement, are_principals
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.template import PolicyText, Template

# Whether a statement is about a caller, by its ARN or service name; None if not known.
IsCaller: TypeAlias = Callable[[str], "bool | None"]
# The type of a principal and one of its identifiers.
Name: TypeAlias = tuple[str, PolicyText]

_ACCOUNT = r"[0-9]{12}|arn:[^:]+:iam::([0-9]{12}):root"
_ROLE = r"arn:([^:]+):iam::([0-9]{12}):role/(?:.*/)?([^/]+)"


def test(statement: Statement, place: ElementPath) -> IsCaller | None:
    """Return a statement's test of the caller; None if it has none.

    Page "AWS JSON policy elements: Principal": ``*`` is anyone; an account, by number or by its
    root ARN, is every principal in it; a role is also each of its sessions; everything else is one
    name, without wildcards. Raises `InputError` for NotPrincipal: its effect depends on the
    service.
    """
    if statement.not_principals:
        raise place.at(".NotPrincipal").refuse(
            "is not evaluated: the service decides whether it excepts the account, the role or "
            "the session"
        )
    if not statement.principals:
        return None
    if not are_principals(statement.principals):
        raise place.at(".Principal").refuse(NOT_EVERYONE)
    tests: list[IsCaller] = []
    for principal in statement.principals:
        for name in principal.identifiers:
            if isinstance(name, Template):
                tests.append(lambda caller: None)
                continue
            if name == ANYONE and principal.type in (ANYONE, "AWS"):
                return lambda caller: True
            if ANYONE in name or "?" in name:
                where = place.at(f".Principal.{principal.type}")
                raise where.refuse(f"{name!r}: a principal's name cannot have wildcards")
            tests.append(_aws(name) if principal.type == "AWS" else name.__eq__)

    def is_caller(caller: str) -> bool | None:
        answers = {matches(caller) for matches in tests}
        return True in answers or (None if None in answers else False)

    return is_caller


def covers(names: Iterable[Name], others: Iterable[Name]) -> bool:
    """Return whether other names include all principals of some names.

    Page "AWS JSON policy elements: Principal": an account's number means its root ARN, and a role
    each of its sessions. An account is not taken to include its principals: if a policy allows an
    account, the principal's own policies must also allow the request; if it names a role, they need
    not.
    """
    return all(any(_covers(name, other) for name in names) for other in others)


def _covers(name: Name, other: Name) -> bool:
    if name == other:
        return True
    own, others = name[1], other[1]
    if name[0] != other[0] or name[0] != "AWS":
        return False
    if isinstance(own, Template) or isinstance(others, Template):
        return False
    account, other_account = re.fullmatch(_ACCOUNT, own), re.fullmatch(_ACCOUNT, others)
    if account and other_account:
        # ARNs differ by partition; a number means an account in the policy's own partition.
        numbers = {account[1] or own, other_account[1] or others}
        return len(numbers) == 1 and not (account[1] and other_account[1])
    role = re.fullmatch(_ROLE, own)
    return role is not None and others.startswith(_sessions(role))


def _sessions(role: re.Match[str]) -> str:
    """Return the prefix of the ARNs of a role's sessions."""
    return f"arn:{role[1]}:sts::{role[2]}:assumed-role/{role[3]}/"


def _aws(name: str) -> IsCaller:
    account = re.fullmatch(_ACCOUNT, name)
    if account:
        number = account[1] or name
        return lambda caller: caller.split(":", ARN_PARTS - 1)[4:5] == [number]
    role = re.fullmatch(_ROLE, name)
    if role:
        session = _sessions(role)
        return lambda caller: caller == name or caller.startswith(session)
    return name.__eq__
