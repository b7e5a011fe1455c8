"""Reads TOML files."""

from __future__ import annotations

import tomllib
from typing import Any

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts import has_markers
from vpc_cni_iam.texts.nesting import check_toml

_PROBLEMS = {"Cannot overwrite a value": "a key is there twice; remove one of the two"}


def loads(text: str, source: str) -> dict[str, Any]:
    """Return the table of a TOML text."""
    check_toml(text, source)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).removesuffix(")").partition(" (at ")
        problem = f"is not TOML: {_PROBLEMS.get(problem, problem)}"
        if has_markers(text):
            problem = "has conflict markers; resolve them"
        raise InputError(source, place, problem) from None
    except (ValueError, RecursionError):  # such as a number of more digits than Python reads
        raise InputError(source, "", "has a number or a nesting that is too large") from None
