"""The matrix as a page of HTML: the picture, then the same as tables, then why."""

from __future__ import annotations

from vpc_cni_iam import markup
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix
from vpc_cni_iam.coverage.matrix_wording import (
    MEANINGS,
    conclusion,
    equal_lines,
    excess_lines,
    heading,
    versions_text,
)
from vpc_cni_iam.coverage.report.svg import FONT, drawing, style
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.inputs import skipped
from vpc_cni_iam.markup import Markup

# What pages of this project have in common, and what is this one's.
STYLE = f"""
body {{ margin: 2rem auto; padding: 0 1.5rem; max-width: 72rem; background: var(--ground);
  color: var(--text); font: 15px/1.5 {FONT}; }}
h1 {{ font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; margin: 2.5rem 0 .75rem; }}
svg {{ width: 100%; max-width: 40rem; height: auto; margin-top: 1rem; }}
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
    """Return the report about every version, which always shows everything."""
    del verbose
    return html(subject, matrix)


def html(subject: Subject, matrix: Matrix) -> str:
    """Return a page that needs no other file, no network and no script."""
    return markup.fill(
        "coverage/report/page.html.jinja",
        title=heading(subject, matrix),
        style=Markup(style(":root") + STYLE),
        equal=list(equal_lines(subject)),
        complete=subject.is_complete,
        conclusion=conclusion(subject, matrix),
        drawing=Markup(drawing(subject, matrix, whole=False)),
        actions=matrix.actions,
        rows=[(versions_text(*run), list(map(_cell, run[0].cells))) for run in matrix.runs()],
        meanings=MEANINGS.values(),
        denials=matrix.denials(),
        versions_text=versions_text,
        excess=list(excess_lines(matrix)),
        skipped=list(skipped.lines(subject.skipped)),
    )


def _cell(cell: Cell) -> tuple[str, str, str]:
    """Return the class, the mark and the meaning of a cell."""
    return cell.replace(" ", "-"), *MEANINGS[cell]
