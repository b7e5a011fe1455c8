"""The place of an element in a policy, for errors that name it."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.errors import InputError


class ElementPath(Struct, frozen=True):
    """A place in a document."""

    source: str  # the document's name in errors
    path: str = "$"  # the JSON path in it

    def at(self, step: str) -> ElementPath:
        """Return a place below this one, by a step such as ``.Condition`` or ``[3]``."""
        return ElementPath(self.source, self.path + step)

    def refuse(self, problem: str) -> InputError:
        """Return the error about this place; it must say what to do."""
        return InputError(self.source, self.path, problem)
