"""Names for data sources and their files: valid, unique, and the same in every run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from vpc_cni_iam.errors import UsageError

_VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DEFAULT = "policy"


def identifier(text: str) -> str:
    """Return the name of a file or policy as an HCL identifier of letters, digits and ``_``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain).strip("_")
    if not name:
        return _DEFAULT
    return f"{_DEFAULT}_{name}" if name[0].isdigit() else name


def valid(text: str) -> str:
    """Return a user's name if Terraform accepts it, or raise `UsageError`."""
    if not _VALID.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot be the name of a data source; use letters, digits, _ and -, and "
            "begin with a letter or _"
        )
    return text


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that are unique even on a file system that ignores case.

    The first use of a name does not change. Later ones get a number that no other name has.
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
