"""Which principals a change of a trust policy lets assume a role."""

from typing import Any

import pytest
from msgspec.structs import replace

from trusts import ACCOUNT, BOTH, ISSUER, PODS, PROVIDER, SUBJECT, allow, irsa, nodes, pods, trust
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.principals import TrustedPrincipal, new_principals
from vpc_cni_iam.policy.document import Condition, Policy, Principal
from vpc_cni_iam.policy.template import Hole, HoleKind, Side, Template

OTHER = "444455556666"
ROOT = f"arn:aws:iam::{OTHER}:root"
ROLE, SESSION = f"arn:aws:iam::{OTHER}:role/r", f"arn:aws:sts::{OTHER}:assumed-role/r/s"


def named(*statements: dict[str, Any], before: tuple[dict[str, Any], ...]) -> list[str]:
    return [p.name for p in new_principals(trust(*before), trust(*statements))]


def of_organization(name: str) -> dict[str, Any]:
    return allow("*", "sts:AssumeRole", StringLike={"aws:PrincipalOrgID": name})


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ([irsa()], [irsa(), nodes()], ["ec2.amazonaws.com"]),
        ([irsa()], [nodes()], ["ec2.amazonaws.com"]),
        ([irsa(), nodes()], [irsa()], []),
        ([irsa()], [irsa("system:serviceaccount:*:aws-node", "StringLike")], [PROVIDER]),
        ([irsa("system:serviceaccount:*:aws-node", "StringLike")], [irsa()], []),
        # Any subject, where one was named.
        ([irsa()], [allow({"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity")], [PROVIDER]),
        (
            [pods(StringEquals={"aws:RequestTag/kubernetes-service-account": "aws-node"})],
            [pods()],
            [PODS],
        ),
        ([pods()], [pods(StringEquals={"aws:RequestTag/kubernetes-namespace": "x"})], []),
        ([allow({"AWS": OTHER}, *BOTH)], [allow({"AWS": ROOT}, *BOTH)], []),
        ([allow({"AWS": ROLE}, *BOTH)], [allow({"AWS": [ROLE, SESSION]}, *BOTH)], [SESSION]),
        # What an account may delegate is not what a role by name has.
        ([allow({"AWS": ROOT}, *BOTH)], [allow({"AWS": ROLE}, *BOTH)], [ROLE]),
        ([allow({"AWS": ROLE}, *BOTH)], [allow({"AWS": ROOT}, *BOTH)], [ROOT]),
        ([allow({"AWS": ACCOUNT}, *BOTH)], [allow("*", *BOTH)], ["*"]),
        ([of_organization("o-a")], [of_organization("o-b")], ["*"]),
        ([of_organization("o-a")], [allow("*", "sts:AssumeRole")], ["*"]),
        # All of an account, where conditions or names limited it to a role.
        ([allow({"AWS": ROOT}, *BOTH, ArnLike={"aws:PrincipalArn": ROLE})],
         [allow({"AWS": ROOT}, *BOTH)], [ROOT]),
        ([allow({"AWS": ROOT}, *BOTH)],
         [allow({"AWS": ROOT}, *BOTH, ArnLike={"aws:PrincipalArn": ROLE})], []),
        ([], [{**irsa(), "Condition": {"StringNotEquals": {f"{ISSUER}:sub": SUBJECT}}}],
         [PROVIDER]),
        ([of_organization("o-a")], [of_organization("o-a"), of_organization("o-?")], ["*"]),
        # A pattern becomes wider.
        ([irsa("system:serviceaccount:e*:*", "StringLike")],
         [irsa("system:serviceaccount:*:*", "StringLike")], [PROVIDER]),
        # Two conditions on one key.
        ([], [{**irsa(), "Condition": {"StringEquals": {f"{ISSUER}:sub": SUBJECT},
                                       "StringLike": {f"{ISSUER}:sub": "system:*"}}}], [PROVIDER]),
        # What conditions ask of the request and not of the caller makes no principal new.
        (
            [allow({"AWS": ROOT}, *BOTH, Bool={"aws:MultiFactorAuthPresent": "true"})],
            [allow({"AWS": ROOT}, *BOTH)],
            [],
        ),
        # What a Deny stops is not let in, and what it no longer stops is.
        ([irsa()], [irsa(), nodes(), allow("*", "sts:AssumeRole", effect="Deny")], []),
        ([nodes(), allow("*", "sts:*", effect="Deny")], [nodes()], ["ec2.amazonaws.com"]),
        (
            [],
            [allow({"Federated": "arn:aws:iam::1:saml-provider/x"}, "sts:AssumeRoleWithSAML",
                   StringEquals={"SAML:aud": "https://signin.aws.amazon.com/saml"})],
            ["arn:aws:iam::1:saml-provider/x"],
        ),
    ],
)  # fmt: skip
def test_principals_that_could_not_assume_the_role_before(
    before: list[dict[str, Any]], after: list[dict[str, Any]], new: list[str]
) -> None:
    assert named(*after, before=tuple(before)) == new


def test_a_principal_is_told_by_what_identifies_it() -> None:
    (principal,) = new_principals(trust(), trust(irsa()))
    claims = ((f"{ISSUER.lower()}:aud", "sts.amazonaws.com"), (f"{ISSUER.lower()}:sub", SUBJECT))
    assert principal == TrustedPrincipal("Federated", PROVIDER, claims)


def test_a_policy_that_is_not_evaluated_is_refused() -> None:
    refused = {"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "Action": "sts:*"}
    for before, after in ((trust(refused), trust(nodes())), (trust(), trust(refused, nodes()))):
        with pytest.raises(InputError, match="NotPrincipal"):
            new_principals(before, after)


def _hole(place: str) -> Template:
    return Template((Hole(HoleKind.UNKNOWN, place, Side.AFTER),))


def test_a_name_that_is_not_known_is_new_unless_the_same_was_there_before() -> None:
    def policy(*names: str | Template, subject: str | Template = SUBJECT) -> Policy:
        (statement,) = trust(irsa()).statements
        token = Condition("StringEquals", f"{ISSUER}:sub", (subject,))
        principals = (Principal("AWS", names),)
        named = replace(statement, principals=principals, actions=BOTH, conditions=())
        return Policy((replace(statement, conditions=(token,)), named))

    a, b = _hole("aws_iam_role.a.arn"), _hole("aws_iam_role.b.arn")
    role = f"arn:aws:iam::{ACCOUNT}:role/x"
    names = [
        [p.name for p in new_principals(before, after)]
        for before, after in (
            (policy(a), policy(a)),
            (policy(a), policy(b)),
            (policy(a), policy(a, role)),
            (policy(role), policy(a)),
            (policy(a), policy(role)),
            (policy(a, subject=a), policy(a, subject=a)),
            (policy(a, subject=a), policy(a, subject=b)),
            (policy(a, subject=a), policy(a)),
        )
    ]
    assert names == [[], [b], [role], [a], [role], [], [PROVIDER], [PROVIDER]]
