"""ARNs count as a whole: with the account, and with the path."""

import pytest

from eks import CNI, NODE_TRUST, addon, arn_of, irsa, own_role, same
from synthetic import (
    Json,
    allow,
    attachment,
    block,
    configured,
    document,
    policy,
    resource,
    reviewed,
)


def test_a_role_of_another_path_is_not_the_one_of_the_plan() -> None:
    """Its name is in use; IAM has no role of this ARN."""
    sides = ({"service_account_role_arn": arn} for arn in (arn_of("cni"), arn_of("eks/cni")))
    review = reviewed(addon(*sides), *own_role("cni", irsa(), CNI))
    (changed,) = (f for f in review.findings if f.rule == "plugin-identity-changed")
    assert changed.level == "warning" and arn_of("eks/cni") in changed.message


HERE, THERE = arn_of("r"), arn_of("r", "444455556666")


def role_of(block: str, before: Json | None, after: Json | None, **more: object) -> Json:
    sides = [v and {"assume_role_policy": NODE_TRUST, **v} for v in (before, after)]
    return resource("aws_iam_role", block, *sides, **more)


def stays(block: str, arn: str, **more: object) -> Json:
    values = {"name": "r", "arn": arn}
    return role_of(block, values, values, **more)


MADE = role_of("made", None, {"name": "r"})


@pytest.mark.parametrize(
    ("roles", "arn", "who"),
    [
        ([stays("here", HERE), stays("there", THERE)], HERE, "aws_iam_role.here"),
        ([stays("here", HERE), stays("there", THERE)], THERE, "aws_iam_role.there"),
        # The provider of one that is made may be of any account, but a name is in use once.
        ([stays("here", HERE), MADE], HERE, "aws_iam_role.here"),
        ([stays("here", HERE), MADE], THERE, "aws_iam_role.made"),
        ([stays("here", HERE)], THERE, THERE),
        # What a replacement left behind, and what drifted, is not the role.
        (
            [stays("here", HERE), role_of("here", {"name": "r", "arn": THERE}, None, deposed="1a")],
            HERE,
            "aws_iam_role.here",
        ),
        # A role that gets another name leaves its own to a new one.
        (
            [
                role_of(
                    "here", {"name": "r", "arn": HERE}, {"name": "s"}, actions=["delete", "create"]
                ),
                MADE,
            ],
            HERE,
            "aws_iam_role.made",
        ),
    ],
)
def test_a_role_is_told_by_the_account_in_its_arn(roles: list[Json], arn: str, who: str) -> None:
    pods = {"cluster_name": "prod", "namespace": "kube-system", "service_account": "aws-node"}
    association = same("aws_eks_pod_identity_association", "a", {**pods, "role_arn": arn})
    drift = stays("here", arn_of("r", "777788889999"))
    providers = {"here": "aws", "there": "aws.there", "made": "aws.there"}
    configuration = configured(
        *(block(f"aws_iam_role.{name}", provider=key) for name, key in providers.items())
    )
    review = reviewed(*roles, association, resource_drift=[drift], configuration=configuration)
    assert [plugin.roles_after for plugin in review.plugins if plugin.cluster] == [(who,)]


@pytest.mark.parametrize(("account", "known"), [("111122223333", True), ("444455556666", False)])
def test_a_policy_that_is_made_is_of_the_account_of_its_provider(account: str, known: bool) -> None:
    """The role may have the access of the policy that comes, and none of another account's."""
    arn = f"arn:aws:iam::{account}:policy/p"
    role = own_role("a", NODE_TRUST, document(allow("s3:*")))
    # Of other types, and of other accounts, there are more of the name.
    others = [*own_role("p", NODE_TRUST), resource("aws_iam_user", "p", None, {"name": "p"})]
    there = {"name": "p", "arn": "arn:aws:iam::777788889999:policy/p", "policy": document()}
    others.append(same("aws_iam_policy", "other", there))
    kinds = ("aws_iam_role.a", "aws_iam_policy.p", "aws_iam_role_policy_attachment.a")
    made = policy("p", None, document(allow("s3:GetObject")))
    attached = attachment("a", arn, sides=(None, {"role": "a", "policy_arn": arn}))
    configuration = configured(*(block(kind, provider="aws") for kind in kinds))
    review = reviewed(*role, *others, made, attached, configuration=configuration)
    rules = {f.rule for f in review.findings if f.address == "aws_iam_role_policy_attachment.a"}
    assert ("unknown-attachment" not in rules) is known
