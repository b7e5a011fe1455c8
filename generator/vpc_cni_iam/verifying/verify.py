"""Compares a module directory with the catalog, statement by statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.catalog import documents, parameters, releases
from vpc_cni_iam.catalog.compose import Composed, compose, select
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.compare import Difference, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.verifying import planning
from vpc_cni_iam.verifying.module import Module, read


@dataclass(frozen=True, slots=True)
class Checked:
    """One variant of a module.

    Args:
        variant: Its name.
        against: What it was compared with, such as ``--revision 2022-01-31``.
        statements: How many statements the catalog's document has.
        differences: How the module's differs; empty if it does not.
        seen: By what it was seen: ``read``, and the engine if one was used.
    """

    variant: str
    against: str
    statements: int
    differences: tuple[Difference, ...]
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """The result for a module directory.

    Args:
        checked: Each variant.
        notes: What a person should know besides.
    """

    checked: tuple[Checked, ...]
    notes: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not any(c.differences for c in self.checked)


def verify(directory: Path, wanted: Options | None, engine: Engine | None) -> Verification:
    """Compare a module directory with what it should be.

    Args:
        directory: The module.
        wanted: What to compare with; None for what its files state, or else what is nearest.
        engine: The engine that renders it too, None to read it only.

    Raises:
        InputError: The directory is no module that can be read.
        EngineError: The engine refuses the module.
    """
    module = read(directory)
    notes: list[str] = []
    chosen = wanted or module.stated
    if chosen is None:
        notes.append(
            "no file states the options it was made from; compared with the nearest document"
        )
    expected = _expected(module, chosen)
    if wanted is not None and module.stated is None:
        present = _names(module)
        expected = [c for c in expected if c.variant.identifier in present] or expected
    strange = _names(module) - {c.variant.identifier for c in expected}
    notes += [
        f"data source {name} is none of the variants compared; left alone"
        for name in sorted(strange)
    ]
    rendered = None
    if engine is not None:
        outputs = tuple(f"{c.variant.identifier}_json" for c in expected)
        rendered = planning.render(module, engine, outputs)
    else:
        notes.append("no engine was used: read only, not rendered")
    name = engine.version() if engine else ""
    return Verification(tuple(_check(module, c, rendered, name) for c in expected), tuple(notes))


def _names(module: Module) -> set[str]:
    return {d.name for d in module.read.documents} | set(module.read.unread)


def _expected(module: Module, options: Options | None) -> list[Composed]:
    if options is not None:
        return list(options.composed())
    found = []
    for name in sorted(_names(module)):
        policy = next((d.policy for d in module.read.documents if d.name == name), None)
        if policy is not None and (nearest := _nearest(name, policy, module)):
            found.append(nearest)
    if not found:
        raise UsageError(
            f"{module.directory}: holds no policy document that can be compared; "
            "say what it should be with --revision or --cni-version"
        )
    return found


def _nearest(name: str, policy: Policy, module: Module) -> Composed | None:
    """Return the catalog's document that differs least, going by the data source's name."""
    candidates = []
    selections = [select(revision=r.name) for r in documents.revisions()]
    selections += [select(cni_version=str(r)) for r in reversed(releases.known()[1:])]
    for variant in VARIANTS:
        if variant.identifier != name:
            continue
        for selection in selections:
            if selection.release is None or selection.release >= variant.minimum:
                candidates.append(compose(variant, selection))
    return min(
        candidates,
        key=lambda c: len(differences(_filled(c, module), policy)),
        default=None,
    )


def _filled(composed: Composed, module: Module) -> Policy:
    return parameters.substitute(composed.policy, {**_KEPT, **module.expected_values})


# A module without the variables of the names holds names of its own; the placeholders stay.
_KEPT = {"cluster_name": "${CLUSTER_NAME}", "vpc_id": "${VPC_ID}"}


def _check(
    module: Module, composed: Composed, rendered: planning.Rendered | None, engine: str
) -> Checked:
    name = composed.variant.identifier
    expected = _filled(composed, module)
    found: list[Difference] = []
    seen = []
    read_one = next((d for d in module.read.documents if d.name == name), None)
    if name in module.read.unread:
        if rendered is None:
            found.append(Difference("changed", "document", module.read.unread[name]))
    elif read_one is None:
        found.append(Difference("missing", "document", f"data source {name} is missing"))
    else:
        seen.append("read")
        found += differences(expected, read_one.policy)
        if (
            rendered is None
            and read_one.joins
            and "additional" not in "".join(module.read.variables)
        ):
            text = "joins other documents, which only an engine can show"
            found.append(Difference("added", "document", text))
    if rendered is not None:
        seen.append(f"rendered by {engine}")
        found += _rendered_differences(name, expected, rendered)
    return Checked(
        composed.variant.name,
        " ".join(composed.selection.arguments()),
        len(expected.statements),
        tuple(dict.fromkeys(map(_readable, found))),
        tuple(seen),
    )


def _readable(difference: Difference) -> Difference:
    """Show the variables where their sample values stand."""
    text = difference.text
    for name, value in sorted(parameters.SAMPLE.items(), key=lambda item: -len(item[1])):
        text = text.replace(value, f"${{var.{name}}}")
    return Difference(difference.kind, difference.place, text)


def _rendered_differences(
    name: str, expected: Policy, rendered: planning.Rendered
) -> Iterable[Difference]:
    if name in rendered.unknown:
        yield Difference("changed", "document", "is only known after apply, so it was not compared")
    for policy in rendered.documents.get(name, []):
        yield from differences(expected, policy)
    output = rendered.outputs.get(f"{name}_json")
    if output is not None:
        for difference in differences(expected, output):
            yield Difference(
                difference.kind, f"output {name}_json, {difference.place}", difference.text
            )
