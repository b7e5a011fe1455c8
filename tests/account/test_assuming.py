"""Whether aws-node can get a role: by its trust policy, a first role, and the agent of nodes."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from eks import (
    AGENT,
    CNI,
    ISSUER,
    NODE_TRUST,
    OF_NODES,
    POD_TRUST,
    VERSION,
    addon,
    arn_of,
    association,
    irsa,
    node_group,
    own_role,
    same,
)
from synthetic import Json, document, plan
from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.assuming import refusals
from vpc_cni_iam.account.grants import Document, Use
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement

FIRST, TARGET = arn_of("first"), arn_of("cni")
BOTH = ("sts:AssumeRole", "sts:TagSession")
SECURE = (Condition("Bool", "aws:SecureTransport", ("true",)),)
ROOT = "arn:aws:iam::111122223333:root"


def _statement(*actions: str, effect: str = "Allow", when: tuple[Condition, ...] = ()) -> Statement:
    return Statement(effect=effect, actions=actions, resources=("*",), conditions=when)


def _documents(*statements: Statement) -> tuple[Document, ...]:
    return (Document("p", Policy(statements)),)


@pytest.mark.parametrize(
    ("statements", "limits", "trusted", "expected"),
    [
        ([_statement(*BOTH)], (), ROOT, {}),
        ([_statement(BOTH[0])], (), ROOT, {BOTH[1]: True}),
        ([], (), ROOT, {BOTH[0]: True, BOTH[1]: True}),
        ([_statement(*BOTH, when=SECURE)], (), ROOT, {BOTH[0]: False, BOTH[1]: False}),
        # The trust policy of the target role allows it by name, but for a Deny and limits.
        ([], (), FIRST, {}),
        ([_statement(*BOTH, effect="Deny")], (), FIRST, {BOTH[0]: True, BOTH[1]: True}),
        ([], [_statement("ec2:*")], FIRST, {BOTH[0]: True, BOTH[1]: True}),
        # The trust policy is not known.
        ([], (), None, {BOTH[0]: False, BOTH[1]: False}),
        ([_statement(*BOTH)], (), None, {}),
        ([], [_statement("ec2:*")], None, {BOTH[0]: True, BOTH[1]: True}),
    ],
)
def test_policies_limits_and_the_trust_policy_decide_together(
    statements: list[Statement],
    limits: list[Statement],
    trusted: str | None,
    expected: dict[str, bool],
) -> None:
    within = tuple(_documents(limit) for limit in limits)
    first = RoleAccess(FIRST, _documents(*statements), within, arn=FIRST)
    principals = (Principal("AWS", (trusted or "",)),)
    trust = Policy((Statement(actions=BOTH, principals=principals),)) if trusted else None
    target = RoleAccess(TARGET, (), trust=trust, arn=TARGET)
    refused = refusals(first, target, Use(TARGET, Identity.pod_identity))
    assert {each.action: each.is_denied for each in refused} == expected


def test_a_session_without_tags_needs_no_permission_to_tag_it() -> None:
    first = RoleAccess(FIRST, _documents(_statement(BOTH[0])), arn=FIRST)
    use = Use(TARGET, Identity.pod_identity, tags=False)
    assert not [*refusals(first, RoleAccess(TARGET, (), arn=TARGET), use)]


# Every command gives the same answer.

PODS = {"Service": "pods.eks.amazonaws.com"}
OWN = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
OTHER = "arn:aws:eks:eu-west-1:111122223333:cluster/other"
REMOVED = {
    **AGENT,
    "change": {**AGENT["change"], "actions": ["delete"], "after": None},
}
ADDON = addon(VERSION, VERSION)


def trusting(principal: Json | str, *actions: str, key: str = "", value: str = "") -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": [*(actions or BOTH)]}
    condition = {"Condition": {"StringEquals": {key: value}}} if key else {}
    return document({**statement, **condition})


def assuming(*actions: str) -> str:
    return document({"Effect": "Allow", "Action": [*(actions or BOTH)], "Resource": "*"})


def associated(role: str, **more: Any) -> Json:
    change = association(role, role)
    for side in ("before", "after"):
        change["change"][side] = {**change["change"][side], **more}
    return change


def cluster(name: str = "prod") -> Json:
    identity = [{"oidc": [{"issuer": f"https://{ISSUER}"}]}]
    arn = OWN.replace("prod", name)
    network = [{"ip_family": "ipv4"}]
    values = {"arn": arn, "identity": identity, "kubernetes_network_config": network}
    return same("aws_eks_cluster", name, {"name": name, **values})


def answers(folder: Path, *changes: Json) -> tuple[str, list[str]]:
    """The verdict of coverage, and those of review."""
    (folder / "plan.json").write_bytes(plan(*changes))
    words = ("plan.json", "--format", "json")
    covered, review = (run(name, *words, cwd=folder) for name in ("coverage", "review"))
    verdicts = [each["verdict"] for each in json.loads(review.out)["plugins"]]
    return json.loads(covered.out)["verdict"], verdicts


@pytest.mark.parametrize(
    ("trust", "tags", "verdict"),
    [
        (trusting(PODS, key="aws:SourceArn", value=OWN), True, "works"),
        (trusting(PODS, key="aws:SourceArn", value=OTHER), True, "fails"),
        (trusting(PODS, key="aws:SourceAccount", value="444455556666"), True, "fails"),
        (trusting(PODS, BOTH[0]), True, "fails"),
        (trusting(PODS, BOTH[0]), False, "works"),
        (trusting("*"), True, "unknown"),  # AWS does not say whether it includes services
    ],
)
def test_commands_agree_about_conditions_on_the_cluster_and_tags(
    trust: str, tags: bool, verdict: str, tmp_path: Path
) -> None:
    role = own_role("cni", trust, CNI)
    pods = associated("cni", disable_session_tags=not tags)
    assert answers(tmp_path, cluster(), AGENT, ADDON, *role, pods) == (verdict, [verdict])


@pytest.mark.parametrize(("issuer", "verdict"), [(ISSUER, "works"), (f"{ISSUER}OTHER", "fails")])
def test_commands_agree_about_the_issuer_of_the_cluster(
    issuer: str, verdict: str, tmp_path: Path
) -> None:
    trust = irsa(f"arn:aws:iam::111122223333:oidc-provider/{issuer}", issuer)
    values = {**VERSION, "service_account_role_arn": TARGET}
    changes = cluster(), addon(values, values), *own_role("cni", trust, CNI)
    assert answers(tmp_path, *changes) == (verdict, [verdict])


@pytest.mark.parametrize(
    ("first_trust", "first", "trusted", "verdict"),
    [
        (POD_TRUST, assuming(), FIRST, "works"),
        (POD_TRUST, assuming("s3:*"), FIRST, "works"),  # the trust policy names it
        (POD_TRUST, assuming(), "111122223333", "works"),
        (POD_TRUST, assuming("s3:*"), "111122223333", "fails"),
        (POD_TRUST, assuming(), arn_of("other"), "fails"),
        (irsa(), assuming(), FIRST, "fails"),
    ],
)
def test_commands_agree_about_a_target_role(
    first_trust: str, first: str, trusted: str, verdict: str, tmp_path: Path
) -> None:
    roles = (
        *own_role("first", first_trust, first),
        *own_role("cni", trusting({"AWS": trusted}), CNI),
    )
    pods = associated("first", target_role_arn=TARGET)
    assert answers(tmp_path, cluster(), AGENT, ADDON, *roles, pods) == (verdict, [verdict])


def test_a_first_role_that_is_not_in_the_plan_is_not_known_to_assume_its_target(
    tmp_path: Path,
) -> None:
    role = own_role("cni", trusting({"AWS": "111122223333"}), CNI)
    pods = associated("first", target_role_arn=TARGET)
    changes = cluster(), AGENT, ADDON, *role, pods
    assert answers(tmp_path, *changes) == ("unknown", ["unknown"])


@pytest.mark.parametrize(("agent", "verdict"), [(AGENT, "works"), (REMOVED, "fails")])
def test_commands_agree_about_a_removed_agent(agent: Json, verdict: str, tmp_path: Path) -> None:
    role = own_role("cni", POD_TRUST, CNI)
    changes = cluster(), ADDON, *role, associated("cni"), agent
    assert answers(tmp_path, *changes) == (verdict, [verdict])


def covered(folder: Path, *changes: Json) -> Any:
    (folder / "plan.json").write_bytes(plan(*changes))
    return run("coverage", "plan.json", cwd=folder)


def test_the_role_of_a_node_group_precedes_other_roles_of_instances(tmp_path: Path) -> None:
    roles = *own_role("nodes", NODE_TRUST, CNI), *own_role("bastion", NODE_TRUST, CNI)
    done = covered(tmp_path, *roles)
    assert done.code == 2 and "aws_iam_role.bastion" in done.err
    done = covered(tmp_path, *roles, node_group("nodes", "nodes"))
    assert "aws_iam_role.nodes" in done.out.partition("\n")[0]


@pytest.mark.parametrize(("more", "verdict"), [((OF_NODES,), "works"), ((), "fails")])
def test_commands_agree_about_what_the_role_of_a_node_group_needs(
    more: tuple[str, ...], verdict: str, tmp_path: Path
) -> None:
    role = own_role("nodes", NODE_TRUST, CNI, *more)
    changes = cluster(), ADDON, *role, node_group("nodes", "nodes")
    assert answers(tmp_path, *changes) == (verdict, [verdict])


def test_a_role_for_another_cluster_is_left_out(tmp_path: Path) -> None:
    roles = [
        *own_role("cni", trusting(PODS, key="aws:SourceArn", value=OWN), CNI),
        *own_role("other", trusting(PODS, key="aws:SourceArn", value=OTHER), CNI),
    ]
    done = covered(tmp_path, *roles)
    assert done.code == 2 and "aws_iam_role.other" in done.err
    done = covered(tmp_path, cluster(), ADDON, *roles)
    assert done.code == 0 and "aws_iam_role.cni" in done.out.partition("\n")[0]
    assert "aws_iam_role.other: left out: it is for another cluster" in done.out


def _entry(name: str, trust: str, text: str) -> Json:
    inline = [{"PolicyName": "p", "PolicyDocument": json.loads(text)}]
    own = {"RoleName": name, "Arn": arn_of(name), "RolePolicyList": inline}
    return {**own, "AssumeRolePolicyDocument": json.loads(trust), "AttachedManagedPolicies": []}


@pytest.mark.parametrize(
    ("first_trust", "first", "trusted", "chosen"),
    [
        (POD_TRUST, assuming(), FIRST, ""),  # both may be aws-node's
        (POD_TRUST, assuming(), ROOT, ""),
        (POD_TRUST, CNI, ROOT, FIRST),  # its policies do not let it assume the other one
        # Only EKS Pod Identity assumes target roles: pods of nodes may, but not aws-node.
        (NODE_TRUST, CNI, FIRST, FIRST),
    ],
)
def test_a_target_role_counts_if_a_first_role_may_assume_it(
    first_trust: str, first: str, trusted: str, chosen: str, tmp_path: Path
) -> None:
    entries = [
        _entry("first", first_trust, first),
        _entry("cni", trusting({"AWS": trusted}), CNI),
    ]
    (tmp_path / "a.json").write_text(json.dumps({"RoleDetailList": entries}))
    done = run("coverage", "a.json", cwd=tmp_path)
    assert done.code == (0 if chosen else 2)
    if chosen:
        assert chosen in done.out.partition("\n")[0]


def test_a_provider_of_any_account_may_be_that_of_a_role_without_an_arn(tmp_path: Path) -> None:
    trust = json.loads(irsa().replace("111122223333", "444455556666"))
    (tmp_path / "main.tf").write_text(
        f"""
resource "aws_iam_role" "cni" {{
  name               = "cni"
  assume_role_policy = {json.dumps(json.dumps(trust))}
}}
resource "aws_iam_role_policy_attachment" "cni" {{
  role       = aws_iam_role.cni.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
}}
"""
    )
    done = run("coverage", ".", cwd=tmp_path)
    assert done.code == 0, done.err


def _in_hcl(name: str, trust: str, policy: str) -> str:
    own = f"aws_iam_role.{name}.name"
    return f"""
resource "aws_iam_role" "{name}" {{
  name               = "{name}"
  assume_role_policy = {json.dumps(trust)}
}}
resource "aws_iam_role_policy" "{name}" {{
  role   = {own}
  policy = {json.dumps(policy)}
}}
"""


def test_a_directory_is_judged_by_its_node_group_and_its_target_role(tmp_path: Path) -> None:
    roles = _in_hcl("nodes", NODE_TRUST, CNI) + _in_hcl("bastion", NODE_TRUST, CNI)
    group = 'resource "aws_eks_node_group" "n" {\n  node_role_arn = aws_iam_role.nodes.arn\n}\n'
    (tmp_path / "main.tf").write_text(roles + group)
    done = run("coverage", ".", cwd=tmp_path)
    assert "aws_iam_role.nodes" in done.out.partition("\n")[0]
    roles = _in_hcl("first", POD_TRUST, assuming())
    roles += _in_hcl("cni", trusting({"AWS": "111122223333"}), CNI)
    pods = """
resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = "prod"
  namespace       = "kube-system"
  service_account = "aws-node"
  role_arn        = aws_iam_role.first.arn
  target_role_arn = aws_iam_role.cni.arn
}
"""
    (tmp_path / "main.tf").write_text(roles + pods)
    done = run("coverage", ".", "--format", "json", cwd=tmp_path)
    result = json.loads(done.out)
    assert result["verdict"] == "unknown"  # the ARNs of both roles are not known
    reasons = {each["reason"] for each in result["skipped"] if each["name"] == "aws_iam_role.cni"}
    assert "may not be assumed" in reasons
