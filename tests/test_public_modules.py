"""docs/public-modules.md: blocks that give aws-node the role instead of a public module's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, run, write_tree
from test_examples import META
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, Node, Object, Text
from vpc_cni_iam.policy.parse import loads

PAGE = (ROOT / "docs" / "public-modules.md").read_text()
DATA = ROOT / "tests" / "data"
# Read in their sources at these versions: names of variables and outputs, and of an add-on's.
MODULES = json.loads((DATA / "public-modules.json").read_text())
TYPES = json.loads((DATA / "provider-6.62.0-arguments.json").read_text())["types"]
_SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS: dict[str, list[str]] = {
    heading: re.findall(r"```hcl\n(.*?)```", section, re.DOTALL)
    for heading, section in _SECTION.findall(PAGE)
}
EKS, IAM, BLUEPRINTS = "terraform-aws-eks", "terraform-aws-iam", "EKS Blueprints"
ROLE, ADDON = range(2)
# What each plan is of: the blocks that a reader takes.
TAKEN = {
    f"{EKS}, add-on": [SECTIONS[EKS][0]],
    f"{EKS}, self-managed": SECTIONS[EKS],
    f"{IAM}, add-on": [SECTIONS[IAM][ROLE], SECTIONS[IAM][ADDON]],
    f"{IAM}, self-managed": SECTIONS[IAM],
    f"{BLUEPRINTS}, add-on": [
        SECTIONS[IAM][ROLE],
        re.sub(r"addons = \{.*?\n  \}", "addons = {}", SECTIONS[IAM][ADDON], flags=re.DOTALL),
        SECTIONS[BLUEPRINTS][0],
    ],
}
STAND_INS = {
    "terraform-aws-modules/eks/aws": """
variable "name" {}
variable "vpc_id" {}
variable "subnet_ids" {}
variable "addons" {}
variable "eks_managed_node_groups" { default = {} }
resource "aws_eks_addon" "this" {
  for_each                 = var.addons
  cluster_name             = var.name
  addon_name               = each.key
  addon_version            = try(each.value.addon_version, null)
  service_account_role_arn = try(each.value.service_account_role_arn, null)
}
output "cluster_name" { value = var.name }
output "cluster_endpoint" { value = "https://example.com" }
output "cluster_version" { value = "1.35" }
output "oidc_provider_arn" {
  value = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
}
""",
    "aws-ia/eks-blueprints-addons/aws": """
variable "cluster_name" {}
variable "cluster_endpoint" {}
variable "cluster_version" {}
variable "oidc_provider_arn" {}
variable "eks_addons" {}
resource "aws_eks_addon" "this" {
  for_each                 = var.eks_addons
  cluster_name             = var.cluster_name
  addon_name               = each.key
  service_account_role_arn = each.value.service_account_role_arn
}
""",
}
VPC = """
output "vpc_id" { value = "vpc-0123456789abcdef0" }
output "private_subnets" { value = ["subnet-0123456789abcdef0"] }
"""
# What provider 3.39 does not have, or no provider of the tests does.
NOT_PLANNED = ("aws_eks_pod_identity_association", "helm_release")


def blocks(texts: list[str]) -> tuple[Block, ...]:
    return parse("\n".join(texts), "page").blocks


def text(node: Node) -> str:
    assert isinstance(node, Text)
    return "".join(map(str, node.parts))


def members(node: Node) -> dict[str, Node]:
    assert isinstance(node, Object)
    return {text(key): value for key, value in node.fields}


ALL = blocks([block for section in SECTIONS.values() for block in section])
USED = [b for b in ALL if b.type == "module" and text(b.attributes["source"]) in MODULES]


@pytest.mark.parametrize("call", USED, ids=lambda call: call.labels[0])
def test_a_block_has_only_what_the_module_has(call: Block) -> None:
    module = MODULES[text(call.attributes["source"])]
    assert set(call.attributes) - {"source", "version", *META} <= set(module["variables"])
    version = text(call.attributes["version"]).removeprefix("~> ")
    assert module["version"].startswith(version.removesuffix(".0"))
    assert module["version"] in PAGE
    addons = call.attributes.get("addons") or call.attributes["eks_addons"]
    for name, addon in members(addons).items():
        assert set(members(addon)) <= set(module["addon"]), name


def test_the_page_uses_outputs_that_there_are() -> None:
    eks, code = MODULES["terraform-aws-modules/eks/aws"], "".join(map("".join, SECTIONS.values()))
    assert set(re.findall(r"module\.eks\.(\w+)", code)) <= set(eks["outputs"])
    role = (ROOT / "modules" / "vpc-cni-iam-role" / "outputs.tf").read_text()
    assert set(re.findall(r"module\.vpc_cni_role\.(\w+)", code)) <= set(
        re.findall(r'output "(\w+)"', role)
    )


def test_the_role_of_ipv6_has_the_same_arguments(tmp_path: Path) -> None:
    assert "For IPv6, use `--variant ipv6-scoped`." in PAGE
    assert (
        run("generate", "m", "--kind", "role", "--variant", "ipv6-scoped", cwd=tmp_path).code == 0
    )
    known = re.findall(r'variable "(\w+)"', (tmp_path / "m" / "variables.tf").read_text())
    calls = [b for b in ALL if b.type == "module" and b.labels[0] == "vpc_cni_role"]
    for call in calls:
        assert set(call.attributes) - {"source"} <= set(known)
    assert len(calls) == 2


def test_resources_of_aws_have_arguments_of_the_provider() -> None:
    for block in ALL:
        if block.type == "resource" and block.labels[0].startswith("aws_"):
            assert set(block.attributes) - META <= set(TYPES[block.labels[0]])


def planned(name: str, engine: Engine, folder: Path) -> dict[str, Any]:
    root = "\n".join(TAKEN[name])
    for source, stand_in in STAND_INS.items():
        place = source.split("/")[1]
        root = re.sub(rf'"{source}"\n  version *= "[^"]*"', f'"./stand-ins/{place}"', root)
        write_tree(folder / "stand-ins" / place, {"main.tf": stand_in})
    for kind in NOT_PLANNED:
        root = re.sub(rf'resource "{kind}".*?\n}}\n', "", root, flags=re.DOTALL)
    write_tree(folder / "stand-ins" / "vpc", {"main.tf": VPC})
    vpc = 'module "vpc" {\n  source = "./stand-ins/vpc"\n}\n'
    write_tree(folder, {"main.tf": root + vpc, "provider.tf": OFFLINE_PROVIDER})
    (command,) = re.findall(r"^\$ vpc-cni-iam (.*)$", PAGE, re.MULTILINE)
    assert run(*command.split(), cwd=folder).code == 0
    plan = engine.plan(folder)
    engine.run(["validate"], folder)
    (folder / "plan.json").write_text(json.dumps(plan))
    return plan


@pytest.mark.engine
@pytest.mark.parametrize("name", TAKEN)
def test_the_blocks_plan_with_the_role(name: str, engine: Engine, tmp_path: Path) -> None:
    plan = planned(name, engine, tmp_path)
    changes = {c["address"]: c["change"] for c in plan["resource_changes"]}
    (policy,) = (c["after"] for a, c in changes.items() if ".aws_iam_policy." in a)
    assert len(loads(policy["policy"], name).statements) == 9
    (addon,) = (c for a, c in changes.items() if a.endswith('aws_eks_addon.this["vpc-cni"]'))
    if EKS not in name:  # by IRSA
        assert addon["after_unknown"]["service_account_role_arn"] is True
    reviewed = run("review", "plan.json", "--source", ".", cwd=tmp_path)
    works = "aws-node with module.vpc_cni_role.aws_iam_role.this[0]: works with v1.23.2 (IPv4"
    assert works in reviewed.out, reviewed.out
