"""The README's way to name the provider's account, Region and partition, against an STS of ours."""

import re
from pathlib import Path

import pytest

from conftest import applying_provider, write_tree
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.rendering.kinds import render

pytestmark = pytest.mark.engine
_SNIPPET = re.compile(r"```hcl\n(data \"aws_caller_identity\".*?)```", re.DOTALL)
_COMMENT = "  # The source and the other variables, as above.\n"


@pytest.mark.parametrize(
    ("kind", "more"), [("policy", ""), ("role", '  oidc_provider_arn = "{arn}"\n')]
)
@pytest.mark.parametrize(("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn")])
def test_the_arns_name_the_provider_s_own(
    kind: str,
    more: str,
    region: str,
    partition: str,
    newest: Engine,
    aws_endpoint: str,
    tmp_path: Path,
) -> None:
    files = render(options(["ipv4-scoped"], kind=kind))
    (snippet,) = _SNIPPET.findall(files["README.md"])
    assert _COMMENT in snippet
    arn = f"arn:{partition}:iam::123456789012:oidc-provider/oidc.example.test/id/1"
    own = '  source = "./module"\n  cluster_name = "prod"\n  vpc_id = "vpc-01234567"\n'
    text = snippet.replace(_COMMENT, own + more.format(arn=arn))
    output = "policy_json" if kind == "role" else "ipv4_scoped_json"
    (name,) = re.findall(r'module "(\w+)"', snippet)
    text += f'output "json" {{\n  value = module.{name}.{output}\n}}\n'
    provider = applying_provider(aws_endpoint).replace('"us-east-1"', f'"{region}"')
    write_tree(tmp_path, {f"module/{path}": content for path, content in files.items()})
    write_tree(tmp_path, {"main.tf": provider + text})
    json = newest.plan(tmp_path)["planned_values"]["outputs"]["json"]["value"]
    arns = set(re.findall(r"arn:[^\"]+?:ec2:[^/\"]*", json))
    start = f"arn:{partition}:ec2:{region}:123456789012"
    assert arns and all(each.startswith(f"{start}:") for each in arns)
