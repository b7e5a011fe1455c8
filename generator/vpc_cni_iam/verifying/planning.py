"""What a real engine renders from a module directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.literals import Expression, Literal
from vpc_cni_iam.hcl.write import Block, block
from vpc_cni_iam.policy.document import Policy, loads
from vpc_cni_iam.verifying.module import Module

_ADDRESS = "module.verified"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What an engine rendered.

    Args:
        documents: Policies by the name of their data source; one for each instance.
        outputs: Policies by the name of their output.
        unknown: Data sources whose document is only known at apply.
    """

    documents: dict[str, list[Policy]]
    outputs: dict[str, Policy]
    unknown: frozenset[str]


def render(module: Module, engine: Engine, outputs: tuple[str, ...]) -> Rendered:
    """Plan a copy of a module and return its policy documents.

    Args:
        module: The module.
        engine: The engine.
        outputs: The outputs to read, of those the module has.

    Raises:
        EngineError: The engine refuses the module.
    """
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as temporary:
        root = Path(temporary)
        shutil.copytree(
            module.directory,
            root / "verified",
            ignore=shutil.ignore_patterns(".terraform*", ".git", "tests", "*.tfstate*"),
        )
        wanted = [o for o in outputs if o in module.read.outputs]
        (root / "main.tf").write_text(_root(module, wanted), encoding="utf-8")
        return _rendered(engine.plan(root))


def _root(module: Module, outputs: list[str]) -> str:
    """Return a root module that calls the copy, with a provider that asks AWS nothing."""
    provider = Block(
        'provider "aws"',
        [
            ("region", Literal("us-east-1")),
            ("access_key", Literal("verify")),
            ("secret_key", Literal("verify")),
            ("max_retries", Expression("1")),
            ("skip_credentials_validation", Expression("true")),
            ("skip_metadata_api_check", Expression("true")),
            ("skip_requesting_account_id", Expression("true")),
        ],
    )
    call = Block(
        'module "verified"',
        [
            ("source", Literal("./verified")),
            *((name, Literal(value)) for name, value in module.read.values.items()),
        ],
    )
    values = [
        Block(f'output "{name}"', [("value", Expression(f"{_ADDRESS}.{name}"))]) for name in outputs
    ]
    return "\n".join(map(block, (provider, call, *values)))


def _rendered(plan: dict[str, Any]) -> Rendered:
    documents: dict[str, list[Policy]] = {}
    prior = plan.get("prior_state", {}).get("values", {}).get("root_module", {})
    for resource in _resources(prior):
        if resource.get("type") == "aws_iam_policy_document":
            text = resource["values"]["json"]
            documents.setdefault(resource["name"], []).append(loads(text, resource["address"]))
    outputs = {
        name: loads(output["value"], f"output {name}")
        for name, output in plan.get("planned_values", {}).get("outputs", {}).items()
        if isinstance(output.get("value"), str)
    }
    unknown = frozenset(
        change["name"]
        for change in plan.get("resource_changes", [])
        if change.get("type") == "aws_iam_policy_document"
    )
    return Rendered(documents, outputs, unknown)


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
