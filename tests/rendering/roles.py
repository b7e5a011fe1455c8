"""Root modules that call the role module with every variant."""

import json
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
