"""Writes blocks and policy documents exactly as ``terraform fmt`` would leave them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from vpc_cni_iam.errors import InexpressibleError
from vpc_cni_iam.hcl.expressible import problems
from vpc_cni_iam.hcl.literals import Expression, Literal, Value, code
from vpc_cni_iam.policy.document import ANYONE, VERSION, Policy, Principal, Statement

WIDTH = 100


@dataclass(slots=True)
class NewBlock:
    """A block of HCL to write."""

    head: str  # its type and labels as HCL, such as ``data "aws_iam_policy_document" "ipv4"``
    # Names and values; a tuple value is a list.
    attributes: list[tuple[str, Value | tuple[Value, ...]]] = field(default_factory=list)
    blocks: list[NewBlock] = field(default_factory=list)  # the blocks inside, after the attributes
    comment: Sequence[str] = ()  # text of the comment above it, a paragraph an item


def block(value: NewBlock) -> str:
    """Return the text of a block, ending in a newline."""
    return "\n".join(_block_lines(value, "")) + "\n"


def comment(paragraphs: Iterable[str], indent: str = "") -> list[str]:
    """Return the lines of a comment, each paragraph wrapped, without control characters."""
    lines = []
    for paragraph in paragraphs:
        clean = "".join(c if c.isprintable() else " " for c in paragraph)
        lines += textwrap.wrap(
            clean,
            width=WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def policy_document(
    name: str,
    policy: Policy,
    *,
    value: Callable[[str], Value] = Literal,
    remarks: Sequence[Sequence[str]] = (),
    joined: Expression | None = None,
) -> NewBlock:
    """Return the ``aws_iam_policy_document`` data source of a policy.

    `value` returns the code for a resource, principal, condition key or value. `remarks` are the
    comments above each statement, of which there may be fewer. `joined` is an expression for
    source_policy_documents. Raises `InexpressibleError` for what the data source would drop, change
    or refuse.
    """
    unexpressed = problems(policy)
    if unexpressed and (policy.statements or joined is None):
        raise InexpressibleError(str(unexpressed[0]))
    attributes: list[tuple[str, Value | tuple[Value, ...]]] = []
    if policy.version != VERSION:
        attributes.append(("version", Literal(policy.version)))
    if policy.id:
        attributes.append(("policy_id", Literal(policy.id)))
    if joined is not None:
        attributes.append(("source_policy_documents", joined))
    document = NewBlock(f'data "aws_iam_policy_document" "{name}"', attributes)
    for place, statement in enumerate(policy.statements):
        inner = _statement(statement, value)
        inner.comment = remarks[place] if place < len(remarks) else ()
        document.blocks.append(inner)
    return document


def _statement(statement: Statement, value: Callable[[str], Value]) -> NewBlock:
    def values(texts: Iterable[str]) -> tuple[Value, ...]:
        return tuple(map(value, texts))

    attributes: list[tuple[str, Value | tuple[Value, ...]]] = []
    if statement.sid:
        attributes.append(("sid", Literal(statement.sid)))
    attributes.append(("effect", Literal(statement.effect)))
    for name, texts in (("actions", statement.actions), ("not_actions", statement.not_actions)):
        if texts:
            attributes.append((name, tuple(map(Literal, texts))))
    for name, texts in (
        ("resources", statement.resources),
        ("not_resources", statement.not_resources),
    ):
        if texts:
            attributes.append((name, values(texts)))
    written = NewBlock("statement", attributes)
    for name, principals in (
        ("principals", statement.principals),
        ("not_principals", statement.not_principals),
    ):
        written.blocks += [_principals(name, p, values(p.identifiers)) for p in principals]
    for condition in statement.conditions:
        written.blocks.append(
            NewBlock(
                "condition",
                [
                    ("test", Literal(condition.operator)),
                    ("variable", value(condition.key)),
                    ("values", values(condition.values)),
                ],
            )
        )
    return written


def _principals(name: str, principal: Principal, identifiers: tuple[Value, ...]) -> NewBlock:
    kind = ANYONE if principal.type == ANYONE else principal.type
    return NewBlock(name, [("type", Literal(kind)), ("identifiers", identifiers)])


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


def _attribute_lines(
    attributes: Iterable[tuple[str, Value | tuple[Value, ...]]], indent: str
) -> list[str]:
    """Return attributes, with aligned equals signs for consecutive ones of one line."""
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
            lines.append(f"{indent}{name} = [")
            lines += [f"{indent}  {code(v)}," for v in value]
            lines.append(f"{indent}]")
            continue
        names.append(name)
        if isinstance(value, tuple):
            texts.append(f"[{code(value[0])}]" if value else "[]")
        else:
            texts.append(code(value))
    close()
    return lines
