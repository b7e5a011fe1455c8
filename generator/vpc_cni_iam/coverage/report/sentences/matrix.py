"""The matrix of versions and actions as text, and the versions that a policy works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.known_documents import listed
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix, Row, denied_cell
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.report.sentences.calls import consequence
from vpc_cni_iam.coverage.report.sentences.excess import excess_lines as beyond
from vpc_cni_iam.coverage.report.sentences.excess import unused_lines
from vpc_cni_iam.coverage.report.sentences.nodes import node_lines, node_text
from vpc_cni_iam.coverage.report.sentences.repairs import repair_text
from vpc_cni_iam.coverage.report.sentences.verdict import by_region, not_run
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.inputs.report import incomplete_text, skipped_lines

# Actions that some version calls come first, and are fewer.
_MOST_COLUMNS = 100
# The mark and the meaning of each cell; no meaning depends on colour alone.
MEANINGS: dict[Cell, tuple[str, str]] = {
    Cell.allowed: ("+", "called and allowed"),
    Cell.fatal: ("X", "called and denied: the plugin fails"),
    Cell.degraded: ("!", "called and denied: the plugin works, degraded"),
    Cell.harmless: ("-", "called and denied, which has no effect"),
    Cell.unused: ("o", "allowed, never called"),
    Cell.not_called: (".", "neither allowed nor called"),
}


def text(subject: Subject, matrix: Matrix, *, verbose: bool = False) -> Iterator[str]:
    """Yield the rows of the matrix: one for versions that are alike, or with `verbose` for each."""
    yield f"{heading(subject, matrix)}: {_verdict(subject, matrix)}"
    yield from equal_lines(subject)
    yield ""
    rows = [(row, row) for row in matrix.rows] if verbose else list(matrix.runs())
    names = [versions_text(first, last) for first, last in rows]
    width = max(map(len, names))
    actions = matrix.actions[:_MOST_COLUMNS]
    for number, action in enumerate(actions):
        yield f"{' ' * width}  {'| ' * number}{action}"
    yield f"{' ' * width}  {'| ' * len(actions)}".rstrip()
    for name, (first, _) in zip(names, rows, strict=True):
        marks = " ".join(MEANINGS[cell][0] for cell in first.cells[:_MOST_COLUMNS])
        yield f"{name:<{width}}  {marks}"
    more = len(matrix.actions) - len(actions)
    are = "action that is" if more == 1 else "actions that are"
    blocks: list[list[str]] = [
        [f"and {more:,} more {are} never called; --format json lists them"] * (more > 0),
        [f"{mark}  {meaning}" for mark, meaning in MEANINGS.values()],
        list(node_lines(matrix.nodes)),
        list(reasons(matrix)),
        list(fails_with(matrix)),
        list(excess_lines(matrix)),
        list(repair_lines(matrix)),
        list(skipped_lines(subject.skipped)),
        list(not_run(matrix.not_expected)),
        [conclusion(subject, matrix)],
    ]
    for block in filter(None, blocks):
        yield ""
        yield from block


def heading(subject: Subject, matrix: Matrix) -> str:
    """Return the subject of the matrix, in a line."""
    features = matrix.setting.features
    more = f", with {', '.join(features)}" if features else ""
    if len(matrix.scenarios) + len(matrix.not_expected) < len(SCENARIOS):
        more += f", in {', '.join(matrix.scenarios)} only"
    if matrix.by_region:
        more += f", in {matrix.setting.names.region}"
    return f"{subject.title} against every plugin version, {FAMILIES[matrix.setting.mode]}{more}"


def equal_lines(subject: Subject) -> Iterator[str]:
    """Yield a line for each policy that is a document of upstream or AWS."""
    for opened, documents in subject.equal_to:
        name = f"{opened.name} is " if len(subject.opened) > 1 else ""
        yield f"{name}equal to {'; '.join(listed(documents))}"


def conclusion(subject: Subject, matrix: Matrix) -> str:
    """Return the versions that the plugin works at, after the reasons why they may be unknown."""
    words = _with_nodes(matrix, works_with_text(matrix, works))
    if subject.is_complete:
        return words
    return f"incomplete: {incomplete_text(subject.skipped)}; what was read {words}"


def works_with_text(matrix: Matrix, versions: Callable[[Matrix], str] | None = None) -> str:
    """Return the versions at which the plugin works; if they differ, in each Region, best first.

    `versions` writes them, by default without those that work only in some scenarios.
    """
    versions = versions or _versions
    if not matrix.by_region:
        return f"works with {versions(matrix)}"
    texts: dict[str, list[CheckedRegion]] = {}
    for each in sorted(matrix.by_region, key=lambda each: each.result.failures()):
        texts.setdefault(f"works with {versions(each.result)}", []).append(each.region)
    return by_region(texts)


def works(matrix: Matrix) -> str:
    """Return the versions at which the plugin works, and the scenarios in which others fail."""
    runs, versions = matrix.works(), _versions(matrix)
    names, _ = matrix.works_but_for()
    if names:
        scenarios = f"scenario{'s' * (len(names) != 1)} {' and '.join(names)}"
        more = ", ".join(map(str, matrix.works_also()))
        versions += f"; without the {scenarios} {'also ' if runs else ''}with {more}"
    undecided = dict.fromkeys(d.action for d in matrix.denials() if d.call.undecided)
    if undecided:
        versions += f"; undecided, counted as denied: {', '.join(undecided)}"
    return versions


def _verdict(subject: Subject, matrix: Matrix) -> str:
    """Return the versions at which the plugin works, and those at which that is undecided."""
    if not subject.is_complete:
        return Verdict.unknown
    undecided = ", ".join(map(str, matrix.works_perhaps()))
    more = f"; unknown with {undecided}" if undecided and not matrix.by_region else ""
    return _with_nodes(matrix, works_with_text(matrix) + more)


def _with_nodes(matrix: Matrix, words: str) -> str:
    """Return that nodes cannot run any version, if so, before the versions at which it works."""
    return f"{node_text(matrix.nodes)}; aws-node {words}" if matrix.nodes else words


def _versions(matrix: Matrix) -> str:
    return ", ".join(map(str, matrix.works())) or "no known version"


def versions_text(first: Row, last: Row) -> str:
    """Return the name of a run of versions."""
    same = first.version == last.version
    return str(first.version) if same else f"{first.version} to {last.version}"


def reasons(matrix: Matrix) -> Iterator[str]:
    """Yield a line for each kind of denial: where, what breaks, and the evidence."""
    for denial in matrix.denials():
        call_range, where = denial.call.range, versions_text(denial.first, denial.last)
        yield (
            f"{MEANINGS[denied_cell(call_range)][0]}  {denial.action} at {where}, "
            f"in {denial.scenario}: "
            f"{call_range.effect} "
            f"({call_range.known_by(denial.first.version, denial.last.version)}): "
            f"{consequence(denial.call.undecided, denial.call.breaks)} ({call_range.evidence})"
        )


def fails_with(matrix: Matrix) -> Iterator[str]:
    """Yield the versions that fail with a variable which is not set."""
    for variable, versions in matrix.fails_with().items():
        yield f"with {variable}=true, it fails with {', '.join(map(str, versions))}"


def repair_lines(matrix: Matrix) -> Iterator[str]:
    """Yield the fixes for the newest version that fails."""
    yield from (f"to do for {matrix.repaired}: {repair_text(each)}" for each in matrix.repairs)


def excess_lines(matrix: Matrix) -> Iterator[str]:
    """Yield the allowed actions that no version calls, by harm."""
    yield from unused_lines(matrix.unused)
    yield from beyond(matrix.excess, "what any plugin version calls")
