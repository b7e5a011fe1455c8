"""Values for the variables of modules, from options and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.names import resolve

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.evaluate.domain import HclValue

__all__ = ["GivenVariables", "check_declared", "given_variables"]

_NAME = re.compile(r"[^\W\d][\w-]*")


def given_variables(
    options: Iterable[str], files: Iterable[str], text: Callable[[str], str]
) -> GivenVariables:
    """Return a user's values, given as ``name=value`` or in files, which `text` reads.

    Options override files, and later values override earlier ones.
    """
    values: dict[str, HclValue] = {}
    for file in files:
        from vpc_cni_iam.hcl.module.variables import read_file  # noqa: PLC0415 - a parser

        values |= read_file(text(file), file)
    texts = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or not _NAME.fullmatch(name.strip()):
            raise UsageError(f"--var {option!r} is not NAME=VALUE")
        texts[name.strip()] = value
    return GivenVariables(texts, values)


def check_declared(user_values: GivenVariables) -> None:
    """Refuse values for variables that no module has; all modules must be read."""
    for name in sorted(user_values.texts.keys() - user_values.declared):
        if not user_values.declared:
            raise UsageError(f"unknown variable {name!r}; no module that was read has variables")
        resolve(name, sorted(user_values.declared), "variable", "--var")
        raise UsageError(f"unknown variable {name!r}: write it as the module does")
