"""The documents and outputs that a real engine renders from a module directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.engine.documents import documents, provider
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl.literals import Expression, Literal
from vpc_cni_iam.hcl.write import Arguments, NewBlock, block
from vpc_cni_iam.verifying.module_directory import ModuleDirectory
from vpc_cni_iam.verifying.samples import SAMPLES

_LOCK = ".terraform.lock.hcl"


class ModuleCall(StrEnum):
    """The arguments of a module call: a sample value for each variable, or the defaults."""

    SAMPLE = "sample"
    DEFAULTS = "defaults"


class Rendered(Struct, frozen=True):
    """The documents and outputs of one call of a module."""

    # JSON by the name of its data source, for each instance; None if it is unknown until apply.
    documents: Mapping[str, Sequence[str | None]]
    outputs: dict[str, Any]  # the values of the known outputs


def render_module(module: ModuleDirectory, engine: Engine) -> dict[ModuleCall, Rendered]:
    """Plan a copy of a module and return the result of each call."""
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as temporary:
        root = Path(temporary)
        shutil.copytree(
            module.directory,
            root / "verified",
            ignore=shutil.ignore_patterns(".terraform*", ".git", "tests", "*.tfstate*", _LOCK),
            symlinks=True,
        )
        lock = module.directory / _LOCK
        # An error of the engine would show text from the target of a link.
        if lock.is_file() and not lock.is_symlink():
            shutil.copy(lock, root / _LOCK)
        (root / "main.tf").write_text(_root(module), encoding="utf-8")
        try:
            plan = engine.plan(root)
        except EngineError as error:
            hint = "(--engine none reads the module without an engine and its providers)"
            raise EngineError(f"{error}\n{hint}") from None
    return {call: _rendered(plan, call) for call in ModuleCall}


def _root(module: ModuleDirectory) -> str:
    """Return a root module that calls the copy, with a provider that sends nothing to AWS."""
    blocks: list[NewBlock] = []
    values = {n: v for n, v in SAMPLES.items() if n in module.content.variables}
    lists = {p.name for p in parameters.LISTS}
    needed = {*(p.name for p in parameters.REQUIRED), trust.POD_IDENTITY}
    for call in ModuleCall:
        names = [n for n in values if call is ModuleCall.SAMPLE or n in needed]
        arguments: Arguments = [
            (name, (Literal(values[name]),) if name in lists else Literal(values[name]))
            for name in names
        ]
        blocks.append(NewBlock(f'module "{call}"', [("source", Literal("./verified")), *arguments]))
        for name in module.content.outputs:
            value = ("value", Expression(f"module.{call}.{name}"))
            # The root module's output must be sensitive if the module's output is.
            sensitive = ("sensitive", Expression("true"))
            blocks.append(NewBlock(f'output "{call}_{name}"', [value, sensitive]))
    return "\n".join([provider(), *map(block, blocks)])


def _rendered(plan: dict[str, Any], call: ModuleCall) -> Rendered:
    outputs = plan.get("planned_values", {}).get("outputs", {})
    return Rendered(
        {n: (*texts.values(),) for n, texts in documents(plan, f"module.{call}.").items()},
        {
            name.removeprefix(f"{call}_"): output["value"]
            for name, output in outputs.items()
            if name.startswith(f"{call}_") and "value" in output
        },
    )
