"""The matrix as a page of HTML: the picture, the tables, and why calls are denied."""

from __future__ import annotations

from vpc_cni_iam import markup, resources
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix
from vpc_cni_iam.coverage.report.sentences.calls import consequence
from vpc_cni_iam.coverage.report.sentences.matrix import (
    MEANINGS,
    conclusion,
    equal_lines,
    excess_lines,
    heading,
    repair_lines,
    versions_text,
)
from vpc_cni_iam.coverage.report.sentences.verdict import not_run
from vpc_cni_iam.coverage.report.svg import drawing, style
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.inputs.report import skipped_lines
from vpc_cni_iam.markup import Markup


def page_style() -> str:
    """Return the CSS rules that all pages share."""
    return f"{style(':root')}\n{resources.text('coverage/report/page.css')}"


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return a page about every version, which needs no other file, no network and no script."""
    del verbose  # it always shows everything
    return markup.fill(
        "coverage/report/page.html.jinja",
        title=heading(subject, matrix),
        style=Markup(page_style()),
        equal=list(equal_lines(subject)),
        complete=subject.is_complete,
        by_region=matrix.by_region,
        conclusion=conclusion(subject, matrix),
        drawing=Markup(drawing(subject, matrix, whole=False)),
        actions=matrix.actions,
        rows=[(versions_text(*run), list(map(_cell, run[0].cells))) for run in matrix.runs()],
        meanings=MEANINGS.values(),
        denials=matrix.denials(),
        consequence=consequence,
        versions_text=versions_text,
        excess=list(excess_lines(matrix)),
        repairs=list(repair_lines(matrix)),
        skipped=[*skipped_lines(subject.skipped), *not_run(matrix.not_expected)],
    )


def _cell(cell: Cell) -> tuple[str, str, str]:
    """Return the class, the mark and the meaning of a cell."""
    return cell.replace(" ", "-"), *MEANINGS[cell]
