"""The manifest of a module, which sync writes to a folder inside the module.

It is a sorted set of facts, one on each line. Git merges two branches with the union of their
lines. It has no version or date, so it changes only if the module does. For later merges, ``base/``
beside it has the generated text of each edited file, by digest.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts import MARKERS
from vpc_cni_iam.texts.limits import NAME_BYTES, PATH_BYTES

FOLDER = ".vpc-cni-iam"
MANIFEST = f"{FOLDER}/manifest"
BASES = f"{FOLDER}/base"
# Sync writes this beside it: git then merges it with the union of lines, and shows no bases.
ATTRIBUTES = f"{FOLDER}/.gitattributes"
ATTRIBUTES_TEXT = "manifest merge=union\nbase/* -diff\n"
_ABOUT = "# Written by vpc-cni-iam; commit it. If git cannot merge it, run vpc-cni-iam sync."
_DIGEST = re.compile("[0-9a-f]{64}")
_ADVICE = "restore the manifest from version control, or remove it and run vpc-cni-iam sync"


class Manifest(Struct, frozen=True):
    """The facts about a module; after a merge of two branches, a file may have several."""

    # The digests of texts that this tool generated, by path.
    generated: Mapping[str, frozenset[str]] = {}
    # Why an edited text is accepted, by path and digest.
    accepted: Mapping[str, Mapping[str, str]] = {}
    deleted: Mapping[str, str] = {}  # why a file was deleted on purpose, by path
    # The configurations that name the module, relative to it.
    configurations: frozenset[str] = frozenset()


def digest(text: str) -> str:
    """Return the SHA-256 of a text that has the generator's line ends."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def base_path(digest: str) -> str:
    """Return the path of the stored generated text of an edited file, relative to the module."""
    return f"{BASES}/{digest}"


def base_file(text: str) -> str:
    """Return the content of the file that stores a generated text.

    Each line has a mark of this text. Else git may take the file for a generated one that was
    renamed, and a merge would move the edits of the other branch into it.
    """
    mark = _mark(digest(text))
    return mark + text.removesuffix("\n").replace("\n", f"\n{mark}") + "\n"


def base_text(name: str, content: str) -> str:
    """Return the text that a file of this name and content stores; without marks, its content."""
    return content.replace(_mark(name), "")


def _mark(name: str) -> str:
    return f"{name[:8]}|"


def is_digest(name: str) -> bool:
    """Return whether a name is that of a stored text."""
    return _DIGEST.fullmatch(name) is not None


def dumps(manifest: Manifest) -> str:
    """Return the text of a manifest."""
    facts = [f"configuration {path}" for path in manifest.configurations if path.isprintable()]
    facts += [f"deleted {path} {reason}" for path, reason in manifest.deleted.items()]
    for path, digests in manifest.generated.items():
        facts += [f"generated {path} {name}" for name in digests]
    for path, reasons in manifest.accepted.items():
        facts += [f"accepted {path} {name} {reason}" for name, reason in reasons.items()]
    return "".join(f"{line}\n" for line in (_ABOUT, *sorted(facts)))


def loads(text: str, source: str) -> Manifest:
    """Read a manifest, or several concatenated ones; conflict markers are ignored.

    Raises `InputError` for a line that is not a fact.
    """
    generated: dict[str, set[str]] = {}
    accepted: dict[str, dict[str, str]] = {}
    deleted: dict[str, str] = {}
    configurations: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        match line.split(" ", 2):
            case ["generated", path, name] if _holds(path, name):
                generated.setdefault(path, set()).add(name)
            case ["accepted", path, rest] if _holds(path, rest[:64], rest[64:].strip()):
                _add(accepted.setdefault(path, {}), rest[:64], rest[65:])
            case ["deleted", path, reason] if _holds(path, reason=reason):
                _add(deleted, path, reason)
            case ["configuration", *words] if _is_configuration(path := " ".join(words)):
                configurations.add(path)
            case _ if not line or line.startswith(("#", *MARKERS)):
                pass
            case _:
                raise InputError(source, f"line {number}", f"is not a manifest fact; {_ADVICE}")
    digests = {path: frozenset(names) for path, names in generated.items()}
    return Manifest(digests, accepted, deleted, frozenset(configurations))


def _add(reasons: dict[str, str], key: str, reason: str) -> None:
    """Add a reason; if two branches have different ones, keep both, in a fixed order."""
    before = reasons.get(key, reason)
    reasons[key] = reason if before == reason else "; ".join(sorted((before, reason)))


def _holds(path: str, name: str = "0" * 64, reason: str = "x") -> bool:
    """Return whether a fact is valid, and its path is inside the module and outside this folder."""
    # Without pathlib, for speed: a check of a thousand modules calls this thousands of times.
    return (
        path.isprintable()
        and not path.startswith(".")
        and {"", ".", ".."}.isdisjoint(path.split("/"))
        and not _is_long(path)
        and is_digest(name)
        and reason.isprintable()
        and bool(reason)
    )


def _is_configuration(path: str) -> bool:
    return bool(path) and path.isprintable() and not _is_long(path)


def _is_long(path: str) -> bool:
    """Return whether a path is too long for every file system."""
    if len(path) < NAME_BYTES // 4:
        return False
    longest = max(len(os.fsencode(part)) for part in path.split("/"))
    return longest > NAME_BYTES or len(os.fsencode(path)) > PATH_BYTES
