"""Renders the policy module: one data source a variant, its variables, outputs, tests, README."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from vpc_cni_iam.catalog import fit as fitting
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.calls import Use
from vpc_cni_iam.catalog.compose import Addition, Composed
from vpc_cni_iam.catalog.fit import Fit
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.parameters import Parameter
from vpc_cni_iam.hcl import write
from vpc_cni_iam.hcl.literals import Expression, Literal, Template, Value, code
from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.rendering.outputs import module_outputs
from vpc_cni_iam.rendering.variables import module_variables

if TYPE_CHECKING:
    from jinja2 import Environment

NAME = "vpc-cni-iam-policy"
# The oldest versions that the tests run.
ENGINE_FLOOR = "1.6"
PROVIDER_FLOOR = "3.39"

_FILES = {
    "main.tf": "main.tf.jinja",
    "variables.tf": "variables.tf.jinja",
    "outputs.tf": "outputs.tf.jinja",
    "versions.tf": "versions.tf.jinja",
    "README.md": "README.md.jinja",
    "tests/policy.tftest.hcl": "policy.tftest.hcl.jinja",
}
# What the tests of a generated module fill in; any values that the variables accept.
_SAMPLE = parameters.values({"cluster_name": "example", "vpc_id": "vpc-0123456789abcdef0"})


@dataclass(frozen=True, slots=True)
class Document:
    """One variant as the templates lay it out.

    Args:
        composed: The policy and where each part of it comes from.
        fit: The releases it serves.
        block: Its data source as HCL.
        expected: Its statements with sample values, for the module's own tests.
    """

    composed: Composed
    fit: Fit
    block: str
    expected: tuple[Statement, ...]

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.composed.variant.name

    @property
    def identifier(self) -> str:
        """The variant's name as an HCL identifier."""
        return self.composed.variant.identifier

    @property
    def works_with(self) -> str:
        """The releases it serves, as text."""
        return fitting.works_with(self.fit)


def render(options: Options) -> dict[str, str]:
    """Return the files of a policy module.

    Args:
        options: The variants and the documents they are made from.

    Raises:
        UsageError: A variant that the selected release cannot use.
    """
    composed = options.composed()
    scoped = [c for c in composed if c.variant.scoped]
    # With other variants beside it, a scoped one may be left without its names.
    required = len(scoped) == len(composed)
    used = _used(composed)
    documents = [_document(c, required) for c in composed]
    context = {
        "options": options,
        "selection": options.selection,
        "source": options.selection.revision.source,
        "documents": documents,
        "scoped": [d for d in documents if d.composed.variant.scoped],
        "required": required,
        "used": [p.name for p in used],
        "json": {d.name: _reference(d, required) for d in documents},
        "variables": module_variables(used, required),
        "outputs": module_outputs(
            [(d.composed.variant, str(d.fit.minimum), d.works_with) for d in documents],
            [p.name for p in used if p in parameters.NAMES],
            required,
        ),
        "sample": {p.name: _SAMPLE[p.name] for p in used if p in parameters.NAMES},
        "guarded": {
            p.name: Expression(f"coalesce(var.{p.name}, {code(Literal(f'{p.name}-not-given'))})")
            for p in used
            if p in parameters.NAMES
        },
        "name": NAME,
        "engine_floor": ENGINE_FLOOR,
        "provider_floor": PROVIDER_FLOOR,
    }
    environment = _environment()
    return {
        path: environment.get_template(template).render(context)
        for path, template in _FILES.items()
    }


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from vpc_cni_iam.rendering.bytecode import PycacheBytecodeCache

    environment = Environment(
        loader=PackageLoader("vpc_cni_iam.rendering"),
        bytecode_cache=PycacheBytecodeCache(),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is HCL, whose only escape is in hcl.literals
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["hcl"] = lambda text: code(Literal(text))
    environment.filters["comment"] = lambda text: "\n".join(write.comment([text]))
    environment.filters["object"] = _object
    environment.filters["assignments"] = _assignments
    environment.globals["dict"] = dict
    environment.filters["conditions"] = _conditions
    environment.filters["cell"] = _cell
    environment.globals["not_granted"] = _not_granted
    return environment


def _used(composed: Iterable[Composed]) -> tuple[Parameter, ...]:
    names = {p.name for c in composed for p in parameters.used(c.policy)}
    if "vpc_owner_id" in names:
        names.add("account_id")
    return tuple(p for p in parameters.PARAMETERS if p.name in names)


def _document(composed: Composed, required: bool) -> Document:
    found = fitting.fit(composed.policy, composed.variant)
    block = write.policy_document(
        composed.variant.identifier,
        composed.policy,
        value=lambda text: _value(text, required),
        remarks=[()] * len(composed.base.statements)
        + [r for a in composed.additions for r in _remarks(a)],
        joined=Expression("var.additional_policy_documents"),
    )
    block.comment = _introduction(composed, found)
    expected = parameters.substitute(composed.policy, _SAMPLE).statements
    return Document(composed, found, write.block(block), expected)


def _reference(document: Document, required: bool) -> str:
    guarded = document.composed.variant.scoped and not required
    reference = f"data.aws_iam_policy_document.{document.identifier}.json"
    return f"var.cluster_name == null ? null : {reference}" if guarded else reference


def _value(text: str, required: bool) -> Value:
    """Return a resource, condition key or value with its parameters as references."""
    parts: list[Literal | Expression] = []
    for part in parameters.split(text):
        if isinstance(part, str):
            parts.append(Literal(part))
        else:
            local = part is parameters.VPC_OWNER_ID or (part in parameters.NAMES and not required)
            parts.append(Expression(f"{'local' if local else 'var'}.{part.name}"))
    if len(parts) == 1:
        return parts[0]
    return Template(tuple(parts))


def _introduction(composed: Composed, found: Fit) -> list[str]:
    variant, selection = composed.variant, composed.selection
    origin = "Derived by vpc-cni-iam from" if variant.derived else "The document of"
    lines = [
        f"{variant.name}: {variant.summary}. {origin} revision {selection.revision.name}, "
        f"works with plugin {fitting.works_with(found)}."
    ]
    fatal = (gap for gap in found.gaps if gap.use.impact == "fatal")
    failures = (
        f"Fails at {', '.join(map(str, gap.spans))}, for want of {gap.use.action}: "
        f"{gap.use.evidence}."
        for gap in fatal
    )
    lines += dict.fromkeys(failures)
    if composed.optional:
        named = _by_feature(composed.optional)
        lines.append("Not granted, called only with an optional feature: " + "; ".join(named) + ".")
    return lines


def _by_feature(uses: Iterable[Use]) -> list[str]:
    found: dict[str, list[str]] = {}
    for use in uses:
        actions = found.setdefault(use.feature or "", [])
        if use.action not in actions:
            actions.append(use.action)
    return [f"{', '.join(actions)} (--feature {feature})" for feature, actions in found.items()]


def _remarks(addition: Addition) -> list[list[str]]:
    """Return the comment of each statement of an addition: why, and the evidence."""
    first = (
        f"Added for the feature {addition.feature}:"
        if addition.feature
        else "Added: the release calls what the document above does not grant."
    )
    return [
        [first, *_evidence(u for u in addition.uses if u.action in statement.actions)]
        for statement in addition.statements
    ]


def _evidence(uses: Iterable[Use]) -> list[str]:
    """Return why each use needs its action; uses of the same evidence share a line."""
    alike: dict[tuple[object, ...], list[Use]] = {}
    for use in uses:
        alike.setdefault((use.first, use.last, use.impact, use.evidence), []).append(use)
    lines = []
    for shared in alike.values():
        use = shared[0]
        actions = ", ".join(dict.fromkeys(u.action for u in shared))
        modes = " and ".join(dict.fromkeys(u.mode for u in shared))
        last = f"to {use.last}" if use.last else "on"
        lines.append(
            f"{actions} in {modes} mode from {use.first} {last}, {use.impact} if denied. "
            f"Evidence: {use.evidence}."
        )
    return lines


def _not_granted(document: Document) -> str:
    """Return what a document lacks for some releases, as text for a table."""
    return "; ".join(
        f"{gap.use.action} at {', '.join(map(str, gap.spans))} ({gap.use.mode}, {gap.use.impact})"
        for gap in document.fit.gaps
    )


def _object(values: dict[str, str], indent: int = 4) -> str:
    """Return the lines of an object whose keys are quoted, as ``terraform fmt`` aligns them."""
    keys = {code(Literal(name)): text for name, text in values.items()}
    width = max(map(len, keys))
    return "\n".join(f"{' ' * indent}{key.ljust(width)} = {text}" for key, text in keys.items())


def _assignments(values: dict[str, str | Expression | None], indent: int = 2) -> str:
    """Return the lines that set names to values, as ``terraform fmt`` aligns them."""
    width = max(map(len, values))
    lines = []
    for name, value in values.items():
        text = (
            "null" if value is None else code(Literal(value) if isinstance(value, str) else value)
        )
        lines.append(f"{' ' * indent}{name.ljust(width)} = {text}")
    return "\n".join(lines)


def _conditions(conditions: Iterable[Condition]) -> str:
    """Return conditions as an HCL object of lists by operator and key, on one line."""
    by_operator: dict[str, list[str]] = {}
    for c in conditions:
        values = ", ".join(code(Literal(v)) for v in c.values)
        entry = f"{code(Literal(c.key))} = [{values}]"
        by_operator.setdefault(code(Literal(c.operator)), []).append(entry)
    objects = (f"{operator} = {{ {', '.join(e)} }}" for operator, e in by_operator.items())
    return f"{{ {', '.join(objects)} }}" if by_operator else "{}"


def _cell(text: str) -> str:
    """Return text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
