"""The options of a module, and the line in its files that records them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from enum import StrEnum
from functools import cache

from msgspec import Struct

from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.compose import Composed, compose
from vpc_cni_iam.catalog.hardening import CLAIM, FLAG, KEY, Hardening
from vpc_cni_iam.catalog.selection import Selection, select
from vpc_cni_iam.catalog.variants import Scope, Variant
from vpc_cni_iam.errors import OptionError, UsageError
from vpc_cni_iam.names import resolve


class ModuleKind(StrEnum):
    """What a module makes: policy documents, or a role that has one of them."""

    policy = "policy"
    role = "role"


# The mark by which this tool knows a file as its own; it stands in the first lines.
_VALUE = r"(?:[\w.:/=+@][\w.:/=+@-]*|'[\w.:/=+@-][ \w.:/=+@-]*')"
_COMMAND = re.compile(rf"vpc-cni-iam generate DIRECTORY((?: --[a-z-]+(?: {_VALUE})?)+)", re.ASCII)
_FLAGS = ("--no-gaps", FLAG)
_HEAD = 2000


class Options(Struct, frozen=True):
    """The kind of a module, its variants and the documents they are made from.

    Args:
        variants: In the catalog's order.
        selection: Which documents.
        kind: What the module makes.
    """

    variants: tuple[Variant, ...]
    selection: Selection
    kind: ModuleKind = ModuleKind.policy

    @property
    def command(self) -> str:
        """The command that makes the module again, as its files state it."""
        words = [] if self.kind is ModuleKind.policy else ["--kind", self.kind.value]
        words += [w for v in self.variants for w in ("--variant", v.name)]
        return shlex.join(
            ["vpc-cni-iam", "generate", "DIRECTORY", *words, *self.selection.arguments()]
        )

    @property
    def irsa(self) -> bool:
        """Whether a variant works with IRSA, whose sessions have no session tags."""
        return any(v.scope is not Scope.SESSION_TAGS for v in self.variants)

    @property
    def program(self) -> str | None:
        """The feature of the program that the module is for; None for ``aws-node``."""
        return self.variants[0].program

    @property
    def service_account(self) -> str:
        """The service account in kube-system that the module is for."""
        return self.variants[0].service_account

    def composed(self) -> tuple[Composed, ...]:
        """Return the policy of each variant; raises `UsageError` if one cannot be used."""
        return tuple(compose(v, self.selection) for v in self.variants)


def options(
    names: Iterable[str] = (),
    *,
    revision: str | None = None,
    cni_version: str | None = None,
    features: Iterable[str] = (),
    gaps: bool = True,
    kind: str = ModuleKind.policy,
    hardening: Hardening | None = None,
) -> Options:
    """Return the options that a user's words mean.

    Args:
        names: Variants; upstream's three without any.
        revision: The date of a revision, for upstream's document of it exactly.
        cni_version: A plugin version such as ``v1.23.0``, or ``latest``, the default.
        features: Names of optional features to grant.
        gaps: False for the version's document of upstream without additions.
        kind: ``policy`` or ``role``.
        hardening: How to narrow cluster-scoped documents.

    Raises:
        UsageError: Unknown or contradicting words.
    """
    module_kind = ModuleKind(resolve(kind, ModuleKind, "kind", "--kind", repeatable=False))
    chosen = variants.find(names) or variants.UPSTREAM
    if len({v.program for v in chosen}) > 1:
        alone = next(v for v in chosen if v.program)
        raise UsageError(
            f"variant {alone.name} is for the service account {alone.service_account}, the others "
            "are for aws-node; make a module of each"
        )
    if hardening is not None and not any(v.cluster_scoped for v in chosen):
        scoped = ", ".join(v.name for v in variants.VARIANTS if v.cluster_scoped)
        problem = "{--harden} needs a cluster-scoped variant; choose one of {}"
        raise OptionError(FLAG, problem, scoped)
    selection = select(
        revision=revision,
        cni_version=cni_version,
        features=features,
        gaps=gaps,
        hardening=hardening,
    )
    return Options(chosen, selection, module_kind)


def override(
    base: Options,
    names: Iterable[str] = (),
    *,
    revision: str | None = None,
    cni_version: str | None = None,
    features: Iterable[str] = (),
    gaps: bool = True,
) -> Options:
    """Return options with those replaced that a user gave, as `options` takes them.

    A version replaces a revision, and the other way round; no names and no features keep theirs.
    """
    before = base.selection
    if revision is None and cni_version is None:
        version = before.version
        cni_version = str(version) if version is not None else None
        revision = before.revision.name if version is None else None
        gaps = gaps and (before.gaps or version is None)
    return options(
        tuple(names) or tuple(v.name for v in base.variants),
        revision=revision,
        cni_version=cni_version,
        features=tuple(features) or before.features,
        gaps=gaps,
        kind=base.kind,
        hardening=before.hardening,
    )


def stated(text: str) -> Options | None:
    """Return the options that a generated file's text states, None if it states none that hold."""
    match = _COMMAND.search(text[:_HEAD])
    return _read_back(match[1]) if match else None


def claims(text: str) -> str:
    """Return the command that a file's text says made it, empty if it says none."""
    match = _COMMAND.search(text[:_HEAD])
    return match[0] if match else ""


@cache
def _read_back(command: str) -> Options | None:
    values: dict[str, list[str]] = {}
    words = iter(shlex.split(command))
    for word in words:
        values.setdefault(word, []).append("" if word in _FLAGS else next(words, ""))
    known = {"--kind", "--variant", "--revision", "--cni-version", "--feature", *_FLAGS, KEY, CLAIM}
    # Without a revision or a version, what is meant would move with the catalog.
    if set(values) - known or not {"--revision", "--cni-version"} & set(values):
        return None
    last = {option: texts[-1] for option, texts in values.items()}
    try:
        return options(
            values.get("--variant", ()),
            revision=last.get("--revision"),
            cni_version=last.get("--cni-version"),
            features=values.get("--feature", ()),
            gaps="--no-gaps" not in values,
            kind=last.get("--kind", ModuleKind.policy),
            hardening=Hardening.of(
                harden=FLAG in values,
                additional_tag_keys=values.get(KEY, ()),
                eni_claim_tag=last.get(CLAIM),
            ),
        )
    except UsageError:
        return None
