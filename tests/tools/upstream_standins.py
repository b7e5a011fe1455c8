"""Stand-ins for upstream's page and source, which are not in this repository."""

import json
import sys
from collections.abc import Callable
from typing import Any

from conftest import ROOT, Run, facts, run
from vpc_cni_iam.catalog.facts.documents import revisions

HEADINGS = {
    "ipv4": "IPv4 mode",
    "ipv6": "IPv6 mode",
    "hyperpod": "SageMaker HyperPod nodes",
    "ipv4-scoped": "sample for one cluster",
}
NEWEST = revisions()[-1].name
V2 = '"github.com/aws/aws-sdk-go-v2/service/ec2"'
MAIN = """package main

import "example.com/plugin/pkg/nodes"

func main() { nodes.Run() }
"""


def upstream(*words: str, env: dict[str, str] | None = None, **more: Any) -> Run:
    """Run `python -m tools.upstream` from any directory."""
    command = [sys.executable, "-m", "tools.upstream"]
    return run(*words, command=command, env={"PYTHONPATH": str(ROOT)} | (env or {}), **more)


def raw(revision: str) -> dict[str, Any]:
    documents: dict[str, Any] = facts(f"revisions/{revision}.json")["documents"]
    return documents


def page(revision: str = NEWEST, **changed: Callable[[str], str]) -> str:
    """A page of the catalog's documents, each with its JSON changed as asked."""
    parts = ["# IAM Policy\n\nThe plugin needs [policies](https://example.com), see `${Yours}`.\n"]
    for kind, document in raw(revision).items():
        text = changed.get(kind.replace("-", "_"), str)(json.dumps(document, indent=4))
        parts.append(f"\n## {HEADINGS[kind]}\n\n```\n{text}\n```\n")
    return "".join(parts)


def nodes(body: str, imports: str = V2, more: str = "") -> dict[str, str]:
    """A package whose Run has a body, with a client in a field."""
    start = f"package nodes\n\nimport (\n\t{imports}\n)\n\ntype cache struct{{ svc *ec2.Client }}\n"
    return {"pkg/nodes/nodes.go": f"{start}\n{more}\n\nfunc Run() {{\n{body}\n}}\n"}


def source_of(called: list[str]) -> dict[str, str]:
    """A checkout that calls some actions, for the comparison with the catalog."""
    sdk = "github.com/aws/aws-sdk-go-v2/service"
    services = dict.fromkeys(["ec2", *(action.partition(":")[0] for action in called)])
    imports = "\n\t".join(f'"{sdk}/{service}"' for service in services)
    lines = []
    for action in called:
        service, _, name = action.partition(":")
        lines.append(f"\tc.svc.{name}(ctx, &{service}.{name}Input{{}})")
    return nodes("\n".join(lines), imports)
