"""Root modules that call the role module with every variant."""

import json
from collections.abc import Mapping
from pathlib import Path

from conftest import OFFLINE_PROVIDER, write_tree
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.rendering.kinds import render

EVERY = [v.name for v in VARIANTS]
LATEST = options(EVERY, cni_version="latest", kind="role")
ACCOUNT = "111122223333"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"
POD: dict[str, object] = {"pod_identity": True}
NAMES = {"cluster_name": "prod", "vpc_id": "vpc-01234567"}


def call(name: str, arguments: Mapping[str, object]) -> str:
    """A call of the role module, and an output of each of its documents."""
    lines = [f"  {key} = {json.dumps(value)}\n" for key, value in arguments.items()]
    return (
        f'module "{name}" {{\n  source = "./role"\n{"".join(lines)}}}\n'
        f'output "{name}_trust" {{\n  value = module.{name}.trust_policy_json\n}}\n'
        f'output "{name}_policy" {{\n  value = module.{name}.policy_json\n}}\n'
    )


def root(
    folder: Path,
    arguments: Mapping[str, object],
    provider: str = OFFLINE_PROVIDER,
) -> Path:
    return roots(folder, {"r": arguments}, provider)


def roots(
    folder: Path,
    calls: Mapping[str, Mapping[str, object]],
    provider: str = OFFLINE_PROVIDER,
) -> Path:
    """A root module that calls the role module by each name."""
    write_tree(folder / "role", render(LATEST))
    text = provider + "".join(call(name, values) for name, values in calls.items())
    return write_tree(folder, {"main.tf": text})
