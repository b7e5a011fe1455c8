"""Names for data sources, and so for files: valid, without collisions, and the same every time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from vpc_cni_iam.errors import UsageError

_VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DEFAULT = "policy"


def identifier(text: str) -> str:
    """Return a file's or policy's name as an HCL identifier of letters, digits and ``_``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain).strip("_")
    if not name:
        return _DEFAULT
    return f"{_DEFAULT}_{name}" if name[0].isdigit() else name


def valid(text: str) -> str:
    """Return a name that the user gave, if Terraform takes it, or raise `UsageError`."""
    if not _VALID.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot name a data source; letters, digits, _ and - can, the first of them "
            "a letter or _"
        )
    return text


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that differ from each other even on a file system that ignores case.

    The first use of a name gets it; later ones get a number that no other name has.
    """
    used: set[str] = set()
    natural = {name.lower() for name in names}
    numbers: dict[str, int] = {}
    chosen_names = []
    for name in names:
        chosen, number = name, numbers.get(name.lower(), 1)
        while chosen.lower() in used or (number > 1 and chosen.lower() in natural):
            number += 1
            chosen = f"{name}_{number}"
        numbers[name.lower()] = number
        used.add(chosen.lower())
        chosen_names.append(chosen)
    return tuple(chosen_names)
