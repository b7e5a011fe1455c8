"""Policies that differ in the names of their cluster and VPC alone, judged once.

A large plan has one policy for each cluster. What is proven of one is proven of another if the
names stand where nothing but equality with themselves matters: as the value of the cluster's tag,
or as a part of an ARN of its own, with no wildcard beside any letter. Then stand-ins take the place
of the names in the text of a policy, so that policies of a known shape are not even parsed, and the
names the place of the stand-ins in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE
from vpc_cni_iam.policy.document import Policy, Statement

# Stand-ins, each with the name that it stands for.
Names: TypeAlias = tuple[tuple[str, str], ...]
_PARAMETERS = {p.name: p.pattern for p in parameters.PARAMETERS}
# As the names are to be, so that what reads names in policies reads these.
_STAND_INS = {
    "cluster_name": (
        "stand-in-cluster",
        re.compile(rf'{re.escape(CLUSTER)}"\s*:\s*\[?\s*"([\w-]+)"', re.ASCII),
    ),
    "vpc_id": ("vpc-57a4d157a4d157a4d", re.compile(r':vpc/(vpc-\w+)"', re.ASCII)),
}
STAND_INS = tuple(stand_in for stand_in, _ in _STAND_INS.values())
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_WILD = re.compile(r"[A-Za-z0-9_-]\*|\*[A-Za-z0-9_-]|\?")
_REMEMBERED = 16_384


def with_stand_ins(text: str) -> tuple[str, Names]:
    """Return the text of a policy with stand-ins for its names, which may not be the same."""
    names = []
    for parameter, (stand_in, pattern) in _STAND_INS.items():
        for name in {*pattern.findall(text)}:
            # The examples stand for names that a policy does not have.
            if re.fullmatch(_PARAMETERS[parameter], name) and name != EXAMPLE[parameter]:
                names.append((stand_in, name))
    if not names or "\\" in text or len({stand_in for stand_in, _ in names}) < len(names):
        return text, ()
    shaped = text
    for stand_in, name in names:
        if stand_in in text:
            return text, ()
        shaped = shaped.replace(name, stand_in)
    # Where letters of both cases are alike, another spelling is the name, too.
    folded = shaped.lower()
    return (text, ()) if any(n.lower() in folded for _, n in names) else (shaped, tuple(names))


def may_stand_in(policy: Policy, text: str, stand_ins: Iterable[str]) -> bool:
    """Say whether nothing but equality decides where stand-ins are in a policy.

    No other part of its JSON may have them.
    """
    words = [word for statement in policy.statements for word in _words_of(statement)]
    for stand_in in stand_ins:
        own = [is_own for word, is_own in words if stand_in in word]
        if not (own and all(own) and len(own) == text.count(stand_in)):
            return False
    return not has_wildcards(policy)


@lru_cache(_REMEMBERED)
def _words_of(statement: Statement) -> tuple[tuple[str, bool], ...]:
    """Return the words of a statement, and whether each is a stand-in and nothing but a name."""
    return tuple(
        (word[0], _is_own(value, word, is_tag=is_tag))
        for value, is_tag in _texts(statement)
        for word in _WORD.finditer(value)
    )


def has_wildcards(policy: Policy) -> bool:
    """Say whether a policy has a wildcard beside a letter, which may be one of a name."""
    return any(map(_has_wildcard, policy.statements))


@lru_cache(_REMEMBERED)
def _has_wildcard(statement: Statement) -> bool:
    return any(_WILD.search(text) for text, _ in _texts(statement))


def _is_own(text: str, word: re.Match[str], *, is_tag: bool) -> bool:
    """Say whether a stand-in is all of a tag's value, or the name in an ARN or a tag's key."""
    if word[0] not in STAND_INS:
        return False
    before, after = text[: word.start()], text[word.end() :]
    if not before and not after:
        return is_tag
    if before.endswith(("/aws/eks/", KUBERNETES_CLUSTER)):
        return not after or after.startswith("/")
    return before.endswith(":vpc/") and not after


def _texts(statement: Statement) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a statement that may have a name, and whether each is that in a tag."""
    for text in (*statement.resources, *statement.not_resources):
        yield text, False
    for condition in statement.conditions:
        yield condition.key, False
        is_text = condition.operator.rpartition(":")[2].startswith("String")
        is_tag = is_text and condition.key.lower().endswith(f"tag/{CLUSTER}")
        yield from ((text, is_tag) for text in condition.values)
