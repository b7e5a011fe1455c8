"""The permission matrix of a page: before, after, and what the plugin needs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.review.diff.changes import GRADES, Change, Grade, MatrixRow, PrincipalChange
from vpc_cni_iam.review.findings import Review

_NEEDED = {"fatal": "fails without it", "degraded": "degraded without it", "": ""}
KINDS = {
    "": "everything",
    "changed": "what changes",
    "allowed": "what is allowed now",
    "removed": "what is no longer allowed",
    "needed": "what the plugin needs",
    "lacking": "what it needs and does not get",
    "unneeded": "what is allowed and not needed",
}


class ActionRow(Struct, frozen=True):
    """A row of the table."""

    action: str
    looks: str  # its classes
    kinds: str  # what the filter shows it as
    status: str  # what the last columns say, for where the table is wider than the screen
    # The grade, its words and the resources before and after; one if they are the same.
    cells: tuple[tuple[str, str, tuple[str, ...]], ...]
    needed: str  # whether the plugin needs it, in words
    change: str  # what changes, in a word


def roles(review: Review) -> Iterator[tuple[PrincipalChange, list[ActionRow]]]:
    """Yield who has the plugin's policies, with the rows of each."""
    published = {name for change in review.changes for name in _published(change)}
    for principal in review.principals:
        if principal.matrix:
            calm = published.issuperset(principal.after)
            rows = [_row(row, calm=calm) for row in principal.matrix]
            # What changes, and what is lacking, is read first.
            order = sorted(rows, key=lambda r: (not r.change, "lacking" not in r.kinds.split()))
            yield principal, order


def _published(change: Change) -> Iterator[str]:
    """Yield what principals call a policy that equals a document of the catalog."""
    if change.nearest and change.nearest.equal:
        yield from (change.address, f"{change.address} {change.attribute}")
        yield change.attachment.policy if change.attachment else ""


def _row(row: MatrixRow, *, calm: bool) -> ActionRow:
    """Return a row; in a calm one, what is allowed now does not alarm."""
    change, kinds = _change(row)
    lacking = "lacking" in kinds
    after = _cell(row.after, row.on_after)
    return ActionRow(
        row.action,
        " ".join(
            look
            for kind, look in _LOOKS.items()
            if kind in kinds and not (calm and kind == "allowed")
        ),
        " ".join(kinds),
        change or ("denied" if lacking else ""),
        (_cell(row.before, row.on_before), after) if change else (after,),
        _NEEDED[row.needed] + (", and is denied" if lacking else ""),
        change,
    )


def _cell(grade: Grade, resources: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    return grade, GRADES[grade], tuple(arn for arn in resources if arn != "*")


_LOOKS = {"allowed": "grants", "removed": "withdraws", "lacking": "lacks"}


def _change(row: MatrixRow) -> tuple[str, list[str]]:
    """Return what changes in a word, and the kinds of row that it is."""
    order = [*GRADES]
    before, after = order.index(row.before), order.index(row.after)
    kinds, word = [], ""
    if "unknown" in (row.before, row.after) and before != after:
        kinds, word = ["changed"], "not known"
    elif before < after:
        kinds, word = ["changed", "allowed"], "allowed" if row.before == "no" else "widened"
    elif before > after:
        kinds, word = (
            ["changed", "removed"],
            "no longer allowed" if row.after == "no" else "narrowed",
        )
    elif row.on_before != row.on_after:
        kinds, word = ["changed"], "differs"
    if row.needed:
        kinds.append("needed")
        if row.after == "no":
            kinds.append("lacking")
    elif row.after != "no":
        kinds.append("unneeded")
    return word, kinds
