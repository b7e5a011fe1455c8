"""The matrix as a page of HTML: the picture, then the same as tables, then why."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix
from vpc_cni_iam.coverage.matrix_wording import MEANINGS, beyond, conclusion, heading, releases_text
from vpc_cni_iam.coverage.report.svg import FONT, drawing, style
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.escape import ascii_markup, escape_html
from vpc_cni_iam.inputs import skipped

# What pages of this project have in common, and what is this one's.
STYLE = f"""
body {{ margin: 2rem auto; padding: 0 1.5rem; max-width: 72rem; background: var(--ground);
  color: var(--text); font: 15px/1.5 {FONT}; }}
h1 {{ font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; margin: 2.5rem 0 .75rem; }}
svg {{ width: 100%; height: auto; margin-top: 1rem; }}
.scroll {{ overflow-x: auto; position: relative; }}
table {{ border-collapse: collapse; font-size: .85rem; }}
th, td {{ border: 1px solid var(--line); padding: .3rem .5rem; text-align: left;
  vertical-align: top; }}
thead th.action {{ writing-mode: vertical-rl; transform: rotate(180deg); font-weight: 500; }}
tbody th {{ white-space: nowrap; font-weight: 500; }}
td.breaks {{ min-width: 11em; }}
td.evidence {{ min-width: 19em; overflow-wrap: anywhere; }}
td.cell {{ text-align: center; font-weight: 700; }}
td.allowed {{ color: var(--allowed); }}
td.fatal, td.degraded {{ color: var(--mark); }}
td.fatal {{ background: var(--fatal); }}
td.degraded {{ background: var(--degraded); }}
td.unused {{ color: var(--edge); }}
td.not-called {{ color: var(--quiet); }}
.said {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }}
.quiet {{ color: var(--quiet); }}
code {{ font: .95em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 11px; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  h2, thead {{ break-after: avoid; }}
  tr {{ break-inside: avoid; }}
  table {{ font-size: 9.5px; }}
  .scroll {{ overflow: visible; }} }}
"""


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every release, of which all is shown without ``verbose``."""
    del verbose
    return html(subject, matrix)


def html(subject: Subject, matrix: Matrix) -> str:
    """Return a page that needs no other file, no network and no script.

    Args:
        subject: What was looked at.
        matrix: How it went.
    """
    title = escape_html(heading(subject, matrix))
    return ascii_markup(
        "\n".join(
            [
                '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark">',
                f"<title>{title}</title>",
                f"<style>{style(':root')}{STYLE}</style>\n</head>\n<body>\n<main>",
                f"<h1>{title}</h1>",
                f'<p class="quiet">The plugin {escape_html(conclusion(subject, matrix))}.</p>'
                if subject.is_complete
                else f"<p><strong>{escape_html(conclusion(subject, matrix))}.</strong></p>",
                drawing(subject, matrix, whole=False),
                *_table(matrix),
                *_why(matrix),
                *_beyond(matrix),
                *_skipped(subject),
                "</main>\n</body>\n</html>\n",
            ]
        )
    )


def _table(matrix: Matrix) -> Iterator[str]:
    yield _open("table", "The same as a table")
    yield '<caption class="said">Releases of the plugin, and each action they call</caption>'
    yield '<thead><tr><th scope="col">releases</th>'
    for action in matrix.actions:
        yield f'<th scope="col" class="action"><code>{escape_html(action)}</code></th>'
    yield "</tr></thead>\n<tbody>"
    for first, last in matrix.runs():
        cells = "".join(map(_cell, first.cells))
        yield f'<tr><th scope="row">{releases_text(first, last)}</th>{cells}</tr>'
    yield "</tbody>\n</table>\n</div>"
    meanings = "; ".join(f"<b>{mark}</b> {meaning}" for mark, meaning in MEANINGS.values())
    yield f'<p class="quiet" aria-hidden="true">{meanings}</p>'


def _open(name: str, heading: str) -> str:
    """Open a table that a keyboard can scroll, under a heading."""
    region = f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">'
    return f'<h2 id="{name}">{heading}</h2>\n{region}\n<table>'


def _cell(cell: Cell) -> str:
    mark, meaning = MEANINGS[cell]
    kind = cell.replace(" ", "-")
    return (
        f'<td class="cell {kind}"><span aria-hidden="true">{mark}</span>'
        f'<span class="said">{meaning}</span></td>'
    )


def _why(matrix: Matrix) -> Iterator[str]:
    denials = matrix.denials()
    if not denials:
        return
    yield _open("denied", "What is denied")
    yield '<caption class="said">Denied calls, what they break, and the evidence</caption>'
    heads = ("action", "releases", "impact", "known", "breaks", "first seen in", "evidence")
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<thead><tr>{columns}</tr></thead>\n<tbody>"
    for denial in denials:
        cells = (
            ("releases", releases_text(denial.first, denial.last)),
            ("impact", denial.call.use.effect),
            ("known", denial.call.use.known_by(denial.first.release, denial.last.release)),
            ("breaks", denial.call.breaks),
            ("situation", denial.situation),
            ("evidence", denial.call.use.evidence),
        )
        row = "".join(f'<td class="{name}">{escape_html(text)}</td>' for name, text in cells)
        yield f'<tr><th scope="row"><code>{escape_html(denial.action)}</code></th>{row}</tr>'
    yield "</tbody>\n</table>\n</div>"


def _skipped(subject: Subject) -> Iterator[str]:
    if subject.skipped:
        yield '<h2 id="skipped">What was not looked at</h2>\n<ul>'
        yield from (f"<li>{escape_html(line)}</li>" for line in skipped.lines(subject.skipped))
        yield "</ul>"


def _beyond(matrix: Matrix) -> Iterator[str]:
    if matrix.wider:
        yield '<h2 id="beyond">What is granted besides</h2>\n<ul>'
        yield from (f"<li>{escape_html(line)}</li>" for line in beyond(matrix))
        yield "</ul>"
