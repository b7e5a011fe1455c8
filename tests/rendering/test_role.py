"""The role module, planned and applied for real: trust, policy, limits, change in place."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from conftest import (
    OFFLINE_PROVIDER,
    TERRAFORM_FLOOR,
    TERRAFORM_NEWEST,
    TOFU,
    applying_provider,
    make_engine,
    write_tree,
)
from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.compose import compose, select
from vpc_cni_iam.catalog.options import Options, options, stated
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl import read
from vpc_cni_iam.policy.compare import differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads, parse
from vpc_cni_iam.rendering.kinds import render

EVERY = [v.name for v in VARIANTS]
LATEST = options(EVERY, cni_version="latest", kind="role")
ACCOUNT = "111122223333"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"
NAMES = {"cluster_name": "prod", "vpc_id": "vpc-01234567"}


def trust_policy(*names: str) -> Policy:
    """What the catalog says of the named trusts together, filled in."""
    values = {
        "oidc_provider_arn": OIDC,
        "oidc_issuer": trust.issuer(OIDC),
        "eks_cluster_arn": CLUSTER,
        "source_account_id": ACCOUNT,
    }

    def fill(text: str) -> str:
        parts = parameters.split(text, trust.PLACES)
        return "".join(p if isinstance(p, str) else values[p.name] for p in parts)

    found = (trust.documents()[n].map_strings(fill) for n in names)
    return Policy(tuple(s for p in found for s in p.statements))


def expected(variant: str, **given: str) -> Policy:
    (found,) = (v for v in VARIANTS if v.name == variant)
    values = parameters.values({**NAMES, **given})
    return parameters.substitute(compose(found, select(cni_version="latest")).policy, values)


def root(folder: Path, arguments: dict[str, object], provider: str = OFFLINE_PROVIDER) -> Path:
    write_tree(folder / "role", render(LATEST))
    lines = [f"  {name} = {json.dumps(value)}\n" for name, value in arguments.items()]
    write_tree(
        folder,
        {
            "main.tf": provider
            + f'module "r" {{\n  source = "./role"\n{"".join(lines)}}}\n'
            + 'output "trust" {\n  value = module.r.trust_policy_json\n}\n'
            + 'output "policy" {\n  value = module.r.policy_json\n}\n'
        },
    )
    return folder


def planned(engine: Engine, folder: Path, **arguments: object) -> dict[str, Policy]:
    outputs = engine.plan(root(folder, arguments))["planned_values"]["outputs"]
    return {n: loads(o["value"], n) for n, o in outputs.items() if "value" in o}


@pytest.mark.engine
@pytest.mark.parametrize(
    ("arguments", "trusts"),
    [
        ({"oidc_provider_arn": OIDC}, ["irsa"]),
        ({"pod_identity": True}, ["pod_identity"]),
        ({"pod_identity": True, "eks_cluster_arn": CLUSTER}, ["pod_identity_cluster"]),
        ({"pod_identity": True, "source_account_id": ACCOUNT}, ["pod_identity_account"]),
        (
            {
                "pod_identity": True,
                "eks_cluster_arn": CLUSTER,
                "source_account_id": ACCOUNT,
                "oidc_provider_arn": OIDC,
            },
            ["irsa", "pod_identity_cluster_account"],
        ),
    ],
)
def test_trust(
    arguments: dict[str, object], trusts: list[str], newest: Engine, tmp_path: Path
) -> None:
    found = planned(newest, tmp_path, **arguments)
    assert differences(trust_policy(*trusts), found["trust"]) == ()


def test_trust_documents_say_what_aws_documents() -> None:
    """Written out once more by hand, so that the catalog's own are not their only witness."""
    (irsa,) = trust_policy("irsa").statements
    issuer = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
    assert irsa.principals[0].identifiers == (OIDC,)
    assert {(c.operator, c.key, c.values) for c in irsa.conditions} == {
        ("StringEquals", f"{issuer}:aud", ("sts.amazonaws.com",)),
        ("StringEquals", f"{issuer}:sub", ("system:serviceaccount:kube-system:aws-node",)),
    }
    (pod,) = trust_policy("pod_identity_cluster_account").statements
    assert pod.principals[0].identifiers == ("pods.eks.amazonaws.com",)
    assert set(pod.actions) == {"sts:AssumeRole", "sts:TagSession"}
    assert {(c.operator, c.key, c.values) for c in pod.conditions} == {
        ("StringEquals", "aws:RequestTag/kubernetes-namespace", ("kube-system",)),
        ("StringEquals", "aws:RequestTag/kubernetes-service-account", ("aws-node",)),
        ("StringEquals", "aws:RequestTag/eks-cluster-arn", (CLUSTER,)),
        ("StringEquals", "aws:SourceAccount", (ACCOUNT,)),
    }


def test_irsa_conditions_are_blocks_of_their_own() -> None:
    blocks = read.parse(render(LATEST)["main.tf"], "main.tf")
    (irsa,) = (b for b in blocks if b.labels[1:] == ("irsa",))
    (statement,) = irsa.blocks
    assert [b.type for b in statement.blocks] == ["principals", "condition", "condition"]


@pytest.mark.engine
def test_an_oidc_provider_that_is_not_known_yet_still_plans(newest: Engine, tmp_path: Path) -> None:
    root(tmp_path, {"pod_identity": False})
    main = tmp_path / "main.tf"
    unknown = f'resource "terraform_data" "x" {{\n  input = "{OIDC}"\n}}\n'
    text = main.read_text().replace(
        "  pod_identity = false\n", "  oidc_provider_arn = terraform_data.x.output\n"
    )
    main.write_text(text + unknown)
    newest.plan(tmp_path)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Nobody could assume the role"),
        ({"oidc_provider_arn": OIDC, "eks_cluster_arn": CLUSTER}, "narrow a trust by Pod"),
        ({"pod_identity": True, "variant": "ipv4-scoped"}, "A scoped variant needs"),
        (
            {"pod_identity": True, "variant": "ipv6", "use_aws_managed_policy": True},
            "has no IPv6 permissions",
        ),
        ({"oidc_provider_arn": "https://oidc"}, "must be the ARN of an IAM OIDC"),
        ({"oidc_provider_arn": f"{OIDC}*"}, "must be the ARN of an IAM OIDC"),
        ({"pod_identity": True, "eks_cluster_arn": "prod"}, "the ARN of an EKS cluster"),
        ({"pod_identity": True, "source_account_id": "1"}, "account ID of 12 digits"),
        ({"pod_identity": True, "role_name": "x" * 65}, "must be 1 to 64 letters"),
        ({"pod_identity": True, "role_name_prefix": "x" * 39}, "must be 1 to 38 letters"),
        ({"pod_identity": True, "policy_name": "a b"}, "must be 1 to 128 letters"),
        ({"pod_identity": True, "path": "x"}, "starts and ends with a slash"),
        ({"pod_identity": True, "permissions_boundary": "x"}, "the ARN of an IAM policy"),
        ({"pod_identity": True, "variant": "ipv5"}, "must be one of ipv4, ipv6"),
    ],
)
def test_what_cannot_work_is_refused_with_words(
    arguments: dict[str, object], words: str, newest: Engine, tmp_path: Path
) -> None:
    with pytest.raises(EngineError) as caught:
        newest.plan(root(tmp_path, arguments))
    said = " ".join(str(caught.value).replace("│", " ").split())
    assert words in said


@pytest.mark.engine
@pytest.mark.parametrize(
    "made_from",
    [
        LATEST,
        options(["ipv4-scoped"], kind="role"),
        options(["ipv6", "ipv6-scoped"], cni_version="v1.22.1", kind="role"),
        options(["ipv4"], kind="role"),
    ],
    ids=lambda o: o.command,
)
def test_the_module_is_valid_formatted_and_its_own_tests_pass(
    made_from: Options, engine: Engine, tmp_path: Path
) -> None:
    files = render(made_from)
    assert all(stated(text) == made_from for text in files.values())
    write_tree(tmp_path, files)
    engine.run(["init", "-input=false", "-backend=false"], tmp_path)
    engine.run(["validate"], tmp_path)
    engine.run(["fmt", "-check", "-diff", "-recursive"], tmp_path)
    assert "0 failed" in engine.run(["test", "-no-color"], tmp_path)


def iam(endpoint: str) -> Any:
    return boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def there(client: Any, prefix: str) -> dict[str, Any]:
    """What the API says of the role and policy whose names start so."""
    roles = [r for r in client.list_roles()["Roles"] if r["RoleName"].startswith(prefix)]
    policies = [
        p
        for p in client.list_policies(Scope="Local")["Policies"]
        if p["PolicyName"].startswith(prefix)
    ]
    found: dict[str, Any] = {"roles": roles, "policies": policies, "attached": []}
    if roles:
        attached = client.list_attached_role_policies(RoleName=roles[0]["RoleName"])
        found["attached"] = [p["PolicyArn"] for p in attached["AttachedPolicies"]]
    if policies:
        version = client.get_policy_version(
            PolicyArn=policies[0]["Arn"], VersionId=policies[0]["DefaultVersionId"]
        )
        found["document"] = parse(version["PolicyVersion"]["Document"], "API")
    return found


@pytest.mark.engine
@pytest.mark.parametrize(
    ("partition", "name", "variants"),
    [
        ("aws", TERRAFORM_NEWEST, EVERY),
        ("aws", TERRAFORM_FLOOR, ["ipv4", "ipv4-scoped"]),
        ("aws", TOFU, ["ipv6", "ipv4-pod-identity"]),
        ("aws-cn", TOFU, ["ipv4-scoped"]),
    ],
)
def test_applied_read_back_changed_and_destroyed(
    partition: str, name: str, variants: list[str], tmp_path: Path, aws_endpoint: str
) -> None:
    engine = make_engine(name, tmp_path)
    client = iam(aws_endpoint)
    prefix = f"t-{engine.name}-{partition}-{engine.version().split()[1].replace('.', '-')}-"
    arguments: dict[str, object] = {
        "variant": "ipv4",
        "oidc_provider_arn": OIDC,
        "pod_identity": True,
        "eks_cluster_arn": CLUSTER,
        "role_name": f"{prefix}role",
        "policy_name": f"{prefix}policy",
        "path": "/eks/",
        "partition": partition,
        "tags": {"team": "net"},
        **NAMES,
    }

    def apply(**changed: object) -> None:
        arguments.update(changed)
        root(tmp_path, arguments, applying_provider(aws_endpoint))
        engine.run(["apply", "-auto-approve", "-input=false", "-no-color"], tmp_path)
        # Exit code 2 would say that a second plan is not empty.
        engine.run(["plan", "-detailed-exitcode", "-input=false", "-no-color"], tmp_path)

    root(tmp_path, arguments, applying_provider(aws_endpoint))
    engine.run(["init", "-input=false", "-no-color"], tmp_path)
    arn = ""
    for variant in variants:
        apply(variant=variant)
        found = there(client, prefix)
        assert differences(expected(variant, partition=partition), found["document"]) == ()
        assert found["attached"] == [found["policies"][0]["Arn"]]
        # A change of variant is a change in place.
        assert arn in ("", found["policies"][0]["Arn"])
        arn = found["policies"][0]["Arn"]
    role = found["roles"][0]
    assumed = parse(role["AssumeRolePolicyDocument"], "API")
    assert differences(trust_policy("irsa", "pod_identity_cluster"), assumed) == ()
    assert role["Path"] == "/eks/"
    if partition == "aws":
        apply(variant="ipv4", use_aws_managed_policy=True)
        found = there(client, prefix)
        assert found["attached"] == ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
        assert found["policies"] == []
    engine.run(["destroy", "-auto-approve", "-input=false", "-no-color"], tmp_path)
    assert there(client, prefix) == {"roles": [], "policies": [], "attached": []}
