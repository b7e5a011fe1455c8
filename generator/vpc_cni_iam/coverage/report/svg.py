"""The matrix as a picture: an action a row, a release a column, a bar for each run of cells.

It stands for itself in a document: light and dark by its reader's choice, light on paper, no font
or file of anybody else, and nothing that is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix
from vpc_cni_iam.coverage.matrix_wording import MEANINGS, conclusion, heading
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.escape import ascii_markup, escape_html

LIGHT = """--ground: #ffffff; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0;
--allowed: #1f883d; --fatal: #cf222e; --degraded: #9a6700; --unused: #ddf4ff; --edge: #0969da;
--none: #d1d9e0; --mark: #ffffff;"""
DARK = """--ground: #0d1117; --text: #e6edf3; --quiet: #9198a1; --line: #30363d;
--allowed: #2ea043; --fatal: #da3633; --degraded: #9e6a03; --unused: #0c2d6b; --edge: #4493f8;
--none: #3d444d; --mark: #ffffff;"""
FONT = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif'
# Cells that share a row's look; the words for each stand in the legend.
_MARKS: dict[Cell, str] = {"fatal": "\u00d7", "degraded": "!"}
_STYLE = f"""
text {{ font: 12px {FONT}; fill: var(--text); }}
.title {{ font-size: 15px; font-weight: 600; }}
.works, .whole {{ font-weight: 600; }}
.tick {{ font-size: 8.5px; fill: var(--quiet); }}
.quiet {{ fill: var(--quiet); }}
.mark {{ font-size: 11px; font-weight: 700; fill: var(--mark); text-anchor: middle; }}
.grid {{ stroke: var(--line); stroke-width: 1; }}
.allowed {{ fill: var(--allowed); }}
.fatal {{ fill: var(--fatal); }}
.degraded {{ fill: var(--degraded); }}
.unused {{ fill: var(--unused); stroke: var(--edge); stroke-dasharray: 3 2; }}
.not-called {{ fill: var(--none); }}
"""
_ROW, _BAR, _MARGIN, _TOP, _TICKS = 22, 14, 20, 62, 34
_LETTER = 6.7
_WIDTH = 864


def style(selector: str) -> str:
    """Return the rules that give an element the colours of its reader."""
    return (
        f"{selector} {{ {LIGHT} }}\n"
        f"@media (prefers-color-scheme: dark) {{ {selector} {{ {DARK} }} }}\n"
        f"@media print {{ {selector} {{ {LIGHT} }} }}\n"
    )


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every release, of which all is shown without ``verbose``."""
    del verbose
    return svg(subject, matrix)


def svg(subject: Subject, matrix: Matrix) -> str:
    """Return the picture as an SVG document."""
    return ascii_markup(drawing(subject, matrix, whole=True))


def drawing(subject: Subject, matrix: Matrix, *, whole: bool) -> str:
    """Return the picture as an SVG element.

    Args:
        subject: What was looked at.
        matrix: How it went.
        whole: Whether it stands alone, with a title and colours of its own.
    """
    labels = ("the plugin works", *matrix.actions)
    left = _MARGIN + round(max(map(len, labels)) * _LETTER) + 10
    top = _TOP if whole else _MARGIN
    column = min(16.0, _WIDTH / max(1, len(matrix.rows)))
    right = left + column * len(matrix.rows)
    legend = top + _TICKS + _ROW * len(labels) + 12
    width = max(round(right) + _MARGIN, 640)
    height = legend + 22 * 2 + _MARGIN
    title = escape_html(heading(subject, matrix))
    view = f"0 0 {width} {height}"
    if not whole:
        view = f"{_MARGIN} {_MARGIN} {width - 2 * _MARGIN} {height - 2 * _MARGIN}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" role="img" '
        f'class="matrix" aria-label="{title}: {escape_html(conclusion(subject, matrix))}">',
        f"<style>{style('.matrix') if whole else ''}{_STYLE}</style>",
    ]
    if whole:
        room = width - 2 * _MARGIN
        shown = _cut(heading(subject, matrix), room / 8.2)
        verdict = _cut(conclusion(subject, matrix), room / 6.4)
        parts += [
            f'<rect width="{width}" height="{height}" rx="8" fill="var(--ground)"/>',
            f'<text class="title" x="{_MARGIN}" y="30">{escape_html(shown)}</text>',
            f'<text class="quiet" x="{_MARGIN}" y="50">{escape_html(verdict)}</text>',
        ]
    parts += _ticks([row.release for row in matrix.rows], left, top, column, len(labels))
    whole_row: list[Cell] = ["fatal" if row.fatal else "allowed" for row in matrix.rows]
    columns = [whole_row, *(list(c) for c in zip(*(row.cells for row in matrix.rows), strict=True))]
    for number, (label, cells) in enumerate(zip(labels, columns, strict=True)):
        y = top + _TICKS + number * _ROW
        kind = "whole" if number == 0 else "action"
        parts.append(f'<text class="{kind}" x="{_MARGIN}" y="{y + 15}">{escape_html(label)}</text>')
        parts += _bars(label, cells, matrix, left, y, column)
    parts += _legend(legend)
    return "\n".join([*parts, "</svg>\n"])


def _cut(text: str, most: float) -> str:
    return text if len(text) <= most else f"{text[: int(most) - 1]}\u2026"


def _ticks(
    releases: Sequence[PluginVersion], left: float, top: int, column: float, rows: int
) -> Iterator[str]:
    """Yield a line and a name at the first release of each minor version."""
    bottom = top + _TICKS + rows * _ROW
    for place, release in enumerate(releases):
        if place and releases[place - 1].number[:2] == release.number[:2]:
            continue
        x = left + place * column
        name = "v" + ".".join(map(str, release.number[:2]))
        middle = x + column / 2 + 3
        yield f'<path class="grid" d="M{x:.1f} {top + _TICKS - 4}V{bottom}"/>'
        yield (
            f'<text class="tick" transform="translate({middle:.1f} {top + _TICKS - 6}) '
            f'rotate(-90)">{name}</text>'
        )


def _bars(
    label: str, cells: Sequence[Cell], matrix: Matrix, left: float, y: int, column: float
) -> Iterator[str]:
    place = 0
    for cell, run in groupby(cells):
        count = len(list(run))
        first, last = matrix.rows[place].release, matrix.rows[place + count - 1].release
        x, width = left + place * column + 0.75, count * column - 1.5
        where = f"{first}" if count == 1 else f"{first} to {last}"
        meaning = _meaning(cell, matrix, label, first, last)
        title = escape_html(f"{label}, {where}: {meaning}")
        yield f"<g><title>{title}</title>{_bar(cell, x, y, width)}</g>"
        place += count


def _meaning(
    cell: Cell, matrix: Matrix, action: str, first: PluginVersion, last: PluginVersion
) -> str:
    """Return what a bar means; of a denied action with what that does, and how it is known."""
    impacts = dict.fromkeys(
        f"{denial.call.range.effect} ({denial.call.range.known_by(first, last)})"
        for denial in matrix.denials()
        if denial.action == action and denial.first.release <= last and denial.last.release >= first
    )
    return "; ".join((MEANINGS[cell][1], *impacts))


def _bar(cell: Cell, x: float, y: int, width: float) -> str:
    if cell == "not called":
        return (
            f'<rect class="not-called" x="{x:.1f}" y="{y + _ROW / 2 - 1:g}" width="{width:.1f}" '
            'height="2"/>'
        )
    top = y + (_ROW - _BAR) / 2
    bar = (
        f'<rect class="{cell}" x="{x:.1f}" y="{top:g}" width="{width:.1f}" height="{_BAR}" rx="3"/>'
    )
    if cell not in _MARKS:
        return bar
    return f'{bar}<text class="mark" x="{x + width / 2:.1f}" y="{top + 11:g}">{_MARKS[cell]}</text>'


def _legend(y: int) -> Iterator[str]:
    x = _MARGIN
    for cell, (_, meaning) in MEANINGS.items():
        if cell == "unused":
            x, y = _MARGIN, y + 22
        label = f'<text x="{x + 26}" y="{y + 11}">{escape_html(meaning)}</text>'
        yield f"{_bar(cell, x, y - 4, 18)}{label}"
        x += 26 + round(len(meaning) * _LETTER * 0.9) + 24
