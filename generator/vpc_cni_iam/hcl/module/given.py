"""The values that a user gives to the variables of modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vpc_cni_iam.hcl.evaluate.domain import Value


@dataclass(frozen=True, slots=True)
class GivenVariables:
    """The values that a user gives to variables.

    Args:
        texts: Values as ``--var`` has them, by name.
        values: Values of files, by name.
        declared: The variables of the modules that were read, which reading adds.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """The names of the variables."""
        return {*self.texts, *self.values}
