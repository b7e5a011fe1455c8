"""The attributes that hold policies, against the schema of the real provider."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, TERRAFORM_NEWEST, make_engine, running_provider
from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.attributes import attributes, may_hold_policy
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.inputs.plan.arguments import GRANTS

POLICIES = json.loads(files("vpc_cni_iam.hcl").joinpath("data/policy_attributes.json").read_text())
ATTRIBUTES = [(kind, path) for kind, paths in POLICIES["attributes"].items() for path in paths]
PROVIDER = "registry.terraform.io/hashicorp/aws"


@pytest.fixture
def every_type(tmp_path: Path) -> Iterator[Engine]:
    """An engine whose provider has every type that may hold a policy."""
    with running_provider(*POLICIES["attributes"]) as environ:
        yield make_engine(TERRAFORM_NEWEST, tmp_path, environ)


@pytest.mark.engine
def test_the_provider_has_them(every_type: Engine, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(OFFLINE_PROVIDER)
    every_type.run(["init", "-input=false", "-no-color"], tmp_path)
    printed = json.loads(every_type.run(["providers", "schema", "-json"], tmp_path))
    schema = printed["provider_schemas"][PROVIDER]["resource_schemas"]
    present = [
        (kind, path)
        for kind, path in ATTRIBUTES
        for outer, _, inner in [path.partition(".")]
        if kind in schema
        and outer in schema[kind]["block"].get("block_types" if inner else "attributes", ())
    ]
    known_types = [(kind, path) for kind, path in ATTRIBUTES if kind in schema]
    # The provider of the tests is older than this one.
    assert {*known_types} - {*present} == {("aws_api_gateway_domain_name", "policy")}
    assert len(present) > 40


def test_a_policy_that_is_read_in_plans_is_read_in_tf_files() -> None:
    """An argument of a new type is also a row of generator/vpc_cni_iam/hcl/data."""
    in_plans = {
        (kind, argument.path.replace(".*", ""))
        for kind, arguments in GRANTS.items()
        for argument in arguments
        if argument.part in (GrantPart.INLINE, GrantPart.TRUST)
    }
    assert in_plans <= {*ATTRIBUTES}, "add them to policy_attributes.json"


@pytest.mark.parametrize("head", ['resource "KIND" "x"', "resource KIND x"])
def test_a_file_with_a_policy_is_never_skipped(head: str) -> None:
    for kind, path in ATTRIBUTES:
        *outer, name = path.split(".")
        body = f'{name} = "{{}}"'
        for item in reversed(outer):
            body = f"{item} {{\n{body}\n}}"
        text = f"{head.replace('KIND', kind)} {{\n{body}\n}}\n"
        for spelled in (text, text.replace('"aws_', '"\\u0061ws_')):
            named = [a for a in attributes(parse(spelled, "x")) if a.path == (*outer, name)]
            assert named and may_hold_policy(spelled), spelled
