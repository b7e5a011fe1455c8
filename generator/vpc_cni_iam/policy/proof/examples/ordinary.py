"""What ordinary requests look like, so that a counterexample reads like one that AWS gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from vpc_cni_iam.policy.matching import keys, values
from vpc_cni_iam.policy.matching.keys import KeyType
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.proof.examples.aws import ACCOUNT, NAME, ORDINARY, REGION

_ID = "0123456789abcdef0"
# What a service's resources are called after their type.
_ENDS = {
    arn.split(":", 5)[5].rpartition("/")[0] + "/": arn.rpartition("/")[2]
    for arn in ORDINARY["ec2"]
    if "/" in arn
}
KEY_VALUES = {
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


def _arn(text: str) -> str | None:
    return text if text.count(":") >= ARN_PARTS - 1 else None


_READERS: dict[Family, Callable[[str], object]] = {
    Family.IP: values.address,
    Family.DATE: values.instant,
    Family.NUMERIC: values.number,
    Family.BOOL: values.truth,
    Family.BINARY: values.octets,
    Family.ARN: _arn,
}
_FAMILIES = {
    KeyType.ARN: Family.ARN,
    KeyType.BOOL: Family.BOOL,
    KeyType.NUMERIC: Family.NUMERIC,
    KeyType.DATE: Family.DATE,
    KeyType.IP: Family.IP,
}


@lru_cache(maxsize=1)
def _by_action() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return actions as they are spelled, and their resources, by the action in lower case."""
    spellings: dict[str, tuple[str, list[str]]] = {}
    for service, resources in ORDINARY.items():
        for arn, names in resources.items():
            for name in names.split():
                action = f"{service}:{name}"
                spellings.setdefault(action.lower(), (action, []))[1].append(arn)
    return {key: (action, tuple(arns)) for key, (action, arns) in spellings.items()}


def actions() -> Iterator[tuple[str, str]]:
    """Yield actions in lower case, and as they are spelled."""
    for key, (action, _) in _by_action().items():
        yield key, action


def resources(action: str) -> tuple[str, ...]:
    """Return the resources of an action, then the other resources of its service."""
    own = _by_action().get(action.lower(), ("", ()))[1]
    others = (arn for arn in ORDINARY.get(action.partition(":")[0].lower(), ()) if arn != "*")
    return tuple(dict.fromkeys([*own, *others]))


def is_known(action: str) -> bool:
    """Say whether an action is one that AWS has."""
    return action.lower() in _by_action()


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
    likely_values = [KEY_VALUES[key]] if key in KEY_VALUES else []
    if key.endswith("account"):
        likely_values += [ACCOUNT, "444455556666"]
    for family, examples in _TYPED.items():
        if family in families:
            likely_values += examples
    return likely_values or [NAME]


def has_type(value: str, families: set[Family]) -> bool:
    """Say whether a value is of a type that a key compared so has.

    Args:
        families: The families of operators that the key is compared with.
    """
    typed = families - {Family.NULL}
    if not typed or not typed <= {*_READERS}:
        return True
    return any(_READERS[family](value) is not None for family in typed)


def fits(value: str, key: str) -> bool:
    """Say whether a value is of the type of a condition key."""
    key_type = keys.find(key).type
    reader = _READERS.get(_FAMILIES.get(key_type, Family.STRING))
    typed = reader is None or reader(value) is not None
    return typed and (key_type is not KeyType.ARN or value.startswith("arn:"))
