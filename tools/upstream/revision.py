"""Writes a revision of upstream's page in the form of the catalog's data files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tools.upstream.check import compare
from tools.upstream.page import documents
from vpc_cni_iam.catalog.facts.documents import Commit, Revision, Source, revisions
from vpc_cni_iam.catalog.facts.known_versions import known
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.store import StoredDocument
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.resources import Facts
from vpc_cni_iam.texts import decode


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a new revision comes from, checked.

    Args:
        commit: The commit that brought it, 40 hexadecimal digits; None if it was read in a module.
        date: When, in ISO 8601; its day names the revision.
        subject: The first line of the commit's message.
        version: The first version that ships it.
        module: The Go module that it was read in, where the commit is not known.
    """

    commit: str | None
    date: str
    subject: str
    version: PluginVersion
    module: str = ""

    def __post_init__(self) -> None:
        if self.commit is not None and not re.fullmatch(r"[0-9a-f]{40}", self.commit):
            raise UsageError(f"--commit {self.commit!r} is not a whole commit id of 40 digits")
        try:
            datetime.fromisoformat(self.date)
        except ValueError:
            day = "2026-06-01 or 2026-06-01T16:33:59+02:00"
            raise UsageError(f"--date {self.date!r} is not a date such as {day}") from None
        if not re.match(r"\d{4}-\d\d-\d\d(?![0-9-])", self.date):
            raise UsageError(f"--date {self.date!r} must start with year-month-day")

    @property
    def name(self) -> str:
        """The name of the revision: its day."""
        return self.date[:10]


def data_files(content: bytes, source: str, origin: Origin) -> dict[str, str]:
    """Return the new revision's data file, and the one before it with its last release.

    Args:
        content: The page, as it is in upstream's repository.
        source: The file name that errors name.
        origin: Where it comes from.

    Raises:
        InputError: A page without upstream's three documents, or with another one.
        UsageError: The page means what the newest revision means, or is not newer.
    """
    newest = revisions()[-1]
    _refuse_old(origin, newest)
    result = documents(decode(content, source), source)
    compared = compare(result, newest)
    for c in compared:
        if c.state in ("missing", "unknown"):
            where = c.kind if c.state == "missing" else f"the document at {c.place}"
            raise InputError(
                source,
                "",
                f"{where} is {c.state}; a revision has exactly upstream's documents "
                f"{', '.join(newest.kinds)}, so the catalog's code must learn this",
            )
    if all(c.state == "same" for c in compared):
        raise UsageError(f"{source} means what revision {newest.name} means: nothing to import")
    by_kind = {f.kind: f.value for f in result}
    revision = Revision(
        name=origin.name,
        source=_source(content, origin, newest.source),
        first=origin.version,
        last=None,
        documents={kind: StoredDocument(by_kind[kind]) for kind in newest.kinds},
    )
    before = replace(newest, last=max(r for r in known() if r < origin.version))
    return {f"{each.name}.json": facts_text(each) for each in (before, revision)}


def checkout_folder() -> Path:
    """Return the folder of the catalog's revisions in this checkout."""
    root = Path(__file__).resolve().parents[2]
    return root / "generator" / "vpc_cni_iam" / "catalog" / "facts" / "data" / "revisions"


def _refuse_old(origin: Origin, newest: Revision) -> None:
    if origin.name <= newest.name:
        raise UsageError(f"--date {origin.date} is not later than revision {newest.name}")
    if origin.version <= newest.first:
        raise UsageError(
            f"--cni-version {origin.version} is not later than {newest.first}, "
            f"the first version of revision {newest.name}"
        )


def _source(content: bytes, origin: Origin, newest: Source) -> Source:
    blob = b"blob %d\0" % len(content) + content
    note = (
        f"The commit that brought this page is not known here: it was read in {origin.module} "
        "of the Go module proxy, and the date is that of the release."
    )
    commit = Commit(
        commit=origin.commit,
        date=origin.date,
        subject=origin.subject or None,
        first_version=origin.version,
        note=note if origin.module else None,
    )
    # git's own name of the page, with which anyone finds it there.
    name = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
    return replace(newest, git_blob=name, commits=(commit,))


def facts_text(facts: Facts) -> str:
    """Return the text of a data file of the catalog."""
    return json.dumps(msgspec.to_builtins(facts, enc_hook=_written), indent=1) + "\n"


def _written(value: object) -> object:
    """Return what a file has for a value of a type that msgspec does not know."""
    return value.value if isinstance(value, StoredDocument) else str(value)
