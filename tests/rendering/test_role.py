"""The role module, planned and applied for real: trust, policy, limits, change in place."""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from conftest import OFFLINE_PROVIDER, ROOT, applying_provider, label, write_tree
from roles import ACCOUNT, CLUSTER, LATEST, NAMES, OIDC, POD, call, root, roots
from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import Options, options, stated
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.parse import parse as parse_hcl
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads, parse
from vpc_cni_iam.rendering.kinds import render

# The arguments of the catalog's trust policy for one of the two trusts, which nothing narrows.
IRSA_ONLY = {"pod_identity": False}
POD_ONLY = {"irsa": False, "cluster": False, "account": False}


def of(partition: str, arn: str) -> str:
    return arn.replace("arn:aws:", f"arn:{partition}:")


def trust_policy(partition: str = "aws", **trusts: bool) -> Policy:
    """The catalog's trust policy of these trusts, filled in."""
    values = {
        "oidc_provider_arn": of(partition, OIDC),
        "oidc_issuer": trust.issuer(OIDC),
        "eks_cluster_arn": of(partition, CLUSTER),
        "source_account_id": ACCOUNT,
    }

    return parameters.fill(trust.policy(**trusts), values)


def expected(variant: str, **settings: str) -> Policy:
    (result,) = (v for v in VARIANTS if v.name == variant)
    values = parameters.values({**NAMES, **settings})
    return parameters.substitute(compose(result, select(cni_version="latest")).policy, values)


@pytest.mark.engine
def test_trusts_and_variants_in_one_plan(newest: Engine, tmp_path: Path) -> None:
    narrowed = {"eks_cluster_arn": CLUSTER, "source_account_id": ACCOUNT}
    irsa, pod = dict(IRSA_ONLY), dict(POD_ONLY)
    calls: dict[str, tuple[dict[str, object], dict[str, bool]]] = {
        "irsa": ({"oidc_provider_arn": OIDC}, irsa),
        "pod": (POD, pod),
        "cluster": ({**POD, "eks_cluster_arn": CLUSTER}, {**pod, "cluster": True}),
        "account": ({**POD, "source_account_id": ACCOUNT}, {**pod, "account": True}),
        "both": ({**POD, **narrowed, "oidc_provider_arn": OIDC}, {}),
        # Its document names no VPC.
        "ipv6": ({**POD, "variant": "ipv6-scoped", "cluster_name": "prod"}, pod),
    }
    folder = roots(tmp_path, {name: arguments for name, (arguments, _) in calls.items()})
    outputs = newest.plan(folder)["planned_values"]["outputs"]
    for name, (arguments, trusts) in calls.items():
        variant = str(arguments.get("variant", "ipv4"))
        result = {
            key: loads(outputs[f"{name}_{key}"]["value"], name) for key in ("trust", "policy")
        }
        assert differences(trust_policy(**trusts), result["trust"]) == ()
        assert differences(expected(variant), result["policy"]) == ()


def test_irsa_conditions_are_blocks_of_their_own() -> None:
    blocks = parse_hcl(render(LATEST)["main.tf"], "main.tf").blocks
    (document,) = (b for b in blocks if b.labels[1:] == ("trust",))
    (content,) = document.blocks[0].blocks
    assert [b.type for b in content.blocks] == ["principals", "condition", "condition"]


@pytest.mark.engine
def test_arns_that_are_not_known_yet_still_plan(engine: Engine, tmp_path: Path) -> None:
    root(tmp_path, {"pod_identity": False})
    main = tmp_path / "main.tf"
    unknown = f'resource "terraform_data" "x" {{\n  input = "{OIDC}"\n}}\n'
    values = (
        "  pod_identity = true\n  oidc_provider_arn = terraform_data.x.output\n"
        '  source_account_id = "111122223333"\n  cluster_name = "prod"\n'
        f'  eks_cluster_arn = replace(terraform_data.x.output, "/.*/", "{CLUSTER}")\n'
        "  permissions_boundary = terraform_data.x.output\n"
    )
    text = main.read_text().replace("  pod_identity = false\n", values)
    main.write_text(text + unknown)
    engine.plan(tmp_path)


LISTS = {"subnet_ids": ["subnet-01234567"], "security_group_ids": ["sg-01234567"]}
WITHOUT_IRSA = options(["ipv4-pod-identity"], cni_version="latest", kind="role")
OTHERS = [
    options(["ipv4-scoped"], kind="role"),
    options(["ipv6", "ipv6-scoped"], cni_version="v1.22.1", kind="role"),
    options(["ipv4"], kind="role"),
    WITHOUT_IRSA,
    options(["ipv4-scoped"], kind="role", hardening=Hardening(limits=tuple(IdList))),
]


@pytest.mark.engine
def test_lists_as_long_as_the_page_says_fit_with_any_cluster_name(
    newest: Engine, tmp_path: Path
) -> None:
    page = " ".join((ROOT / "docs" / "hardening.md").read_text().split())
    sizes = re.findall(r"(\d+) subnets and (\d+) security groups fit, or (\d+) and (\d+) if", page)
    ((*plain, subnets, groups),) = [[int(n) for n in size] for size in sizes]
    account = {"account_id": ACCOUNT, "region": "ap-southeast-1"}
    write_tree(tmp_path / "role", render(OTHERS[-1]))
    text = OFFLINE_PROVIDER
    for name, lists, more in (("p", plain, {}), ("a", (subnets, groups), account)):
        values = {
            "subnet_ids": [f"subnet-{n:017x}" for n in range(lists[0])],
            "security_group_ids": [f"sg-{n:017x}" for n in range(lists[1])],
        }
        names = {"cluster_name": "x" * 100, "vpc_id": "vpc-0123456789abcdef0"}
        text += call(name, {**POD, **names, **values, **more})
    newest.plan(write_tree(tmp_path, {"main.tf": text}))


@pytest.mark.engine
@pytest.mark.parametrize("made_from", [LATEST, *OTHERS], ids=lambda x: x.command)
def test_the_module_is_valid_formatted_and_its_own_tests_pass(
    made_from: Options, engine: Engine, tmp_path: Path
) -> None:
    files = render(made_from)
    for text in files.values():
        (written,) = filter(None, [stated(text, files["main.tf"])])
        assert replace(written, directory="") == made_from
    folder = write_tree(tmp_path / "module", files)
    engine.run(["init", "-input=false", "-backend=false"], folder)
    engine.run(["validate"], folder)
    engine.run(["fmt", "-check", "-diff", "-recursive"], folder)
    assert "0 failed" in engine.run(["test", "-no-color"], folder)


@pytest.mark.engine
def test_every_selection_plans_with_every_engine(installing_engine: Engine, tmp_path: Path) -> None:
    calls = ""
    for number, made_from in enumerate(OTHERS):
        write_tree(tmp_path / f"m{number}", render(made_from))
        asked = render(made_from)["variables.tf"]
        values = {k: v for k, v in {**POD, **NAMES, **LISTS}.items() if f'variable "{k}"' in asked}
        calls += call(f"m{number}", values).replace("./role", f"./m{number}")
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + calls})
    installing_engine.plan(tmp_path)


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
    values: dict[str, Any] = {"roles": roles, "policies": policies, "attached": []}
    if roles:
        attached = client.list_attached_role_policies(RoleName=roles[0]["RoleName"])
        values["attached"] = [p["PolicyArn"] for p in attached["AttachedPolicies"]]
    if policies:
        version = client.get_policy_version(
            PolicyArn=policies[0]["Arn"], VersionId=policies[0]["DefaultVersionId"]
        )
        values["document"] = parse(version["PolicyVersion"]["Document"], "API")
    return values


@pytest.mark.engine
@pytest.mark.parametrize(
    ("partition", "variants"),
    [
        ("aws", ["ipv4", "ipv4-scoped"]),
        ("aws", ["ipv6", "ipv4-pod-identity", "ipv6-scoped", "ipv4-ipv6"]),
        ("aws-cn", ["ipv4-scoped"]),
    ],
)
def test_applied_read_back_changed_and_destroyed(
    partition: str, variants: list[str], engine: Engine, tmp_path: Path, aws_endpoint: str
) -> None:
    client = iam(aws_endpoint)
    prefix = f"t-{label(engine)}-{partition}-{variants[0]}-"
    arguments: dict[str, object] = {
        "variant": "ipv4",
        "pod_identity": True,
        "eks_cluster_arn": of(partition, CLUSTER),
        "role_name": f"{prefix}role",
        "policy_name": f"{prefix}policy",
        "path": "/eks/",
        "partition": partition,
        "tags": {"team": "net"},
        **NAMES,
    }

    def apply(variant: str, **changed: object) -> None:
        # Session tags go with Pod Identity alone.
        irsa = variant != "ipv4-pod-identity"
        oidc = of(partition, OIDC) if irsa else None
        arguments.update(variant=variant, oidc_provider_arn=oidc, **changed)
        root(tmp_path, arguments, applying_provider(aws_endpoint))
        engine.run(["apply", "-auto-approve", "-input=false", "-no-color"], tmp_path)
        # Exit code 2 would say that a second plan is not empty.
        engine.run(["plan", "-detailed-exitcode", "-input=false", "-no-color"], tmp_path)
        (role,) = there(client, prefix)["roles"]
        assumed = parse(role["AssumeRolePolicyDocument"], "API")
        trusted = trust_policy(partition, irsa=irsa, account=False)
        assert differences(trusted, assumed) == ()
        assert role["Path"] == "/eks/"

    root(tmp_path, arguments, applying_provider(aws_endpoint))
    engine.run(["init", "-input=false", "-no-color"], tmp_path)
    arn = ""
    for variant in variants:
        apply(variant)
        present = there(client, prefix)
        assert differences(expected(variant, partition=partition), present["document"]) == ()
        assert present["attached"] == [present["policies"][0]["Arn"]]
        # A change of variant is a change in place.
        assert arn in ("", present["policies"][0]["Arn"])
        arn = present["policies"][0]["Arn"]
    if partition == "aws":
        apply("ipv4", use_aws_managed_policy=True, policy_name=None)
        present = there(client, prefix)
        assert present["attached"] == ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
        assert present["policies"] == []
    engine.run(["destroy", "-auto-approve", "-input=false", "-no-color"], tmp_path)
    assert there(client, prefix) == {"roles": [], "policies": [], "attached": []}


def test_a_module_of_session_tags_alone_has_no_irsa() -> None:
    for name, text in render(WITHOUT_IRSA).items():
        assert "oidc" not in text and "var.pod_identity" not in text, name
    mixed = render(options(["ipv4", "ipv4-pod-identity"], kind="role"))
    assert "needs pod_identity, without oidc_provider_arn" in mixed["main.tf"]


@pytest.mark.engine
def test_a_module_of_session_tags_alone_is_applied(
    engine: Engine, tmp_path: Path, aws_endpoint: str
) -> None:
    client, prefix = iam(aws_endpoint), f"tags-{label(engine)}-"
    values = {
        "source_account_id": ACCOUNT,
        "role_name": f"{prefix}role",
        "policy_name": f"{prefix}policy",
    }
    root(tmp_path, values, applying_provider(aws_endpoint))
    write_tree(tmp_path / "role", render(WITHOUT_IRSA))
    engine.run(["init", "-input=false", "-no-color"], tmp_path)
    engine.run(["apply", "-auto-approve", "-input=false", "-no-color"], tmp_path)
    engine.run(["plan", "-detailed-exitcode", "-input=false", "-no-color"], tmp_path)
    present = there(client, prefix)
    assumed = parse(present["roles"][0]["AssumeRolePolicyDocument"], "API")
    assert differences(trust_policy(irsa=False, cluster=False), assumed) == ()
    assert differences(expected("ipv4-pod-identity"), present["document"]) == ()
    engine.run(["destroy", "-auto-approve", "-input=false", "-no-color"], tmp_path)
    assert there(client, prefix) == {"roles": [], "policies": [], "attached": []}


def test_a_role_of_one_variant_has_nothing_to_choose() -> None:
    """Its names are required, and no placeholder stands for them."""
    files = render(options(["ipv4-scoped"], kind="role"))
    assert not [path for path, text in files.items() if "var.variant" in text or "(none)" in text]
    blocks = {b.labels[0]: b for b in parse_hcl(files["variables.tf"], "variables.tf").blocks}
    required = {name for name, block in blocks.items() if "default" not in block.attributes}
    assert required == {"cluster_name", "vpc_id"}


@pytest.mark.engine
def test_create_false_creates_nothing(newest: Engine, tmp_path: Path) -> None:
    plan = newest.plan(root(tmp_path, {**POD, "create": False}))
    assert not [c for c in plan.get("resource_changes", ()) if c["mode"] == "managed"]
