"""The questions of a proof of no new access, for `vpc_cni_iam.policy.proof.access`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.proof import clauses
from vpc_cni_iam.policy.proof.clauses import Clause, ClauseIndex, Region
from vpc_cni_iam.policy.proof.covering import StatementCover


class NewPart(Struct, frozen=True):
    """Requests that must be covered, and the statements that they come from."""

    region: Region
    allows: tuple[Clause, ...]  # an Allow of each new layer
    deny: Clause | None = None  # a Deny of an old layer, which may no longer apply

    @property
    def origins(self) -> tuple[Clause, ...]:
        """The statements that apply to all requests of the part."""
        return self.allows if self.deny is None else (*self.allows, self.deny)


class Question(Struct, frozen=True):
    """Whether all requests that a statement adds are covered."""

    clause: Clause  # a new Allow, or a removed Deny
    layer: int  # the position of the old layer that may have denied the added requests
    covering: StatementCover  # what must cover it
    # The Allow statements of each other new layer; one of each layer must apply.
    allows: tuple[ClauseIndex, ...]

    def parts(self) -> Iterator[NewPart]:
        """Yield the requests that the statement adds; if not covered, joined with other layers."""
        region = clauses.region(self.clause)
        if self.clause.denies:
            return self._met(NewPart(region, (), self.clause), self.allows)
        return self._met(NewPart(region, (self.clause,)), self.allows)

    def _met(self, part: NewPart, layers: Sequence[ClauseIndex]) -> Iterator[NewPart]:
        if not layers:
            yield part
            return
        if next(self.covering.uncovered_parts(part.region), None) is None:
            return
        budget = self.covering.budget
        for allow in layers[0].meeting(part.region, budget):
            region = clauses.both(clauses.region(allow), part.region, budget)
            yield from self._met(
                replace(part, region=region, allows=(*part.allows, allow)), layers[1:]
            )


def questions(
    old: Sequence[Sequence[Clause]], new: Sequence[Sequence[Clause]]
) -> Iterator[Question]:
    """Yield a question for each statement that may add access.

    Each side has the statements of its layers.
    """
    allows = [[clause for clause in layer if not clause.denies] for layer in new]
    denies = [clause for layer in new for clause in layer if clause.denies]
    for number, layer in enumerate(old):
        yield from _of_allows(layer, number, allows, denies)
    yield from _of_denies(old, allows, denies)


def _of_allows(
    layer: Sequence[Clause],
    number: int,
    allows: Sequence[Sequence[Clause]],
    denies: Sequence[Clause],
) -> Iterator[Question]:
    known = {clause.meaning for clause in layer if not clause.denies}
    # An Allow that the old layer also has adds nothing.
    others = [[clause for clause in some if clause.meaning not in known] for some in allows]
    if all(others):
        covering = StatementCover([*(c for c in layer if not c.denies), *denies])
        limits = tuple(map(ClauseIndex, others[1:]))
        yield from (Question(clause, number, covering, limits) for clause in others[0])


def _of_denies(
    old: Sequence[Sequence[Clause]], allows: Sequence[Sequence[Clause]], denies: Sequence[Clause]
) -> Iterator[Question]:
    remaining = {clause.meaning for clause in denies}
    gone = [
        (number, clause)
        for number, layer in enumerate(old)
        for clause in layer
        if clause.denies and clause.meaning not in remaining
    ]
    if gone:
        narrowing, indexes = StatementCover(denies), tuple(map(ClauseIndex, allows))
        yield from (Question(clause, number, narrowing, indexes) for number, clause in gone)
