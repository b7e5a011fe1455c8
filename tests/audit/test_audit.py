"""Which roles of an account break at a plugin version, with their risks and what to do."""

import io
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    BOUNDARY,
    ISSUER,
    MANAGED,
    MANAGED_POLICY,
    NODES,
    OLD,
    PODS,
    allow,
    audited,
    deny,
    details,
    generated,
    irsa,
    managed,
    replaced,
    role,
    role_arn,
    scoped,
    together,
)
from conftest import run
from vpc_cni_iam.audit.audit import audit
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.documents import find
from vpc_cni_iam.catalog.parameters import SAMPLE, fill
from vpc_cni_iam.coverage.judge.judge import ScenarioRun, run_scenarios
from vpc_cni_iam.inputs.aws.account import AccountDetails
from vpc_cni_iam.policy.document import to_json

NOT_READ = f"arn:aws:iam::{ACCOUNT}:policy/not-read"


def in_china(described: dict[str, Any]) -> dict[str, Any]:
    return {**described, "Arn": described["Arn"].replace("arn:aws:", "arn:aws-cn:")}


def test_the_role_that_an_upgrade_breaks_is_named_with_its_missing_action(tmp_path: Path) -> None:
    text = details(
        role("old", irsa(), inline={"cni": OLD}),
        role("managed", irsa(), attached=(MANAGED,)),
        policies=(MANAGED_POLICY,),
    )
    answer = audited(tmp_path, text, to="v1.23.2")
    assert answer.code == 1 and answer.verdicts == {"old": "fails", "managed": "works"}
    (family,) = answer.roles["old"]["policies"]["families"]
    assert [m["action"] for m in family["missing"]] == ["ec2:DescribeSubnets"]
    out = answer.text
    assert out == run("audit", "0.json", "--cni-version", "v1.23.2", cwd=tmp_path).out
    assert out.startswith(f"fails    {role_arn('old')}\n")
    assert f"\nworks    {role_arn('managed')}\n" in out
    assert " missing      IPv4: ec2:DescribeSubnets, in fresh-node: " in out
    to_do = "replace its policy with the output of `vpc-cni-iam policy ipv4 --cni-ver"
    assert f" to do        {to_do}" in out
    _, command, _ = answer.roles["managed"]["proposal"][0].split("`")
    words = command.replace("NAME", "prod").replace(" ID", " vpc-01234567").split()
    assert words[0] == "vpc-cni-iam" and run(*words[1:]).code == 0
    assert out.endswith(
        "2 roles of 1 account read: 2 for the plugin, of which 1 fails at v1.23.2\n"
    )
    assert not audited(tmp_path, text, to="v1.15.0").result["fails"]


def test_the_published_document_that_a_policy_equals_is_named(tmp_path: Path) -> None:
    document = to_json(fill(find("2022-01-31").document("ipv4-scoped"), SAMPLE))
    edited = replaced(document, "DetachNetworkInterface", "RunInstances")
    text = details(
        role("scoped", irsa(), inline={"cni": document, "s3": allow("s3:GetObject")}),
        role("edited", irsa(), inline={"cni": edited}),
    )
    answer = audited(tmp_path, text)
    policies = {name: described["policies"] for name, described in answer.roles.items()}
    assert policies["scoped"]["scope"] == "scoped"
    (equal,) = policies["scoped"]["equal_to"]
    assert (equal["name"], equal["date"]) == ("ipv4-scoped of upstream's page", "2022-01-31")
    assert policies["edited"]["equal_to"] == []
    assert "equal to" in answer.text


def test_roles_that_the_plugin_could_use_are_found_and_no_others(tmp_path: Path) -> None:
    cni, other = {"cni": allow("ec2:*")}, {"s3": allow("s3:*")}
    person = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    roles = (
        role("irsa-without-permissions", irsa()),
        role("irsa-of-any", irsa("system:serviceaccount:*"), inline=cni),
        role("irsa-of-any-without", irsa("system:serviceaccount:*"), inline=other),
        role("irsa-of-app", irsa("system:serviceaccount:default:app"), inline=cni),
        role("pods", PODS, inline=cni),
        role("pods-without", PODS, inline=other),
        role("node", NODES, inline=cni),
        role("web-server", NODES, inline=other),
        role("person", {"Version": "2012-10-17", "Statement": [person]}, inline=cni),
    )
    answer = audited(tmp_path, details(*roles))
    assert {name: r["credentials"] for name, r in answer.roles.items()} == {
        "irsa-without-permissions": ["IRSA"],
        "irsa-of-any": ["IRSA"],
        "pods": ["EKS Pod Identity"],
        "node": ["node role"],
    }
    assert answer.roles["irsa-without-permissions"]["policies"]["scope"] == "no access"
    assert answer.result["roles_read"] == len(roles) and answer.result["complete"]


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        ("Null", "aws:SourceArn", "false"),
        ("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
    ],
)
@pytest.mark.parametrize("trust", [irsa(), NODES, PODS], ids=["IRSA", "nodes", "pods"])
def test_a_role_is_found_whatever_else_its_trust_policy_asks_for(
    tmp_path: Path, trust: dict[str, Any], operator: str, key: str, value: str
) -> None:
    (allowed,) = trust["Statement"]
    conditions = {**allowed.get("Condition", {}), operator: {key: value}}
    outside = {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}
    denied = {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": outside}
    document = {**trust, "Statement": [{**allowed, "Condition": conditions}, denied]}
    assert audited(tmp_path, details(role("cni", document, attached=(MANAGED,)))).roles.keys() == {
        "cni"
    }


def anyone(action: str, principal: Any = "*", **conditions: dict[str, str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {"Version": "2012-10-17", "Statement": {**statement, "Condition": conditions}}


EC2 = allow("ec2:*")
DENIED = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}
NOBODY = {"Version": "2012-10-17", "Statement": [anyone("sts:*")["Statement"], DENIED]}
WEB, SUB = "sts:AssumeRoleWithWebIdentity", f"{ISSUER}:sub"
OF_A_ROLE = {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}


@pytest.mark.parametrize(
    ("trust", "policy", "complete"),
    [
        (anyone("sts:AssumeRole"), EC2, False),
        (anyone("sts:*", {"AWS": "*"}), EC2, False),
        (anyone("sts:*", {"AWS": [ACCOUNT, "*"]}), EC2, False),
        (anyone("sts:AssumeRole", Bool={"aws:SecureTransport": "true"}), EC2, False),
        (anyone(WEB, StringLike={SUB: "system:*:aws-node"}), EC2, False),
        (anyone(WEB, StringLike={SUB: "system:*:app"}), EC2, True),
        (anyone("sts:AssumeRole"), generated("ipv4-pod-identity"), False),
        (anyone("sts:AssumeRole"), allow("s3:*"), True),
        (anyone("sts:AssumeRoleWithSAML"), EC2, True),
        (anyone("sts:*", StringEquals={"aws:PrincipalOrgID": "o-x"}), EC2, True),
        (anyone("sts:*", ArnLike=OF_A_ROLE), EC2, True),
        (anyone("sts:*", StringEquals={"sts:ExternalId": "x"}), EC2, True),
        (anyone("sts:*", {"AWS": ACCOUNT}), EC2, True),
        (NOBODY, EC2, True),
    ],
)
def test_a_role_that_anyone_may_assume_is_not_decided(
    tmp_path: Path, trust: dict[str, Any], policy: dict[str, Any], complete: bool
) -> None:
    result = audited(tmp_path, details(role("open", trust, inline={"p": policy}))).result
    assert not result["roles"] and result["complete"] is complete
    assert [u["name"] for u in result["unread"]] == [f"{role_arn('open')} trust"] * (not complete)


def test_several_policies_and_the_boundary_count_together(tmp_path: Path) -> None:
    more = allow("ec2:DescribeSubnets")
    narrow = managed(BOUNDARY, allow("ec2:Describe*", "ec2:*Addresses"), allow("*"))
    answer = audited(
        tmp_path,
        details(
            role("together", irsa(), inline={"old": OLD, "more": more}),
            role("limited", irsa(), attached=(MANAGED,), boundary=BOUNDARY),
            policies=(MANAGED_POLICY, narrow),
        ),
    )
    assert answer.roles["together"]["verdict"] == "works"
    (family,) = answer.roles["limited"]["policies"]["families"]
    assert {m["by"] for m in family["missing"]} == {BOUNDARY}
    assert "ec2:CreateNetworkInterface" in {m["action"] for m in family["missing"]}
    line = f"IPv4: ec2:CreateNetworkInterface, which {BOUNDARY} does not allow, in "
    assert line in answer.text


def test_the_managed_policy_as_a_boundary_allows_nothing_by_itself(tmp_path: Path) -> None:
    """Without its document in the input, it is known all the same."""
    wide = role("wide", irsa(), inline={"cni": EC2}, boundary=MANAGED)
    unread = role("unread", irsa(), inline={"cni": EC2}, boundary=BOUNDARY)
    roles = (role("nothing", irsa(), boundary=MANAGED), wide, unread)
    answer = audited(tmp_path, details(*roles))
    assert answer.verdicts == {"nothing": "fails", "wide": "works", "unread": "unknown"}
    assert answer.roles["wide"]["undecided"] == []
    assert BOUNDARY in answer.roles["unread"]["undecided"][0]
    whole = audited(tmp_path, details(wide, policies=(MANAGED_POLICY,))).roles["wide"]
    assert answer.roles["wide"]["policies"]["families"] == whole["policies"]["families"]


def test_a_policy_that_names_an_account_is_judged_in_the_account_of_the_role(
    tmp_path: Path,
) -> None:
    cni = {"cni": replaced(OLD, "arn:aws:ec2:*:*:", f"arn:aws:ec2:*:{ACCOUNT}:")}
    other = role("other", irsa(), inline=cni, account="444455556666")
    answer = audited(tmp_path, details(role("own", irsa(), inline=cni), other), to="v1.15.0")
    assert answer.verdicts == {"own": "works", "other": "fails"}


def test_the_same_policies_are_judged_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    judged: list[object] = []

    def counted(*args: Any) -> tuple[ScenarioRun, ...]:
        judged.append(args)
        return run_scenarios(*args)

    monkeypatch.setattr("vpc_cni_iam.coverage.judge.judge.run_scenarios", counted)
    roles = [role(f"r{i}", irsa(), inline={"cni": OLD}) for i in range(50)]
    roles += [role(f"m{i}", irsa(), attached=(MANAGED,)) for i in range(50)]
    (tmp_path / "in.json").write_text(details(*roles, policies=(MANAGED_POLICY,)))
    with AccountDetails([str(tmp_path / "in.json")], io.BytesIO()) as opened:
        assert len(audit(opened, known_versions.newest()).roles) == 100
    # Each policy, and each that may be recommended; what an earlier test judged is known.
    assert len(judged) <= 4

    # Statements that are about no call of the plugin make no difference to it.
    judged.clear()
    for i, described in enumerate(roles):
        described["RolePolicyList"] += [
            {"PolicyName": "own", "PolicyDocument": allow(f"ec2:*{i}*z*", f"s3:Get{i}*")}
        ]
    (tmp_path / "in.json").write_text(details(*roles, policies=(MANAGED_POLICY,)))
    with AccountDetails([str(tmp_path / "in.json")], io.BytesIO()) as opened:
        described_roles = audit(opened, known_versions.newest()).roles
    assert len(judged) <= 2
    assert {r.verdict for r in described_roles if r.role.endswith("/r1")} == {"fails"}
    assert {r.verdict for r in described_roles if r.role.endswith("/m1")} == {"works"}


def test_what_to_do_about_a_role_works_in_its_partition_and_at_the_version(tmp_path: Path) -> None:
    lacking = allow("ec2:Describe*", "ec2:AssignPrivateIpAddresses")
    a = audited(tmp_path, details(in_china(role("a", irsa(), inline={"cni": lacking})))).roles["a"]
    (advice,) = a["proposal"]
    command = advice.split("`")[1].split()[1:]
    assert command[-2:] == ["--partition", "aws-cn"]
    printed = generated(*command[1:])
    repaired = in_china(role("a", irsa(), inline={"cni": printed}))
    assert audited(tmp_path, details(repaired)).verdicts == {"a": "works"}
    old = details(role("a", irsa(), inline={"cni": OLD}))
    a = audited(tmp_path, old, to="v1.7.5").roles["a"]
    assert a["verdict"] == "works" and a["proposal"] == []  # no scoped document is that old


def test_a_role_of_another_partition_is_judged_there(tmp_path: Path) -> None:
    for partition, verdict in (("aws", "fails"), ("aws-cn", "works")):
        cni = scoped("prod", "vpc-01234567", "--partition", partition)
        described = in_china(role("cni", PODS, inline={"cni": cni}))
        assert audited(tmp_path, details(described)).verdicts == {"cni": verdict}
    # The managed policy has ARNs of the partition.
    trust = replaced(irsa(), "eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    described = role("cni", trust, attached=(MANAGED.replace("arn:aws:", "arn:aws-cn:"),))
    read = audited(tmp_path, details(in_china(described))).roles["cni"]
    assert (read["verdict"], read["undecided"]) == ("works", [])


CLUSTER_TAG = "aws:ResourceTag/cluster.k8s.amazonaws.com/name"


@pytest.mark.parametrize(
    ("denied", "condition", "verdict"),
    [
        ("ec2:DescribeNetworkInterfaces", {}, "fails"),
        ("ec2:DescribeTags", {}, "unknown"),
        # A cluster of the other IP family may work.
        ("ec2:AssignPrivateIpAddresses", {}, "unknown"),
        ("ec2:*", {"StringEquals": {"aws:PrincipalTag/team": "a"}}, "unknown"),
        ("ec2:*", {"Bool": {"aws:SecureTransport": "false"}}, "unknown"),
        ("ec2:*", {"Null": {"aws:PrincipalAccount": "false"}}, "fails"),
        # Not denied if the policy that was not read allows to write the tag.
        ("ec2:AssignPrivateIpAddresses", {"Null": {CLUSTER_TAG: "true"}}, "unknown"),
    ],
)
def test_a_deny_decides_whatever_a_policy_allows_that_is_not_read(
    tmp_path: Path, denied: str, condition: dict[str, Any], verdict: str
) -> None:
    no = deny(denied, Condition=condition)
    roles = (
        role("own", irsa(), inline={"no": no}, attached=(NOT_READ,)),
        role("limited", irsa(), attached=(NOT_READ,), boundary=BOUNDARY),
        role("open", irsa(), inline={"no": no, "cni": EC2}, boundary=NOT_READ),
    )
    limit = managed(BOUNDARY, together(allow("*"), no))
    answer = audited(tmp_path, details(*roles, policies=(limit,)))
    assert answer.verdicts == dict.fromkeys(("own", "limited", "open"), verdict)
    assert all(r["undecided"] for r in answer.roles.values()) and not answer.result["complete"]


def test_a_deny_is_to_be_removed_and_not_replaced(tmp_path: Path) -> None:
    no = deny("ec2:CreateTags")
    a = role("a", irsa(), inline={"no": no}, attached=(MANAGED,))
    b = role("b", irsa(), attached=(MANAGED,), boundary=BOUNDARY)
    policies = (MANAGED_POLICY, managed(BOUNDARY, together(allow("*"), no)))
    roles = audited(tmp_path, details(a, b, policies=policies)).roles
    assert {name: r["proposal"][0] for name, r in roles.items()} == {
        "a": "remove or narrow the Deny of ec2:CreateTags in its policies",
        "b": f"remove or narrow the Deny of ec2:CreateTags in {BOUNDARY}",
    }


@pytest.mark.parametrize("form", ["--no-harden", "--harden"])
def test_a_role_for_several_clusters_is_checked_for_each(form: str, tmp_path: Path) -> None:
    """Each with its own VPC."""
    prod, stage = scoped(*NAMES, form), scoped("stage", "vpc-89abcdef", form)
    less = {**stage, "Statement": [s for s in stage["Statement"] if "Attach" not in str(s)]}
    both = role("both", irsa(), inline={"prod": prod, "stage": stage})
    half = role("half", irsa(), inline={"prod": prod, "stage": less})
    roles = audited(tmp_path, details(both, half)).roles
    for name, expected in (("both", ("works", [])), ("half", ("fails", [EACH_CLUSTER]))):
        assert (roles[name]["verdict"], roles[name]["proposal"]) == expected


OLDER = ("--harden", "--cni-version", "v1.19.3")  # the next version sends one more tag key
LISTS = ("--subnet-id", "subnet-01234567", "--security-group-id", "sg-01234567")
NAMES = ("prod", "vpc-01234567")
OWN_ROLE = "give aws-node its own role with EKS Pod Identity or IRSA"
EACH_CLUSTER = "give each cluster its own role, and scope it to the cluster"
OF_NAMES = "--cluster-name prod --vpc-id vpc-01234567"
SCOPED_POLICY = "`vpc-cni-iam policy ipv4-scoped --cni-version v1.23.2"
FOR_CLUSTER = f"{SCOPED_POLICY} --harden --cluster-name NAME --vpc-id ID`"
INSTEAD = "replace its policy with the output of"
LIMIT = allow("ec2:*Network*", "ec2:*Addr*", "ec2:*Tags", "ec2:*Instan*")
PROPOSALS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "none": ({"inline": {"p": allow("s3:*")}}, [f"attach {FOR_CLUSTER} (or ipv6-scoped)"]),
    "old": (
        {"inline": {"p": OLD}},
        [f"{INSTEAD} `vpc-cni-iam policy ipv4 --cni-version v1.23.2`"],
    ),
    "scoped": ({"inline": {"p": scoped()}}, []),
    # It breaks if somebody changes CLUSTER_NAME or ADDITIONAL_ENI_TAGS, which no update does.
    "hardened": ({"inline": {"p": scoped(*NAMES, "--harden")}}, []),
    "scoped-node": ({"trust": NODES, "inline": {"p": scoped()}}, [OWN_ROLE]),
    "scoped-old": (
        {"inline": {"p": scoped(*NAMES, "--revision", "2022-01-31")}},
        [f"{INSTEAD} {SCOPED_POLICY} --no-harden {OF_NAMES}`"],
    ),
    "hardened-old": (
        {"inline": {"p": scoped(*NAMES, *OLDER)}},
        [f"{INSTEAD} {SCOPED_POLICY} --harden {OF_NAMES}`"],
    ),
    "listed-old": (
        {"inline": {"p": scoped(*NAMES, *OLDER, *LISTS)}},
        [f"{INSTEAD} {SCOPED_POLICY} --harden {OF_NAMES} {' '.join(LISTS)}`"],
    ),
    "managed": ({"attached": (MANAGED,)}, [f"scope it to its cluster: {FOR_CLUSTER}"]),
    "managed-node": (
        {"trust": NODES, "attached": (MANAGED,)},
        [f"scope it to its cluster: {FOR_CLUSTER}", OWN_ROLE],
    ),
    "both": ({"inline": {"p": EC2}}, [EACH_CLUSTER]),
    "escalating": ({"inline": {"p": allow("ec2:*", "iam:PassRole")}}, [EACH_CLUSTER]),
    "limited": (
        {"inline": {"p": scoped()}, "boundary": BOUNDARY},
        [f"allow ec2:DescribeSubnets in {BOUNDARY}"],
    ),
}


def test_each_role_is_told_its_risks_and_what_to_do(tmp_path: Path) -> None:
    roles = (
        role(name, **{"trust": irsa(), **elements}) for name, (elements, _) in PROPOSALS.items()
    )
    policies = (MANAGED_POLICY, managed(BOUNDARY, LIMIT))
    answer = audited(tmp_path, details(*roles, policies=policies))
    assert {name: r["proposal"] for name, r in answer.roles.items()} == {
        name: proposal for name, (_, proposal) in PROPOSALS.items()
    }
    broken = {"none", "old", "scoped-old", "hardened-old", "listed-old", "limited"}
    assert {name for name, verdict in answer.verdicts.items() if verdict == "fails"} == broken
    risks = {name: r["policies"]["risks"] for name, r in answer.roles.items()}
    assert risks["none"] == [] and "interfaces-unscoped" not in risks["scoped"]
    assert "interfaces-unscoped" in risks["managed"] and "actions-beyond-calls" in risks["both"]
    assert risks["escalating"][0] == "privilege-escalation"
    order = [(r["verdict"] != "fails", r["role"]) for r in answer.result["roles"]]
    assert order == sorted(order)


def test_a_shared_vpc_is_assumed_if_the_policies_name_another_account(tmp_path: Path) -> None:
    own = allow("ec2:*", resource=f"arn:aws:ec2:eu-west-1:{ACCOUNT}:*/*")
    describe = allow("ec2:Describe*")
    subnet = allow("ec2:*", resource="arn:aws:ec2:*:444455556666:subnet/*")
    for more, shared in (((describe,), False), ((describe, subnet), True)):
        page = details(role("cni", irsa(), inline={"cni": together(own, *more)}))
        answer = audited(tmp_path, page)
        not_run = answer.roles["cni"]["policies"]["families"][0]["scenarios_not_run"]
        assert ("shared-subnet" in not_run) is not shared
        assert answer.roles["cni"]["verdict"] == "works"
        line = "not run; run them with coverage --scenario: trunk-interface, custom-networking, "
        line += "cluster-name-corrected, " if shared else "shared-subnet, cluster-name-corrected, "
        assert f"\n{line}additional-tags-changed\n" in answer.text


def test_a_role_of_which_a_call_is_undecided_is_unknown(tmp_path: Path) -> None:
    of_team = {"StringEquals": {"aws:PrincipalTag/team": "x"}}
    no = deny("ec2:CreateTags", Condition=of_team)
    undecided = role("undecided", irsa(), inline={"cni": together(EC2, no)})
    page = details(
        undecided,
        role("denied-too", irsa(), inline={"cni": no}),
        # What is not in the input may allow what the rest does not.
        role("not-read", irsa(), inline={"cni": OLD}, attached=(NOT_READ,)),
    )
    answer = audited(tmp_path, page)
    assert answer.verdicts == {
        "undecided": "unknown",
        "denied-too": "fails",
        "not-read": "unknown",
    }
    assert (answer.result["fails"], answer.result["complete"]) == (True, False)
    described = answer.roles["undecided"]
    ipv4, _ = described["policies"]["families"]
    assert ipv4["verdict"] == "unknown"
    # The creation of an interface with tags is undecided by its tags alone.
    assert {m["action"] for m in ipv4["missing"]} == {"ec2:CreateTags"}
    missing = ipv4["missing"][0]
    undecided_by = missing["undecided"]["doubt"], missing["undecided"]["key"]
    assert undecided_by == ("a value of the request", "aws:PrincipalTag/team")
    assert "undecided" not in missing["breaks"]
    assert not described["proposal"][0].startswith("replace")
    out = answer.text
    assert f"unknown  {role_arn('undecided')}\n" in out
    assert "undecided    IPv4: ec2:CreateTags, in fresh-node: undecided, since aws:Pr" in out
    assert out.endswith("3 for the plugin, of which 1 fails at v1.23.2, and 2 may fail\n")
    only = audited(tmp_path, details(undecided)).result
    assert (only["fails"], only["complete"]) == (False, False)


def test_a_role_of_irsa_names_the_issuer_that_must_be_the_clusters(tmp_path: Path) -> None:
    page = details(
        role("irsa", irsa(), attached=(MANAGED,)),
        role("pods", PODS, attached=(MANAGED,)),
        policies=(MANAGED_POLICY,),
    )
    answer = audited(tmp_path, page)
    issuers = {name: described["issuers"] for name, described in answer.roles.items()}
    assert issuers == {"irsa": [ISSUER], "pods": []}
    line = f"issuer       {ISSUER}; works only if this is the cluster's issuer (not checked"
    assert answer.text.count(line) == 1


def test_roles_that_differ_in_name_and_issuer_alone_are_told_once(tmp_path: Path) -> None:
    """An account with many clusters has a role for each, and all have one policy."""
    trusts = [replaced(irsa(), ISSUER, f"{ISSUER}{i}") for i in range(30)]
    page = details(
        *(role(f"cni-{i}", trust, attached=(MANAGED,)) for i, trust in enumerate(trusts)),
        *(role(f"nodes-{i}", NODES, attached=(MANAGED,)) for i in range(30)),
        role("old", NODES, inline={"cni": OLD}),
        policies=(MANAGED_POLICY,),
    )
    out = audited(tmp_path, page).text
    assert out.count(" calls ") == 3 and out.count("equal to     AmazonEKS_CNI_Policy v6") == 2
    assert all(
        f":role/cni-{i}\n" in out and f"issuer       {ISSUER}{i}\n" in out for i in range(30)
    )
    assert out.count("each role works only in a cluster with its issuer (not checked") == 1
