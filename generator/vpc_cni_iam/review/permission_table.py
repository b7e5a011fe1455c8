"""The permission matrix of a page: before, after, and what the plugin needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpc_cni_iam.escape import sanitise_html
from vpc_cni_iam.review.diff.changes import MatrixRow, Principal

# The words of a cell; which are more than which is their order.
_GRADES = {"no": "no", "unknown": "not known", "some": "in part", "yes": "yes"}
_NEEDED = {"fatal": "fails without it", "degraded": "does less without it", "": ""}
_KINDS = {
    "": "everything",
    "changed": "what changes",
    "gained": "what is gained",
    "lost": "what is lost",
    "needed": "what the plugin needs",
    "lacking": "what it needs and does not get",
    "unneeded": "what is allowed and not needed",
}


def section(principals: Iterable[Principal]) -> Iterator[str]:
    """Yield the lines of the section, if the plan has a principal with the plugin's policies."""
    shown = [p for p in principals if p.matrix]
    if not shown:
        return
    choices = "".join(f'<option value="{kind}">{words}</option>' for kind, words in _KINDS.items())
    yield '<h2 id="permissions">Permissions</h2>'
    yield (
        '<form id="filter" hidden><label>Search <input name="text" type="search" '
        'autocomplete="off"></label>'
        f'<label>Show <select name="kind">{choices}</select></label>'
        '<output name="shown"></output></form>'
    )
    for number, principal in enumerate(shown):
        yield from _role(principal, f"role-{number}")


def _role(principal: Principal, identifier: str) -> Iterator[str]:
    name = sanitise_html(principal.name)
    label = ""
    if principal.label and principal.label != principal.name:
        label = f' <span class="quiet">named {sanitise_html(principal.label)}</span>'
    yield '<section class="role">'
    yield f'<h3 id="{identifier}"><code>{name}</code>{label}</h3>'
    yield from _opaque(principal)
    yield f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{identifier}">'
    yield f'<table class="permissions"><caption class="said">What {name} may do</caption>'
    heads = ("action", "before", "after", "the plugin", "change")
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<thead><tr>{columns}</tr></thead><tbody>"
    # What changes, and what is lacking, is read first.
    rows = [(row, *_change(row)) for row in principal.matrix]
    for row, change, kinds in sorted(rows, key=lambda r: (not r[1], "lacking" not in r[2])):
        yield _row(row, name, change, kinds)
    yield "</tbody></table>\n</div>\n</section>"


def _opaque(principal: Principal) -> Iterator[str]:
    if principal.opaque:
        named = ", ".join(f"<code>{sanitise_html(key)}</code>" for key in principal.opaque)
        yield f'<p class="warn">Not known, and so not in the table: {named}</p>'


def _row(row: MatrixRow, name: str, change: str, kinds: list[str]) -> str:
    looks = [look for kind, look in _LOOKS.items() if kind in kinds]
    needed = _NEEDED[row.needed]
    if "lacking" in kinds:
        needed += ", and is denied"
    cells = f'<td>{needed}</td><td class="change">{change}</td>'
    if change:
        cells = _cell(row.before, row.on_before) + _cell(row.after, row.on_after) + cells
    else:
        cells = _cell(row.after, row.on_after, 2) + cells
    # Where the table is wider than the screen, the first column says what the last ones do.
    status = change or ("denied" if "lacking" in kinds else "")
    attribute = f' data-change="{status}"' if status else ""
    return (
        f'<tr class="{" ".join(looks)}" data-kinds="{" ".join(kinds)}" data-of="{name}">'
        f'<th scope="row"{attribute}><code>{sanitise_html(row.action)}</code></th>{cells}</tr>'
    )


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


def _cell(grade: str, on: tuple[str, ...], columns: int = 1) -> str:
    lines = "".join(f'<span class="on">{sanitise_html(arn)}</span>' for arn in on if arn != "*")
    span = f' colspan="{columns}"' if columns > 1 else ""
    return f'<td{span}><span class="grade {grade}">{_GRADES[grade]}</span>{lines}</td>'
