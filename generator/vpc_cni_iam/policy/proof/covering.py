"""Which requests that a change adds are not covered, and the questions of a proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.pieces import Piece, asked_keys, pieces, with_same_keys

_CLAUSES_OF_A_STEP = 2


def uncovered(piece: Piece, clauses: Sequence[Clause], budget: Budget) -> Iterator[Piece]:
    """Yield the parts of a piece that no statement is about; nothing if there is certainly none.

    The first statement that is about some of a part splits it into those that it is not about.
    These are looked at again with the next statements, so that several can cover a part together:
    by actions, by resources, or by one condition that holds or does not.
    """
    budget.spend(1 + len(clauses) // _CLAUSES_OF_A_STEP)
    near = [clause for clause in clauses if clause.actions.inside(piece.actions) is not None]
    own = [check for check, _ in piece.literals]
    keys = asked_keys([*own, *(check for clause in near for check in clause.checks)])
    open_parts = [(part, 0) for part in with_same_keys(piece, keys, budget)][::-1]
    while open_parts:
        part, first = open_parts.pop()
        for number in range(first, len(near)):
            budget.spend(2 + len(near[number].checks))
            rest = part.without(near[number], budget)
            if rest is not None:
                open_parts += [(each, number + 1) for each in reversed(rest)]
                break
        else:
            yield part


class NewPart(Struct, frozen=True):
    """Requests that are not covered, and the statements that they come from."""

    piece: Piece
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
    covering: Sequence[Clause]  # what must cover it
    # The Allow statements of each other new layer; one of each layer must apply.
    allows: tuple[Sequence[Clause], ...]

    def parts(self, budget: Budget) -> Iterator[NewPart]:
        """Yield the requests that the statement adds and that are not covered."""
        others = [*self.covering, *(clause for layer in self.allows for clause in layer)]
        allows, deny = ((), self.clause) if self.clause.denies else ((self.clause,), None)
        for piece in pieces(self.clause, others, budget):
            yield from self._allowed(NewPart(piece, allows, deny), self.allows, budget)

    def _allowed(
        self, part: NewPart, layers: Sequence[Sequence[Clause]], budget: Budget
    ) -> Iterator[NewPart]:
        """Yield the uncovered requests of a part that an Allow of each layer is about."""
        for piece in uncovered(part.piece, self.covering, budget):
            if not layers:
                yield NewPart(piece, part.allows, part.deny)
                continue
            for allow in layers[0]:
                budget.spend()
                both = piece.of(allow, budget)
                if both is not None:
                    met = NewPart(both, (*part.allows, allow), part.deny)
                    yield from self._allowed(met, layers[1:], budget)


def questions(
    old: Sequence[Sequence[Clause]], new: Sequence[Sequence[Clause]]
) -> Iterator[Question]:
    """Yield a question for each statement that may add access; each side has its layers.

    A request that is newly allowed matches an Allow of each new layer, and the old layer has no
    Allow for it, or has a Deny.
    """
    allows = [[clause for clause in layer if not clause.denies] for layer in new]
    denies = [clause for layer in new for clause in layer if clause.denies]
    for number, layer in enumerate(old):
        yield from _of_allows(number, layer, allows, denies)
    remaining = {clause.meaning for clause in denies}
    for number, layer in enumerate(old):
        gone = (c for c in layer if c.denies and c.meaning not in remaining)
        yield from (Question(clause, number, denies, tuple(allows)) for clause in gone)


def _of_allows(
    number: int,
    layer: Sequence[Clause],
    allows: Sequence[Sequence[Clause]],
    denies: Sequence[Clause],
) -> Iterator[Question]:
    """Yield a question for each new Allow that an old layer does not have."""
    own = [clause for clause in layer if not clause.denies]
    known = {clause.meaning for clause in own}
    first, *limits = [[clause for clause in some if clause.meaning not in known] for some in allows]
    if all(limits):
        yield from (Question(each, number, [*own, *denies], tuple(limits)) for each in first)
