"""Files beside the generated ones that define the same once more, which an engine refuses.

Such is a generated file that was renamed: made again under its name, it stands beside its copy.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.read import contents, decoded, listed

# A look at the text, so that HCL is only read where a name of ours stands.
_HEAD = re.compile(r'^\s*(data|resource|variable|output)\s+"([^"\n]+)"(?:\s+"([^"\n]+)")?', re.M)
_LOCALS = re.compile(r"^\s*locals\s*\{", re.M)


def duplicates(
    folder: Path, texts: Mapping[str, str], known: Container[str]
) -> Iterator[tuple[str, str]]:
    """Yield files that define again what a module's own files define, each with what is wrong.

    Args:
        folder: The module's directory.
        texts: The module's own files, by path.
        known: The paths that are the module's own, be they there or not.
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
    hidden = path.startswith(".")
    override = path == "override.tf" or path.endswith("_override.tf")  # merged, not added
    return path.endswith(".tf") and "/" not in path and not hidden and not override


def _defined(text: str, path: str) -> set[str]:
    """Return what a file defines, as an engine names it; by its text alone if it is no HCL."""
    names = {".".join(part for part in match.groups() if part) for match in _HEAD.finditer(text)}
    if not _LOCALS.search(text):
        return names
    from vpc_cni_iam.hcl.read import parse

    try:
        blocks = parse(text, path)
    except InputError:
        return names
    return names | {f"local.{n}" for b in blocks if b.type == "locals" for n in b.attributes}
