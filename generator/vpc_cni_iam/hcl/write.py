"""Writes blocks and policy documents in the layout of ``terraform fmt``.

Policies that ``aws_iam_policy_document`` would drop, change or refuse are not written.
`tests/converting/test_convert_engines.py` measured that with AWS provider 3.39.0. The source of
version 6, internal/service/iam/policy_document_data_source.go, says it, too: the provider replaces
``&{`` by ``${`` in resources, principals and condition values, refuses a repeated Sid, and leaves
out an empty Statement. (Only versions 5.82 and 5.83 also refused a Sid with characters other than
letters and digits.)
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from vpc_cni_iam.errors import InexpressibleError
from vpc_cni_iam.escape import is_unsafe
from vpc_cni_iam.hcl.literals import (
    PLAIN,
    Each,
    Expression,
    Literal,
    LiteralValue,
    code,
    unwritable,
)
from vpc_cni_iam.policy.document import (
    NOT_EVERYONE,
    PRINCIPAL_ELEMENTS,
    TEXT_ELEMENTS,
    VERSION,
    Policy,
    Statement,
    are_principals,
)
from vpc_cni_iam.policy.template import PolicyText, Template, parts_of

WIDTH = 100
# Names and values; a tuple value is a list.
Arguments: TypeAlias = list[tuple[str, LiteralValue | tuple[LiteralValue, ...]]]
_REPLACED = "has '&{', which aws_iam_policy_document changes to '${'; it cannot express this text"


class NewBlock(Struct):
    """A block of HCL to write."""

    head: str  # its type and labels in HCL, such as ``data "aws_iam_policy_document" "ipv4"``
    attributes: Arguments = field(default_factory=list)
    blocks: list[NewBlock] = field(default_factory=list)  # the blocks inside, after the attributes
    comment: Sequence[str] = ()  # the paragraphs of the comment above it


def block(value: NewBlock) -> str:
    """Return the text of a block, ending in a newline."""
    return "\n".join(_block_lines(value, "")) + "\n"


def comment(paragraphs: Iterable[str], indent: str = "") -> list[str]:
    """Return the lines of a comment, each paragraph wrapped, without hidden characters."""
    lines = []
    for paragraph in paragraphs:
        clean = "".join(" " if is_unsafe(c) else c for c in paragraph)
        lines += textwrap.wrap(
            clean,
            width=WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def literal(text: PolicyText) -> Literal:
    """Return the code for a known text."""
    if isinstance(text, str):
        return Literal(text)
    raise InexpressibleError(f"{text} has a part that is not known")


def policy_document(
    name: str,
    policy: Policy,
    *,
    value: Callable[[PolicyText], LiteralValue] = literal,
    remarks: Sequence[Sequence[str]] = (),
    joined: Expression | None = None,
) -> NewBlock:
    """Return the ``aws_iam_policy_document`` data source of a policy.

    `value` returns the code for a resource, principal, condition key or value. `remarks` are the
    comments above the first statements. `joined` is an expression for source_policy_documents.
    Raises `InexpressibleError` if the data source would drop, change or refuse something.
    """
    unexpressed = problems(policy)
    if unexpressed and (policy.statements or joined is None):
        raise InexpressibleError(str(unexpressed[0]))
    attributes: Arguments = []
    if policy.version != VERSION:
        attributes.append(("version", Literal(policy.version)))
    if policy.id:
        attributes.append(("policy_id", literal(policy.id)))
    if joined is not None:
        attributes.append(("source_policy_documents", joined))
    document = NewBlock(f'data "aws_iam_policy_document" "{name}"', attributes)
    for place, statement in enumerate(policy.statements):
        inner = _statement(statement, value)
        inner.comment = remarks[place] if place < len(remarks) else ()
        document.blocks.append(inner)
    return document


def _statement(statement: Statement, value: Callable[[PolicyText], LiteralValue]) -> NewBlock:
    def values(texts: Iterable[PolicyText]) -> tuple[LiteralValue, ...]:
        return tuple(map(value, texts))

    attributes: Arguments = []
    arguments: Arguments
    if statement.sid:
        attributes.append(("sid", literal(statement.sid)))
    attributes.append(("effect", Literal(statement.effect)))
    for name in TEXT_ELEMENTS.values():
        if texts := getattr(statement, name):
            attributes.append((name, tuple(map(literal if "action" in name else value, texts))))
    written = NewBlock("statement", attributes)
    for name in PRINCIPAL_ELEMENTS.values():
        for p in getattr(statement, name):
            arguments = [("type", Literal(p.type)), ("identifiers", values(p.identifiers))]
            written.blocks.append(NewBlock(name, arguments))
    for condition in statement.conditions:
        arguments = [
            ("test", Literal(condition.operator)),
            ("variable", value(condition.key)),
            ("values", values(condition.values)),
        ]
        written.blocks.append(NewBlock("condition", arguments))
    return written


def _block_lines(value: NewBlock, indent: str) -> list[str]:
    lines = comment(value.comment, indent)
    if not value.attributes and not value.blocks:
        return [*lines, f"{indent}{value.head} {{}}"]
    inner = indent + "  "
    body = _attribute_lines(value.attributes, inner)
    for nested in value.blocks:
        if body:
            body.append("")
        body += _block_lines(nested, inner)
    return [*lines, f"{indent}{value.head} {{", *body, f"{indent}}}"]


def _attribute_lines(attributes: Arguments, indent: str) -> list[str]:
    """Return attributes; consecutive ones on one line have aligned equals signs."""
    lines: list[str] = []
    names: list[str] = []
    texts: list[str] = []

    def close() -> None:
        if not names:
            return
        if lines:
            lines.append("")
        width = max(map(len, names))
        lines.extend([f"{indent}{n:<{width}} = {t}" for n, t in zip(names, texts, strict=True)])
        names.clear()
        texts.clear()

    for name, value in attributes:
        if isinstance(value, tuple) and len(value) > 1:
            close()
            if lines:
                lines.append("")
            start, end, items = "[", "]", [*map(code, value)]
            if any(isinstance(item, Each) for item in value):
                start, end, items = "concat(", ")", [*map(_list, value)]
            lines.append(f"{indent}{name} = {start}")
            lines += [f"{indent}  {item}," for item in items]
            lines.append(f"{indent}{end}")
            continue
        names.append(name)
        if isinstance(value, tuple):
            texts.append(_list(value[0]) if value else "[]")
        else:
            texts.append(code(value))
    close()
    return lines


def _list(value: LiteralValue) -> str:
    """Return the code of a list with one value, or with a value for each item of a list."""
    return code(value) if isinstance(value, Each) else f"[{code(value)}]"


class Inexpressible(Struct, frozen=True):
    """A part of a policy that the data source cannot express."""

    path: str  # its JSON path in the document, such as ``$.Statement[0].Resource``
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def problems(policy: Policy) -> tuple[Inexpressible, ...]:
    """Return all parts that the data source cannot express; empty for nearly all policies."""
    unexpressed = [*_text(policy.id, "$.Id", replaced=False)]
    if not policy.statements:
        reason = "is empty, and aws_iam_policy_document would leave it out"
        unexpressed.append(Inexpressible("$.Statement", reason))
    sids = set[PolicyText]()
    for place, statement in enumerate(policy.statements):
        path = f"$.Statement[{place}]"
        if statement.sid:
            if statement.sid in sids:
                reason = (
                    f"{str(statement.sid)!r} is also the Sid of an earlier statement, which "
                    "aws_iam_policy_document refuses; rename one or leave it out"
                )
                unexpressed.append(Inexpressible(f"{path}.Sid", reason))
            sids.add(statement.sid)
        unexpressed += _unexpressed(statement, path)
    return tuple(unexpressed)


def _unexpressed(statement: Statement, path: str) -> Iterator[Inexpressible]:
    yield from _text(statement.sid, f"{path}.Sid", replaced=False)
    for name, field_name in TEXT_ELEMENTS.items():
        texts = getattr(statement, field_name)
        yield from _texts(texts, path, name, replaced="Resource" in name)
    for condition in statement.conditions:
        place = f"Condition.{condition.operator}"
        yield from _texts((condition.operator, condition.key), path, place, replaced=False)
        yield from _texts(condition.values, path, f"{place}.{condition.key}", replaced=True)
    for name, field_name in PRINCIPAL_ELEMENTS.items():
        if not are_principals(getattr(statement, field_name)):
            yield Inexpressible(f"{path}.{name}", NOT_EVERYONE)
        for p in getattr(statement, field_name):
            yield from _texts(p.identifiers, path, f"{name}.{p.type}", replaced=True)


def _texts(
    texts: Iterable[PolicyText], path: str, name: str, *, replaced: bool
) -> Iterator[Inexpressible]:
    for text in texts:
        if isinstance(text, Template) or not PLAIN.fullmatch(text):
            yield from _text(text, f"{path}.{name}", replaced=replaced)


def _text(text: PolicyText, path: str, *, replaced: bool) -> Iterator[Inexpressible]:
    for part in parts_of(text):
        if not isinstance(part, str):
            continue
        if reason := unwritable(part):
            yield Inexpressible(path, f"{part!r} {reason}")
        if replaced and "&{" in part:
            yield Inexpressible(path, f"{part!r} {_REPLACED}")
