"""Finds files that repeat or replace definitions of a module's own files."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.read import contents, decoded, listed
from vpc_cni_iam.texts.nesting import check_json
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.manifest import digest
from vpc_cni_iam.vendoring.observe import ModuleContents, rendered
from vpc_cni_iam.vendoring.state import EDITED, KeptAccess, KeptEdit, ModuleFile

# The configuration that Terraform or OpenTofu reads in a folder, and what of it is merged over the
# rest.
_LOADED = re.compile(r"(?!\.)[^/]+\.(?:tf|tofu)(?:\.json)?", re.DOTALL)
_OVERRIDE = re.compile(r"(?:[^/]*_)?override\.(?:tf|tofu)(?:\.json)?", re.DOTALL)
# A look at the text, so that HCL is only read where a name of ours stands.
_LABEL = r'("[^"\n]+"|[\w-]+)'
_HEAD = re.compile(
    rf"^\s*(data|resource|variable|output)\s+{_LABEL}(?:\s+{_LABEL})?\s*\{{", re.MULTILINE
)
_LOCALS = re.compile(r"^\s*locals\s*\{", re.M)


def conflicting(observed: ModuleContents, module: VendoredModule) -> tuple[ModuleFile, ...]:
    """Return the files that repeat or replace definitions of a module's own files."""
    others = _others(observed)
    if not others:
        return ()
    texts = dict(rendered(module.options))
    for file in observed.files:
        if file.state in ("deleted", "left over"):
            texts.pop(file.path, None)
        elif file.path in observed.files_by_path and file.state in (*EDITED, "kept"):
            texts[file.path] = decoded(observed.files_by_path[file.path])
    again = tuple(
        ModuleFile(path, "redefined", detail=problem)
        for path, problem in duplicates(observed.folder, texts, {f.path for f in observed.files})
    )
    return (*again, *replacing(observed, module))


def _others(observed: ModuleContents) -> list[str]:
    known = {f.path for f in observed.files}
    return [n for n in listed(observed.folder) if n not in known and _LOADED.fullmatch(n)]


def replacing(observed: ModuleContents, module: VendoredModule) -> Iterator[ModuleFile]:
    """Yield the files that an engine merges over a module's own, or reads in place of them."""
    accepted = {entry.file: entry for entry in module.accepted}
    places = {
        n: place for n in _others(observed) if (place := _replaced(n, observed.files_by_path))
    }
    for name, content in sorted(contents(observed.folder, places).items()):
        sha256 = digest(decoded(content))
        edit = KeptEdit.of(name, sha256, KeptAccess.UNKNOWN, accepted.get(name))
        yield ModuleFile(name, "replacing", edit=edit, detail=places[name])


def _replaced(name: str, own: Container[str]) -> str:
    """Return the effect of a file on a module's own files; empty for none."""
    if _OVERRIDE.fullmatch(name):
        return "is merged over the generated files by an engine"
    twin = name.removesuffix(".tofu") + ".tf"
    if name.endswith(".tofu") and twin in own:  # main.tofu.json replaces a main.tf.json alone
        return f"is read by OpenTofu in place of {twin}"
    return ""


def duplicates(
    folder: Path, texts: Mapping[str, str], known: Container[str]
) -> Iterator[tuple[str, str]]:
    """Yield files that repeat definitions of a module's own files, each with the problem.

    `known` has the paths of its own files, whether they exist or not.
    """
    others = [n for n in listed(folder) if _is_loaded(n) and n not in known]
    if not others:
        return
    homes = {
        name: path
        for path, text in texts.items()
        if _is_loaded(path)
        for name in _defined(text, path)
    }
    for path, content in sorted(contents(folder, others).items()):
        same = sorted(_defined(decoded(content), path) & homes.keys())
        if same:
            more = f" and {len(same) - 1} more" if len(same) > 1 else ""
            yield path, f"defines {same[0]}{more} again, which {homes[same[0]]} defines"


def _is_loaded(path: str) -> bool:
    return bool(_LOADED.fullmatch(path)) and not _OVERRIDE.fullmatch(path)


def _defined(text: str, path: str) -> set[str]:
    """Return the definitions of a file, as an engine names them; from its text if it is no HCL."""
    if path.endswith(".json"):
        return _defined_in_json(text)
    heads = (match.groups() for match in _HEAD.finditer(text))
    names = {".".join(part.strip('"') for part in head if part) for head in heads}
    if not _LOCALS.search(text):
        return names
    from vpc_cni_iam.hcl.parse import parse

    try:
        blocks = parse(text, path).blocks
    except InputError:
        return names
    return names | {f"local.{n}" for b in blocks if b.type == "locals" for n in b.attributes}


# The blocks of JSON that have names, and how many labels these have.
_LABELS = {"data": 2, "resource": 2, "variable": 1, "output": 1, "locals": 1}


def _defined_in_json(text: str) -> set[str]:
    """Return the definitions of a JSON file; none if it is no JSON, which an engine refuses."""
    try:
        check_json(text, "")
        document = json.loads(text)
    except (ValueError, InputError):
        return set()
    return {
        ".".join(["local" if kind == "locals" else kind, *labels])
        for kind, depth in _LABELS.items()
        for body in _objects(document)
        for labels in _labelled(body.get(kind), depth)
    }


def _labelled(value: object, depth: int) -> Iterator[tuple[str, ...]]:
    for body in _objects(value):
        for label, inner in body.items():
            if depth == 1:
                yield (label,)
            else:
                yield from ((label, *more) for more in _labelled(inner, depth - 1))


def _objects(value: object) -> list[dict[str, object]]:
    """Return an object, or the objects of a list; JSON configuration may have either."""
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, dict)]
