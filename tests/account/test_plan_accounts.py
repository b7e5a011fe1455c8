"""Which policies a role has after a plan, as `coverage` judges it: what removes or gives some."""

import json
from pathlib import Path
from typing import Any

from conftest import Run, run
from synthetic import allow, attached, document, plan, resource
from test_which_role import MANAGED, PODS

CNI = MANAGED.format("AmazonEKS_CNI_Policy")
LIST = "aws_iam_role_policy_attachments_exclusive"


def _same(kind: str, label: str, /, **values: Any) -> dict[str, Any]:
    return resource(kind, label, values, values)


def _role(name: str = "r", account: str = "111122223333") -> dict[str, Any]:
    arn = f"arn:aws:iam::{account}:role/{name}"
    return _same("aws_iam_role", name, name=name, arn=arn, assume_role_policy=json.dumps(PODS))


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
        assert f"incomplete: may not exist: aws_iam_role_policy_attachment.{name};" in done.out


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
