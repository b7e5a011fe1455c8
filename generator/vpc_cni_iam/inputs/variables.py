"""Values for the variables of modules, from options and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl.module.given import GivenVariables

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.evaluate.domain import Value

__all__ = ["GivenVariables", "check_used", "given_variables"]

_NAME = re.compile(r"[^\W\d][\w-]*")


def given_variables(
    options: Iterable[str], files: Iterable[str], text: Callable[[str], str]
) -> GivenVariables:
    """Return a user's values, given as ``name=value`` or in files, which `text` reads.

    Options override files, and later values override earlier ones.
    """
    values: dict[str, Value] = {}
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


def check_used(user_values: GivenVariables, targets: Iterable[str]) -> None:
    """Raise `UsageError` for values that no module uses, and for an engine without a module."""
    if not user_values.names and user_values.renderer is None:
        return
    from vpc_cni_iam.inputs.hcl import check_declared  # noqa: PLC0415 - reads modules
    from vpc_cni_iam.inputs.identify import of_path  # noqa: PLC0415 - what reads modules

    if any(of_path(target) for target in targets if target):
        check_declared(user_values)
    elif user_values.names:
        raise UsageError("--var and --var-file fill the variables of HCL, and no input is HCL")
    else:
        raise UsageError("--engine renders policies of HCL, and no input is HCL")
