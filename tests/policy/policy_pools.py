"""Random policies and requests, small enough in vocabulary that they often meet."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request

ARN = "arn:aws:ec2:us-east-1:111122223333:"

ACTIONS = (
    "ec2:CreateTags", "ec2:DescribeTags", "ec2:DescribeSubnets", "ec2:CreateNetworkInterface",
    "s3:GetObject", "iam:PassRole",
)  # fmt: skip
ACTION_PATTERNS = (
    *ACTIONS, "*", "ec2:*", "ec2:Describe*", "EC2:createtags", "ec2:*Tags", "ec2:Create*",
    "ec2:Describe????", "s3:Get*", "ec2:*e*",
)  # fmt: skip
RESOURCES = (
    ARN + "network-interface/eni-1", ARN + "network-interface/eni-2", ARN + "subnet/subnet-1",
    ARN + "instance/i-1", "arn:aws:s3:::bucket/a:b", "arn:aws:s3:::bucket/bob", "*",
)  # fmt: skip
RESOURCE_PATTERNS = (
    *RESOURCES, "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:subnet/*",
    "arn:aws:ec2:*:111122223333:*", ARN + "network-interface/eni-?", "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::*/b?b", "arn:*:ec2:us-*:1*:instance/*", "arn:aws:ec2:*",
)  # fmt: skip

TEXTS = ("a", "b", "ab", "aab", "A", "Ab", "", "ba")
TEXT_PATTERNS = (*TEXTS, "*", "a*", "?", "a?", "*b", "a*b", "??*")
ARNS = (
    ARN + "vpc/vpc-1", ARN + "vpc/vpc-2", "arn:aws:ec2:us-east-1:1:x:111122223333:vpc/vpc-1",
    "arn:aws:iam::111122223333:role/r", "vpc-1", "arn:aws:ec2:a:b",
)  # fmt: skip
ARN_PATTERNS = (
    ARN + "vpc/vpc-1", "arn:aws:ec2:*:*:vpc/vpc-1", "arn:aws:ec2:*:111122223333:vpc/*",
    "arn:*:*:*:*:*", "arn:aws:iam::*:role/?", "arn:aws:ec2:us-*-1:*:vpc/vpc-?",
)  # fmt: skip

# By key: its values in requests, its values in policies, its operators, whether it has several.
STRINGS = (
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike",
    "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
)  # fmt: skip
ORDERS = (
    "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"
)  # fmt: skip
ARN_OPERATORS = ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
KEYS = {
    "aws:RequestTag/team": (TEXTS, TEXT_PATTERNS, STRINGS, False),
    "aws:ResourceTag/team": (TEXTS, TEXT_PATTERNS, STRINGS, False),
    "s3:prefix": (TEXTS, TEXT_PATTERNS, STRINGS, False),
    "aws:TagKeys": (TEXTS, TEXT_PATTERNS, STRINGS, True),
    "ec2:Vpc": (ARNS, ARN_PATTERNS, ARN_OPERATORS, False),
    "ec2:FisTargetArns": (ARNS, ARN_PATTERNS, ARN_OPERATORS, True),
    "s3:max-keys": (
        ("1", "2", "2.0", "10", "-1", "many"), ("1", "2", "2.50", "10"),
        tuple("Numeric" + o for o in ORDERS), False,
    ),
    "ec2:CreateDate": (
        ("2020-01-01T00:00:00Z", "2020-01-01", "1577836800", "2021-06-01T02:00:00+02:00", "soon"),
        ("2020-01-01T00:00:00Z", "2021-06-01T00:00:00Z", "2021-06-01", "1577836800"),
        tuple("Date" + o for o in ORDERS), False,
    ),
    "aws:MultiFactorAuthPresent": (
        ("true", "false", "True", "yes"), ("true", "false"), ("Bool",), False
    ),
    "x:Bytes": (("QQ==", "QUI=", "QR==", "~"), ("QQ==", "QUI="), ("BinaryEquals",), False),
    "ec2-instance-connect:privateIpAddress": (
        ("203.0.113.1", "203.0.113.129", "203.0.114.1", "2001:db8::1", "localhost"),
        (
            "203.0.113.0/24", "203.0.113.1", "0.0.0.0/0", "2001:db8::/32", "::/0",
            "203.0.112.0/23", "203.0.113.0/25", "203.0.113.128/25",
        ),
        ("IpAddress", "NotIpAddress"), False,
    ),
}  # fmt: skip

USER = "${aws:username}"
USERS = ("a", "b", "", "eni-1", "a:b")
VARIABLES = (USER, "a" + USER, USER + "*", "${aws:username, 'b'}", "${*}", "a${?}", "${$}b", "*")
VARIABLE_ARNS = (
    ARN + "network-interface/" + USER, "arn:aws:s3:::bucket/${aws:username}",
    "arn:aws:s3:::*/${aws:username, 'bob'}", ARN + "*/" + USER + "*",
)  # fmt: skip


def with_variables(random: Random, plain: Policy) -> Policy:
    """Return a policy with some of its values replaced by ones with policy variables."""
    statements = []
    for statement in plain.statements:
        resources = statement.resources
        if resources and random.random() < 0.5:
            resources = (*resources[1:], random.choice(VARIABLE_ARNS))
        changed = tuple(
            replace(c, values=(*c.values[1:], random.choice(VARIABLES)))
            if any(s in c.operator for s in ("StringE", "StringN", "StringL"))
            and random.random() < 0.7
            else c
            for c in statement.conditions
        )
        statements.append(replace(statement, resources=resources, conditions=changed))
    version = "2008-10-17" if random.random() < 0.15 else plain.version
    return replace(plain, statements=tuple(statements), version=version)


def with_user(random: Random, plain: Request) -> Request:
    if random.random() < 0.3:
        return plain
    return replace(plain, context={**plain.context, "aws:username": random.choice(USERS)})


def some(random: Random, values: tuple[str, ...], most: int) -> tuple[str, ...]:
    return tuple(random.sample(values, random.randint(1, min(most, len(values)))))


def condition(random: Random, keys: tuple[str, ...] = tuple(KEYS)) -> Condition:
    key = random.choice(keys)
    _, patterns, operators, several = KEYS[key]
    if random.random() < 0.15:
        prefix = random.choice(("", "", "", "ForAllValues:", "ForAnyValue:"))
        return Condition(prefix + "Null", key, (random.choice(("true", "false")),))
    operator = random.choice(operators)
    if random.random() < (0.85 if several else 0.1):
        operator = random.choice(("ForAllValues:", "ForAnyValue:")) + operator
    if random.random() < 0.25:
        operator += "IfExists"
    return Condition(operator, key, some(random, patterns, 3))


def conditions(random: Random, keys: tuple[str, ...] = tuple(KEYS)) -> tuple[Condition, ...]:
    by_key: dict[tuple[str, str], Condition] = {}
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        made = condition(random, keys)
        by_key[made.operator, made.key] = made
    return tuple(by_key.values())


def statement(random: Random, keys: tuple[str, ...] = tuple(KEYS)) -> Statement:
    actions, resources = some(random, ACTION_PATTERNS, 3), some(random, RESOURCE_PATTERNS, 3)
    all_but, elsewhere = random.random() < 0.12, random.random() < 0.12
    return Statement(
        effect="Allow" if random.random() < 0.75 else "Deny",
        actions=() if all_but else actions,
        not_actions=actions if all_but else (),
        resources=() if elsewhere else resources,
        not_resources=resources if elsewhere else (),
        conditions=conditions(random, keys),
    )


def policy(random: Random, keys: tuple[str, ...] = tuple(KEYS), most: int = 4) -> Policy:
    return Policy(tuple(statement(random, keys) for _ in range(random.randint(1, most))))


def request(random: Random, keys: tuple[str, ...] = tuple(KEYS)) -> Request:
    context: dict[str, str | tuple[str, ...]] = {}
    for key in keys:
        values, _, _, several = KEYS[key]
        if random.random() < 0.4:
            continue
        if several:
            context[key] = tuple(random.sample(values, random.choice((0, 1, 1, 2, 3))))
        else:
            context[key] = random.choice(values)
    return Request(random.choice(ACTIONS), random.choice(RESOURCES), context=context)
