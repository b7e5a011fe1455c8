"""Whether policies, or roles within their limits, allow anything that others do not."""

import pytest
from vpc_cni_iam.review.diff.proofs import new_access, roles_access
from vpc_cni_iam.review.diff.verdicts import Access

from synthetic import Json, allow, parsed
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.diff import proofs


def deny(action: str | list[str], **more: Json) -> Json:
    return {**allow(action, **more), "Effect": "Deny"}


def trust(effect: str, **who: Json) -> Json:
    return {"Effect": effect, "Action": "sts:AssumeRole", **who}


def told(access: Access) -> str:
    example = access.witness
    return f"{access.verdict}: {example.action if example else access.reason}"


TAGGED = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
REFUSED = {"Is": {"aws:ResourceTag/team": "blue"}}
REFUSAL = "not proven: $.Statement[{}].Condition.Is.aws:ResourceTag/team: 'Is' is not a condition "
OPERATOR = REFUSAL + "operator of IAM"
NONE = "no new access: "
OPEN = "unknown: neither a proof nor a request that shows it was found"
A, B, BOTH = parsed(allow("ec2:A")), parsed(allow("ec2:B")), parsed(allow(["ec2:A", "ec2:B"]))
ALL = parsed(allow("ec2:*"))
TAGS = "aws:TagKeys"
ANY = parsed(allow("ec2:A", Condition={"ForAnyValue:StringEquals": {TAGS: ["a", "b"]}}))
ONLY_A = parsed(allow("ec2:A", Condition={"ForAllValues:StringEquals": {TAGS: "a"}}))
AND_B = parsed(
    allow(
        "ec2:A",
        Condition={
            "ForAllValues:StringEquals": {TAGS: ["a", "b"]},
            "ForAnyValue:StringEquals": {TAGS: "a"},
        },
    )
)
MANY = [f"ec2:A{number}" for number in range(400)]
VARIABLE = allow("s3:A", "arn:aws:s3:::${aws:username}")
ROOTS = [
    trust("Allow", Principal={"AWS": f"arn:aws:iam::{account}:root"})
    for account in ("111122223333", "444455556666")
]
NOT_PRINCIPAL = trust("Deny", NotPrincipal={"AWS": "111122223333"})
NOT_REASONED = "not proven: NotPrincipal is not reasoned about: its effect is up to the service"
POLICIES: dict[str, tuple[list[Policy], list[Policy], str]] = {
    "the same": ([A], [A], NONE),
    "no statement is left": ([A], [parsed()], NONE),
    "fewer actions, by another Sid": ([BOTH], [parsed(allow("ec2:A", Sid="One"))], NONE),
    "more actions": ([A], [BOTH], "new access: ec2:B"),
    "two policies in one": ([A, B], [parsed(allow("ec2:B"), allow("ec2:A"))], NONE),
    "a Deny goes": ([parsed(allow("ec2:A"), deny("ec2:A"))], [A], "new access: ec2:A"),
    "one of two Denies goes, and an action": (
        [parsed(allow(["ec2:A", "ec2:B"]), deny("ec2:A"), deny("ec2:B"))],
        [parsed(allow("ec2:A"), deny("ec2:B"))],
        "new access: ec2:A",
    ),
    "a Deny comes": ([BOTH], [parsed(allow(["ec2:A", "ec2:B"]), deny("ec2:A"))], NONE),
    "a Deny comes with another action": (
        [BOTH],
        [parsed(allow(["ec2:A", "s3:B"]), deny("ec2:A"))],
        "new access: s3:B",
    ),
    "a condition goes with an action": (
        [parsed(allow(["ec2:A", "ec2:B"], Condition=TAGGED))],
        [A],
        "new access: ec2:A",
    ),
    "a resource goes with an action": (
        [parsed(allow(["ec2:A", "ec2:B"], "arn:aws:ec2:*:*:subnet/*"))],
        [A],
        "new access: ec2:A",
    ),
    "a version with variables": (
        [parsed(VARIABLE, version="2008-10-17")],
        [parsed(VARIABLE)],
        "new access: s3:A",
    ),
    "a Deny that is not reasoned about stays": (
        [parsed(*ROOTS, NOT_PRINCIPAL)],
        [parsed(ROOTS[1], NOT_PRINCIPAL)],
        NOT_REASONED,
    ),
    "what IAM refuses loses an action": (
        [parsed(allow(["ec2:A", "ec2:B"], Condition=REFUSED))],
        [parsed(allow("ec2:A", Condition=REFUSED))],
        OPERATOR.format(0),
    ),
    "a Deny comes that IAM refuses": (
        [BOTH],
        [parsed(allow(["ec2:A", "ec2:B"]), deny("ec2:A", Condition=REFUSED))],
        OPERATOR.format(1),
    ),
    "a long list loses an action": ([parsed(allow(MANY))], [parsed(allow(MANY[1:]))], NONE),
    "a long list gains an action": (
        [parsed(allow(MANY[1:]))],
        [parsed(allow(MANY))],
        "new access: ec2:A0",
    ),
}


@pytest.mark.parametrize("name", POLICIES)
def test_new_access_of_policies_is_proven_or_shown(name: str) -> None:
    old, new, expected = POLICIES[name]
    budget = Budget()
    assert told(new_access(old, new, budget)) == expected
    for asked in (budget, Budget()):
        assert proofs.proven(old, new, asked) is (expected == NONE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([BOTH], [A]),
        ([A], [parsed(allow("ec2:A", Sid="One"))]),
        ([BOTH], [parsed(allow("ec2:B", Sid="Two"), deny("ec2:C"), allow("ec2:A", Sid="One"))]),
        ([parsed(allow("ec2:A"), deny("ec2:B"))], [parsed(deny("ec2:B"), allow("ec2:A"))]),
        ([parsed(allow(MANY))], [parsed(allow(MANY))]),
        ([parsed(allow(MANY))], [parsed()]),
    ],
)
def test_what_is_a_part_at_a_glance_takes_no_steps(old: list[Policy], new: list[Policy]) -> None:
    assert told(new_access(old, new, Budget(0))) == NONE


def test_what_is_new_at_a_glance_needs_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpc_cni_iam.policy.proof.access.no_new_access", None)
    more = parsed(*[allow("ec2:A")] * 2, allow(["ec2:A", "s3:Get?*"]))
    assert not proofs.proven([ALL], [more], Budget())
    assert not proofs.proven(
        [A], [parsed(allow(["ec2:A", "s3:Get?*"], "arn:aws:s3:::*"))], Budget()
    )


def irsa(subject: str, operator: str = "StringLike") -> Json:
    issuer = "oidc.eks.eu-west-1.amazonaws.com/id/A"
    who = {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"}
    condition = {operator: {f"{issuer}:sub": subject}}
    action = "sts:AssumeRoleWithWebIdentity"
    return {"Effect": "Allow", "Action": action, "Principal": who, "Condition": condition}


OWN = "system:serviceaccount:kube-system:aws-node"


@pytest.mark.parametrize(
    ("before", "after", "subject"),
    [
        (OWN, "system:serviceaccount:*:*", "system:serviceaccount:default:example"),
        (OWN, "system:serviceaccount:*:aws-node", "system:serviceaccount:default:aws-node"),
        (OWN, "example", "example"),
        # What Kubernetes could issue was allowed before.
        ("system:serviceaccount:?*", "system:serviceaccount:*", "system:serviceaccount:"),
        ("system:serviceaccount:default:*", "system:*:default:*", "system::default:"),
    ],
)
def test_the_example_of_a_trust_is_a_service_account_if_one_shows_it(
    before: str, after: str, subject: str
) -> None:
    access = new_access([parsed(irsa(before))], [parsed(irsa(after))], Budget())
    assert access.witness
    assert [values for _, values in access.witness.context] == [(subject,)]


def test_an_example_has_all_values_of_its_keys() -> None:
    access = new_access([ONLY_A], [AND_B], Budget())
    assert access.witness
    assert [(key, sorted(values)) for key, values in access.witness.context] == [(TAGS, ["a", "b"])]


Role = tuple[list[Policy], list[Policy]]
OF_BLUE = parsed(allow("ec2:A", Condition=TAGGED))
REFUSED_A = parsed(allow("ec2:A", Condition=REFUSED))
OTHERS = parsed(allow(["ec2:A", "ec2:C"]))
WITHOUT_A = parsed(allow("ec2:*"), deny("ec2:A"))
ROLES: dict[str, tuple[list[Role], list[Role], str]] = {
    "the same": ([([A], [])], [([A], [])], NONE),
    "the same within a limit": ([([BOTH], [A])], [([BOTH], [A])], NONE),
    "more": ([([A], [])], [([BOTH], [])], "new access: ec2:B"),
    "more, of which a limit leaves nothing": ([([A], [])], [([BOTH], [A])], NONE),
    "more, of which a limit leaves all": ([([A], [])], [([BOTH], [B])], "new access: ec2:B"),
    "more, of which one of two limits leaves nothing": ([([A], [])], [([BOTH], [BOTH, A])], NONE),
    "more, of which two limits leave nothing together": (
        [([A], [])],
        [([ALL], [BOTH, OTHERS])],
        OPEN,
    ),
    "a limit goes": ([([BOTH], [A])], [([BOTH], [])], "new access: ec2:B"),
    "a limit widens": ([([BOTH], [A])], [([BOTH], [BOTH])], "new access: ec2:B"),
    "one role in place of two": ([([A], []), ([B], [])], [([BOTH], [])], NONE),
    "one role in place of two of which one has a limit": (
        [([A], []), ([B], [A])],
        [([BOTH], [])],
        "new access: ec2:B",
    ),
    "a second role": ([([A], [])], [([A], []), ([B], [])], "new access: ec2:B"),
    "a role where there was none": ([], [([A], [])], "new access: ec2:A"),
    "what a Deny held back": ([([WITHOUT_A], [])], [([A], [])], "new access: ec2:A"),
    "what a Deny held back and another role allows": (
        [([WITHOUT_A], []), ([A], [])],
        [([A], [])],
        OPEN,
    ),
    "a condition": ([([B], [])], [([OF_BLUE], [A])], "new access: ec2:A"),
    "a condition on one of several values": ([([B], [])], [([ANY], [A])], "new access: ec2:A"),
    "a condition on several values": ([([ONLY_A], [])], [([AND_B], [A])], "new access: ec2:A"),
    "what IAM refuses before": ([([REFUSED_A], [])], [([A], [])], OPERATOR.format(0)),
    "a limit that IAM refuses": ([([B], [])], [([A], [REFUSED_A])], OPERATOR.format(0)),
}


@pytest.mark.parametrize("name", ROLES)
def test_new_access_of_roles_is_what_all_that_limits_them_leaves(name: str) -> None:
    old, new, expected = ROLES[name]
    assert told(roles_access(old, new, Budget())) == expected


def test_without_steps_nothing_is_proven_and_a_deny_may_go() -> None:
    for old, new in (([A], [A]), ([BOTH], [A])):
        assert proofs.proven(old, new, Budget()) and not proofs.proven(old, new, Budget(0))
    denies = [parsed(deny("ec2:A"))]
    assert not proofs.deny_removed(denies, denies, Budget())
    assert proofs.deny_removed(denies, denies, Budget(0))
