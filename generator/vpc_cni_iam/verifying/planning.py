"""What a real engine renders from a module directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl.literals import Expression, Literal
from vpc_cni_iam.hcl.write import Block, block
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.verifying.module_directory import Module

_LOCK = ".terraform.lock.hcl"
# The module is called twice: with sample values for all it asks for, and with its own defaults.
CALLS = ("sample", "defaults")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What an engine rendered of one call of a module.

    Args:
        documents: Policies by the name of their data source; one for each instance.
        outputs: The values of its outputs that are known.
        unknown: Data sources whose document is only known at apply.
    """

    documents: dict[str, list[Policy]]
    outputs: dict[str, Any]
    unknown: frozenset[str]


def render(module: Module, engine: Engine) -> dict[str, Rendered]:
    """Plan a copy of a module and return what each of `CALLS` rendered.

    Args:
        module: The module.
        engine: The engine.

    Raises:
        EngineError: The engine refuses the module.
    """
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as temporary:
        root = Path(temporary)
        shutil.copytree(
            module.directory,
            root / "verified",
            ignore=shutil.ignore_patterns(".terraform*", ".git", "tests", "*.tfstate*", _LOCK),
            symlinks=True,
        )
        if (module.directory / _LOCK).is_file():
            shutil.copy(module.directory / _LOCK, root / _LOCK)
        (root / "main.tf").write_text(_root(module), encoding="utf-8")
        try:
            plan = engine.plan(root)
        except EngineError as error:
            hint = "\n(--engine none reads the module without an engine and its providers)"
            raise EngineError(
                f"{error}{hint}", error.command, error.returncode, error.stderr
            ) from None
    return {call: _rendered(plan, call) for call in CALLS}


def _root(module: Module) -> str:
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
    blocks = [provider]
    names = ("cluster_name", "vpc_id", "pod_identity")
    given = module.read.values
    for call, chosen in zip(CALLS, (given, [n for n in names if n in given]), strict=True):
        arguments = [(name, Literal(given[name])) for name in chosen]
        blocks.append(Block(f'module "{call}"', [("source", Literal("./verified")), *arguments]))
        for name in module.read.outputs:
            value = ("value", Expression(f"module.{call}.{name}"))
            # An output that the module marks sensitive would be refused in a plain one.
            sensitive = ("sensitive", Expression("true"))
            blocks.append(Block(f'output "{call}_{name}"', [value, sensitive]))
    return "\n".join(map(block, blocks))


def _rendered(plan: dict[str, Any], call: str) -> Rendered:
    address = f"module.{call}."
    documents: dict[str, list[Policy]] = {}
    for resource in _documents(_resources(plan.get("prior_state", {})), address):
        text = resource["values"]["json"]
        documents.setdefault(resource["name"], []).append(loads(text, resource["address"]))
    outputs = plan.get("planned_values", {}).get("outputs", {})
    return Rendered(
        documents,
        {
            name.removeprefix(f"{call}_"): output["value"]
            for name, output in outputs.items()
            if name.startswith(f"{call}_") and "value" in output
        },
        frozenset(c["name"] for c in _documents(plan.get("resource_changes", []), address)),
    )


def _documents(resources: Iterable[dict[str, Any]], address: str) -> Iterator[dict[str, Any]]:
    for resource in resources:
        if resource.get("type") == "aws_iam_policy_document" and resource["address"].startswith(
            address
        ):
            yield resource


def _resources(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pending = [state.get("values", {}).get("root_module", {})]
    while pending:
        module = pending.pop()
        yield from module.get("resources", [])
        pending += module.get("child_modules", [])
