"""The attributes that hold policies, against the schema and the plans of the real provider."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from conftest import OFFLINE_PROVIDER, TERRAFORM_NEWEST, make_engine, running_provider
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.policy.document import Policy, Principal, Statement, dumps

pytestmark = pytest.mark.engine
DATA = json.loads(files("vpc_cni_iam.hcl.data").joinpath("policy_attributes.json").read_text())
PROVIDER = "registry.terraform.io/hashicorp/aws"
POLICY = Policy(
    (
        Statement(
            actions=("s3:GetObject",),
            resources=("*",),
            principals=(Principal("AWS", ("arn:aws:iam::123456789012:root",)),),
        ),
    )
)
ARN = "arn:aws:s3:::x"
# What else the provider checks of the arguments that it requires.
VALUES = {
    "aws_elasticsearch_domain.domain_name": "xxxx",
    "aws_glacier_vault_lock.complete_lock": True,
    "aws_iam_role.assume_role_policy": "{}",
    "aws_networkfirewall_resource_policy.resource_arn": ARN,
    "aws_s3control_bucket_policy.bucket": ARN,
    "aws_secretsmanager_secret_policy.secret_arn": ARN,
    "aws_sns_topic_policy.arn": ARN,
    "aws_ssoadmin_permission_set_inline_policy.instance_arn": ARN,
    "aws_ssoadmin_permission_set_inline_policy.permission_set_arn": ARN,
    "aws_transfer_user.role": "arn:aws:iam::123456789012:role/x",
    "aws_transfer_user.server_id": "s-12345678901234567",
    "aws_transfer_user.user_name": "xxxx",
}


def schemas(engine: Engine, folder: Path) -> dict[str, Any]:
    (folder / "main.tf").write_text(OFFLINE_PROVIDER)
    engine.run(["init", "-input=false", "-no-color"], folder)
    printed = json.loads(engine.run(["providers", "schema", "-json"], folder))
    values: dict[str, Any] = printed["provider_schemas"][PROVIDER]["resource_schemas"]
    return values


def changes(engine: Engine, folder: Path) -> dict[str, Any]:
    engine.run(["plan", "-refresh=false", "-input=false", "-no-color", "-out=plan.bin"], folder)
    shown = json.loads(engine.run(["show", "-json", "plan.bin"], folder))
    return {r["address"]: r["change"] for r in shown["resource_changes"]}


@pytest.fixture
def every_type(tmp_path: Path) -> Iterator[Engine]:
    """An engine whose provider has every type that may hold a policy."""
    with running_provider(*DATA["attributes"]) as environ:
        yield make_engine(TERRAFORM_NEWEST, tmp_path, environ)


def test_they_are_there_and_those_compared_as_text_are_known(
    every_type: Engine, tmp_path: Path
) -> None:
    """Policies as people write them are in the state, their data sources in the configuration."""
    schema = schemas(every_type, tmp_path)
    code = OFFLINE_PROVIDER + block(policy_document("d", POLICY))
    resources = []
    names = {}
    for kind, paths in DATA["attributes"].items():
        for number, path in enumerate(paths if kind in schema else ()):
            outer, _, inner = path.partition(".")
            own = schema[kind]["block"]
            if outer not in (own["block_types"] if inner else own["attributes"]):
                assert (kind, path) == ("aws_api_gateway_domain_name", "policy")  # newer
                continue
            state = {
                name: VALUES.get(f"{kind}.{name}", "x")
                for name, attribute in own["attributes"].items()
                if attribute.get("required") and name != path
            }
            lines = [f"  {name} = {json.dumps(value)}\n" for name, value in state.items()]
            new = "data.aws_iam_policy_document.d.json"
            lines.append(
                f'  {outer} {{\n    name = "x"\n    {inner} = {new}\n  }}\n'
                if inner
                else f"  {path} = {new}\n"
            )
            code += f'resource "{kind}" "x{number}" {{\n{"".join(lines)}}}\n'
            names[f"{kind}.x{number}"] = f"{kind}.{path}"
            old = dumps(POLICY, None)
            state |= {"id": "x", outer: [{"name": "x", inner: old}] if inner else old}
            instance = {"schema_version": schema[kind]["version"], "attributes": state}
            resource = {"mode": "managed", "type": kind, "name": f"x{number}"}
            at = {"provider": f'provider["{PROVIDER}"]', "instances": [instance]}
            resources.append(resource | at)
    (tmp_path / "main.tf").write_text(code)
    whole = {"version": 4, "terraform_version": "1.6.6", "serial": 1, "lineage": "x"}

    def keep() -> None:
        text = json.dumps({**whole, "outputs": {}, "resources": resources})
        (tmp_path / "terraform.tfstate").write_text(text)

    keep()
    # Defaults of other attributes are no changes to be counted: they go into the state first.
    planned = changes(every_type, tmp_path)
    for resource in resources:
        address = f"{resource['type']}.{resource['name']}"
        outer = names[address].split(".")[1]
        for name, value in planned[address]["after"].items():
            if name != outer and value is not None:
                resource["instances"][0]["attributes"][name] = value
    keep()
    changed = {
        names[address]
        for address, change in changes(every_type, tmp_path).items()
        if change["before"][names[address].split(".")[1]]
        != change["after"][names[address].split(".")[1]]
    }
    assert len(names) > 40
    assert sorted(changed) == DATA["compared_as_text"]["attributes"]
