"""Data files of this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from vpc_cni_iam.errors import PackageFileError, reason

PACKAGE = Path(__file__).parent


def text(name: str) -> str:
    """Return the text of a data file, by its path below the package."""
    path = PACKAGE / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PackageFileError(path, reason(error)) from None
    except UnicodeDecodeError:
        raise PackageFileError(path, "it is not UTF-8 text") from None


@cache
def data(name: str) -> dict[str, Any]:
    """Return the object in a data file of JSON, by its path below the package."""
    try:
        known: dict[str, Any] = msgspec.json.decode(text(name))
    except msgspec.DecodeError:
        raise PackageFileError(PACKAGE / name, "it is not JSON") from None
    return known
