"""What a module is made from, and the line in its files that says so and can be read back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.compose import Composed, Selection, compose, select
from vpc_cni_iam.catalog.hardening import CLAIM, FLAG, KEY, Hardening
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.errors import UsageError

# A policy module returns documents; a role module makes a role that has one of them.
KINDS = ("policy", "role")

# The mark by which this tool knows a file as its own; it stands in the first lines.
_VALUE = r"(?:[\w.:/=+@][\w.:/=+@-]*|'[\w.:/=+@-][ \w.:/=+@-]*')"
_COMMAND = re.compile(rf"vpc-cni-iam generate DIRECTORY((?: --[a-z-]+(?: {_VALUE})?)+)", re.ASCII)
_FLAGS = ("--no-gaps", FLAG)
_HEAD = 2000


@dataclass(frozen=True, slots=True)
class Options:
    """The kind of a module, its variants and the documents they are made from.

    Args:
        variants: In the catalog's order.
        selection: Which documents.
        kind: One of `KINDS`.
    """

    variants: tuple[Variant, ...]
    selection: Selection
    kind: str = KINDS[0]

    @property
    def command(self) -> str:
        """The command that makes the module again, as its files state it."""
        words = [] if self.kind == KINDS[0] else ["--kind", self.kind]
        words += [w for v in self.variants for w in ("--variant", v.name)]
        return shlex.join(
            ["vpc-cni-iam", "generate", "DIRECTORY", *words, *self.selection.arguments()]
        )

    @property
    def irsa(self) -> bool:
        """Whether a variant can do without session tags, which a session by IRSA has none of."""
        return not all(v.session_tags for v in self.variants)

    def composed(self) -> tuple[Composed, ...]:
        """Return the policy of each variant.

        Raises:
            UsageError: A variant that the selected release cannot use.
        """
        return tuple(compose(v, self.selection) for v in self.variants)


def options(
    names: Iterable[str] = (),
    revision: str | None = None,
    cni_version: str | None = None,
    features: Iterable[str] = (),
    gaps: bool = True,
    kind: str = KINDS[0],
    hardening: Hardening | None = None,
) -> Options:
    """Return the options that a user's words mean.

    Args:
        names: Variants; upstream's three without any.
        revision: As `vpc_cni_iam.catalog.compose.select` takes it.
        cni_version: Likewise.
        features: Likewise.
        gaps: Likewise.
        kind: The kind of module.
        hardening: How to narrow what is tied to a cluster.

    Raises:
        UsageError: Unknown or contradicting words.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    chosen = variants.find(names) or variants.UPSTREAM
    if hardening is not None and not any(v.tied for v in chosen):
        raise UsageError(
            f"{FLAG} narrows a variant that is tied to a cluster; choose one of "
            f"{', '.join(v.name for v in variants.VARIANTS if v.tied)}"
        )
    return Options(chosen, select(revision, cni_version, features, gaps, hardening), kind)


def override(
    base: Options,
    names: Iterable[str] = (),
    revision: str | None = None,
    cni_version: str | None = None,
    features: Iterable[str] = (),
    gaps: bool = True,
) -> Options:
    """Return options with those replaced that a user gave, and the others as they were.

    Args:
        base: The options as they were.
        names: As `options` takes them; none keeps the variants.
        revision: Likewise; it replaces a release too.
        cni_version: Likewise; it replaces a revision too.
        features: Likewise; none keeps the features.
        gaps: Likewise; False leaves the document of a release alone.

    Raises:
        UsageError: Unknown or contradicting words.
    """
    before = base.selection
    if revision is None and cni_version is None:
        release = before.release
        cni_version = str(release) if release is not None else None
        revision = before.revision.name if release is None else None
        gaps = gaps and (before.gaps or release is None)
    variants_kept = tuple(v.name for v in base.variants)
    kept = tuple(features) or before.features
    chosen = tuple(names) or variants_kept
    return options(chosen, revision, cni_version, kept, gaps, base.kind, before.hardening)


def stated(text: str) -> Options | None:
    """Return the options that a generated file states, None if it states none that hold.

    Args:
        text: The text of the file.
    """
    match = _COMMAND.search(text[:_HEAD])
    return _read_back(match[1]) if match else None


def claims(text: str) -> str:
    """Return the command that a file says made it, empty if it says none.

    Args:
        text: The text of the file.
    """
    match = _COMMAND.search(text[:_HEAD])
    return match[0] if match else ""


@cache
def _read_back(command: str) -> Options | None:
    given: dict[str, list[str]] = {}
    words = iter(shlex.split(command))
    for word in words:
        given.setdefault(word, []).append("" if word in _FLAGS else next(words, ""))
    known = {"--kind", "--variant", "--revision", "--cni-version", "--feature", *_FLAGS, KEY, CLAIM}
    # Without a revision or a release, what is meant would move with the catalog.
    if set(given) - known or not {"--revision", "--cni-version"} & set(given):
        return None
    try:
        return options(
            given.get("--variant", ()),
            given.get("--revision", [None])[-1],
            given.get("--cni-version", [None])[-1],
            given.get("--feature", ()),
            "--no-gaps" not in given,
            given.get("--kind", [KINDS[0]])[-1],
            Hardening.of(FLAG in given, given.get(KEY, ()), given.get(CLAIM, [None])[-1]),
        )
    except UsageError:
        return None
