"""What a finding says about its cause, and the fix that is likely."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import write_tree
from eks import (
    CNI,
    ISSUER,
    MANAGED,
    NODE_TRUST,
    OF_NODES,
    addon,
    arn_of,
    irsa,
    own_role,
    provider,
    same,
)
from plugin_setup import V1_23, hardened, of_cni, scoped
from synthetic import (
    Json,
    allow,
    attached,
    document,
    found,
    inline,
    managed,
    plan,
    policy_arn,
    resource,
    review_of,
    reviewed,
    rules,
)
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.report.shown import ShownFinding

VALUES = {
    "name": "prod",
    "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
    "vpc_config": [{"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-1"]}],
    "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}],
}
CLUSTER = same("aws_eks_cluster", "prod", VALUES)
# aws-node of v1.23.2 with its own role.
SETUP = (CLUSTER, *own_role("cni", irsa()), addon(V1_23, V1_23), provider({}, {}))
STRANGER = "arn:aws:iam::999988887777:root"


def trust(*principals: Json) -> str:
    return document(
        *({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": p} for p in principals)
    )


LAMBDA = trust({"Service": "lambda.amazonaws.com"})


def role(before: str | None, after: str | None, name: str = "r") -> Json:
    sides = (
        None if t is None else {"name": name, "arn": arn_of(name), "assume_role_policy": t}
        for t in (before, after)
    )
    return resource("aws_iam_role", name, *sides)


def of(rule: str, *changes: Json, **more: Any) -> ShownFinding:
    """The only finding of a rule."""
    (finding,) = (f for f in found(*changes, **more) if f.rule == rule)
    return finding


@pytest.mark.parametrize(
    ("after", "condition", "has"),
    [
        (
            scoped().replace("cluster.k8s.amazonaws.com/name", "example.com/name"),
            "aws:ResourceTag/example.com/name StringEquals 'prod'",
            "aws:ResourceTag/cluster.k8s.amazonaws.com/name = prod and 2 more",
        ),
        (
            scoped("other"),
            "aws:ResourceTag/cluster.k8s.amazonaws.com/name StringEquals 'other'",
            "aws:ResourceTag/cluster.k8s.amazonaws.com/name = prod",
        ),
        (
            scoped(vpc="vpc-0ffffffffffffffff"),
            "ec2:Vpc ArnEquals 'arn:aws:ec2:*:*:vpc/vpc-0ffffffffffffffff'",
            "ec2:Vpc = arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0123456789abcdef0",
        ),
    ],
)
def test_a_denied_call_has_the_condition_that_it_does_not_meet_and_its_value(
    after: str, condition: str, has: str
) -> None:
    lost = of("coverage-lost", *SETUP, of_cni(scoped(), after))
    assert lost.fix.startswith(f"Correct {condition} in aws_iam_role_policy.cni-i: for ec2:")
    assert lost.fix.endswith(f", the request has {has}")
    assert any(d.endswith(f"{condition} is not met, the request has {has}") for d in lost.details)


def test_a_call_that_needs_two_actions_names_the_one_that_is_denied() -> None:
    statements = json.loads(CNI)["Statement"]
    whole = [s for s in statements if "ec2:CreateTags" not in s["Action"]]
    lost = of("coverage-lost", *SETUP, of_cni(CNI, document(*whole)))
    assert "ec2:CreateTags (for ec2:CreateNetworkInterface)" in " ".join(lost.details)
    assert lost.fix == "Allow ec2:CreateTags in aws_iam_role_policy.cni-i"


@pytest.mark.parametrize("wrong", ["*:*:network-interfaces", "us-east-1:*:network-interface"])
def test_an_action_that_is_allowed_on_other_resources_is_named_once_with_its_own(
    wrong: str,
) -> None:
    after = CNI.replace("*:*:network-interface", wrong)
    lost = of("coverage-lost", *SETUP, of_cni(CNI, after))
    assert "can no longer call ec2:CreateTags with aws_iam_role.cni" in lost.message
    where = "arn:aws:ec2:eu-west-1:111122223333:network-interface/*"
    assert lost.fix == f"Allow ec2:CreateTags on {where} in aws_iam_role_policy.cni-i"


def test_a_policy_that_is_known_after_apply_is_checked_rather_than_kept() -> None:
    change = of_cni(CNI, None)
    change["change"] |= {"after": {**change["change"]["before"]}, "after_unknown": {"policy": True}}
    change["change"] |= {"actions": ["update"]}
    del change["change"]["after"]["policy"]
    lost = of("coverage-lost", *SETUP, change)
    assert lost.fix.startswith("Check that aws_iam_role_policy.cni-i allows ec2:")


def test_only_the_roles_that_are_not_shown_are_named_as_not_shown() -> None:
    other = {**NODE, "node_role_arn": arn_of("elsewhere"), "node_group_name": "m"}
    version = {"addon_version": V1_23["addon_version"]}
    added = resource("aws_eks_node_group", "m", None, other)
    nodes = (NODES[0], added, *own_role("node", NODE_TRUST, CNI, OF_NODES))
    (plugin,) = reviewed(CLUSTER, *nodes, addon(version, version)).plugins
    assert plugin.answer.endswith(f"the plan does not show the policies of {arn_of('elsewhere')}")


def test_another_managed_policy_is_detached() -> None:
    aws = "arn:aws:iam::aws:policy"
    sides = (
        {"role": "cni", "policy_arn": f"{aws}/{name}"}
        for name in ("AmazonEKS_CNI_Policy", "service-role/AmazonEBSCSIDriverPolicy")
    )
    change = resource("aws_iam_role_policy_attachment", "a", *sides)
    fix = "Detach service-role/AmazonEBSCSIDriverPolicy from aws_iam_role.cni"
    assert of("new-access", *SETUP, change).fix == fix


def test_a_condition_with_a_secret_is_not_shown() -> None:
    change = of_cni(scoped(), scoped(vpc="vpc-0ffffffffffffffff"))
    change["change"]["after_sensitive"] = {"policy": True}
    assert "vpc-0ffffffffffffffff" not in str(found(*SETUP, change))


UNSCOPED = json.loads(hardened())
for statement in UNSCOPED["Statement"]:
    statement.pop("Condition", None)


@pytest.mark.parametrize(
    ("after", "beyond", "fix"),
    [
        (json.dumps(UNSCOPED), (), "Keep the condition in"),
        (
            document(*json.loads(scoped())["Statement"], allow("ec2:CreateTags")),
            ("beyond the plugin's needs: ec2:CreateTags on all resources",),
            "Remove ec2:CreateTags from",
        ),
        (CNI, (), "Remove ec2:"),
    ],
)
def test_an_error_never_says_that_the_plugin_needs_all_of_it(
    after: str, beyond: tuple[str, ...], fix: str
) -> None:
    gain = of("new-access", *SETUP, of_cni(scoped() if beyond else hardened(), after))
    assert tuple(d for d in gain.details if d.startswith("beyond")) == beyond
    assert gain.level == "error" and gain.fix.startswith(fix)


def test_a_new_policy_is_headed_by_all_that_it_allows_the_most_harmful_first() -> None:
    statements = allow("s3:GetObject"), allow(["ec2:DescribeTags", "ec2:TerminateInstances"])
    new = of("new-access", role(LAMBDA, LAMBDA), inline(None, document(*statements)))
    what = "3 actions in 2 statements: ec2:TerminateInstances, s3:GetObject, ec2:DescribeTags"
    assert new.message == f"aws_iam_role.r can now call {what}"
    assert sum(d.startswith("newly allowed: ") for d in new.details) == 2


def weakened(**operators: Json) -> str:
    (statement,) = json.loads(irsa())["Statement"]
    condition = {
        operator: {f"{ISSUER}:{claim}": value for claim, value in claims.items()}
        for operator, claims in operators.items()
    }
    return document({**statement, "Condition": condition})


@pytest.mark.parametrize("aud", [True, False])
def test_the_weakened_condition_of_a_trust_policy_is_shown_first(*, aud: bool) -> None:
    claims = {"aud": "sts.amazonaws.com"} if aud else {}
    claims["sub"] = "system:serviceaccount:*:aws-node"
    wider = of("trust-widened", role(irsa(), weakened(StringLike=claims)))
    assert f"{ISSUER}:sub changes" in wider.details[0]
    assert wider.fix.startswith(f"Restore the condition {ISSUER}:sub StringEquals")
    # The audience is compared as before, if it only has another operator.
    assert any(":aud StringEquals" in detail for detail in wider.details) is not aud


@pytest.mark.parametrize("before", [LAMBDA, trust({"AWS": arn_of("ci")})])
def test_a_widened_trust_policy_names_who_is_added_and_the_fix_removes_them(before: str) -> None:
    is_added = before == LAMBDA
    after = document(*(json.loads(before)["Statement"] if is_added else ()),
                     *json.loads(trust({"AWS": STRANGER}))["Statement"])  # fmt: skip
    wider = of("trust-widened", role(before, after))
    assert f"can now be assumed by {STRANGER}" in wider.message
    assert wider.fix == f"Remove {STRANGER} from the trust policy of aws_iam_role.r"


def test_a_fix_never_trusts_who_changed_the_trust_policy_by_hand() -> None:
    subject = "system:serviceaccount:evil:evil"
    for own, other in ((LAMBDA, trust({"AWS": STRANGER})), (irsa(), irsa(subject=subject))):
        drift = [role(own, other)]
        findings = review_of(plan(role(other, own), resource_drift=drift)).findings
        assert {str(f.rule) for f in findings} == {"trust-widened", "drift"}
        (fix,) = filter(None, (f.fix for f in findings))
        assert fix == "Look at what was changed in aws_iam_role.r outside of the configuration"


EXISTING = same("aws_iam_policy", "cni", {"name": "cni", "arn": policy_arn("cni"), "policy": CNI})
GONE = attached(policy_arn("cni"), role="cni", after=False, block="old")
LISTED = {"role_name": "cni", "policy_arns": [policy_arn("cni")]}
NODE = {"cluster_name": "prod", "node_role_arn": arn_of("node"), "node_group_name": "n"}
NODES = (same("aws_eks_node_group", "n", NODE), role(NODE_TRUST, NODE_TRUST, "node"))


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        (
            [GONE, attached(policy_arn("cni"), role="cni", before=False, block="new")],
            "Write a moved block from aws_iam_role_policy_attachment.old to "
            "aws_iam_role_policy_attachment.new, if the resource only has a new address",
        ),
        (
            [
                resource(
                    "aws_iam_role_policy_attachments_exclusive",
                    "x",
                    LISTED,
                    {**LISTED, "policy_arns": []},
                )
            ],
            "Add aws_iam_policy.cni to the list of aws_iam_role_policy_attachments_exclusive.x",
        ),
        ([GONE], "Keep aws_iam_policy.cni for aws_iam_role.cni"),
    ],
)
def test_the_likely_fix_of_a_lost_policy_comes_first(changes: list[Json], fix: str) -> None:
    assert of("coverage-lost", *SETUP, EXISTING, *changes).fix == fix


def test_irsa_is_kept_rather_than_a_policy_attached_to_nodes() -> None:
    own = own_role("cni", irsa(), CNI)
    version = {"addon_version": V1_23["addon_version"]}
    missing = of("plugin-permission-missing", CLUSTER, *NODES, *own, addon(V1_23, version))
    assert missing.fix.startswith("Keep IRSA with aws_iam_role.cni, or attach a policy to")


def test_what_iam_certainly_refuses_stands_first() -> None:
    large = document(*(allow("s3:GetObject", f"arn:aws:s3:::{i:060}/*") for i in range(90)))
    first, *others = found(managed(None, large, "p"), attached(policy_arn("p"), before=False))
    assert first.rule == "size-limit" and "new-access" in {f.rule for f in others}


def test_a_removed_add_on_stands_before_its_node_role() -> None:
    gone = attached(MANAGED, role="node", after=False)
    version = {"addon_version": V1_23["addon_version"]}
    findings = found(CLUSTER, *NODES, gone, addon(version, None))
    errors = [str(f.rule) for f in findings if f.level == "error"]
    assert errors == ["plugin-removed", "coverage-lost"]


def test_the_role_of_an_application_is_not_that_of_aws_node() -> None:
    """Whatever its policies are, if aws-node cannot assume it before or after."""
    for trusted in (LAMBDA, irsa(subject="system:serviceaccount:default:app")):
        change = inline(CNI, hardened(), role="r")
        review = reviewed(role(trusted, trusted), change)
        assert review.plugins == () and rules(review) == {"access-removed"}


def test_the_version_is_said_once() -> None:
    review = reviewed(*SETUP, of_cni(CNI, scoped("other")))
    texts = [text for f in review.findings for text in (f.message, *f.details, f.fix)]
    assert "v1.23.2" in review.plugins[0].answer
    assert not any("v1.23" in text for text in texts)


@pytest.mark.parametrize("is_dynamic", [True, False])
def test_dynamic_blocks_are_said_only_of_roles_that_have_one(
    tmp_path: Path, *, is_dynamic: bool
) -> None:
    """With --source; a plan leaves them out."""
    block = '  dynamic "inline_policy" {\n    for_each = var.x\n    content {}\n  }\n'
    text = 'resource "aws_iam_role" "r" {\n' + (block if is_dynamic else "") + "}\n"
    write_tree(tmp_path, {"main.tf": text})
    values = {"name": "r", "assume_role_policy": LAMBDA}
    change = resource("aws_iam_role", "r", None, values, after_unknown={"inline_policy": True})
    review = reviewed(change, options=ReviewOptions(source=tmp_path))
    assert bool(review.not_shown) is is_dynamic
