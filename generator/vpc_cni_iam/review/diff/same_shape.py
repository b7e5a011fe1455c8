"""Policies that differ in the names of their cluster and VPC alone, judged once.

A large plan has one policy for each cluster. What is proven of one is proven of another if the
names stand where nothing but equality with themselves matters: as the value of a tag, or as a part
of an ARN of its own, with no wildcard beside any letter. Then stand-ins take the place of the
names, and the names the place of the stand-ins in the answer.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from vpc_cni_iam.coverage.subject import names_in
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.members import members

T = TypeVar("T")
Policies = tuple[Policy, ...]
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_WILD = re.compile(r"[A-Za-z0-9_-]\*|\*[A-Za-z0-9_-]|\?")
# Every policy of a large plan is asked about several times.
_REMEMBERED = 16_384
# As the names are to be, so that what reads names in policies reads these.
_STAND_INS = {"cluster_name": "stand-in-cluster-{}", "vpc_id": "vpc-57a4d1{:011x}"}


def judged_once(ask: Callable[[tuple[Policies, ...]], T], groups: tuple[Policies, ...]) -> T:
    """Return an answer about policies, asked with stand-ins where that is the same question.

    Args:
        ask: Returns the answer about groups of policies; it remembers.
    """
    names: dict[str, str] = {}
    for policy in (policy for group in groups for policy in group):
        for parameter, name in stand_in_names(policy):
            if name not in names:
                names[name] = _STAND_INS[parameter].format(len(names))
    if not names or not all(_may_replace(p, frozenset(names)) for g in groups for p in g):
        return ask(groups)
    shaped = tuple(
        tuple(_replaced(policy, tuple(names.items())) for policy in group) for group in groups
    )
    back = {stand_in: name for name, stand_in in names.items()}
    return _renamed(ask(shaped), re.compile("|".join(back)), back)


@lru_cache(_REMEMBERED)
def stand_in_names(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Return the names in a policy that others can stand for, each with its parameter."""
    names = names_in([policy])
    return tuple((p, names[p]) for p in _STAND_INS if p in names)


@lru_cache(_REMEMBERED)
def _may_replace(policy: Policy, names: frozenset[str]) -> bool:
    """Say whether nothing but equality decides where names stand in a policy."""
    folded = {name.casefold() for name in names}
    if len(folded) < len(names):
        return False
    for text, is_tag in _texts(policy):
        if _WILD.search(text) or "stand-in" in text or "vpc-57a4d1" in text:
            return False
        words = [word for word in _WORD.finditer(text) if word[0].casefold() in folded]
        if not all(word[0] in names and _is_own(text, word, is_tag=is_tag) for word in words):
            return False
    return True


def _is_own(text: str, word: re.Match[str], *, is_tag: bool) -> bool:
    """Say whether a name is all of a tag's value, or the name in an ARN or a tag's key."""
    before, after = text[: word.start()], text[word.end() :]
    if not before and not after:
        return is_tag
    if before.endswith(("/aws/eks/", "kubernetes.io/cluster/")):
        return not after or after.startswith("/")
    return before.endswith(":vpc/") and not after


def _texts(policy: Policy) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a policy but its actions, and whether each is the value of a tag."""
    for statement in policy.statements:
        for text in (*statement.resources, *statement.not_resources):
            yield text, False
        for principal in (*statement.principals, *statement.not_principals):
            yield from ((text, False) for text in principal.identifiers)
        for condition in statement.conditions:
            yield condition.key, False
            is_tag = "tag/" in condition.key.lower()
            yield from ((text, is_tag) for text in condition.values)


@lru_cache(_REMEMBERED)
def _replaced(policy: Policy, names: tuple[tuple[str, str], ...]) -> Policy:
    known = dict(names)
    shaped = policy.map_strings(
        lambda text: _WORD.sub(lambda word: known.get(word[0], word[0]), text)
    )
    # One for all of a shape, so that they are told to be equal by being the same.
    return _interned(shaped)


@lru_cache(_REMEMBERED)
def _interned(policy: Policy) -> Policy:
    return policy


def _renamed(answer: T, pattern: re.Pattern[str], names: dict[str, str]) -> T:
    """Return an answer with names in place of stand-ins."""
    renamed: T = _rename(answer, lambda text: pattern.sub(lambda match: names[match[0]], text))
    return renamed


def _rename(part: Any, change: Callable[[str], str]) -> Any:
    """Return a part of an answer with changed texts, itself where nothing changes."""
    if isinstance(part, str):
        return change(part)
    if isinstance(part, tuple):
        items = tuple([_rename(item, change) for item in part])
        return part if all(map(operator.is_, items, part)) else items
    changed = {}
    for name in members(part):
        value = getattr(part, name)
        if (renamed := _rename(value, change)) is not value:
            changed[name] = renamed
    return replace(part, **changed) if changed else part
