"""Compares the documents of upstream's page with a revision of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tools.upstream.page import Found
from vpc_cni_iam.catalog.facts.documents import Revision
from vpc_cni_iam.policy.diff import Difference, differences
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.report import describe

State = Literal["same", "differs", "missing", "unknown"]
_ONE = "grouped or repeated otherwise, to the same effect"


@dataclass(frozen=True, slots=True)
class Compared:
    """One document of the page or the revision, with the result of the comparison.

    Args:
        kind: The name of the revision's document, or ``other``.
        state: ``same`` in meaning, ``differs``, ``missing`` on the page, or ``unknown`` to the
            catalog.
        place: Where it starts on the page, empty if it is missing.
        differences: How the page's document differs from the revision's, statement by statement.
        note: More about it.
    """

    kind: str
    state: State
    place: str
    differences: tuple[Difference, ...] = ()
    note: str = ""


def compare(items: tuple[Found, ...], revision: Revision) -> tuple[Compared, ...]:
    """Return how the documents of a page differ in meaning from a revision's.

    Args:
        found: What `page.documents` returns.
        revision: The revision to compare with.
    """
    by_kind = {f.kind: f for f in items}
    result = [_compared(kind, by_kind.get(kind), revision) for kind in revision.kinds]
    for extra in (f for f in items if f.kind not in revision.kinds):
        lines = "; ".join(map(describe, extra.policy.statements))
        result.append(Compared(extra.kind, "unknown", extra.place, note=lines))
    return tuple(result)


def _compared(kind: str, result: Found | None, revision: Revision) -> Compared:
    known = revision.document(kind)
    if result is None:
        return Compared(kind, "missing", "")
    written = differences(known, result.policy)
    both = ([known], [result.policy])
    if known.version == result.policy.version and all(
        isinstance(no_new_access(*sides), NoNewAccess) for sides in (both, both[::-1])
    ):
        return Compared(kind, "same", result.place, written, _ONE if written else "")
    return Compared(kind, "differs", result.place, written)
