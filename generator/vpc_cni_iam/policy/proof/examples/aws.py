"""Names and key values for example requests.

Account numbers and IDs are those of AWS's documentation.
"""

from __future__ import annotations

from typing import TypeAlias

from vpc_cni_iam.policy.matching.operators import Family

ArnPlace: TypeAlias = tuple[str, str, str]  # partition, region and account

REGION, ACCOUNT, OTHER_ACCOUNT = "us-east-1", "111122223333", "444455556666"
# The most likely first.
PLACES: tuple[ArnPlace, ...] = (
    ("aws", REGION, ACCOUNT),
    ("aws", "eu-west-1", ACCOUNT),
    ("aws", REGION, OTHER_ACCOUNT),
    ("aws-us-gov", "us-gov-west-1", ACCOUNT),
    ("aws-cn", "cn-north-1", ACCOUNT),
)
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
NAME = "example"
# Partition, region and account of an ARN, by the colons before each.
ARN_FIELDS = {1: "aws", 3: REGION, 4: ACCOUNT}

_ID = "0123456789abcdef0"
_EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}"
# By condition key, in lower case.
KEY_VALUES = {
    "aws:username": "alice",
    "aws:userid": "AIDACKCEVSQ6C2EXAMPLE",
    "aws:principalarn": _ROLE,
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
    "ec2:vpc": f"{_EC2}:vpc/vpc-{_ID}",
    "ec2:subnet": f"{_EC2}:subnet/subnet-{_ID}",
    "ec2:instancetype": "t3.micro",
    "s3:prefix": "home/",
}
# By type, the most likely first.
TYPE_VALUES = {
    Family.IP: ("203.0.113.7", "198.51.100.7", "2001:db8::7"),
    Family.DATE: ("2026-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    Family.NUMERIC: ("1", "0", "1000000"),
    Family.BOOL: ("true", "false"),
    Family.BINARY: ("QQ==", "eA=="),
    Family.ARN: (_ROLE, f"{_EC2}:instance/i-{_ID}"),
}
