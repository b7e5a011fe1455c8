"""A user's choice of documents: a revision of upstream's page, or a plugin version."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.documents import Revision
from vpc_cni_iam.catalog.facts.plugin_version import LATEST, PluginVersion
from vpc_cni_iam.catalog.hardening import FLAG, NO_HARDEN, Hardening
from vpc_cni_iam.errors import OptionError, UsageError


class Additions(StrEnum):
    """Which calls of a plugin version are added, if upstream's document does not allow them.

    By default, those without which the plugin breaks or does less. If a denial has no effect,
    allowing the call only helps an attacker.
    """

    none = "none"
    needed = "needed"
    all = "all"

    def arguments(self) -> tuple[str, ...]:
        """Return the options that select this."""
        return {Additions.none: (NO_ADDITIONS,), Additions.all: (ALL_CALLS,)}.get(self, ())


NO_ADDITIONS, ALL_CALLS = "--no-additions", "--all-calls"


class Selection(Struct, frozen=True):
    """Documents chosen by revision, or by the plugin version that they must work with."""

    revision: Revision  # the revision of upstream's page
    version: PluginVersion | None = None  # the requested version; None if a revision was requested
    additions: Additions = Additions.none
    features: tuple[str, ...] = ()  # optional features to grant, in the catalog's order
    # How to harden cluster-scoped documents; None for not at all.
    hardening: Hardening | None = None

    @property
    def stands_in(self) -> bool:
        """Whether the version is older than any document, so that it gets the oldest."""
        return self.version is not None and self.version < self.revision.first

    @property
    def word_for_word(self) -> bool:
        """Whether upstream's own variants are as upstream published them."""
        return self.version is None and not self.features

    @property
    def serves(self) -> PluginVersion:
        """The requested version; for a revision, the last version that shipped it."""
        return self.version or self.revision.last or known_versions.newest()

    def arguments(self, *, scoped: bool = False) -> tuple[str, ...]:
        """Return the options that select the same, in one fixed form.

        `scoped`: whether they are for a command with scoped documents, which it hardens by default.
        """
        if self.version is None:
            words = ["--revision", self.revision.name]
        else:
            words = ["--cni-version", str(self.version), *self.additions.arguments()]
        for feature in self.features:
            words += ["--feature", feature]
        if self.hardening is not None:
            return (*words, *self.hardening.arguments())
        return (*words, NO_HARDEN) if scoped and self.version is not None else (*words,)


def additions_of(*, no_additions: bool, all_calls: bool) -> Additions:
    """Return which calls are added, by the options with these names; raises `UsageError`."""
    if no_additions and all_calls:
        problem = f"{{{NO_ADDITIONS}}} and {{{ALL_CALLS}}} exclude each other; give one"
        raise OptionError(NO_ADDITIONS, problem)
    if all_calls:
        return Additions.all
    return Additions.none if no_additions else Additions.needed


def select(
    *,
    revision: str | None = None,
    cni_version: str | None = None,
    features: Iterable[str] = (),
    additions: Additions = Additions.needed,
    hardening: Hardening | None = None,
) -> Selection:
    """Return the selection for arguments of `catalog.options.options`."""
    if revision is not None and cni_version is not None:
        problem = "{--revision} and {--cni-version} exclude each other; give one"
        raise OptionError("--revision", problem)
    if revision is not None:
        if hardening is not None:
            problem = (
                "{--harden} needs {--cni-version}, not {--revision}: the plugin's tags depend on "
                "its version"
            )
            raise OptionError(FLAG, problem)
        if additions is not Additions.needed:
            (option,) = additions.arguments()
            raise UsageError(f"{option} needs --cni-version; a revision is used unchanged")
        by_date = Selection(documents.find(revision))
        return Selection(by_date.revision, features=calls.check_features(features, by_date.serves))
    version = known_versions.find(LATEST if cni_version is None else cni_version)
    return Selection(
        documents.in_force(version),
        version,
        additions,
        calls.check_features(features, version),
        hardening,
    )
