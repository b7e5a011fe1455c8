"""Each rule beyond patterns and single conditions is needed for a policy of AWS."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from statements import allow, deny
from test_access_managed import managed
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.proof import clauses, globs, possible, related_keys, texts
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess

CACHES = (possible.values_and_steps, texts.word_and_steps, clauses.read, clauses.read_statement)


def is_proven(old: Policy, new: Policy) -> bool:
    """Return whether it is proven by the rules as they are now; remember nothing of it."""
    for cache in CACHES:
        cache.cache_clear()
    answer = no_new_access([old], [new])
    for cache in CACHES:
        cache.cache_clear()
    return answer == NoNewAccess()


def with_keys(policy: Policy, old: str, new: str) -> Policy:
    def changed(statement: Statement) -> Statement:
        conditions = (replace(c, key=str(c.key).replace(old, new)) for c in statement.conditions)
        return replace(statement, conditions=tuple(conditions))

    return replace(policy, statements=tuple(map(changed, policy.statements)))


def with_operator(policy: Policy, old: str, new: str, *values: str, key: str = "") -> Policy:
    def changed(condition: Condition) -> Condition:
        if condition.operator != old or key not in str(condition.key):
            return condition
        return replace(condition, operator=new, values=values or condition.values)

    statements = (
        replace(s, conditions=tuple(map(changed, s.conditions))) for s in policy.statements
    )
    return replace(policy, statements=tuple(statements))


def test_tags_of_a_resource_by_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a change of AWSApplicationMigrationEC2Access from one key to the other."""
    policy = managed()["AWSApplicationMigrationEC2Access"]
    other = with_keys(policy, "ec2:ResourceTag/", "aws:ResourceTag/")
    assert policy != other
    assert is_proven(policy, other) and is_proven(other, policy)
    monkeypatch.setattr(related_keys, "SAME", ())
    assert not is_proven(policy, other)


def test_all_keys_of_tags_and_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROSAInstallerPolicy: all keys are like a pattern, and there are keys."""
    policy = managed()["ROSAInstallerPolicy"]
    (statement,) = (s for s in policy.statements if s.sid == "DeleteTagsK8sSubnet")
    like = Condition("ForAnyValue:StringLike", "aws:TagKeys", ("kubernetes.io/cluster/*",))
    old, new = Policy((replace(statement, conditions=(like,)),)), Policy((statement,))
    assert is_proven(old, new)
    assert not is_proven(new, old)
    monkeypatch.setattr(possible, "NEVER_EMPTY", ())
    assert not is_proven(old, new)


def without_variables(groups: tuple[texts.GlobGroup, ...]) -> list[tuple[texts.GlobGroup, ...]]:
    return [tuple(tuple(glob.relaxed for glob in group) for group in groups)]


@pytest.mark.parametrize(
    ("module", "name", "rule"),
    [
        (texts, "with_variables_once", without_variables),
        (globs, "of_arn", lambda pattern, *, wide: globs.ANYTHING if wide else None),
    ],
)
def test_an_arn_with_a_variable(
    module: object, name: str, rule: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWSEC2VssSnapshotPolicy had StringLike and a `*` before the variable."""
    policy = managed()["AWSEC2VssSnapshotPolicy"]
    old = with_operator(policy, "ArnLike", "StringLike", "*${ec2:InstanceId}")
    assert is_proven(old, policy)
    assert not is_proven(policy, old)
    monkeypatch.setattr(module, name, rule)
    assert not is_proven(old, policy)


def test_a_tag_without_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWSAppFabricServiceRolePolicy, and a change to StringEquals."""
    policy = managed()["AWSAppFabricServiceRolePolicy"]
    strict = with_operator(policy, "StringEqualsIgnoreCase", "StringEquals")
    assert is_proven(policy, strict)
    assert not is_proven(strict, policy)
    monkeypatch.setattr(
        globs, "of_folded", lambda pattern, *, wide: globs.ANYTHING if wide else None
    )
    assert not is_proven(policy, strict)


def test_a_value_that_is_no_empty_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier AWSBackupOrganizationAdminAccess had ForAllValues, which holds without a value."""
    policy = managed()["AWSBackupOrganizationAdminAccess"]
    old = with_operator(policy, "StringEquals", "ForAllValues:StringLike")
    assert old != policy
    assert is_proven(old, policy)
    assert not is_proven(policy, old)
    monkeypatch.setattr(possible, "if_empty", lambda _: None)
    assert not is_proven(old, policy)


def test_a_tag_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """AmazonSageMakerCanvasFullAccess asks for a value of a tag; before, for any."""
    policy = managed()["AmazonSageMakerCanvasFullAccess"]
    tag = "aws:RequestTag/sagemaker:is-canvas-resource"
    old = with_operator(policy, "StringEquals", "Null", "false", key=tag)
    assert old != policy
    assert is_proven(old, policy)
    assert not is_proven(policy, old)
    monkeypatch.setattr(possible, "may_be_present", lambda _: True)
    assert not is_proven(old, policy)


def test_a_user_of_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWSCodeCommitPowerUser is about users with `${aws:username}`."""
    policy = managed()["AWSCodeCommitPowerUser"]
    new = Policy(tuple(replace(s, actions=s.actions[:1]) for s in policy.statements))
    assert is_proven(policy, new)
    monkeypatch.setattr(globs, "is_plain", lambda _: False)
    monkeypatch.setattr(globs, "ARN_PARTS", 99)
    assert not is_proven(policy, new)


SECURE = "aws:SecureTransport"


def test_a_truth_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon S3 User Guide: "Restrict access to only HTTPS requests", then as a condition."""
    plain, secure = (Condition("Bool", SECURE, (value,)) for value in ("false", "true"))
    old = Policy((allow("s3:*"), deny("s3:*", when=plain)))
    new = Policy((allow("s3:*", when=secure),))
    assert is_proven(old, new)
    monkeypatch.setattr(
        globs, "of_folded", lambda pattern, *, wide: globs.ANYTHING if wide else None
    )
    assert not is_proven(old, new)


def restricted_to(region: str, *, key: str = "ec2:Region") -> Policy:
    """Amazon EC2 User Guide, "Restrict access to a specific Region"."""
    elsewhere = Condition("StringNotEquals", key, (region,))
    return Policy((allow("ec2:*"), deny("ec2:*", when=elsewhere)))


def test_the_region_by_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide has one key, or alternatively the other."""
    region = "eu-central-1"
    old, new = restricted_to(region), restricted_to(region, key="aws:RequestedRegion")
    assert is_proven(old, new) and is_proven(new, old)
    monkeypatch.setattr(related_keys, "SAME", related_keys.SAME[1:])
    assert not is_proven(old, new)


def test_a_variable_with_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM User Guide, "IAM policy elements: Variables and tags", specifying default values."""
    bucket = "arn:aws:s3:::amzn-s3-demo-bucket/"
    old, new = (
        Policy((allow("s3:GetObject", on=f"{bucket}${{aws:PrincipalTag/team{default}}}"),))
        for default in (", 'company-wide'", "")
    )
    assert is_proven(old, new)
    assert not is_proven(new, old)
    monkeypatch.setattr(globs.Atom, "reads", globs.Atom.__eq__)
    assert not is_proven(old, new)


def revoked(before: str) -> Policy:
    """AWSRevokeOlderSessions, which IAM adds to a role."""
    older = Condition("DateLessThan", "aws:TokenIssueTime", (before,))
    return Policy((allow("*"), deny("*", when=older)))


def from_networks(*networks: str) -> Policy:
    """IAM User Guide, "AWS: Denies access to AWS based on the source IP"."""
    elsewhere = Condition("NotIpAddress", "aws:SourceIp", networks)
    through = Condition("Bool", "aws:ViaAWSService", ("false",))
    return Policy((allow("*"), deny("*", when=(elsewhere, through))))


TLS = "AWSManagedServices_ContactsServiceRolePolicy"


def with_tls(version: str) -> Policy:
    operator = "NumericGreaterThanEquals"
    return with_operator(managed()[TLS], operator, operator, version)


@pytest.mark.parametrize(
    ("family", "policy", "more", "less"),
    [
        (Family.NUMERIC, with_tls, ("1.2",), ("1.3",)),
        (Family.DATE, revoked, ("2026-01-01T00:00:00Z",), ("2026-02-01T00:00:00Z",)),
        (Family.IP, from_networks, ("192.0.2.0/24", "203.0.113.0/24"), ("192.0.2.0/25",)),
    ],
)
def test_numbers_dates_and_networks(
    family: Family,
    policy: Callable[..., Policy],
    more: tuple[str, ...],
    less: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wider, narrower = policy(*more), policy(*less)
    assert is_proven(wider, narrower)
    assert not is_proven(narrower, wider)
    monkeypatch.setattr(possible, "TYPED", tuple(f for f in possible.TYPED if f is not family))
    assert not is_proven(wider, narrower)
