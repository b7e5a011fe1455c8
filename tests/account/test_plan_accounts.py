"""Which policies a role has after a plan, as `coverage` judges it: what removes or gives some."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Run, run
from synthetic import allow, attached, deny, document, plan, resource
from test_which_role import MANAGED, NODES, PODS

CNI = MANAGED.format("AmazonEKS_CNI_Policy")
OWN = "arn:aws:iam::111122223333:policy/own"
LIST = "aws_iam_role_policy_attachments_exclusive"


def _same(kind: str, label: str, /, **values: Any) -> dict[str, Any]:
    return resource(kind, label, values, values)


def _role(
    name: str = "r", account: str = "111122223333", trust: dict[str, Any] = PODS
) -> dict[str, Any]:
    arn = f"arn:aws:iam::{account}:role/{name}"
    return _same("aws_iam_role", name, name=name, arn=arn, assume_role_policy=json.dumps(trust))


def _judged(folder: Path, *resources: dict[str, Any], role: str = "") -> Run:
    (folder / "plan.json").write_bytes(plan(*resources))
    chosen = ("--role", role) if role else ()
    return run("coverage", "plan.json", "--cni-version", "v1.23.2", *chosen, cwd=folder)


def test_a_policy_that_another_resource_may_remove_counts_as_not_there(tmp_path: Path) -> None:
    inline = _same("aws_iam_role_policy", "i", role="r", name="i", policy=document(allow("s3:*")))
    new_list = resource(LIST, "e", None, {"role_name": "r", "policy_arns": []})
    deleted = attached(CNI, after=False, block="old"), attached(CNI, before=False, block="new")
    for changes, name in (((attached(CNI), new_list), "a"), (deleted, "new")):
        done = _judged(tmp_path, _role(), inline, *changes)
        assert (done.code, ": unknown" in done.out.partition("\n")[0]) == (1, True)
        assert (
            f"incomplete: read, and may not exist: aws_iam_role_policy_attachment.{name};"
            in done.out
        )


def test_a_list_with_unknown_names_may_remove_the_policy(tmp_path: Path) -> None:
    before, after = {"role_name": "r", "policy_arns": [CNI]}, {"role_name": "r"}
    open_list = resource(LIST, "e", before, after, after_unknown={"policy_arns": True})
    done = _judged(tmp_path, _role(), attached(CNI), open_list)
    assert (done.code, ": unknown" in done.out.partition("\n")[0]) == (1, True)
    assert f"{LIST}.e" in done.out and "it removes policies that it does not name" in done.out
    named = resource(LIST, "e", None, before)
    assert _judged(tmp_path, _role(), attached(CNI), named).code == 0


def test_a_user_has_the_policies_of_its_groups(tmp_path: Path) -> None:
    user = _same("aws_iam_user", "u", name="u")
    group = _same("aws_iam_group", "g", name="g")
    policy = document(allow("ec2:*"))
    of_group = _same("aws_iam_group_policy", "p", group="g", name="p", policy=policy)
    member = _same("aws_iam_user_group_membership", "m", user="u", groups=["g"])
    done = _judged(tmp_path, user, group, of_group, member, role="aws_iam_user.u")
    assert done.code == 0 and "aws_iam_user.u" in done.out.partition("\n")[0]


def test_a_group_that_the_plan_does_not_have_may_allow_more(tmp_path: Path) -> None:
    user = _same("aws_iam_user", "u", name="u")
    own = _same("aws_iam_user_policy", "p", user="u", name="p", policy=document(allow("s3:*")))
    member = _same("aws_iam_user_group_membership", "m", user="u", groups=["other"])
    done = _judged(tmp_path, user, own, member)
    assert (done.code, ": unknown" in done.out.partition("\n")[0]) == (1, True)
    assert "incomplete: not read: aws_iam_user_group_membership.m;" in done.out
    alone = _judged(tmp_path, user, member)
    assert alone.code == 3 and "not read: its group other is not in the plan" in alone.err


def test_a_policy_is_nobodys_if_its_owners_name_fits_roles_of_two_accounts(tmp_path: Path) -> None:
    roles = [_role(), {**_role(account="999988887777"), "address": "aws_iam_role.other"}]
    done = _judged(tmp_path, *roles, attached(CNI))
    assert done.code == 2 and "AmazonEKS_CNI_Policy" in done.err


def _inline(text: str | None) -> dict[str, Any]:
    """An inline policy; without a text, it is only known after apply."""
    values = {"role": "r", "name": "i"}
    if text is None:
        return resource("aws_iam_role_policy", "i", None, values, after_unknown={"policy": True})
    return _same("aws_iam_role_policy", "i", **values, policy=text)


LIMITED = _role()
for side in ("before", "after"):
    LIMITED["change"][side] = {**LIMITED["change"][side], "permissions_boundary": OWN}
WITHOUT_SUBNETS = document(allow("ec2:*"), deny("ec2:DescribeSubnets"))


@pytest.mark.parametrize(
    ("resources", "verdict"),
    [
        ([_role(), attached(CNI)], "works"),
        (
            [
                _role(),
                attached(CNI),
                attached(MANAGED.format("AmazonSSMManagedInstanceCore"), block="b"),
            ],
            "works",
        ),
        ([_role(), _inline(WITHOUT_SUBNETS)], "fails"),
        ([_role(), _inline(document(allow("s3:*")))], "fails"),
        # What the plan does not show may deny, limit or allow.
        ([_role(), attached(CNI), _inline(None)], "unknown"),
        ([_role(), attached(CNI), attached(OWN, block="b")], "unknown"),
        ([LIMITED, attached(CNI)], "unknown"),
        ([_role(), attached(OWN), _inline(document(allow("s3:*")))], "unknown"),
        # It may allow calls, and not those that a known Deny denies.
        ([_role(), attached(OWN), _inline(document(deny("ec2:Assign*")))], "fails"),
    ],
)
def test_coverage_and_review_say_the_same_of_a_plan(
    resources: list[dict[str, Any]], verdict: str, tmp_path: Path
) -> None:
    named = {"cluster_name": "prod", "namespace": "kube-system", "service_account": "aws-node"}
    association = "aws_eks_pod_identity_association"
    own = _same(association, "a", role_arn="arn:aws:iam::111122223333:role/r", **named)
    done = _judged(tmp_path, *resources, own)
    assert f": {verdict}\n" in done.out
    reviewed = run(
        "review", "plan.json", "--cni-version", "v1.23.2", "--format", "json", cwd=tmp_path
    )
    (plugin,) = json.loads(reviewed.out)["plugins"]
    assert plugin["verdict"] == verdict


WORKER = MANAGED.format("AmazonEKSWorkerNodePolicy")
PULLS = attached(MANAGED.format("AmazonEC2ContainerRegistryPullOnly"), block="pulls")
OF_CLUSTER = [
    _same("aws_eks_cluster", "c", name="prod", role_arn="arn:aws:iam::111122223333:role/c"),
    _same(
        "aws_eks_node_group",
        "n",
        cluster_name="prod",
        node_group_name="n",
        node_role_arn="arn:aws:iam::111122223333:role/r",
    ),
]


@pytest.mark.parametrize("of_cluster", [False, True])
@pytest.mark.parametrize(
    ("changes", "verdict", "answer", "code"),
    [
        ([PULLS, attached(WORKER, block="w")], "works", "works", 0),
        ([attached(WORKER, block="w")], "fails", "cannot pull its image", 0),
        ([PULLS], "fails", "fails as before", 0),
        ([PULLS, attached(OWN, block="o")], "unknown", "the plan does not show whether", 0),
        ([PULLS, attached(WORKER, after=False, block="w")], "fails", "nodes cannot join", 1),
    ],
)
def test_coverage_and_review_say_the_same_of_nodes(
    of_cluster: bool,
    changes: list[dict[str, Any]],
    verdict: str,
    answer: str,
    code: int,
    tmp_path: Path,
) -> None:
    resources = [_role(trust=NODES), attached(CNI), *changes, *OF_CLUSTER * of_cluster]
    assert f": {verdict}\n" in _judged(tmp_path, *resources).out
    reviewed = run("review", "plan.json", "--format", "json", cwd=tmp_path)
    (plugin,) = json.loads(reviewed.out)["plugins"]
    assert (plugin["verdict"], reviewed.code) == (verdict, code)
    assert answer in plugin["answer"]
