"""The documents of a module's variants as HCL, with their comments and README texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Addition, Composed
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import CallRange
from vpc_cni_iam.catalog.parameters import Parameter
from vpc_cni_iam.catalog.purpose import purpose
from vpc_cni_iam.catalog.selection import ALL_CALLS, Selection
from vpc_cni_iam.catalog.variants import Scope
from vpc_cni_iam.escape import escape_markdown
from vpc_cni_iam.hcl import write
from vpc_cni_iam.hcl.literals import Each, Expression, Interpolation, Literal, LiteralValue
from vpc_cni_iam.hcl.write import NewBlock
from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.quotas import MANAGED
from vpc_cni_iam.policy.template import PolicyText, parts_of

if TYPE_CHECKING:
    from vpc_cni_iam.versions.works_with import DocumentVersions, MissingAction

_LISTS = frozenset(p.name for p in parameters.LISTS)
_grounds = attrgetter("first", "last", "effect", "observed", "evidence", "deniable")
# The values in the tests of a generated module: any values that the variables accept.
SAMPLE = parameters.values(
    {
        "cluster_name": "example",
        **{
            name: parameters.SAMPLE[name] for name in ("vpc_id", "subnet_ids", "security_group_ids")
        },
    }
)

TOO_LARGE = f"has more than {MANAGED:,} characters, which is IAM's limit for a managed policy"


class RenderedDocument(Struct, frozen=True):
    """One variant for the templates."""

    composed: Composed  # the policy and the origin of each part
    versions: DocumentVersions  # those that it works with
    block: str
    expected: tuple[Statement, ...]  # its statements with sample values, for the module's tests
    evidence: tuple[str, ...]  # missing, added and omitted actions with the evidence, as Markdown

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.composed.variant.name

    @property
    def identifier(self) -> str:
        """The variant's name as an HCL identifier."""
        return self.composed.variant.identifier

    @property
    def scope(self) -> Scope:
        """The parameters that limit the variant to one cluster."""
        return self.composed.variant.scope

    @property
    def published_by(self) -> str:
        """The publisher of the document."""
        if self.composed.hardened:
            return "hardened by vpc-cni-iam"
        return self.composed.variant.published_by


def used_parameters(policies: Iterable[Composed]) -> tuple[Parameter, ...]:
    """Return the parameters of the documents of a module."""
    names = {p.name for c in policies for p in parameters.used(c.policy)}
    if "vpc_owner_id" in names:
        names.add("account_id")
    return tuple(p for p in parameters.PARAMETERS if p.name in names)


def document(composed: Composed, *, required: bool) -> RenderedDocument:
    """Return a variant for the templates.

    With `required`, the caller must pass the names of a scoped variant.
    """
    from vpc_cni_iam.versions.works_with import composed_versions  # noqa: PLC0415 - slow to import

    versions = composed_versions(composed)
    block = write.policy_document(
        composed.variant.identifier,
        composed.policy,
        value=lambda text: _value(text, required=required),
        remarks=list(_remarks(composed)),
        joined=Expression("var.source_policy_documents"),
    )
    block.comment = _introduction(composed, versions)
    if lists := [p.name for p in parameters.used(composed.policy) if p.is_list]:
        block.blocks.append(_bounded(composed.variant.name, lists))
    expected = parameters.substitute(composed.policy, SAMPLE).statements
    evidence = _evidence(composed, versions)
    return RenderedDocument(composed, versions, write.block(block), expected, evidence)


def _bounded(name: str, lists: Sequence[str]) -> NewBlock:
    """Return the block that refuses a document that is too large for a managed policy."""
    names = " or ".join(lists)
    condition = NewBlock(
        "postcondition",
        [
            ("condition", Expression(fits("self.json"))),
            ("error_message", Literal(f"The policy {name} {TOO_LARGE}; pass fewer {names}.")),
        ],
    )
    return NewBlock("lifecycle", blocks=[condition])


def fits(json: str) -> str:
    """Return the condition that a managed policy can have a document, as HCL."""
    return f'length(replace({json}, "/\\\\s/", "")) <= {MANAGED}'


def reference(document: RenderedDocument, *, required: bool) -> str:
    """Return the expression for a variant's JSON; null without its names, unless required."""
    guarded = document.scope is Scope.CLUSTER_NAME and not required
    json = f"data.aws_iam_policy_document.{document.identifier}.json"
    return f"var.cluster_name == null ? null : {json}" if guarded else json


def _value(text: PolicyText, *, required: bool) -> LiteralValue:
    """Return a resource, condition key or value, with parameters as references."""
    parts: list[Literal | Expression] = []
    names = {p.name for p in parameters.NAMES} if not required else set()
    items: Expression | None = None
    for part in parts_of(parameters.in_arns(text)):
        if isinstance(part, str):
            parts.append(Literal(part))
        elif part.place in _LISTS:
            items = Expression(f"var.{part.place}")
            parts.append(Expression("id"))
        else:
            local = part == parameters.VPC_OWNER_ID.hole or part.place in names
            parts.append(Expression(f"{'local' if local else 'var'}.{part.place}"))
    if items is not None:
        return Each(items, Interpolation(tuple(parts)))
    return parts[0] if len(parts) == 1 else Interpolation(tuple(parts))


def _introduction(composed: Composed, versions: DocumentVersions) -> list[str]:
    """Return two lines about a document; the README has the details with evidence."""
    variant, selection = composed.variant, composed.selection
    origin = "Upstream's document"
    if composed.hardened:
        origin = "Hardened from upstream's document"
    elif variant.derived:
        origin = "Derived from upstream's document"
    source = f"{origin} of {selection.revision.name}"
    if variant.program:
        source = f"Derived from the README and the source of {variant.service_account}"
    works_with = f"{source}, for plugin {versions.works_with}."
    if len(works_with) > write.WIDTH - len("# "):
        works_with = f"{source}; the README lists its plugin versions."
    return [f"{variant.name}: {variant.summary}.", works_with]


def _remarks(composed: Composed) -> Iterator[list[str]]:
    """Yield the comment of each statement: its purpose, and why it was added."""
    for statement in composed.base.statements:
        yield [purpose(statement)]
    for addition in composed.additions:
        for statement in addition.statements:
            yield [purpose(statement), _why_added(statement, addition, composed.selection)]


def _why_added(statement: Statement, addition: Addition, selection: Selection) -> str:
    if addition.feature:
        return f"Added for the feature {addition.feature}."
    uses = [use for use in addition.call_ranges if use.action in statement.actions]
    ranges = {f"{u.first} to {u.last}" if u.last else f"{u.first} and later" for u in uses}
    caller = f"plugin {ranges.pop()}" if len(ranges) == 1 else "the plugin"
    why = "and missing in upstream's document."
    if not any(use.is_needed for use in uses):
        why = "which works without it."
    return f"Added: called by {caller}, {why}"


def _evidence(composed: Composed, versions: DocumentVersions) -> tuple[str, ...]:
    """Return Markdown about missing, added and omitted actions, with places in the source."""
    lines = [_missing_line(missing) for missing in versions.missing]
    for addition in composed.additions:
        cause = f" for the feature `{addition.feature}`" if addition.feature else ""
        lines += [f"Added{cause}: {line}" for line in _call_ranges(addition.call_ranges)]
    lines += [
        f"Called, but not needed: {line} Not allowed; `{ALL_CALLS}` adds it."
        for line in _call_ranges(composed.unneeded)
    ]
    lines += [
        f"Not allowed: {', '.join(f'`{action}`' for action in actions)}; called only with "
        f"`--feature {names}`."
        for names, actions in _by_feature(composed.optional).items()
    ]
    return tuple(lines)


def _missing_line(missing: MissingAction) -> str:
    call_range, spans = missing.call_range, ", ".join(map(str, missing.spans))
    where = f" in the scenario {missing.scenario}" if missing.scenario else ""
    known = call_range.known_by(min(missing.versions), max(missing.versions))
    return (
        f"Missing: `{missing.action}`{where} at {spans} ({call_range.mode}, "
        f"{call_range.effect}; {known}): {escape_markdown(call_range.evidence)}."
    )


def _by_feature(call_ranges: Iterable[CallRange]) -> dict[str, list[str]]:
    needing: dict[str, list[str]] = {}
    for call_range in call_ranges:
        features = needing.setdefault(call_range.action, [])
        if call_range.feature and call_range.feature not in features:
            features.append(call_range.feature)
    together: dict[str, list[str]] = {}
    for action, features in needing.items():
        together.setdefault("` or `--feature ".join(features), []).append(action)
    return together


def _call_ranges(call_ranges: Iterable[CallRange]) -> list[str]:
    """Return why each call needs its action; calls with the same evidence share a line."""
    alike: dict[object, list[CallRange]] = {}
    for call_range in call_ranges:
        alike.setdefault(_grounds(call_range), []).append(call_range)
    lines = []
    for shared in alike.values():
        call_range = shared[0]
        actions = ", ".join(f"`{action}`" for action in dict.fromkeys(u.action for u in shared))
        modes = " and ".join(dict.fromkeys(u.mode for u in shared))
        last = f"to {call_range.last}" if call_range.last else "on"
        known = call_range.known_by(call_range.first, call_range.last or known_versions.newest())
        impact = (
            f"{call_range.effect} if denied ({known})"
            if call_range.deniable
            else "which AWS never denies"
        )
        lines.append(
            f"{actions} in {modes} mode from {call_range.first} {last}, {impact}: "
            f"{escape_markdown(call_range.evidence)}."
        )
    return lines
