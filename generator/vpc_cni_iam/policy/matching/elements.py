"""The Action, NotAction, Resource and NotResource elements, read as patterns."""

from __future__ import annotations

import re

from msgspec import Struct

from vpc_cni_iam.policy.document import VERSION, VERSIONS, Policy, Statement
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import (
    HolePattern,
    Pattern,
    PolicyVariable,
    is_plain,
    read,
)
from vpc_cni_iam.policy.template import PolicyText, Template, folded
from vpc_cni_iam.policy.wildcard import Wild

EVERYTHING: Pattern = (Wild.RUN,)
_ALL_ACTIONS = re.compile(r"\*+:\*+")


class Element(Struct, frozen=True):
    """The patterns of an element, maybe as exceptions."""

    patterns: tuple[Pattern, ...]
    negated: bool = False  # whether the statement is about all except these


def has_variables(policy: Policy, place: ElementPath) -> bool:
    """Return whether a document's version has policy variables.

    Page "IAM JSON policy elements: Version": before 2012-10-17, ``${...}`` is literal text.
    """
    if policy.version not in VERSIONS:
        raise place.at(".Version").refuse(f"{policy.version!r} is none of {' and '.join(VERSIONS)}")
    return policy.version == VERSION


def actions(statement: Statement, place: ElementPath, *, variables: bool) -> Element:
    """Return the actions of a statement, in lower case.

    Pages "IAM JSON policy elements: Action" and "...: NotAction": service prefix and name are not
    case-sensitive; ``*`` and ``?`` are wildcards; NotAction means all actions except its list.
    """
    if bool(statement.actions) == bool(statement.not_actions):
        raise place.refuse("needs either Action or NotAction")
    name = "Action" if statement.actions else "NotAction"
    patterns = []
    for index, text in enumerate(statement.actions or statement.not_actions):
        where = place.at(f".{name}[{index}]")
        pattern = read(folded(text), where, variables=variables, wildcards=True)
        if any(isinstance(part, PolicyVariable) for part in pattern):
            raise where.refuse(f"{str(text)!r} has a policy variable, which an action cannot have")
        if isinstance(text, str) and ":" not in text and set(pattern) != {Wild.RUN}:
            raise where.refuse(f"{text!r} has no service prefix, such as ec2:, and is not *")
        # An action has a service before its colon, so *:* means the same as *.
        everything = isinstance(text, str) and _ALL_ACTIONS.fullmatch(text)
        patterns.append(EVERYTHING if everything else pattern)
    return Element(tuple(patterns), negated=bool(statement.not_actions))


def resources(statement: Statement, place: ElementPath, *, variables: bool) -> Element:
    """Return the resources of a statement.

    Pages "IAM JSON policy elements: Resource" and "...: NotResource": names are case-sensitive,
    ``*`` and ``?`` are wildcards. Here, every ``*`` crosses colons; the page says so for one at the
    end of an ARN's part and leaves others open. Only statements of a trust policy can have neither
    element: they are about the resource that has the policy.
    """
    if statement.resources and statement.not_resources:
        raise place.refuse("has both Resource and NotResource; IAM allows only one")
    if not statement.resources and not statement.not_resources:
        if not statement.principals and not statement.not_principals:
            raise place.refuse("needs either Resource or NotResource")
        return Element((EVERYTHING,))
    name = "Resource" if statement.resources else "NotResource"
    patterns = tuple(
        _resource(text, place.at(f".{name}[{index}]"), variables=variables)
        for index, text in enumerate(statement.resources or statement.not_resources)
    )
    return Element(patterns, negated=bool(statement.not_resources))


def _resource(text: PolicyText, place: ElementPath, *, variables: bool) -> Pattern:
    """Read one resource.

    Page "IAM identifiers", IAM ARNs: an ARN with fewer than six parts is completed with ``*``. One
    with a variable or hole is not completed, because its value may have colons.
    """
    pattern = read(text, place, variables=variables, wildcards=True)
    if isinstance(text, Template):
        colons = sum(part.count(":") for part in pattern if isinstance(part, str))
        hole = next(part for part in pattern if isinstance(part, HolePattern))
        return pattern if colons >= ARN_PARTS - 1 else (*pattern, hole)
    if set(pattern) == {Wild.RUN}:
        return pattern
    if not text.startswith("arn:"):
        raise place.refuse(f"{text!r} is neither an ARN, which begins with arn:, nor *")
    missing = ARN_PARTS - 1 - text.count(":")
    if missing <= 0 or not is_plain(pattern):
        return pattern
    return read(text + ":*" * missing, place, variables=variables, wildcards=True)
