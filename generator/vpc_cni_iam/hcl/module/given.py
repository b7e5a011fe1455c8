"""A user's input for reading modules: values of variables, and an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.evaluate.domain import HclValue


class Renderer(Struct, frozen=True):
    """An engine that renders policy documents."""

    name: str  # its name and version
    # Takes HCL, the values of its variables as JSON, and a Region. Returns the JSON of documents
    # and outputs (as ``output.NAME``), by name and key of the instance; None if unknown until
    # apply. Raises `EngineError` if the engine refuses the HCL.
    render: Callable[[str, str, str], Mapping[str, Mapping[str, str | None]]]


class GivenVariables(Struct, frozen=True):
    """A user's values for variables, and the engine for documents that need one."""

    texts: Mapping[str, str] = field(default_factory=dict)  # values of ``--var``, by name
    values: Mapping[str, HclValue] = field(default_factory=dict)  # values of files, by name
    # The variables of modules; reading a module adds its variables.
    declared: set[str] = field(default_factory=set)
    renderer: Renderer | None = None  # the engine; None to read without one
    # Variables set by names of the cluster, such as ``--set vpc-id=ID``: they override the files
    # that an engine reads automatically.
    named: Collection[str] = ()

    @property
    def names(self) -> set[str]:
        """The names of the variables."""
        return {*self.texts, *self.values}
