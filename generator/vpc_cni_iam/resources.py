"""Data files of this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vpc_cni_iam.errors import PackageFileError, reason

PACKAGE = Path(__file__).parent
_T = TypeVar("_T")
_DECODED: dict[str, Any] = {}  # each file is read once


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object in a data file: an unknown field is an error, and so is a missing one."""


def text(name: str) -> str:
    """Return the text of a data file, by its path below the package."""
    path = PACKAGE / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PackageFileError(path, reason(error)) from None
    except UnicodeDecodeError:
        raise PackageFileError(path, "it is not UTF-8 text") from None


def data(name: str, kind: type[_T]) -> _T:
    """Return a data file of JSON or TOML, by its path below the package."""
    if name not in _DECODED:
        _DECODED[name] = decoded(name, kind)
    facts: _T = _DECODED[name]
    return facts


def decoded(name: str, kind: type[_T]) -> _T:
    """Return what `data` does, read again."""
    form = msgspec.toml if name.endswith(".toml") else msgspec.json
    try:
        facts: _T = form.decode(text(name), type=kind, dec_hook=_made)
    except msgspec.ValidationError as error:
        raise PackageFileError(PACKAGE / name, str(error)) from None
    except msgspec.DecodeError:
        raise PackageFileError(PACKAGE / name, f"it is not {name[-4:].upper()}") from None
    return facts


def _made(kind: type[Any], value: Any) -> Any:
    """Return a value of a type that msgspec does not know, such as a version, from its text."""
    return kind(value)
