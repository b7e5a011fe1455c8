"""Pairs of policies that are hard to compare, each in its own way."""

from collections.abc import Iterable

from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Statement


def allow(*actions: str, on: tuple[str, ...] = ("*",), when: tuple[Condition, ...] = ()) -> Policy:
    return Policy((Statement(actions=actions, resources=on, conditions=when),))


def deny(*actions: str, on: tuple[str, ...] = ("*",), when: tuple[Condition, ...] = ()) -> Policy:
    (statement,) = allow(*actions, on=on, when=when).statements
    return Policy((replace(statement, effect="Deny"),))


def unlike(number: int, value: str) -> Condition:
    return Condition("StringNotEquals", f"aws:PrincipalTag/k{number}", (value,))


def bucket(number: int) -> str:
    return f"arn:aws:s3:::bucket-{number}/*"


def within(numbers: Iterable[int]) -> Condition:
    networks = tuple(f"10.{number // 256}.{number % 256}.0/25" for number in numbers)
    return Condition("IpAddress", "aws:SourceIp", networks)


def joined(*policies: Policy) -> Policy:
    return Policy(tuple(s for policy in policies for s in policy.statements))


def equal(key: str) -> Condition:
    return Condition("StringEquals", key, ("a",))


STEPS = 200_000
ACCOUNTS = tuple(f"{number:012}" for number in range(150))
TAGS = Condition("ForAnyValue:StringEquals", "aws:TagKeys", tuple(map(str, range(40))))
ACTIONS = tuple(f"ec2:*a{n}*b" for n in range(14))
RESOURCES = tuple(f"arn:aws:s3:::*x{n}*y" for n in range(14))
KEYS = [f"aws:RequestTag/k{n}" for n in range(12)]
ABSENT = [Condition("Null", key, ("true",)) for key in KEYS]
PRESENT = [Condition("Null", key, ("false",)) for key in KEYS]
TEAM = {value: unlike(0, value) for value in "ab"}
HARD = {
    "stars in actions and resources": (
        allow(*ACTIONS, on=RESOURCES), allow(*(f"{a}*" for a in ACTIONS), on=RESOURCES),
    ),
    "stars crosswise": (
        joined(*(allow(a, on=RESOURCES) for a in ACTIONS)),
        joined(*(allow(*ACTIONS, on=(f"{r}?",)) for r in RESOURCES)),
    ),
    "question marks": (
        allow("s3:A", on=tuple(f"arn:aws:s3:::*a{'?' * n}" for n in range(10, 40))),
        allow("s3:A", on=tuple(f"arn:aws:s3:::*a{'?' * n}*" for n in range(10, 40))),
    ),
    "one pattern beside another": (
        allow("s3:A", on=(f"arn:aws:s3:::*a{'?' * 60}*b",)),
        allow("s3:A", on=(f"arn:aws:s3:::*b*a{'?' * 61}*b",)),
    ),
    "keys there and not": (
        joined(
            *(
                allow("s3:A", when=tuple((ABSENT, PRESENT)[n >> b & 1][b] for b in range(6)))
                for n in range(63)
            )
        ),
        allow("s3:A"),
    ),
    "a Deny for each key": (
        joined(allow("*"), *(deny("*", when=(unlike(n, "a"),)) for n in range(150))),
        joined(allow("*"), *(deny("*", when=(unlike(n, "b"),)) for n in range(150))),
    ),
    "a Deny for each resource": (
        joined(allow("*"), *(deny("*", on=(bucket(n),), when=(TEAM["a"],)) for n in range(150))),
        joined(allow("*"), *(deny("*", on=(bucket(n),), when=(TEAM["b"],)) for n in range(150))),
    ),
    "many statements": (
        joined(*(allow("s3:Get", on=(bucket(n),), when=(TEAM["a"],)) for n in range(300))),
        joined(*(allow("s3:Get", on=(bucket(n) + "x",), when=(TEAM["a"],)) for n in range(300))),
    ),
    "many actions": (
        allow(*(f"s3:Get{n}*" for n in range(400))), allow(*(f"s3:Get{n}*x" for n in range(400))),
    ),
    "many resources": (
        allow("s3:*", on=tuple(map(bucket, range(400)))),
        allow("s3:*", on=tuple(bucket(n) + "x" for n in range(400))),
    ),
    "many actions on many resources": (
        allow(*(f"s3:Get{n}*" for n in range(200)), on=tuple(map(bucket, range(200)))),
        allow(*(f"s3:Get{n}*x" for n in range(200)), on=tuple(map(bucket, range(200)))),
    ),
    "many accounts": (
        allow("*", when=(Condition("StringEquals", "aws:ResourceAccount", ACCOUNTS),)),
        allow("*", on=tuple(f"arn:aws:ec2:*:{account}:*" for account in ACCOUNTS)),
    ),
    "many accounts, all but some": (
        deny("*", when=(Condition("StringNotEquals", "aws:ResourceAccount", ACCOUNTS),)),
        joined(
            allow("ec2:*", *ACTIONS), *(deny("*", on=(f"arn:aws:*:*:{a}:*",)) for a in ACCOUNTS)
        ),
    ),
    "tags in two spellings": (
        allow("ec2:*", when=tuple(equal(f"ec2:ResourceTag/{n}") for n in range(300))),
        allow("ec2:*", when=tuple(equal(f"aws:ResourceTag/{n}") for n in range(300))),
    ),
    "tags and their keys": (
        allow("ec2:*", when=tuple(equal(f"aws:RequestTag/{n}") for n in range(40))),
        joined(*(allow("ec2:*", when=(equal(f"aws:RequestTag/{n}"), TAGS)) for n in range(40))),
    ),
    "many addresses": (
        allow("s3:A", when=(within(range(900)),)), allow("s3:A", when=(within(range(1, 901)),)),
    ),
    "patterns of values": (
        allow("s3:A", when=(Condition("StringLike", KEYS[0], tuple(f"*{n}*{n}*" for n in KEYS)),)),
        allow("s3:A", when=(Condition("StringLike", KEYS[0], tuple(f"*{n}*{n}?" for n in KEYS)),)),
    ),
}  # fmt: skip
