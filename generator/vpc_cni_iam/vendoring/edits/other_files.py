"""Finds files that repeat or replace definitions of a module's files."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from json import JSONDecodeError

from vpc_cni_iam.errors import InputError, json_problem
from vpc_cni_iam.files.read import contents, decoded
from vpc_cni_iam.hcl.syntax import OVERRIDE
from vpc_cni_iam.policy.proof.answer import NotProven
from vpc_cni_iam.vendoring.edits.edit import Edit, EditAnswer
from vpc_cni_iam.vendoring.edits.meaning import ModuleReason, ReadProblem
from vpc_cni_iam.vendoring.manifest import digest
from vpc_cni_iam.vendoring.observe import ModuleContents
from vpc_cni_iam.vendoring.state import (
    FileEffect,
    FileState,
    ModuleFile,
    Override,
    Redefinition,
    TofuReplacement,
)

# The files that Terraform or OpenTofu reads in a folder, and those that they merge over the rest.
_LOADED = re.compile(r"(?!\.)[^/]+\.(?:tf|tofu)(?:\.json)?", re.DOTALL)


def conflicting(observed: ModuleContents, texts: Mapping[str, str]) -> tuple[ModuleFile, ...]:
    """Return the files that repeat or replace, or may do so, definitions of a module's files.

    `texts` are the texts of the module's files.
    """
    others = [n for n in observed.others if _LOADED.fullmatch(n)]
    if not others:
        return ()
    homes: dict[str, str] = {}
    for path, text in texts.items():
        with suppress(InputError):  # reported as an edit
            homes |= dict.fromkeys(_defined(text, path) if _LOADED.fullmatch(path) else (), path)
    files = []
    for path, content in sorted(contents(observed.folder, others).items()):
        text, effect, same = decoded(content), _replaced(path, observed.files_by_path), []
        if not effect and _may_define(text, homes):
            try:
                same = sorted(_defined(text, path) & homes.keys())
            except InputError as error:
                effect = ReadProblem(str(error))
        if effect:
            reason = observed.known.accepted.get(path, {}).get(digest(text), "")
            edit = Edit((EditAnswer(NotProven(ModuleReason.other_file)),))
            file = ModuleFile(path, FileState.foreign, reason, edit=edit, effect=effect)
            files.append(file)
        elif same:
            again = Redefinition(tuple(same), homes[same[0]])
            files.append(ModuleFile(path, FileState.foreign, effect=again))
    return tuple(files)


def _replaced(name: str, own: Container[str]) -> FileEffect | None:
    """Return how a file replaces a module's files; None if it does not."""
    if OVERRIDE.fullmatch(name):
        return Override()
    twin = name.removesuffix(".tofu") + ".tf"
    if name.endswith(".tofu") and twin in own:  # main.tofu.json replaces only main.tf.json
        return TofuReplacement(twin)
    return None


def _may_define(text: str, homes: Mapping[str, str]) -> bool:
    """Return whether a text contains a name of the module, or escapes, which may spell one."""
    return "\\" in text or any(name.rpartition(".")[2] in text for name in homes)


@lru_cache(maxsize=64)  # many modules have the same files
def _defined(text: str, path: str) -> frozenset[str]:
    """Return the definitions in a file, by an engine's names; raises `InputError`."""
    if path.endswith(".json"):
        return frozenset(_defined_in_json(text, path))
    from vpc_cni_iam.hcl.parse import parse

    names: set[str] = set()
    # The parser does not know strip markers; they only change the text of templates.
    plain = text.removeprefix("\ufeff").replace("~}", "}").replace("{~", "{")
    blocks = parse(plain, path).blocks
    # The name of a check's data source is in the same scope as other data sources.
    for block in (*blocks, *(inner for b in blocks if b.type == "check" for inner in b.blocks)):
        if block.type == "locals":
            names.update(f"local.{name}" for name in block.attributes)
        elif block.labels:
            names.add(".".join((block.type, *block.labels)))
        else:  # such as the required_providers of terraform
            names.update(f"{block.type}.{inner.type}" for inner in block.blocks)
    return frozenset(names)


# The JSON blocks with names, and their number of labels.
_LABELS = {"data": 2, "resource": 2, "variable": 1, "output": 1, "locals": 1, "terraform": 1}


def _defined_in_json(text: str, path: str) -> Iterator[str]:
    try:  # objects as tuples of pairs: an engine reads two with the same name
        document = json.loads(text, object_pairs_hook=tuple)
    except JSONDecodeError as error:
        raise InputError(path, f"line {error.lineno}", json_problem(error)) from None
    except RecursionError:
        raise InputError(path, "", "nests too deeply to be read") from None
    for kind, body in _pairs(document):
        for labels in _labelled(body, _LABELS.get(kind, 0)):
            yield ".".join(["local" if kind == "locals" else kind, *labels])


def _labelled(value: object, depth: int) -> Iterator[tuple[str, ...]]:
    for label, inner in _pairs(value) if depth else ():
        yield from ((label, *more) for more in (_labelled(inner, depth - 1) if depth > 1 else [()]))


def _pairs(value: object) -> Iterator[tuple[str, object]]:
    """Yield the pairs of an object, or of the objects in a list; JSON configuration allows both."""
    for item in value if isinstance(value, list) else [value]:
        yield from item if isinstance(item, tuple) else ()
