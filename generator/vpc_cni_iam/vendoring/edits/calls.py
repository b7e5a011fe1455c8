"""The calls of a module that can make a difference to its documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TypeAlias

from vpc_cni_iam.catalog import trust
from vpc_cni_iam.hcl.module.reader import any_values
from vpc_cni_iam.hcl.syntax import Constant, Node
from vpc_cni_iam.policy.template import Text

Call: TypeAlias = Mapping[str, Text | bool]  # what a caller passes, by variable
Defaults: TypeAlias = Mapping[str, Node | None]  # None for a variable that must be passed

# The variables that stand in documents, with any text or true.
PASSED: Call = {**any_values(p.name for p in trust.VARIABLES), trust.POD_IDENTITY: True}
_NULL = Constant("null")


def calls(old: Defaults, new: Defaults) -> Iterator[tuple[Call, Call]]:
    """Yield one call after the other, for the defaults of two versions of a module.

    A document can depend on a truth value, and on whether a variable is null. So every combination
    of these is there, and of defaults that are not the same in both versions.
    """
    options = []
    for name, value in PASSED.items():
        passed: list[Text | bool | None] = [value]
        if isinstance(value, bool):
            passed.append(not value)
        defaults = (old.get(name), new.get(name))
        if _NULL in defaults or defaults[0] != defaults[1]:
            passed.append(None)
        options.append(passed)
    for chosen in product(*options):
        call = dict(zip(PASSED, chosen, strict=True))
        yield _with(call, old), _with(call, new)


def _with(call: Mapping[str, Text | bool | None], defaults: Defaults) -> Call:
    """Return a call that passes every variable without a default."""
    values = {n: PASSED[n] if v is None and defaults.get(n) is None else v for n, v in call.items()}
    return {name: value for name, value in values.items() if value is not None}
