"""The manifest of a module, which sync writes into its own folder inside it.

It is a set of facts, one a line, sorted: git merges two branches by the union of their lines, and
nothing in it, such as a version or a date, differs where the module does not. Beside it, ``base/``
has the text as generated of each edited file, by its digest, for a later merge.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts.limits import NAME_BYTES, PATH_BYTES

FOLDER = ".vpc-cni-iam"
MANIFEST = f"{FOLDER}/manifest"
BASES = f"{FOLDER}/base"
# What sync writes beside it once: git then merges it by the union of lines, and shows no bases.
ATTRIBUTES = f"{FOLDER}/.gitattributes"
ATTRIBUTES_TEXT = "manifest merge=union\nbase/* -diff\n"
_ABOUT = "# Written by vpc-cni-iam; commit it. If git cannot merge it, run vpc-cni-iam sync."
_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_DIGEST = re.compile("[0-9a-f]{64}")
_ADVICE = "restore the manifest from version control, or remove it and run vpc-cni-iam sync"


class Manifest(Struct, frozen=True):
    """The facts about a module; where two branches were merged, there may be several of a file."""

    # By path, the digests of texts that this tool generated.
    generated: Mapping[str, frozenset[str]] = {}
    # By path and digest, why an edited text is accepted.
    accepted: Mapping[str, Mapping[str, str]] = {}
    deleted: Mapping[str, str] = {}  # by path, why a file was deleted on purpose
    # The configurations that name the module, relative to it.
    configurations: frozenset[str] = frozenset()


def digest(text: str) -> str:
    """Return the SHA-256 of a text whose line ends are those of the generator."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def base_path(digest: str) -> str:
    """Return where the text as generated of an edited file is kept, relative to the module."""
    return f"{BASES}/{digest}"


def is_digest(name: str) -> bool:
    """Say whether a name is that of a kept text."""
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
    """Read a manifest, or several one after the other; markers of a merge are no facts.

    Raises `InputError` for a line that is none.
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
            case _ if not line or line.startswith(("#", *_MARKERS)):
                pass
            case _:
                raise InputError(source, f"line {number}", f"is no fact of a manifest; {_ADVICE}")
    digests = {path: frozenset(names) for path, names in generated.items()}
    return Manifest(digests, accepted, deleted, frozenset(configurations))


def _add(reasons: dict[str, str], key: str, reason: str) -> None:
    """Add a reason; of two branches both, in an order that does not depend on which comes first."""
    before = reasons.get(key, reason)
    reasons[key] = reason if before == reason else "; ".join(sorted((before, reason)))


def _holds(path: str, name: str = "0" * 64, reason: str = "x") -> bool:
    """Say whether a path stays inside the module and is not of this folder, and its values hold."""
    # Not by pathlib: a check of a thousand modules comes here some thousand times.
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
    """Say whether no file system takes a path."""
    if len(path) < NAME_BYTES // 4:
        return False
    longest = max(len(os.fsencode(part)) for part in path.split("/"))
    return longest > NAME_BYTES or len(os.fsencode(path)) > PATH_BYTES
