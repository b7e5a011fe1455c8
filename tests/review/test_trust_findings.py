"""Each fact about a trust policy is one finding, with what the reader knows of the role."""

import json

from synthetic import document, found, levels, reviewed, role
from trust_policies import AUD, GOOD, OIDC, SUB, irsa, of, of_rule, pods, trust
from vpc_cni_iam.review.report.words import Section, section


def _principal(name: str) -> str:
    return document(trust({"AWS": f"arn:aws:iam::111122223333:role/{name}"}, "sts:AssumeRole"))


def test_a_fix_restores_the_condition_that_became_another() -> None:
    wide = {f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}
    new = irsa(StringEquals=AUD, StringLike=wide)
    (finding,) = of_rule("trust-widened", role("r", GOOD, new))
    old = "StringEquals 'system:serviceaccount:kube-system:aws-node'"
    became = "StringLike 'system:serviceaccount:*:aws-node'"
    assert finding.details[0] == f"Condition on {OIDC}:sub changes from {old} to {became}"
    assert finding.details[-1].startswith(f"example: a token of {OIDC} with aud = ")
    where = "the trust policy of aws_iam_role.r"
    assert finding.fix == f"Restore the condition {OIDC}:sub {old} in {where}"


def test_the_example_of_a_trust_policy_names_no_other_role() -> None:
    (finding,) = of_rule("trust-widened", role("r", _principal("a"), _principal("b")))
    assert finding.details[-1].startswith("example: sts:AssumeRole by arn:aws:iam::111122223333:")
    old, new = (f"arn:aws:iam::111122223333:role/{name}" for name in "ab")
    assert finding.fix.startswith(f"Name {old} instead of {new} in the trust policy")


def test_a_flaw_that_is_the_change_itself_is_no_other_finding() -> None:
    wide = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"})
    everybody = document(trust("*", "sts:AssumeRole"))
    no_subject, no_audience = irsa(StringEquals=AUD), irsa(StringEquals=SUB)
    for before, after in (
        *((GOOD, each) for each in (wide, no_subject, no_audience)),
        (of("ec2"), everybody),
    ):
        assert levels(found(role("r", before, after))) == {"trust-widened": "error"}
    # Also a flaw of others, or one that was there before.
    others = document(*json.loads(wide)["Statement"], trust({"AWS": "111122223333"}, "sts:*"))
    assert {"irsa-subject-wildcard", "trust-widened"} <= levels(
        found(role("r", wide, others))
    ).keys()
    limited = document(trust("*", "sts:AssumeRole", StringLike={"aws:PrincipalOrgID": "o-*"}))
    assert "trust-anybody" in levels(found(role("r", of("ec2"), limited)))


def test_a_flaw_of_a_new_role_and_who_can_assume_it_are_one_finding() -> None:
    never = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:app"})
    for after, rule in (
        (irsa(StringEquals=AUD), "irsa-no-subject"),
        (document(trust("*", "sts:AssumeRole")), "trust-anybody"),
        (pods("sts:AssumeRole"), "pod-identity-no-tag-session"),
        (never, "irsa-never-matches"),
    ):
        (flaw, *_) = of_role = found(role("r", None, after))
        assert "new-policy" not in levels(of_role)
        assert rule in levels(of_role)
        assert "any-change" in flaw.means
        # What a note or warning counts for counts with the flaw.
        assert ("new-access" in flaw.means) is (rule == "trust-anybody")


def test_that_nobody_can_assume_a_role_is_not_that_somebody_can_do_more() -> None:
    never = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:app"})
    for after in (never, pods("sts:AssumeRole")):
        review = reviewed(role("r", None, after))
        assert {section(each) for each in review.findings if each.level == "error"} == {
            Section.OTHER
        }
