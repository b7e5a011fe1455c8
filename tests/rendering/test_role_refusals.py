"""What the role module refuses, with words that say what to do."""

import json
import re
from pathlib import Path

import pytest

from conftest import ROOT, write_tree
from roles import CLUSTER, LATEST, NAMES, OIDC, POD, root
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.rendering.kinds import render

MODULE = ROOT / "modules" / "vpc-cni-iam-role"
BOUNDARY = "arn:aws:iam::aws:policy/"
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
# Statements of more than the 6,144 characters of a managed policy.
LARGE = json.dumps({"Statement": [{**ALLOW, "Action": [f"s3:{n:0>64}" for n in range(90)]}]})
Cases = list[tuple[dict[str, object], str]]
# What contradicts itself or cannot work.
CONTRADICTIONS: Cases = [
    ({}, "Nothing could assume the role"),
    ({"oidc_provider_arn": OIDC, "eks_cluster_arn": CLUSTER}, "limit the trust with Pod"),
    ({**POD, "variant": "ipv4-scoped"}, "The variant ipv4-scoped needs cluster_name and vpc_id."),
    (
        {**POD, "variant": "ipv4-scoped", "cluster_name": "staging"},
        "The variant ipv4-scoped needs cluster_name and vpc_id.",
    ),
    (
        {**POD, "variant": "ipv6-scoped", "vpc_id": "vpc-01234567"},
        "The variant ipv6-scoped needs cluster_name.",
    ),
    (
        {**POD, "variant": "ipv6", "use_aws_managed_policy": True},
        "has no IPv6 permissions and is not scoped, so it cannot replace the variant i",
    ),
    (
        {**POD, "variant": "ipv4-scoped", "use_aws_managed_policy": True},
        "cannot replace the variant ipv4-scoped",
    ),
    (
        {**POD, "variant": "ipv4-pod-identity", "use_aws_managed_policy": True},
        "cannot replace the variant ipv4-pod-identity",
    ),
    (
        {
            **POD,
            "use_aws_managed_policy": True,
            "source_policy_documents": ['{"Statement":[]}'],
        },
        "remove one of the two",
    ),
    (
        {"oidc_provider_arn": OIDC, "variant": "ipv4-pod-identity"},
        "The variant ipv4-pod-identity needs pod_identity, without oidc_provider_arn",
    ),
    (
        {"oidc_provider_arn": OIDC, "pod_identity": True, "variant": "ipv4-pod-identity"},
        "IRSA sessions have no session tags",
    ),
    ({"oidc_provider_arn": OIDC, "partition": "aws-cn"}, "the module's partition, aws-cn"),
    (
        {**POD, "eks_cluster_arn": CLUSTER.replace("aws:", "aws-us-gov:", 1)},
        "the module's partition, aws; set partition to their partition",
    ),
    (
        {**POD, "permissions_boundary": "arn:aws-cn:iam::aws:policy/x"},
        "the module's partition, aws;",
    ),
    (
        {**POD, "eks_cluster_arn": CLUSTER, "source_account_id": "444455556666"},
        "The eks_cluster_arn has another account than source_account_id",
    ),
    (
        {**POD, "variant": "ipv4", "use_aws_managed_policy": True, "policy_name": "cni"},
        "The policy_name is for the policy that the module creates",
    ),
    (
        {**POD, "eks_cluster_arn": CLUSTER, **NAMES, "cluster_name": "staging"},
        "The eks_cluster_arn and cluster_name name different clusters",
    ),
    (
        {**POD, "eks_cluster_arn": CLUSTER, "region": "us-east-1"},
        "The eks_cluster_arn has another Region than region",
    ),
    ({**POD, "source_policy_documents": [LARGE]}, "has more than 6,144 characters"),
]
# What one variable may not be.
VALUES: Cases = [
    ({"oidc_provider_arn": "https://oidc"}, "must be the ARN of an IAM OIDC"),
    ({"oidc_provider_arn": f"{OIDC}*"}, "must be the ARN of an IAM OIDC"),
    ({"oidc_provider_arn": f"{OIDC}/"}, "must be the ARN of an IAM OIDC"),
    ({"oidc_provider_arn": f"{OIDC}//x"}, "must be the ARN of an IAM OIDC"),
    ({**POD, "eks_cluster_arn": "prod"}, "the ARN of an EKS cluster"),
    ({**POD, "source_account_id": "1"}, "account ID of 12 digits"),
    ({**POD, "role_name": "x" * 65}, "must be 1 to 64 letters"),
    ({**POD, "role_name_prefix": "x" * 39}, "must be 1 to 38 letters"),
    ({**POD, "policy_name": "a b"}, "must be 1 to 128 letters"),
    ({**POD, "path": "x"}, "starts and ends with a slash"),
    ({**POD, "path": "//"}, "no two slashes in a row"),
    ({**POD, "path": "/a//b/"}, "no two slashes in a row"),
    ({**POD, "path": f"/{'x' * 511}/"}, "at most 512 characters"),
    ({**POD, "path": "/a b/"}, "starts and ends with a slash"),
    ({**POD, "permissions_boundary": "x"}, "the ARN of an IAM policy"),
    (
        {**POD, "permissions_boundary": f"{BOUNDARY}a b"},
        "the ARN of an IAM policy",
    ),
    (
        {**POD, "permissions_boundary": f"{BOUNDARY}a/"},
        "the ARN of an IAM policy",
    ),
    (
        {**POD, "permissions_boundary": BOUNDARY + "x" * 129},
        "the ARN of an IAM policy",
    ),
    ({**POD, "source_policy_documents": ["not json"]}, "an IAM policy document as JSON"),
    *(
        ({**POD, "source_policy_documents": [text]}, "an IAM policy document as JSON")
        for text in ('{"a":1}', '{"Statement":7}', '{"Statement":[{"Effect":"Permit"}]}')
    ),
    # The provider drops a key that it does not know, and IAM refuses the others at apply.
    *(
        (
            {**POD, "source_policy_documents": [json.dumps({"Statement": [{**ALLOW, **keys}]})]},
            "an IAM policy document as JSON",
        )
        for keys in (
            {"Conditions": {"Bool": {"aws:SecureTransport": "true"}}},
            {"condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Principal": "*"},
            {"NotAction": "s3:*"},
            {"NotResource": "*"},
        )
    ),
    *(
        (
            {**POD, "source_policy_documents": [json.dumps({"Statement": [ALLOW, statement]})]},
            "an IAM policy document as JSON",
        )
        for statement in (
            {"Effect": "Deny", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:*"},
        )
    ),
    ({**POD, "variant": "ipv5"}, "must be one of ipv4, ipv6"),
]


@pytest.mark.engine
@pytest.mark.parametrize("cases", [VALUES, CONTRADICTIONS], ids=["values", "contradictions"])
def test_what_cannot_work_is_refused_with_words(
    cases: Cases, engine: Engine, tmp_path: Path
) -> None:
    """All in one plan, in which each wrong call is its own module and ends in one error."""
    calls = "".join(
        f'module "wrong{number}" {{\n  source = "./role"\n'
        + "".join(f"  {name} = {json.dumps(value)}\n" for name, value in arguments.items())
        + "}\n"
        for number, (arguments, _) in enumerate(cases)
    )
    write_tree(root(tmp_path, POD), {"wrong.tf": calls})
    with pytest.raises(EngineError) as caught:
        engine.plan(tmp_path)
    text = " ".join(str(caught.value).replace("│", " ").split())
    errors = text.split("Error: ")[1:]
    for arguments, words in cases:
        assert any(words in error for error in errors), (arguments, words, text)
    assert len(errors) == len(cases)


def test_the_managed_policy_is_an_input_only_beside_the_variant_that_it_stands_for() -> None:
    without = render(options(["ipv6", "ipv4-scoped"], kind="role"))
    assert not [path for path, text in without.items() if "use_aws_managed_policy" in text]
    assert "use_aws_managed_policy" in render(options(["ipv4"], kind="role"))["variables.tf"]


def test_the_comparison_with_public_modules_counts_what_the_module_checks() -> None:
    page = (ROOT / "docs" / "development" / "generated-modules.md").read_text()
    files = {name: (MODULE / name).read_text() for name in ("main.tf", "variables.tf")}
    variables = files["variables.tf"].count('\nvariable "')
    validated = files["variables.tf"].count("\n  validation {")
    preconditions = files["main.tf"].count(" precondition {")
    assert f"| {len(files['main.tf'].splitlines())} of main.tf with three documents, " in page
    assert f"documents, {variables} variables |" in page
    assert f"| {validated} of {variables} variables, {preconditions} preconditions |" in page


def test_no_readme_names_an_output_that_the_module_lacks() -> None:
    for kind in ("policy", "role"):
        files = render(options([v.name for v in VARIANTS], kind=kind))
        named = re.findall(r"\boutput `(\w+)`", files["README.md"].replace("\n", " "))
        assert all(f'output "{name}" ' in files["outputs.tf"] for name in named), (kind, named)


@pytest.mark.parametrize(
    ("name", "longest", "may_be_null"),
    [
        ("role_name", 64, True),
        ("role_name_prefix", 38, False),  # the provider appends 26 characters
        ("policy_name", 128, True),
        ("policy_name_prefix", 102, False),
    ],
)
def test_a_name_may_be_as_long_as_iam_takes_it(
    name: str, longest: int, *, may_be_null: bool
) -> None:
    text = render(options(kind="role"))["variables.tf"]
    (block,) = (b for b in parse(text, "variables.tf").blocks if b.labels == (name,))
    assert (block.attributes["default"].outer.code == "null") is may_be_null
    assert ("nullable" not in block.attributes) is may_be_null
    (validation,) = block.blocks
    condition = validation.attributes["condition"].outer.code
    assert condition.startswith(f"var.{name} == null ||") is may_be_null
    (pattern,) = re.findall(r'regex\("(.+)", var\.\w+\)', condition)
    lengths = [n for n in range(longest + 2) if re.fullmatch(pattern, "x" * n)]
    assert lengths == [*range(1, longest + 1)]
    assert f"must be 1 to {longest} letters" in validation.attributes["error_message"].outer.code


def test_null_stands_for_the_default_of_a_variable_and_names_say_which_variants_need_them() -> None:
    blocks = parse(render(LATEST)["variables.tf"], "variables.tf").blocks
    variables = {block.labels[0]: block.attributes for block in blocks}
    with_default = {n: v for n, v in variables.items() if v["default"].span.code != "null"}
    assert {"variant", "path", "tags"} <= with_default.keys()
    assert {v["nullable"].span.code for v in with_default.values()} == {"false"}
    for name in ("cluster_name", "vpc_id"):
        needing = [
            composed.variant.name
            for composed in LATEST.composed()
            if name in {parameter.name for parameter in parameters.used(composed.policy)}
        ]
        text = variables[name]["description"].span.code
        assert f"Required by {' and '.join(needing)}." in text
