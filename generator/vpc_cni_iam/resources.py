"""Data files of this package."""

from __future__ import annotations

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


def data(name: str) -> Any:
    """Return what a data file of JSON holds, by its path below the package."""
    return msgspec.json.decode(text(name))
