"""The manifest of a module, which sync writes into a folder of its own inside it.

``manifest.json`` says what the module was made from and the hash of each file as generated, of
an edit that was accepted, and which files were deleted on purpose. ``base/`` holds the texts as
generated, which a three-way merge needs; git stores them once with the files themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from vpc_cni_iam.catalog.options import Options, stated
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts import has_markers
from vpc_cni_iam.texts.limits import NAME_BYTES, PATH_BYTES
from vpc_cni_iam.texts.nesting import check_json

FOLDER = ".vpc-cni-iam"
MANIFEST = f"{FOLDER}/manifest.json"
_BASE = f"{FOLDER}/base/"
# No tool that looks for .tf files shall take a base for one.
_SUFFIX = ".txt"
_ABOUT = (
    "Written by vpc-cni-iam sync, which needs it to tell edits from updates. Commit it; do not "
    "edit it."
)


class FileRecord(Struct, frozen=True):
    """The record of one file."""

    generated: str  # the SHA-256 of its text as generated
    # The SHA-256 of an edited text that the user keeps, None if there is none.
    kept: str | None = None
    deleted: bool = False  # whether the user deleted it on purpose


class Manifest(Struct, frozen=True):
    """The record of a module."""

    options: Options | None  # what it was made from; None if this version no longer understands it
    generator: str  # the version of this tool that made it
    # The record of each file, by its path.
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    unfinished: bool = False  # whether a sync has not written all of the files yet
    # The configuration that names the module, relative to the module; None in a manifest of a
    # version that did not record it.
    configuration: str | None = None


def digest(text: str) -> str:
    """Return the SHA-256 of a text whose line ends are those of the generator."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def base_path(path: str) -> str:
    """Return where the text of a file as generated is kept, relative to the module."""
    return f"{_BASE}{path}{_SUFFIX}"


def dumps(manifest: Manifest) -> str:
    """Return the text of a manifest, whose options are known."""
    options, configuration = manifest.options, manifest.configuration
    assert options is not None  # noqa: S101 - a new manifest is made from some
    source = options.selection.revision.source
    entries: dict[str, dict[str, object]] = {}
    for path, entry in sorted(manifest.files.items()):
        entries[path] = {"generated": entry.generated}
        if entry.kept is not None:
            entries[path]["kept"] = entry.kept
        if entry.deleted:
            entries[path]["deleted"] = True
    document = {
        "about": _ABOUT,
        "made_by": options.command,
        "generator": manifest.generator,
        **({"configuration": configuration} if configuration is not None else {}),
        "upstream": {
            "repository": source.repository,
            "revision": options.selection.revision.name,
            "git_blob": source.blob,
            "commit": source.commit,
        },
        **({"unfinished": True} if manifest.unfinished else {}),
        "files": entries,
    }
    return json.dumps(document, indent=2) + "\n"


def _inside(path: str) -> str:
    """Return a path that stays inside the module and is not our own, or raise `ValueError`."""
    # Not by pathlib: a check of a thousand modules comes here some thousand times.
    if not path.isprintable() or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise ValueError(path)
    if path.startswith("."):
        raise ValueError(path)
    return path


def _refuse_long(paths: Iterable[str], text: str, source: str) -> None:
    """Refuse paths that no file system takes, which a manifest of this tool never has."""
    for path in paths:
        longest = max(len(os.fsencode(part)) for part in path.split("/"))
        if longest > NAME_BYTES or len(os.fsencode(path)) > PATH_BYTES:
            place = text.find(json.dumps(path, ensure_ascii=False)[:NAME_BYTES])
            line = text.count("\n", 0, max(0, place)) + 1
            problem = (
                f"names a file by {len(path):,} characters, which no file system takes; restore "
                "the manifest from version control, or delete it and run sync"
            )
            raise InputError(source, f"line {line}", problem)


def loads(text: str, source: str) -> Manifest:
    """Read a manifest; an `InputError` names conflict markers of a merge as such."""
    check_json(text, source)
    try:
        document: Any = json.loads(text)
        configuration = document.get("configuration")
        if not isinstance(configuration, str | None) or "\0" in (configuration or ""):
            raise ValueError(configuration)
        _refuse_long([*document["files"], configuration or ""], text, source)
        files = {
            _inside(path): FileRecord(
                str(entry["generated"]), entry.get("kept"), entry.get("deleted", False) is True
            )
            for path, entry in document["files"].items()
        }
        made_from, generator = stated(document["made_by"]), str(document["generator"])
        unfinished = document.get("unfinished", False) is True
        return Manifest(made_from, generator, files, unfinished, configuration)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        problem = "is not a manifest; restore it from version control, or delete it and run sync"
        if has_markers(text):
            problem = "holds conflict markers; take one side (git checkout --ours) and run check"
        raise InputError(source, "", problem) from None
