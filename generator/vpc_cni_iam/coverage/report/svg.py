"""The matrix as a picture: a row for each action, a column for each version, a bar for each run.

All minor versions have the same width. The picture is narrow enough for a phone: names are above
their bars, and the title is wrapped.

A document can embed it: it is light or dark as the reader chooses, light on paper, and needs no
font and no other file. No meaning depends on colour alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix
from vpc_cni_iam.coverage.report.sentences.excess import partly_checked_lines
from vpc_cni_iam.coverage.report.sentences.matrix import MEANINGS, conclusion, heading
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.escape import ascii_markup, escape_html
from vpc_cni_iam.inputs.report import note_lines

# Cells with the look of another one; the legend explains each mark.
_MARKS: dict[Cell, str] = {Cell.fatal: "\u00d7", Cell.degraded: "!"}
_WIDTH, _MARGIN, _ROW, _BAR, _TICKS = 520, 14, 36, 14, 44
_WIDEST_MINOR = 60.0
_TITLE_LINES, _TITLE_LETTERS, _WORDS_LETTERS = 3, 60, 78


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return a picture of every version as an SVG document."""
    del verbose  # it always shows everything
    title, words = heading(subject, matrix), conclusion(subject, matrix)
    lines = [("title", line) for line in _lines(title, _TITLE_LETTERS)]
    for text in (words, *partly_checked_lines(matrix.excess), *note_lines(subject.skipped)):
        lines += [("quiet", line) for line in _lines(text, _WORDS_LETTERS)]
    top = _MARGIN + 20 * len(lines)
    labels = ("the plugin works", *matrix.actions)
    legend = top + _TICKS + _ROW * len(labels) + 16
    height = legend + 22 * len(MEANINGS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" '
        f'class="matrix" aria-label="{escape_html(title)}: {escape_html(words)}">',
        f"<style>{resources.text('coverage/report/matrix.css')}</style>",
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="var(--ground)"/>',
    ]
    parts += [
        f'<text class="{kind}" x="{_MARGIN}" y="{_MARGIN + 14 + 20 * place}">'
        f"{escape_html(line)}</text>"
        for place, (kind, line) in enumerate(lines)
    ]
    columns = _columns([row.version for row in matrix.rows])
    parts += _ticks(matrix, columns, top, len(labels))
    whole_row: list[Cell] = [Cell.fatal if row.fatal else Cell.allowed for row in matrix.rows]
    cells = [whole_row, *(list(c) for c in zip(*(row.cells for row in matrix.rows), strict=True))]
    for number, (label, row) in enumerate(zip(labels, cells, strict=True)):
        y = top + _TICKS + number * _ROW
        kind = "whole" if number == 0 else "action"
        parts.append(f'<text class="{kind}" x="{_MARGIN}" y="{y + 13}">{escape_html(label)}</text>')
        parts += _bars(label, row, matrix, columns, y + 17)
    parts += _legend(legend)
    return ascii_markup("\n".join([*parts, "</svg>\n"]))


def _lines(text: str, letters: int) -> list[str]:
    return textwrap.wrap(text, letters, max_lines=_TITLE_LINES, placeholder="\u2026")


def _columns(versions: Sequence[PluginVersion]) -> list[float]:
    """Return the left edge of each version's column, and the right edge of the last one."""
    minors = [list(group) for _, group in groupby(versions, key=lambda r: r.number[:2])]
    width = min(_WIDEST_MINOR, (_WIDTH - 2 * _MARGIN) / max(1, len(minors)))
    edges = [
        _MARGIN + width * (place + part / len(minor))
        for place, minor in enumerate(minors)
        for part in range(len(minor))
    ]
    return [*edges, _MARGIN + width * len(minors)]


def _ticks(matrix: Matrix, columns: Sequence[float], top: int, rows: int) -> Iterator[str]:
    """Yield a line and a name at the first version of each minor version."""
    bottom = top + _TICKS + rows * _ROW
    before = None
    for x, row in zip(columns, matrix.rows, strict=False):
        minor = row.version.number[:2]
        if minor == before:
            continue
        before = minor
        name = "v" + ".".join(map(str, minor))
        yield f'<path class="grid" d="M{x:.1f} {top + _TICKS - 4}V{bottom}"/>'
        yield (
            f'<text class="tick" transform="translate({x + 12:.1f} {top + _TICKS - 6}) '
            f'rotate(-90)">{name}</text>'
        )


def _bars(
    label: str, cells: Sequence[Cell], matrix: Matrix, columns: Sequence[float], y: float
) -> Iterator[str]:
    place = 0
    for cell, run in groupby(cells):
        end = place + len(list(run))
        first, last = matrix.rows[place].version, matrix.rows[end - 1].version
        width = columns[end] - columns[place]
        gap = min(0.75, width / 4)
        where = f"{first}" if first == last else f"{first} to {last}"
        meaning = _meaning(cell, matrix, label, first, last)
        text = escape_html(f"{label}, {where}: {meaning}")
        bar = _bar(cell, columns[place] + gap, y, width - 2 * gap)
        yield f"<g><title>{text}</title>{bar}</g>"
        place = end


def _meaning(
    cell: Cell, matrix: Matrix, action: str, first: PluginVersion, last: PluginVersion
) -> str:
    """Return the meaning of a bar; for a denied action, its effect and how that is known."""
    impacts = dict.fromkeys(
        f"{denial.call.range.effect} ({denial.call.range.known_by(first, last)})"
        for denial in matrix.denials()
        if denial.action == action and denial.first.version <= last and denial.last.version >= first
    )
    return "; ".join((MEANINGS[cell][1], *impacts))


def _bar(cell: Cell, x: float, y: float, width: float) -> str:
    if cell is Cell.not_called:
        middle = y + _BAR / 2 - 1
        return (
            f'<rect class="not-called" x="{x:.1f}" y="{middle:g}" width="{width:.1f}" height="2"/>'
        )
    rounding = min(3, width / 2)
    bar = (
        f'<rect class="{cell}" x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{_BAR}" '
        f'rx="{rounding:.1f}"/>'
    )
    if cell not in _MARKS:
        return bar
    return f'{bar}<text class="mark" x="{x + width / 2:.1f}" y="{y + 11:g}">{_MARKS[cell]}</text>'


def _legend(y: int) -> Iterator[str]:
    for place, (cell, (_, meaning)) in enumerate(MEANINGS.items()):
        top = y + 22 * place
        label = f'<text x="{_MARGIN + 28}" y="{top + 11}">{escape_html(meaning)}</text>'
        yield f"{_bar(cell, _MARGIN, top, 18)}{label}"
