"""What a user gives for reading modules: values of variables, and an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.evaluate.domain import Value


class Renderer(Struct, frozen=True):
    """An engine that renders policy documents."""

    name: str  # its name and version
    # Returns the JSON of documents, and of outputs as ``output.`` and the name, by name and key of
    # the instance, None for one that is unknown until apply; takes HCL, the values of its variables
    # as JSON, and a Region. Raises `EngineError` if the engine refuses the HCL.
    render: Callable[[str, str, str], Mapping[str, Mapping[str, str | None]]]


class GivenVariables(Struct, frozen=True):
    """The values that a user gives to variables, and the engine that renders what needs one."""

    texts: Mapping[str, str] = field(default_factory=dict)  # values as ``--var`` has them, by name
    values: Mapping[str, Value] = field(default_factory=dict)  # values of files, by name
    # The variables of the modules that were read, which reading adds.
    declared: set[str] = field(default_factory=set)
    renderer: Renderer | None = None  # the engine; None to read without one
    # The variables that options of the cluster fill, such as ``--cluster-name``: they count before
    # the files that an engine reads by itself.
    named: Collection[str] = ()

    @property
    def names(self) -> set[str]:
        """The names of the variables."""
        return {*self.texts, *self.values}
