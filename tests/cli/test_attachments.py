"""The managed policies that a role has by attachments count as its inline policies do."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Run, run, write_tree
from synthetic import allow, document, plan, resource

CNI = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
WORKER = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
OWN = "arn:aws:iam::111122223333:policy/own"
LOGS, EVERYTHING = document(allow("logs:PutLogEvents")), document(allow("*"))
ROLE = """
resource "aws_iam_role" "cni" {
  name               = "prod-aws-node"
  assume_role_policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}
"""
INLINE = f"""
resource "aws_iam_role_policy" "logs" {{
  role   = aws_iam_role.cni.id
  policy = jsonencode({LOGS})
}}
"""
OWN_POLICY = f'resource "aws_iam_policy" "own" {{\n  policy = jsonencode({LOGS})\n}}\n'
FORMATS = ("text", "json", "text --all-versions", "json --all-versions", "svg")


def attachment(arn: str, more: str = "", name: str = "cni", role: str = "cni") -> str:
    return f"""
resource "aws_iam_role_policy_attachment" "{name}" {{
  role       = aws_iam_role.{role}.name
  policy_arn = {arn}
  {more}
}}
"""


def block(kind: str, body: str) -> str:
    return f'resource "{kind}" "cni" {{\n{body}\n}}\n'


ATTACHED = {
    "attachment": attachment(f'"{CNI}"'),
    "of a partition": attachment(
        '"arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKS_CNI_Policy"'
    )
    + 'data "aws_partition" "current" {}\n',
    "of China": attachment(f'"{CNI.replace("arn:aws:", "arn:aws-cn:")}"'),
    "for_each over a set": attachment("each.value", f'for_each = toset(["{WORKER}", "{CNI}"])'),
    "for_each over a map": attachment("each.value", f'for_each = {{ cni = "{CNI}" }}'),
    "count": attachment(f'"{CNI}"', "count = 1"),
    "a local": attachment("local.arns[0]") + f'locals {{\n  arns = ["{CNI}"]\n}}\n',
    "a data source by its name": attachment("data.aws_iam_policy.cni.arn")
    + 'data "aws_iam_policy" "cni" {\n  name = "AmazonEKS_CNI_Policy"\n}\n',
    "exclusive": block(
        "aws_iam_role_policy_attachments_exclusive",
        f'role_name = aws_iam_role.cni.name\npolicy_arns = ["{CNI}"]',
    ),
    "aws_iam_policy_attachment": block(
        "aws_iam_policy_attachment",
        f'name = "x"\nroles = [aws_iam_role.cni.name]\npolicy_arn = "{CNI}"',
    ),
    "the name of the role": block(
        "aws_iam_role_policy_attachment", f'role = "prod-aws-node"\npolicy_arn = "{CNI}"'
    ),
}


@pytest.mark.parametrize("inline", ["", INLINE], ids=["alone", "beside an inline policy"])
@pytest.mark.parametrize("how", ATTACHED)
def test_an_attached_policy_of_aws_counts(how: str, inline: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"d/main.tf": ROLE + ATTACHED[how] + inline})
    done = run("coverage", "d", cwd=tmp_path)
    assert (done.code, "works: 52 calls" in done.out) == (0, True), done.out + done.err
    assert "AmazonEKS_CNI_Policy: it is attached; its document is v6 of the catalog" in done.out
    for form in FORMATS:
        shown = run("coverage", "d", "--format", *form.split(), cwd=tmp_path)
        assert shown.code == 0 and "AmazonEKS_CNI_Policy" in shown.out


def test_an_attachment_in_the_role_counts(tmp_path: Path) -> None:
    role = ROLE.replace("assume_role", f'managed_policy_arns = ["{CNI}"]\n  assume_role')
    write_tree(tmp_path, {"d/main.tf": role + INLINE})
    assert run("coverage", "d", cwd=tmp_path).code == 0


def test_a_policy_of_the_module_that_is_attached_is_of_the_role(tmp_path: Path) -> None:
    attached = attachment("aws_iam_policy.own.arn", name="own")
    files = {"d/main.tf": ROLE + OWN_POLICY + attached + attachment(f'"{CNI}"')}
    write_tree(tmp_path, files)
    assert "works: 52 calls" in run("coverage", "d", cwd=tmp_path).out


def test_a_document_is_of_the_role_whose_policy_it_is(tmp_path: Path) -> None:
    document = """
data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:PutLogEvents"]
    resources = ["*"]
  }
}
resource "aws_iam_role_policy" "logs" {
  role   = aws_iam_role.cni.id
  policy = data.aws_iam_policy_document.logs.json
}
"""
    write_tree(tmp_path, {"d/main.tf": ROLE + document + attachment(f'"{CNI}"')})
    done = run("coverage", "d", cwd=tmp_path)
    assert done.code == 0 and "(logs, AmazonEKS_CNI_Policy)" in done.out


@pytest.mark.parametrize("argument", ["source_policy_documents", "override_policy_documents"])
def test_a_document_that_another_joins_is_no_policy_by_itself(
    argument: str, tmp_path: Path
) -> None:
    """A statement with the Sid of another is instead of it."""
    statement = 'sid = "a"\n    effect = "{}"\n    actions = ["ec2:*"]\n    resources = ["*"]'
    joined = f"{argument} = [data.aws_iam_policy_document.base.json]"
    policies = "".join(
        f'data "aws_iam_policy_document" "{name}" {{\n  {more}\n'
        f"  statement {{\n    {statement.format(effect)}\n  }}\n}}\n"
        for name, effect, more in (("base", "Allow", ""), ("own", "Deny", joined))
    )
    own = """
resource "aws_iam_role_policy" "own" {
  role   = aws_iam_role.cni.id
  policy = data.aws_iam_policy_document.own.json
}
"""
    write_tree(tmp_path, {"d/main.tf": ROLE + policies + own + attachment(f'"{CNI}"')})
    done = run("coverage", "d", cwd=tmp_path)
    works = argument == "override_policy_documents"
    assert (done.code, "IPv4: works" in done.out) == (int(not works), works), done.out + done.err
    assert "(own, AmazonEKS_CNI_Policy)" in done.out
    assert "read with it: base: it is a part of another policy" in done.out


DOCUMENTS = """
data "aws_iam_policy_document" "all" {
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:PutLogEvents"]
    resources = ["*"]
  }
}
"""
ONE_OF = {
    "a local": """
locals {
  documents = {
    all  = data.aws_iam_policy_document.all.json
    logs = data.aws_iam_policy_document.logs.json
  }
}
resource "aws_iam_role_policy" "one" {
  role   = aws_iam_role.cni.id
  policy = local.documents["logs"]
}
""",
    "a conditional": """
resource "aws_iam_role_policy" "one" {
  role   = aws_iam_role.cni.id
  policy = false ? data.aws_iam_policy_document.all.json : data.aws_iam_policy_document.logs.json
}
""",
}


@pytest.mark.parametrize("how", ONE_OF)
def test_documents_of_which_a_role_has_one_are_not_taken_together(how: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"d/main.tf": ROLE + DOCUMENTS + ONE_OF[how]})
    done = run("coverage", "d", cwd=tmp_path)
    assert done.code == 2 and "aws_iam_role.cni has all; choose with --role" in done.err


def test_of_several_instances_only_those_that_are_attached_count(tmp_path: Path) -> None:
    own = f"""
resource "aws_iam_policy" "own" {{
  for_each = {{ logs = {json.dumps(LOGS)}, all = {json.dumps(EVERYTHING)} }}
  policy   = each.value
}}
"""
    single = attachment('aws_iam_policy.own["logs"].arn')
    write_tree(tmp_path, {"d/main.tf": ROLE + own + single})
    done = run("coverage", "d", cwd=tmp_path)
    assert done.code == 2 and "has several policies" in done.err
    both = attachment("each.value.arn", "for_each = aws_iam_policy.own")
    write_tree(tmp_path, {"d/main.tf": ROLE + own + both})
    assert "IPv4: fails" not in run("coverage", "d", cwd=tmp_path).out


UNKNOWN = {
    "another account's": (attachment(f'"{OWN}"'), OWN),
    "of a called module": (
        attachment("module.policy.arn") + 'module "policy" {\n  source = "./x"\n}\n',
        "module.policy",
    ),
    "a variable": (
        attachment("var.arn") + 'variable "arn" {}\n',
        "aws_iam_role_policy_attachment.cni",
    ),
    "for_each of a variable": (
        attachment("each.value", "for_each = var.arns") + 'variable "arns" {}\n',
        "aws_iam_role_policy_attachment.cni",
    ),
    "AWS's that the catalog does not have": (
        attachment('"arn:aws:iam::aws:policy/Unheard"'),
        "arn:aws:iam::aws:policy/Unheard",
    ),
    "one that may not exist": (
        attachment(f'"{CNI}"', "count = var.on ? 1 : 0") + 'variable "on" {}\n',
        "aws_iam_role_policy_attachment.cni",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_an_attachment_that_is_not_known_is_named_and_counts(what: str, tmp_path: Path) -> None:
    code, name = UNKNOWN[what]
    write_tree(tmp_path, {"d/main.tf": ROLE + INLINE + code, "all.json": EVERYTHING})
    for form in FORMATS:
        done = run("coverage", "d", "--format", *form.split(), cwd=tmp_path)
        assert done.code == 1 and name in done.out, (form, done.out)
        assert ('"verdict": "unknown"' if "json" in form else "incomplete") in done.out, form
        assert "IPv4: fails" not in done.out
        if form.startswith("text") and "module" in what:
            assert "read the output of terraform show -json instead" in done.out
    for sides in (("all.json", "d"), ("d", "all.json")):
        compared = run("compare", *sides, cwd=tmp_path)
        assert compared.code == 1 and "not proven" in compared.out and name in compared.out


def test_attachments_of_another_role_are_not_of_this_one(tmp_path: Path) -> None:
    other = ROLE.replace('"cni"', '"node"').replace("prod-aws-node", "prod-node")
    write_tree(tmp_path, {"d/main.tf": ROLE + INLINE + other + attachment(f'"{CNI}"', role="node")})
    refused = run("coverage", "d", cwd=tmp_path)
    assert refused.code == 2 and "several roles" in refused.err
    done = run("coverage", "d", "--role", "aws_iam_role.cni", cwd=tmp_path)
    assert done.code == 1 and "IPv4: fails" in done.out and "AmazonEKS" not in done.out
    # One that is not known may be of either role.
    code = attachment(f'"{CNI}"').replace("aws_iam_role.cni.name", "var.role")
    write_tree(tmp_path, {"e/main.tf": ROLE + INLINE + code + 'variable "role" {}\n'})
    computed = attachment(f'"{CNI}"').replace(
        "aws_iam_role.cni.name", '"${aws_iam_role.cni.name}-x"'
    )
    joined = computed.replace(
        '"${aws_iam_role.cni.name}-x"', 'join("-", ["x", aws_iam_role.cni.name])'
    )
    for number, text in enumerate((computed, joined)):
        write_tree(
            tmp_path,
            {f"{number}/main.tf": ROLE.replace("prod-aws-node", "${var.n}") + INLINE + text},
        )
        assert "IPv4: unknown" in run("coverage", str(number), cwd=tmp_path).out
    done = run("coverage", "e", cwd=tmp_path)
    assert done.code == 1 and "IPv4: unknown" in done.out and "AmazonEKS_CNI" in done.out


def test_a_role_is_chosen_by_its_name(tmp_path: Path) -> None:
    other = ROLE.replace('"cni"', '"node"').replace("prod-aws-node", "prod-node")
    node = attachment(f'"{CNI}"', name="a", role="node") + attachment(
        f'"{WORKER}"', name="b", role="node"
    )
    cluster = attachment('"arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"')
    write_tree(tmp_path, {"d/main.tf": ROLE + other + node + cluster})
    done = run("coverage", "d", cwd=tmp_path)
    assert done.code == 2 and "aws_iam_role.node" in done.err
    whole = run("coverage", "d", "--document", "aws_iam_role.node", cwd=tmp_path)
    assert "(AmazonEKS_CNI_Policy, AmazonEKSWorkerNodePolicy)" in whole.out and whole.code == 0
    alone = run("coverage", "d", "--document", "AmazonEKSWorkerNodePolicy", cwd=tmp_path)
    assert alone.code == 1 and "IPv4: fails" in alone.out


def account(**role: Any) -> str:
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{ISSUER}:sub": "system:serviceaccount:kube-system:aws-node",
                        f"{ISSUER}:aud": "sts.amazonaws.com",
                    }
                },
            }
        ]
    }
    described = {
        "RoleName": "cni",
        "Arn": "arn:aws:iam::111122223333:role/cni",
        "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [{"PolicyName": "logs", "PolicyDocument": json.loads(LOGS)}],
        **role,
    }
    return json.dumps({"RoleDetailList": [described], "Policies": [], "IsTruncated": False})


def policies(*arns: str) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]


def covered(text: str, tmp_path: Path, *words: str) -> Run:
    (tmp_path / "a.json").write_text(text)
    return run("coverage", "a.json", *words, cwd=tmp_path)


@pytest.mark.parametrize("inline", [True, False])
def test_attachments_of_an_account_count(inline: bool, tmp_path: Path) -> None:
    more = {} if inline else {"RolePolicyList": []}
    done = covered(account(AttachedManagedPolicies=policies(CNI), **more), tmp_path)
    assert done.code == 0 and "works: 52 calls" in done.out
    unknown = covered(account(AttachedManagedPolicies=policies(CNI, OWN), **more), tmp_path)
    assert unknown.code == 1 and "IPv4: unknown" in unknown.out and OWN in unknown.out


def test_attachments_that_the_aws_cli_lists_count(tmp_path: Path) -> None:
    listed = json.dumps({"AttachedPolicies": policies(WORKER, CNI)})
    assert "works: 52 calls" in covered(listed, tmp_path).out
    unknown = covered(json.dumps({"AttachedPolicies": policies(OWN)}), tmp_path)
    assert unknown.code == 3 and OWN in unknown.err


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_an_audit_takes_the_policies_of_aws_that_the_catalog_has(
    partition: str, tmp_path: Path
) -> None:
    for arn, verdict in ((CNI, "works"), (WORKER, "fails"), (OWN, "unknown")):
        text = account(AttachedManagedPolicies=policies(arn))
        (tmp_path / "a.json").write_text(text.replace("arn:aws:", f"arn:{partition}:"))
        done = run("audit", "a.json", "--format", "json", cwd=tmp_path)
        (role,) = json.loads(done.out)["roles"]
        assert role["verdict"] == verdict
        assert bool(role["undecided"]) == (arn == OWN)


EMPTY = {
    "a directory": ("d", {"d/main.tf": ROLE}, "this directory has no identity policy"),
    "a file": ("main.tf", {"main.tf": ROLE}, "this file has no identity policy"),
    "JSON": (
        "a.json",
        {"a.json": account(RolePolicyList=[])},
        "this JSON has no identity policy",
    ),
}


@pytest.mark.parametrize("what", EMPTY)
def test_an_input_without_policies_is_one_sentence_with_the_next_step(
    what: str, tmp_path: Path
) -> None:
    target, files, words = EMPTY[what]
    write_tree(tmp_path, files)
    done = run("coverage", target, cwd=tmp_path)
    assert done.code == 3 and done.err.count("\n") == 1
    assert words in done.err and "; give " in done.err


REFERRING = {"root_module": {"resources": [
    {
        "address": f"{kind}.a", "mode": "managed", "type": kind, "name": "a",
        "expressions": {argument: {"references": ["aws_iam_role.cni.name", "aws_iam_role.cni"]}},
    }
    for kind, argument in (
        ("aws_iam_role_policy_attachment", "role"),
        ("aws_iam_role_policy", "role"),
        ("aws_iam_role_policy_attachments_exclusive", "role_name"),
    )
]}}  # fmt: skip


def made(kind: str, block_name: str, /, **values: Any) -> dict[str, Any]:
    """A resource to be made, of which what is None is only known after apply."""
    unknown = {key: True for key, value in values.items() if value is None}
    known = {key: value for key, value in values.items() if value is not None}
    return resource(kind, block_name, None, known, after_unknown=unknown)


def exclusive(*arns: str) -> dict[str, Any]:
    kind = "aws_iam_role_policy_attachments_exclusive"
    return made(kind, "a", role_name=None, policy_arns=list(arns))


MADE = made("aws_iam_role", "cni", name=None, managed_policy_arns=None, inline_policy=None)
LOGGING = made("aws_iam_role_policy", "a", role=None, name="logs", policy=LOGS)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ([made("aws_iam_role_policy_attachment", "a", role=None, policy_arn=CNI)], "works"),
        ([made("aws_iam_role_policy_attachment", "a", role=None, policy_arn=OWN)], "unknown"),
        ([made("aws_iam_role_policy_attachment", "a", role=None, policy_arn=None)], "unknown"),
        ([made("aws_iam_role_policy_attachment", "b", role=None, policy_arn=CNI)], "unknown"),
        ([exclusive(WORKER, CNI)], "works"),
        ([], "fails"),
    ],
    ids=["known", "another account's", "unknown", "of an unknown role", "exclusive", "none"],
)
def test_attachments_of_a_plan_count(
    changes: list[dict[str, Any]], verdict: str, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_bytes(plan(MADE, LOGGING, *changes, configuration=REFERRING))
    done = run("coverage", "p.json", cwd=tmp_path)
    assert f"IPv4: {verdict}" in done.out, done.out + done.err
    assert done.code == (verdict != "works")


def test_an_attachment_that_a_plan_deletes_does_not_count(tmp_path: Path) -> None:
    values = {"name": "cni", "managed_policy_arns": [CNI], "inline_policy": []}
    role = resource("aws_iam_role", "cni", values, values)
    attached = {"role": "cni", "policy_arn": CNI}
    kind = "aws_iam_role_policy_attachment"
    inline = {"role": "cni", "name": "logs", "policy": LOGS}
    logs = resource("aws_iam_role_policy", "a", inline, inline)
    for after, verdict in ((attached, "works"), (None, "fails")):
        change = resource(kind, "a", attached, after)
        (tmp_path / "p.json").write_bytes(plan(role, logs, change))
        assert f"IPv4: {verdict}" in run("coverage", "p.json", cwd=tmp_path).out
    # What other stacks attached is in the computed argument alone.
    (tmp_path / "p.json").write_bytes(plan(role, logs))
    assert "IPv4: works" in run("coverage", "p.json", cwd=tmp_path).out


def test_an_inline_policy_that_a_plan_changes_is_the_new_one(tmp_path: Path) -> None:
    values = {"name": "cni", "inline_policy": [{"name": "a", "policy": EVERYTHING}]}
    role = resource("aws_iam_role", "cni", values, values)
    sides = ({"role": "cni", "name": "a", "policy": p} for p in (EVERYTHING, LOGS))
    (tmp_path / "p.json").write_bytes(plan(role, resource("aws_iam_role_policy", "a", *sides)))
    assert "IPv4: fails" in run("coverage", "p.json", cwd=tmp_path).out


def test_a_boundary_counts_wherever_it_is(tmp_path: Path) -> None:
    bounded = ROLE.replace("assume_role", f'permissions_boundary = "{OWN}"\n  assume_role')
    values = {"name": "cni", "permissions_boundary": OWN}
    role = resource("aws_iam_role", "cni", None, values)
    attached = made("aws_iam_role_policy_attachment", "a", role="cni", policy_arn=CNI)
    write_tree(tmp_path, {"d/main.tf": bounded + attachment(f'"{CNI}"')})
    (tmp_path / "p.json").write_bytes(plan(role, attached))
    (tmp_path / "b.json").write_text(document(allow("ec2:*")))
    for target in ("d", "p.json"):
        done = run("coverage", target, cwd=tmp_path)
        assert done.code == 1 and f"not applied: {OWN}; give it with --boundary" in done.out
        assert run("coverage", target, "--boundary", "b.json", cwd=tmp_path).code == 0


def test_attachments_in_other_files_of_the_module_count_for_a_file(tmp_path: Path) -> None:
    write_tree(
        tmp_path, {"d/policy.tf": INLINE, "d/role.tf": ROLE, "d/more.tf": attachment(f'"{CNI}"')}
    )
    done = run("coverage", "d/policy.tf", cwd=tmp_path)
    assert done.code == 0 and "AmazonEKS_CNI_Policy" in done.out
    (tmp_path / "d" / "own.tf").write_text(
        OWN_POLICY + attachment("aws_iam_policy.own.arn", name="own")
    )
    done = run("coverage", "d/policy.tf", cwd=tmp_path)
    assert done.code == 1 and "incomplete" in done.out and "aws_iam_policy.own" in done.out


def test_two_roles_of_one_name_in_two_accounts_are_told_apart_by_reference(tmp_path: Path) -> None:
    def of(call: str, kind: str, **values: Any) -> dict[str, Any]:
        return resource(kind, "a", None, values, address=f"module.{call}.{kind}.a")

    inner = {"resources": [
        {
            "address": f"{kind}.a", "mode": "managed", "type": kind, "name": "a",
            "expressions": {"role": {"references": ["aws_iam_role.a.name", "aws_iam_role.a"]}},
        }
        for kind in ("aws_iam_role_policy_attachment", "aws_iam_role_policy")
    ]}  # fmt: skip
    calls = {call: {"module": inner} for call in ("blue", "green")}
    changes = [
        change
        for call, arn in (("blue", WORKER), ("green", CNI))
        for change in (
            of(call, "aws_iam_role", name="cni"),
            of(call, "aws_iam_role_policy", role="cni", name="logs", policy=LOGS),
            of(call, "aws_iam_role_policy_attachment", role="cni", policy_arn=arn),
        )
    ]
    configuration = {"root_module": {"module_calls": calls}}
    (tmp_path / "p.json").write_bytes(plan(*changes, configuration=configuration))
    for call, verdict in (("blue", "fails"), ("green", "works")):
        words = ("--document", f"module.{call}.aws_iam_role.a")
        done = run("coverage", "p.json", *words, cwd=tmp_path)
        assert f"IPv4: {verdict}" in done.out, done.err
    code = ROLE + ROLE.replace('"cni"', '"other"') + INLINE
    code += block("aws_iam_role_policy_attachment", f'role = "prod-aws-node"\npolicy_arn = "{CNI}"')
    write_tree(tmp_path, {"d/main.tf": code})
    assert "IPv4: unknown" in run("coverage", "d", cwd=tmp_path).out


def test_what_aws_recommends_for_the_add_on_is_read(tmp_path: Path) -> None:
    """The EKS API reference has the fields of it: AddonPodIdentityConfiguration."""

    def recommended(*arns: str) -> str:
        entry = {"serviceAccount": "aws-node", "recommendedManagedPolicies": list(arns)}
        answer = {"addonName": "vpc-cni", "addonVersion": "v1.20.4-eksbuild.1"}
        schema = {"configurationSchema": json.dumps({"type": "object"})}
        return json.dumps(answer | schema | {"podIdentityConfiguration": [entry]})

    aws = "arn:aws:iam::aws:policy"
    done = covered(recommended(f"{aws}/AmazonEKS_CNI_Policy"), tmp_path)
    assert done.code == 0 and "AmazonEKS_CNI_Policy v6" in done.out
    unknown = covered(recommended("arn:aws:iam::111122223333:policy/own"), tmp_path)
    assert unknown.code != 0
