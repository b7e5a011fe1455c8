"""Pairs of policies about keys that say the same of some requests, and of others do not."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from smt.pairs import EVERYTHING, policy
from smt.request import Document

_TWINS = {
    "ec2:ResourceTag/t": "aws:ResourceTag/t",
    "aws:ResourceTag/t": "ec2:ResourceTag/t",
    "ec2:Region": "aws:RequestedRegion",
    "aws:RequestedRegion": "ec2:Region",
}
_TAGS = ("aws:RequestTag/t", "aws:RequestTag/u", "aws:TagKeys", "aws:TagKeys")
_OWNERS = ("111122223333", "444455556666")
_GROUPS: tuple[tuple[str, ...], ...] = (
    ("ec2:ResourceTag/t", "aws:ResourceTag/t"),
    ("ec2:Region", "aws:RequestedRegion"),
    _TAGS,
    _TAGS,
    ("aws:ResourceAccount",),
    ("ec2:ResourceTag/t", "aws:ResourceTag/t", "aws:RequestTag/t", "aws:TagKeys"),
)
_ACTIONS = (
    "ec2:CreateTags", "ec2:CreateTags", "ec2:StopInstances", "ec2:AttachNetworkInterface",
    "ec2:AssignPrivateIpAddresses", "ec2:DeleteTags", "ec2:*", "ec2:Create*", "*", "s3:PutObject",
    "ec2:CreateVolume", "backup:CopyIntoBackupVault",
)  # fmt: skip
_RESOURCES = (
    "*", "*", "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:111122223333:instance/*",
    "arn:aws:ec2:us-east-1:111122223333:*", "arn:aws:ec2:*:444455556666:network-interface/*",
    "arn:aws:ec2:*:*:capacity-reservation/*", "arn:aws:ec2:*:*:instance/*",
)  # fmt: skip


def spelling_pairs(seed: int, count: int) -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies, old and new.

    Args:
        seed: Of the sample.
        count: How many.
    """
    random = Random(seed)
    for _ in range(count):
        group, action = random.choice(_GROUPS), random.choice(_ACTIONS)
        old = [_statement(random, group, action) for _ in range(random.choice((1, 1, 2)))]
        if random.random() < 0.3:
            old.append(EVERYTHING)
        new = deepcopy(old)
        for _ in range(random.choice((1, 1, 2))):
            place = random.randrange(len(new))
            new[place] = _changed(random, new[place], group, action)
        yield policy(old), policy(new)


def _statement(random: Random, group: tuple[str, ...], action: str) -> Document:
    element = "NotResource" if random.random() < 0.1 else "Resource"
    statement: dict[str, Any] = {
        "Effect": random.choice(("Allow", "Allow", "Deny")),
        "Action": action if random.random() < 0.8 else random.choice(_ACTIONS),
        element: random.choice(_RESOURCES),
    }
    block: dict[str, dict[str, Any]] = {}
    for key in random.choices(group, k=random.choice((1, 1, 2, 3))):
        operator, values = _condition(random, key)
        block.setdefault(operator, {})[key] = values
    return {**statement, "Condition": block}


def _condition(random: Random, key: str) -> tuple[str, list[str]]:
    several = key == "aws:TagKeys"
    if random.random() < 0.3 and not several:
        return "Null", [random.choice(("true", "false"))]
    operators = ["StringEquals", "StringEquals", "StringNotEquals", "StringLike"]
    values = ["t", "u", "T", "v"] if several else ["a", "b"]
    if key == "aws:ResourceAccount":
        values = list(_OWNERS)
    elif "Region" in key:
        values = ["us-east-1", "eu-west-1"]
    elif "Tag/" in key and random.random() < 0.2:
        values = ["${aws:PrincipalTag/t}", "${ec2:ResourceTag/t}", "${aws:ResourceTag/t}"]
    operator = random.choice(operators)
    if several:
        operator = random.choice(("ForAllValues:", "ForAnyValue:")) + operator
        if random.random() < 0.3:
            operator = operator.replace("Equals", "EqualsIgnoreCase")
    elif random.random() < 0.2:
        operator += "IfExists"
    return operator, random.sample(values, random.choice((1, 1, 2)))


def _changed(random: Random, statement: Document, group: tuple[str, ...], action: str) -> Document:
    """Return a statement in another spelling, or one that asks for more, less or something else."""
    block = deepcopy(statement.get("Condition", {}))
    way = random.choice(("twin", "twin", "more", "less", "owner", "other"))
    if way == "other":
        return _statement(random, group, action)
    if way == "more":
        key = random.choice(group)
        operator, values = _condition(random, key)
        block.setdefault(operator, {})[key] = values
    elif way == "less" and block:
        del block[random.choice(list(block))]
    elif way == "owner":
        return _by_owner(random, statement)
    else:
        block = {
            operator: {_TWINS.get(key, key): values for key, values in asked.items()}
            for operator, asked in block.items()
        }
    return {**statement, "Condition": block}


def _by_owner(random: Random, statement: Document) -> Document:
    """Return a statement about any account's resources with a condition on their owner, or back."""
    owner = random.choice(_OWNERS)
    for element in ("Resource", "NotResource"):
        arn = statement.get(element, "*")
        if owner in arn:
            block = {**deepcopy(statement.get("Condition", {}))}
            block.setdefault("StringEquals", {})["aws:ResourceAccount"] = [owner]
            return {**statement, element: arn.replace(owner, "*"), "Condition": block}
        if "*:*:" in arn:
            return {**statement, element: arn.replace("*:*:", f"*:{owner}:")}
    return statement
