"""New access of an identity with other policies: the effect of a removed Deny."""

import pytest

import policy_pools as pools
from policy_pairs import pairs
from statements import allow, deny, when
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven, OpenPart
from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others, removed_denies
from vpc_cni_iam.policy.template import Hole, HoleKind, join

EVERYTHING = Policy((allow("*"),))
NOT_SECURE = deny("s3:*", when=when("Bool", "false", key="aws:SecureTransport"))
SECURE = allow("s3:*", when=when("Bool", "true", key="aws:SecureTransport"))


def policy(*statements: Statement) -> Policy:
    return Policy(statements)


@pytest.mark.parametrize(
    ("old", "new", "expected", "removed"),
    [
        (policy(allow("ec2:*")), policy(allow("ec2:A")), NoNewAccess, []),
        (policy(allow("ec2:A")), policy(allow("ec2:*")), NewAccess, []),
        # Nothing is new by itself; another policy may allow what the Deny denied.
        (policy(allow("ec2:*"), deny("s3:*")), policy(allow("ec2:*")), NewAccess, [1]),
        (policy(allow("s3:*"), NOT_SECURE), policy(SECURE), NewAccess, [1]),
        (policy(deny("s3:Get*")), policy(deny("s3:*")), NoNewAccess, []),
        (policy(deny("s3:*")), policy(deny("s3:Get*"), deny("iam:*")), NewAccess, [0]),
        (policy(deny("s3:*"), deny("iam:*")), policy(deny("s3:*")), NewAccess, [1]),
        (
            policy(deny("s3:*"), allow("ec2:*"), deny("iam:*")),
            policy(deny("s3:Get*", "iam:*", "s3:Put*")),
            NewAccess,
            [0],
        ),
    ],
)
def test_a_deny_that_goes_is_new_access_beside_other_policies(
    old: Policy, new: Policy, expected: type, removed: list[int]
) -> None:
    answer = no_new_access_beside_others([old], [new])
    assert isinstance(answer, expected)
    if isinstance(answer, NewAccess):
        assert compile_policies([new]).evaluate(answer.request) == answer.new
        assert compile_policies([old]).evaluate(answer.request) == answer.old
        # With a policy that allows everything where only a Deny goes.
        others = [] if answer.new.allowed else [EVERYTHING]
        before, after = (
            compile_policies([p, *others]).evaluate(answer.request) for p in (old, new)
        )
        assert before.denied and after.allowed
    places = removed_denies(old, new)
    assert [place.index for place in places] == removed
    assert all(place.statement == old.statements[place.index] for place in places)


def test_a_deny_that_is_not_shown_to_stay_is_named() -> None:
    several = deny("ec2:A", when=when("Null", "false", key="aws:TagKeys"))
    plain = deny("ec2:A", when=when("StringLike", "*", key="aws:TagKeys"))
    old = policy(allow("s3:*"), several)
    answer = no_new_access_beside_others([old], [policy(allow("s3:*"), plain)])
    assert isinstance(answer, NotProven) and isinstance(answer.evidence, OpenPart)
    place = answer.evidence.removed_deny
    assert place is not None and (place.index, place.statement) == (1, several)
    assert answer.evidence.allows == ()


def test_what_is_proven_holds_beside_any_other_policy() -> None:
    """Of random policies: with those that allow everything, and with another random one."""
    proven = 0
    for random, keys, old, new, _ in pairs(7, 100):
        answer = no_new_access_beside_others([old], [new])
        if not isinstance(answer, NoNewAccess):
            continue
        proven += 1
        for other in (EVERYTHING, pools.policy(random, keys, 3)):
            together = no_new_access([old, other], [new, other])
            assert not isinstance(together, NewAccess), (old, new, other, together)
    assert proven > 10


@pytest.mark.parametrize("place", ["var.bucket_arn", "arn:aws:s3:::b"])
def test_a_hole_that_is_all_of_a_text_is_not_proven_or_shown(place: str) -> None:
    """Its place may be no text that the element takes."""
    hole = join([Hole(HoleKind.PARAMETER, place)])
    old, new = (policy(Statement(actions=("s3:*",), resources=r)) for r in ((hole,), (hole, "*")))
    assert isinstance(no_new_access_beside_others([new], [old]), NoNewAccess)
    assert isinstance(no_new_access_beside_others([old], [new]), NewAccess | NotProven)
    other = policy(Statement(actions=("s3:*",), resources=(join([hole, "/*"]),)))
    assert isinstance(no_new_access_beside_others([old], [other]), NewAccess | NotProven)
