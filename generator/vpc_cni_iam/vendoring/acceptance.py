"""Entries of ``vpc-cni-iam.toml`` that accept a kept edit, by the hash of the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vpc_cni_iam.errors import InputError

_KEYS = ("file", "sha256", "reason")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Acceptance:
    r"""An entry that accepts one text of a file that was edited and kept.

    Args:
        file: The file, relative to the module.
        sha256: The SHA-256 of the edited file, with ``\n`` line ends.
        reason: Why it is accepted.
    """

    file: str
    sha256: str
    reason: str


def acceptances(
    entries: list[dict[str, Any]], refuse: Callable[[str | None, str], InputError]
) -> tuple[Acceptance, ...]:
    """Return the entries of one module.

    Args:
        entries: As TOML has them.
        refuse: Returns the error for a key and what is wrong with it.

    Raises:
        InputError: An entry that does not hold; with the line.
    """
    accepted: dict[str, Acceptance] = {}
    for entry in entries:
        for key in (*entry, *_KEYS):
            if key not in _KEYS:
                raise refuse(
                    "accept", f"unknown key {key!r} in accept; known are file, sha256, reason"
                )
            value = entry.get(key)
            if not isinstance(value, str) or not value.strip() or not value.isprintable():
                raise refuse("accept", f"each accept needs {key}, a string that is not empty")
        file, sha256, reason = (entry[key] for key in _KEYS)
        if not _SHA256.fullmatch(sha256):
            raise refuse(
                "accept",
                f"sha256 {sha256[:80]!r} is not 64 lower-case hexadecimal digits; "
                "vpc-cni-iam check prints that of the file",
            )
        if len(reason) > _LONGEST:
            raise refuse("accept", f"the reason for {file!r} is longer than {_LONGEST} characters")
        if file in accepted:
            raise refuse("accept", f"{file!r} is accepted twice; keep one of the entries")
        accepted[file] = Acceptance(file, sha256, reason)
    return tuple(accepted.values())
