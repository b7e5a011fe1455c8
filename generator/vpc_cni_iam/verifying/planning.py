"""The documents and outputs that a real engine renders from a module and from the catalog's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.engine.documents import documents, provider
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl.literals import Expression, Literal
from vpc_cni_iam.hcl.module.reader import HclModule
from vpc_cni_iam.hcl.write import Arguments, NewBlock, block
from vpc_cni_iam.verifying.module_directory import ModuleDirectory

_LOCK = ".terraform.lock.hcl"
_VERIFIED, _EXPECTED = "verified", "expected"
# Sample values by variable. None is a default, so code that ignores a variable renders differently.
_SAMPLES = {
    **parameters.SAMPLE,
    "oidc_provider_arn": "arn:aws-us-gov:iam::111122223333:oidc-provider/oidc.example.test/VERIFY",
    "eks_cluster_arn": "arn:aws-us-gov:eks:us-gov-west-1:777788889999:cluster/verify-cluster",
    "source_account_id": "777788889999",
    trust.POD_IDENTITY: "true",
}


class ModuleCall(StrEnum):
    """The arguments of a module call: a sample value for each variable, or the defaults."""

    SAMPLE = "sample"
    DEFAULTS = "defaults"


class Rendered(Struct, frozen=True):
    """The documents and outputs of one call of a module."""

    # JSON by the name of its data source, for each instance; None if it is unknown until apply.
    documents: Mapping[str, Sequence[str | None]]
    outputs: dict[str, Any]  # the values of the known outputs


class RenderedPair(Struct, frozen=True):
    """The same call of the catalog's module and of the module in the directory."""

    call: ModuleCall
    expected: Rendered
    actual: Rendered


def render_both(
    module: ModuleDirectory, catalog: Mapping[str, str], expected: HclModule, engine: Engine
) -> tuple[RenderedPair, ...]:
    """Plan a copy of a module beside the catalog's, and return the result of each call."""
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as temporary:
        root = Path(temporary)
        shutil.copytree(
            module.directory,
            root / _VERIFIED,
            ignore=shutil.ignore_patterns(".terraform*", ".git", "tests", "*.tfstate*", _LOCK),
            symlinks=True,
        )
        (root / _EXPECTED).mkdir()
        for path, text in catalog.items():
            if path.endswith(".tf") and "/" not in path:
                (root / _EXPECTED / path).write_text(text, encoding="utf-8")
        lock = module.directory / _LOCK
        # An error of the engine would show text from the target of a link.
        if lock.is_file() and not lock.is_symlink():
            shutil.copy(lock, root / _LOCK)
        calls = (*_calls(expected, _EXPECTED), *_calls(module.content, _VERIFIED))
        (root / "main.tf").write_text("\n".join([provider(), *calls]), encoding="utf-8")
        try:
            plan = engine.plan(root)
        except EngineError as error:
            hint = "(--engine none reads the module without an engine and its providers)"
            raise EngineError(f"{error}\n{hint}") from None
    return tuple(
        RenderedPair(call, *(_rendered(plan, f"{f}_{call}") for f in (_EXPECTED, _VERIFIED)))
        for call in ModuleCall
    )


def _calls(module: HclModule, folder: str) -> Iterable[str]:
    """Yield the blocks of a root module that calls the module in a folder."""
    lists = {p.name for p in parameters.LISTS}
    needed = {*(p.name for p in parameters.REQUIRED), trust.POD_IDENTITY}
    for call in ModuleCall:
        names = [n for n in _SAMPLES if call is ModuleCall.SAMPLE or n in needed]
        arguments: Arguments = [
            (name, (Literal(_SAMPLES[name]),) if name in lists else Literal(_SAMPLES[name]))
            for name in names
            if name in module.variables
        ]
        label = f"{folder}_{call}"
        source = ("source", Literal(f"./{folder}"))
        yield block(NewBlock(f'module "{label}"', [source, *arguments]))
        for name in module.outputs:
            value = ("value", Expression(f"module.{label}.{name}"))
            # The root module's output must be sensitive if the module's output is.
            sensitive = ("sensitive", Expression("true"))
            yield block(NewBlock(f'output "{label}_{name}"', [value, sensitive]))


def _rendered(plan: dict[str, Any], label: str) -> Rendered:
    outputs = plan.get("planned_values", {}).get("outputs", {})
    return Rendered(
        {n: (*texts.values(),) for n, texts in documents(plan, f"module.{label}.").items()},
        {
            name.removeprefix(f"{label}_"): output["value"]
            for name, output in outputs.items()
            if name.startswith(f"{label}_") and "value" in output
        },
    )
