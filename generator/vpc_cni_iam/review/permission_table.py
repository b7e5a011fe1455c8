"""The permission matrix of a page: before, after, and what the plugin needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vpc_cni_iam.review.diff.changes import MatrixRow, PrincipalChange

# The words of a cell; which are more than which is their order.
_GRADES = {"no": "no", "unknown": "not known", "some": "in part", "yes": "yes"}
_NEEDED = {"fatal": "fails without it", "degraded": "does less without it", "": ""}
KINDS = {
    "": "everything",
    "changed": "what changes",
    "gained": "what is gained",
    "lost": "what is lost",
    "needed": "what the plugin needs",
    "lacking": "what it needs and does not get",
    "unneeded": "what is allowed and not needed",
}


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A row of the table.

    Args:
        looks: Its classes.
        kinds: What the filter shows it as.
        status: What the last columns say, for where the table is wider than the screen.
        cells: The grade, its words and the resources before and after; one if they are the same.
        needed: Whether the plugin needs it, in words.
        change: What changes, in a word.
    """

    action: str
    looks: str
    kinds: str
    status: str
    cells: tuple[tuple[str, str, tuple[str, ...]], ...]
    needed: str
    change: str


def roles(
    principals: Iterable[PrincipalChange],
) -> Iterator[tuple[PrincipalChange, list[ActionRow]]]:
    """Yield who has the plugin's policies, with the rows of each."""
    for principal in principals:
        if principal.matrix:
            # What changes, and what is lacking, is read first.
            rows = map(_row, principal.matrix)
            order = sorted(rows, key=lambda r: (not r.change, "lacking" not in r.kinds.split()))
            yield principal, order


def _row(row: MatrixRow) -> ActionRow:
    change, kinds = _change(row)
    lacking = "lacking" in kinds
    after = _cell(row.after, row.on_after)
    return ActionRow(
        row.action,
        " ".join(look for kind, look in _LOOKS.items() if kind in kinds),
        " ".join(kinds),
        change or ("denied" if lacking else ""),
        (_cell(row.before, row.on_before), after) if change else (after,),
        _NEEDED[row.needed] + (", and is denied" if lacking else ""),
        change,
    )


def _cell(grade: str, resources: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    return grade, _GRADES[grade], tuple(arn for arn in resources if arn != "*")


_LOOKS = {"gained": "grants", "lost": "withdraws", "lacking": "lacks"}


def _change(row: MatrixRow) -> tuple[str, list[str]]:
    """Return what changes in a word, and the kinds of row that it is."""
    order = [*_GRADES]
    before, after = order.index(row.before), order.index(row.after)
    kinds, word = [], ""
    if "unknown" in (row.before, row.after) and before != after:
        kinds, word = ["changed"], "not known"
    elif before < after:
        kinds, word = ["changed", "gained"], "gained" if row.before == "no" else "widened"
    elif before > after:
        kinds, word = ["changed", "lost"], "lost" if row.after == "no" else "narrowed"
    elif row.on_before != row.on_after:
        kinds, word = ["changed"], "differs"
    if row.needed:
        kinds.append("needed")
        if row.after == "no":
            kinds.append("lacking")
    elif row.after != "no":
        kinds.append("unneeded")
    return word, kinds
