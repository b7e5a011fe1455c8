"""What ordinary requests look like, so that a counterexample reads like one that AWS gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from vpc_cni_iam.policy.matching import values
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.proof.examples.aws import ACCOUNT, NAME, ORDINARY, REGION

_ACCOUNT = re.compile(r"[0-9]{12}|aws")
_ID = "0123456789abcdef0"
# What a service's resources are called after their type.
_ENDS = {
    arn.split(":", 5)[5].rpartition("/")[0] + "/": arn.rpartition("/")[2]
    for arn in ORDINARY["ec2"]
    if "/" in arn
}
_VALUES = {
    "aws:username": "alice",
    "aws:userid": "AIDACKCEVSQ6C2EXAMPLE",
    "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
    "aws:principaltype": "User",
    "aws:principalorgid": "o-a1b2c3d4e5",
    "aws:resourceorgid": "o-a1b2c3d4e5",
    "aws:sourceip": "203.0.113.7",
    "aws:vpcsourceip": "10.0.0.7",
    "aws:sourcevpc": f"vpc-{_ID}",
    "aws:sourcevpce": f"vpce-{_ID}",
    "aws:requestedregion": REGION,
    "aws:calledvia": "cloudformation.amazonaws.com",
    "aws:useragent": "aws-cli/2.15.0",
    "iam:passedtoservice": "ec2.amazonaws.com",
    "ec2:region": REGION,
    "ec2:vpc": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-{_ID}",
    "ec2:subnet": f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/subnet-{_ID}",
    "ec2:instancetype": "t3.micro",
    "s3:prefix": "home/",
}
_TYPED = {
    Family.IP: ("203.0.113.7", "198.51.100.7", "2001:db8::7"),
    Family.DATE: ("2026-06-01T12:00:00Z", "1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    Family.NUMERIC: ("1", "0", "1000000"),
    Family.BOOL: ("true", "false"),
    Family.BINARY: ("QQ==", "eA=="),
    Family.ARN: (
        f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-{_ID}",
    ),
}
_READERS = {
    Family.IP: values.address,
    Family.DATE: values.instant,
    Family.NUMERIC: values.number,
    Family.BOOL: values.truth,
    Family.BINARY: values.octets,
}


@lru_cache(maxsize=1)
def _by_action() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return actions as they are spelled, and their resources, by the action in lower case."""
    found: dict[str, tuple[str, list[str]]] = {}
    for service, resources in ORDINARY.items():
        for arn, names in resources.items():
            for name in names.split():
                action = f"{service}:{name}"
                found.setdefault(action.lower(), (action, []))[1].append(arn)
    return {key: (action, tuple(arns)) for key, (action, arns) in found.items()}


def actions() -> Iterator[tuple[str, str]]:
    """Yield actions in lower case, and as they are spelled."""
    for key, (action, _) in _by_action().items():
        yield key, action


def resources(action: str) -> tuple[str, ...]:
    """Return the resources of an action, then the other resources of its service."""
    own = _by_action().get(action.lower(), ("", ()))[1]
    others = (arn for arn in ORDINARY.get(action.partition(":")[0].lower(), ()) if arn != "*")
    return tuple(dict.fromkeys([*own, *others]))


def can_be_on(action: str, resource: str) -> bool:
    """Say whether a resource is of a type that an action is known to be asked of."""
    own = _by_action().get(action.lower(), ("", ()))[1]
    return _type(resource) in map(_type, own)


def _type(resource: str) -> str:
    *front, name = resource.split(":", ARN_PARTS - 1)
    service = "".join(front[2:3])
    if service == "s3":
        return "object" if "/" in name else "bucket"
    return f"{service} {re.split('[/:]', name)[0] if front else name}"


def is_known(action: str) -> bool:
    """Say whether an action is one that AWS has."""
    return action.lower() in _by_action()


def is_like_an_arn(resource: str) -> bool:
    """Say whether a resource has the form of an ARN: an account of twelve digits, no empty name."""
    parts = resource.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS or parts[0] != "arn" or not (parts[1] and parts[2]):
        return False
    forms = {
        (bool(form[3]), bool(form[4]))
        for arn in ORDINARY.get(parts[2], ())
        if len(form := arn.split(":", ARN_PARTS - 1)) == ARN_PARTS
    }
    account = not parts[4] or _ACCOUNT.fullmatch(parts[4])
    return bool(
        account
        and parts[5].strip("/:")
        and "//" not in parts[5]
        and parts[5][-1] not in "/:"
        and (not forms or (bool(parts[3]), bool(parts[4])) in forms)
    )


def name_after(text: str) -> str:
    """Return what to name a resource whose ARN begins so.

    Args:
        text: The begin of the ARN, up to a wildcard.
    """
    end = text.rpartition(":")[2]
    return _ENDS.get(end, NAME)


def likely(key: str, families: set[Family]) -> list[str]:
    """Return values that a context key often has.

    Args:
        families: The families of operators that it is compared with.
    """
    found = [_VALUES[key]] if key in _VALUES else []
    if key.endswith("account"):
        found += [ACCOUNT, "444455556666"]
    for family, examples in _TYPED.items():
        if family in families:
            found += examples
    return found or [NAME]


def has_type(value: str, families: set[Family]) -> bool:
    """Say whether a value is of a type that a key compared so has.

    Args:
        families: The families of operators that the key is compared with.
    """
    typed = families - {Family.NULL}
    if not typed or typed - {*_READERS, Family.ARN}:
        return True
    return any(
        value.count(":") >= ARN_PARTS - 1
        if family is Family.ARN
        else _READERS[family](value) is not None
        for family in typed
    )
