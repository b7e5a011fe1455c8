"""ARNs count as a whole: with the account, and with the path."""

import pytest

from eks import NODE_TRUST, addon, arn_of, irsa, own_role, same
from synthetic import allow, attachment, document, policy, resource, reviewed
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps

CNI = dumps(managed_policy())


def test_a_role_of_another_path_is_not_the_one_of_the_plan() -> None:
    """Its name is in use; IAM has no role of this ARN."""
    sides = ({"service_account_role_arn": arn} for arn in (arn_of("cni"), arn_of("eks/cni")))
    review = reviewed(addon(*sides), *own_role("cni", irsa(), CNI))
    (changed,) = (f for f in review.findings if f.rule == "plugin-identity-changed")
    assert changed.level == "warning" and arn_of("eks/cni") in changed.message


@pytest.mark.parametrize(("account", "known"), [("111122223333", True), ("444455556666", False)])
def test_a_policy_that_is_made_is_of_the_account_of_its_provider(account: str, known: bool) -> None:
    """The role may have the access of the policy that comes, and none of another account's."""
    arn = f"arn:aws:iam::{account}:policy/p"
    role = own_role("a", NODE_TRUST, document(allow("s3:*")))
    # Of other types, and of other accounts, there are more of the name.
    others = [*own_role("p", NODE_TRUST), resource("aws_iam_user", "p", None, {"name": "p"})]
    there = {"name": "p", "arn": "arn:aws:iam::777788889999:policy/p", "policy": document()}
    others.append(same("aws_iam_policy", "other", there))
    kinds = {"aws_iam_role.a", "aws_iam_policy.p", "aws_iam_role_policy_attachment.a"}
    blocks = [
        {
            "address": address,
            "mode": "managed",
            "type": address.split(".")[0],
            "name": address.split(".")[1],
            "provider_config_key": "aws",
            "expressions": {},
        }
        for address in sorted(kinds)
    ]
    made = policy("p", None, document(allow("s3:GetObject")))
    attached = attachment("a", arn, sides=(None, {"role": "a", "policy_arn": arn}))
    review = reviewed(
        *role, *others, made, attached, configuration={"root_module": {"resources": blocks}}
    )
    rules = {f.rule for f in review.findings if f.address == "aws_iam_role_policy_attachment.a"}
    assert ("unknown-attachment" not in rules) is known
