"""Compares a module directory with the catalog, statement by statement.

The files decide: a module is ``ok`` if all of its code is that of the catalog's module. An engine
renders it besides, once with sample values and once with the module's own defaults. A rendering
can find more differences, and cannot settle what reading left open: it shows what the code does
for those values and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.policy.diff.differences import Difference, DifferenceKind, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.verifying import planning
from vpc_cni_iam.verifying.expected import Expected, expected
from vpc_cni_iam.verifying.layout import findings, listed, nearest, whole
from vpc_cni_iam.verifying.module import SAMPLE, Module, read
from vpc_cni_iam.verifying.planning import Rendered
from vpc_cni_iam.verifying.structure import ModuleFinding


class State(StrEnum):
    """What is known of a document."""

    OK = "ok"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Checked:
    """One document of a module.

    Args:
        name: The variant's name, or the trust's.
        state: ``unknown`` if code differs that may change it, and no difference was seen.
        against: What it was compared with, such as ``--revision 2022-01-31``.
        statements: How many statements the catalog's document has.
        differences: How the module's differs, or why that is unknown; empty if it is ok.
        seen: How it was seen: ``read``, and by which engine it was rendered.
    """

    name: str
    state: State
    against: str
    statements: int
    differences: tuple[Difference, ...]
    seen: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result for a module directory.

    Args:
        checked: Each document.
        findings: Each part of the module's code that is not as in the catalog's.
        notes: What a person should know besides.
    """

    checked: tuple[Checked, ...]
    findings: tuple[ModuleFinding, ...]
    notes: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether every document and all code are known to be right."""
        return not self.findings and all(c.state is State.OK for c in self.checked)


def verify(
    directory: Path,
    wanted: Callable[[Options | None], Options | None],
    engine: Engine | None,
    published: Callable[[Options], Mapping[str, str]] = lambda _: {},
) -> Verification:
    """Compare a module directory with what it should be.

    Args:
        directory: The module.
        wanted: From the options that its files state, if any, to those to compare with; None
            for the nearest module of the catalog.
        engine: The engine that renders it, None to read it only.
        published: Returns the files of a published version of given options, which has modules
            and examples in folders.

    Raises:
        InputError: The directory is no module that can be read.
        EngineError: The engine refuses a module that is as the catalog's.
        UsageError: Options that contradict each other or the variants.
    """
    module = read(directory)
    notes: list[str] = []
    chosen = wanted(module.stated)
    options = nearest(module) if chosen is None else whole(module, chosen)
    if chosen is None:
        against = " ".join(options.selection.arguments())
        notes.append(f"no file says what it was made from; compared with the nearest, {against}")
    documents = expected(options if module.stated is None or chosen is None else chosen)
    every, remarks = findings(module, options, published)
    notes += remarks
    differing = tuple(f for f in every if not f.wording)
    if words := [f"{f.file}:{f.line}" for f in every if f.wording]:
        notes.append(f"texts for people differ, which changes no policy: {listed(words)}")
    rendered = None
    if engine is None:
        notes.append("no engine was used: read only, not rendered")
    else:
        rendered = _render(module, engine, differing, notes)
    seen = "read" if engine is None or rendered is None else f"read, rendered by {engine.version()}"
    checked = (_check(module, document, differing, rendered, seen) for document in documents)
    return Verification(tuple(checked), differing, tuple(notes))


def _render(
    module: Module, engine: Engine, differing: Sequence[ModuleFinding], notes: list[str]
) -> dict[str, Rendered] | None:
    """Render a module unless that would run what is not the catalog's."""
    running = next((f for f in differing if not f.plannable), None)
    if running is not None:
        notes.append(f"not rendered, since that might run what stands there: {running}")
        return None
    try:
        return planning.render(module, engine)
    except EngineError as error:
        if not differing:
            raise
        # What reading found is the answer, whether or not the rest can be rendered.
        notes.append(f"not rendered: {error}")
        return None


def _check(
    module: Module,
    document: Expected,
    differing: Sequence[ModuleFinding],
    rendered: dict[str, Rendered] | None,
    seen: str,
) -> Checked:
    """Compare a document as it is read, and as it is rendered."""
    policy = document.filled(module.values(sample=True))
    actual = next((d for d in module.read.documents if d.name == document.name), None)
    read_differences: Iterable[Difference] = ()
    if actual is not None:
        read_differences = differences(policy, actual.policy)
    elif document.name not in module.read.unread:
        text = f"data source {document.name} is missing"
        read_differences = [Difference(DifferenceKind.MISSING, "document", text)]
    rendered_differences = _rendered_differences(module, document, rendered) if rendered else ()
    if real := [*rendered_differences] or [*read_differences]:
        return _checked(document, State.DIFFERS, real, seen)
    open_points = list(_open(module, document, differing))
    return _checked(document, State.UNKNOWN if open_points else State.OK, open_points, seen)


def _open(
    module: Module, document: Expected, differing: Sequence[ModuleFinding]
) -> Iterator[Difference]:
    """Yield why a document that shows no difference may have one all the same."""
    places = dict.fromkeys(
        f"{f.file}:{f.line}" if f.line else f.file
        for f in differing
        if f.document in ("", document.name)
    )
    if places:
        text = (
            f"no difference was seen, yet it is not settled what this does to it: {listed(places)}"
        )
        yield Difference(DifferenceKind.CHANGED, "document", text)
    elif document.name in module.read.unread:
        yield Difference(DifferenceKind.CHANGED, "document", module.read.unread[document.name])


def _rendered_differences(
    module: Module, document: Expected, rendered: Mapping[str, Rendered]
) -> Iterator[Difference]:
    for call in planning.CALLS:
        sample = call == "sample"
        # A trust has no defaults to be compared with: nobody is trusted by them.
        if sample or document.key:
            policy = document.filled(module.values(sample=sample))
            yield from _call_differences(document, policy, rendered[call])


def _call_differences(wanted: Expected, policy: Policy, rendered: Rendered) -> Iterable[Difference]:
    if wanted.output:
        # What a module returns counts, whatever data source it comes from.
        for name, value in (
            (wanted.output, rendered.outputs.get(wanted.output)),
            (f'json["{wanted.key}"]', (rendered.outputs.get("json") or {}).get(wanted.key)),
        ):
            if not isinstance(value, str):
                text = "is missing, null or only known after apply"
                yield Difference(DifferenceKind.MISSING, f"output {name}", text)
                continue
            for d in differences(policy, loads(value, f"output {name}")):
                yield Difference(d.kind, d.place, d.text)
        return
    if wanted.name in rendered.unknown:
        yield Difference(
            DifferenceKind.CHANGED, "document", "is only known after apply, so it was not compared"
        )
    elif not rendered.documents.get(wanted.name):
        yield Difference(
            DifferenceKind.MISSING, "document", f"data source {wanted.name} renders nothing"
        )
    for document in rendered.documents.get(wanted.name, []):
        yield from differences(policy, document)


def _checked(wanted: Expected, state: State, found: Iterable[Difference], seen: str) -> Checked:
    return Checked(
        wanted.label,
        state,
        wanted.against,
        len(wanted.policy.statements),
        tuple(dict.fromkeys(map(_readable, found))),
        seen,
    )


def _readable(difference: Difference) -> Difference:
    """Show the variables where their sample values stand."""
    text = difference.text
    for name, value in sorted(SAMPLE.items(), key=lambda item: -len(item[1])):
        if name != "pod_identity":
            text = text.replace(value, f"${{var.{name}}}")
    return Difference(difference.kind, difference.place, text)
