"""What ``vpc-cni-iam publish`` says: as lines, each when it is done, or as JSON in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format

if TYPE_CHECKING:
    from vpc_cni_iam.publishing.destination import ResolvedDestination
    from vpc_cni_iam.publishing.git import Tagging
    from vpc_cni_iam.publishing.publish import Proposal, Published


class Saying:
    """Says what is done, and with JSON all that was, also if what comes after it fails.

    Args:
        folder: The directory that holds all versions.
        output: How to say it.
        quiet: Whether to leave lines out.
    """

    def __init__(self, folder: Path, output: Format, quiet: bool) -> None:
        self._folder, self._json = folder, output is Format.json
        self._silent = quiet or self._json
        self._data: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._json and self._data:
            common.show_json(self._data)

    def _line(self, text: str) -> None:
        if not self._silent:
            typer.echo(text)

    def proposal(self, found: Proposal, *, only: bool = False) -> None:
        """Say which version it is, after which, and how it differs.

        Args:
            found: The version.
            only: Whether nothing is written.
        """
        compared = found.comparison
        findings = (*compared.permissions, *compared.interface) if compared is not None else ()
        bump = compared.bump.name if compared is not None else None
        after = f"a {bump} change after {found.previous}" if bump else "the first version"
        self._line(f"{found.version}, {after}")
        for finding in findings:
            self._line(f"  {finding.bump.name}: {finding}")
        if only:
            self._line(f"nothing was written; --version {found.version} publishes it")
        destination = found.resolved.destination
        self._data = {
            "source": destination.coordinates.source,
            "oci_repository": destination.oci_repository,
            "moved": list(_moves(found.resolved)),
            "version": str(found.version),
            "previous": str(found.previous) if found.previous is not None else None,
            "bump": bump,
            "findings": [{"bump": f.bump.name, "text": str(f)} for f in findings],
            **common.changes_data(self._folder, ()),
            **dict.fromkeys(("tree", "registry", "oci", "digest", "tag")),
            "sums": {},
            "restored": [],
            "copies": [],
        }

    def files(self, done: Published) -> None:
        """Say what the directory holds of a version, and what was done to have it so.

        Args:
            done: The version.
        """
        from vpc_cni_iam.publishing import oci
        from vpc_cni_iam.publishing.registry import ROOT

        changes = [c for c in done.changes if c.kind != "same"]
        held = {
            "tree": str(self._folder / done.folder),
            "registry": str(self._folder / ROOT),
            "oci": f"{self._folder / oci.ROOT}:{done.proposal.version}",
        }
        sums = dict(sorted(done.sums.items()))
        for line in (
            *(() if changes else ("is published already; nothing to do",)),
            *(f"moved    {move}" for move in _moves(done.proposal.resolved)),
            *(f"restore  {self._folder / path}" for path in done.restored),
            *(f"copy     {self._folder / path} of what was edited" for path in done.copies),
            f"tree     {held['tree']}",
            f"registry {held['registry']}",
            *(f"sha256   {digest}  {name}" for name, digest in sums.items()),
            f"oci      {done.digest}  {held['oci']}",
        ):
            self._line(line)
        self._data |= {**held, "sums": sums, "digest": done.digest}
        self._data |= {"restored": list(done.restored), "copies": list(done.copies)}
        self._data |= common.changes_data(self._folder, changes)

    def tag(self, done: Tagging) -> None:
        """Say at which commit the tag is.

        Args:
            done: The tag.
        """
        self._line(f"tag      {done.tag} at {done.commit}{'' if done.new else ', as it was'}")
        self._data["tag"] = {"name": done.tag, "commit": done.commit, "new": done.new}


def _moves(resolved: ResolvedDestination) -> Iterator[str]:
    """Yield what a registry moved to; what was published keeps the source that its README names."""
    for before in resolved.before:
        old, new = before.coordinates.host, resolved.destination.coordinates.host
        if old != new:
            yield f"from {old} to {new}; README.md of a published version keeps {old}"
        repository = resolved.destination.oci_repository
        if before.oci_repository not in (None, repository):
            yield f"from {before.oci_repository} to {repository}"
