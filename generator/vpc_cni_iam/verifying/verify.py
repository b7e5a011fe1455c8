"""Compares a module directory with the catalog, statement by statement.

With an engine, what it renders decides, once with sample values and once with the module's own
defaults. Without one the files decide, and what cannot be known from them is said to be unknown,
never taken for right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vpc_cni_iam.catalog import documents, releases
from vpc_cni_iam.catalog.compose import compose, select
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module import joins_nothing
from vpc_cni_iam.hcl.read import Other
from vpc_cni_iam.policy.compare import Difference, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.verifying import planning
from vpc_cni_iam.verifying.expected import Expected, expected, of_variant
from vpc_cni_iam.verifying.module import SAMPLE, Module, read
from vpc_cni_iam.verifying.planning import Rendered

State = Literal["ok", "differs", "unknown"]
_JOINED = ("additional_policy_documents",)


@dataclass(frozen=True, slots=True)
class Checked:
    """One document of a module.

    Args:
        name: The variant's name, or the trust's.
        state: ``ok``, ``differs``, or ``unknown`` if only an engine could tell.
        against: What it was compared with, such as ``--revision 2022-01-31``.
        statements: How many statements the catalog's document has.
        differences: How the module's differs, or why that is unknown; empty if it is ok.
        seen: By what it was seen: ``read``, or the engine that rendered it.
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
        notes: What a person should know besides.
    """

    checked: tuple[Checked, ...]
    notes: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether every document is known to be right."""
        return all(c.state == "ok" for c in self.checked)


def verify(
    directory: Path, wanted: Callable[[Options | None], Options | None], engine: Engine | None
) -> Verification:
    """Compare a module directory with what it should be.

    Args:
        directory: The module.
        wanted: From the options that its files state, if any, to those to compare with; None
            for the nearest document of each name.
        engine: The engine that renders it, None to read it only.

    Raises:
        InputError: The directory is no module that can be read.
        EngineError: The engine refuses the module.
        UsageError: Options that contradict each other or the variants.
    """
    module = read(directory)
    notes: list[str] = []
    chosen = wanted(module.stated)
    names = {d.name for d in module.read.documents} | set(module.read.unread)
    if chosen is None:
        notes.append("no file says what it was made from; compared with the nearest document")
        every = _nearest(module)
    else:
        every = expected(chosen)
        if module.stated is None:
            every = [e for e in every if e.name in names] or every
    known = {e.name for e in every} | {"trust"}
    notes += [
        f"data source {name} is none of the documents compared; left alone"
        for name in sorted(names - known)
    ]
    if engine is None:
        notes.append("no engine was used: read only, not rendered")
        return Verification(tuple(_read_check(module, e) for e in every), tuple(notes))
    rendered = planning.render(module, engine)
    seen = f"rendered by {engine.version()}"
    checked = tuple(_rendered_check(module, e, rendered, seen) for e in every)
    return Verification(checked, tuple(notes))


def _nearest(module: Module) -> list[Expected]:
    """Return the catalog's documents that differ least, going by the data sources' names."""
    found = []
    selections = [select(revision=r.name) for r in documents.revisions()]
    selections += [select(cni_version=str(r)) for r in reversed(releases.known()[1:])]
    values = module.values(sample=True)
    for read_one in module.read.documents:
        candidates = [
            of_variant(compose(variant, selection), returned=False)
            for variant in VARIANTS
            if variant.identifier == read_one.name
            for selection in selections
            if selection.release is None or selection.release >= variant.minimum
        ]
        if candidates:
            by_distance = {
                len(differences(c.filled(values), read_one.policy)): c for c in candidates[::-1]
            }
            found.append(by_distance[min(by_distance)])
    if not found:
        raise InputError(
            str(module.directory),
            "",
            "holds no policy document that can be compared; say what it should be with "
            "--revision or --cni-version",
        )
    return found


def _read_check(module: Module, wanted: Expected) -> Checked:
    """Compare a document by reading."""
    policy = wanted.filled(module.values(sample=True))
    found = next((d for d in module.read.documents if d.name == wanted.name), None)
    reasons = list(_unknown(module, wanted))
    if found is None:
        if reasons:
            return _checked(wanted, "unknown", reasons, "read")
        missing = Difference("missing", "document", f"data source {wanted.name} is missing")
        return _checked(wanted, "differs", [missing], "read")
    real = differences(policy, found.policy)
    if real:
        return _checked(wanted, "differs", real, "read")
    return _checked(wanted, "unknown" if reasons else "ok", reasons, "read")


def _unknown(module: Module, wanted: Expected) -> Iterator[Difference]:
    """Yield why reading cannot tell what an engine would make of a document."""

    def unknown(text: str) -> Difference:
        return Difference("changed", "document", f"{text}; only an engine can tell")

    if module.elsewhere:
        yield unknown(f"{', '.join(module.elsewhere)} may change it and is not read")
    if wanted.name in module.read.unread:
        yield unknown(module.read.unread[wanted.name])
    found = next((d for d in module.read.documents if d.name == wanted.name), None)
    if found is not None and not joins_nothing(found, module.read, _JOINED):
        yield unknown("it joins other documents")
    if wanted.output and found is not None:
        reference = rf"data\.aws_iam_policy_document\.{wanted.name}\.json"
        entry = rf'"{re.escape(wanted.key)}"\s*=\s*[^\n]*\b{reference}\s*\n'
        local = module.read.locals.get("json")
        returned = module.read.outputs.get(wanted.output)
        if not (
            isinstance(local, Other)
            and re.search(entry, local.code)
            and returned == Other(f'local.json["{wanted.key}"]')
        ):
            yield unknown(f"the output {wanted.output} is not as generated")


def _rendered_check(
    module: Module, wanted: Expected, rendered: dict[str, Rendered], seen: str
) -> Checked:
    """Compare a document by what an engine rendered."""
    found: list[Difference] = []
    for call in planning.CALLS:
        sample = call == "sample"
        policy = wanted.filled(module.values(sample=sample))
        # A trust has no defaults to be compared with: nobody is trusted by them.
        if sample or wanted.key:
            found += _rendered_differences(wanted, policy, rendered[call])
    return _checked(wanted, "differs" if found else "ok", found, seen)


def _rendered_differences(
    wanted: Expected, policy: Policy, rendered: Rendered
) -> Iterable[Difference]:
    if wanted.output:
        # What a module returns counts, whatever data source it comes from.
        for name, value in (
            (wanted.output, rendered.outputs.get(wanted.output)),
            (f'json["{wanted.key}"]', (rendered.outputs.get("json") or {}).get(wanted.key)),
        ):
            if not isinstance(value, str):
                text = "is missing, null or only known after apply"
                yield Difference("missing", f"output {name}", text)
                continue
            for d in differences(policy, loads(value, f"output {name}")):
                yield Difference(d.kind, d.place, d.text)
        return
    if wanted.name in rendered.unknown:
        yield Difference("changed", "document", "is only known after apply, so it was not compared")
    elif not rendered.documents.get(wanted.name):
        yield Difference("missing", "document", f"data source {wanted.name} renders nothing")
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
