"""Puts the expressions of a policy that was written out into its data source, unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vpc_cni_iam.converting.rewriting.splices import SpliceNames, why_not_plain
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.evaluate.scope import ValueScope
from vpc_cni_iam.hcl.literals import Expression, Literal, Template, Value
from vpc_cni_iam.hcl.marks import MARK, MarkedExpression, Marks
from vpc_cni_iam.hcl.parse import expression
from vpc_cni_iam.hcl.syntax import FunctionCall, List, Node, Reference, Text
from vpc_cni_iam.hcl.write import NewBlock
from vpc_cni_iam.policy.document import Policy

# Attributes that are texts in every resource of the AWS provider that has them.
_TEXT = re.compile(
    r"(?!(var|local|module|each|count|self)\.)(data\.)?\w+\.[\w-]+(\[(\d+|[\w.]+|\"[^\"]*\")\])?"
    r"\.(arn|id|name|account_id|partition)|each\.key|path\.\w+|terraform\.workspace"
)

_SCALARS = {"string": "text", "number": "number", "bool": "boolean"}
_NO_TEXT = re.compile("Bool|Numeric|Null")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The definitions of names in the other blocks of a module."""

    # The types of its variables by name.
    variables: Mapping[str, Node] = field(default_factory=dict)
    # Its locals by reference, such as ``local.name``: those that are defined once.
    locals: Mapping[str, Node] = field(default_factory=dict)
    # The same, to follow expressions that are spliced into JSON.
    names: SpliceNames = field(default_factory=lambda: SpliceNames({}, {}))

    def shape(self, code: str) -> str:
        """Return the type of an expression: text, number, boolean, list or unknown."""
        if _TEXT.fullmatch(code):
            return "text"
        root, _, name = code.partition(".")
        node = self.variables.get(name) if root == "var" else None
        if isinstance(node, Reference) and node.path in _SCALARS:
            return _SCALARS[node.path]
        if isinstance(node, FunctionCall) and node.name in ("list", "set"):
            return "list"
        node = self.locals.get(code)
        if isinstance(node, List):
            return "list"
        is_text = isinstance(node, Text) and any(isinstance(p, str) for p in node.parts)
        return "text" if is_text else "unknown"

    def text(self, code: str) -> str | None:
        """Return the text of an expression that locals alone define."""
        return resolve.text(code, ValueScope(nodes=self.locals))

    def check(self, marked: MarkedExpression, source: str) -> None:
        """Refuse an expression that means something else in a data source, with its line."""
        if marked.spliced:
            if why := why_not_plain(marked.code, self.names):
                problem = f"{marked.code} may write quotes into the JSON around it: {why}"
                raise InputError(source, f"line {marked.line}", problem)
            if "\n" in marked.code:
                problem = "an expression in a heredoc that spans several lines is not carried over"
                raise InputError(source, f"line {marked.line}", problem)
        elif expression(marked.code) is None:
            problem = f"{marked.code} is not an expression that this reader knows"
            raise InputError(source, f"line {marked.line}", problem)


def quoted(policy: Policy, marks: Marks, known: Surroundings) -> list[str]:
    """Say which numbers and booleans that a policy's conditions refer to become strings."""
    remarks = []
    for condition in (c for s in policy.statements for c in s.conditions):
        for text in filter(MARK.fullmatch, condition.values):
            marked = marks.of(text)
            shape = "text" if marked.spliced else known.shape(marked.code)
            if shape in ("number", "boolean"):
                remarks.append(f"the {shape} {marked.code} is written as a string")
            elif shape == "unknown" and _NO_TEXT.search(condition.operator):
                remarks.append(f"{marked.code}, if it is no string, is written as one")
    return list(dict.fromkeys(remarks))


def fill(
    block: NewBlock,
    marks: Marks,
    known: Surroundings,
    written: Callable[[MarkedExpression], str] = lambda marked: marked.code,
) -> None:
    """Replace the marks in a data source's texts, in place, by their expressions as `written`."""
    block.attributes = [(n, _filled(v, marks, known, written)) for n, v in block.attributes]
    for inner in block.blocks:
        fill(inner, marks, known, written)


def _filled(
    value: Value | tuple[Value, ...],
    marks: Marks,
    known: Surroundings,
    written: Callable[[MarkedExpression], str],
) -> Value | tuple[Value, ...]:
    if not isinstance(value, tuple):
        return _one(value, marks, written)
    match value:
        case (Literal(text=text),) if MARK.fullmatch(text) and marks.of(text).whole:
            marked = marks.of(text)
            shape = known.shape(marked.code)
            if shape in ("list", "unknown"):
                # It takes a text and a list alike.
                code = written(marked)
                return Expression(code if shape == "list" else f"flatten([{code}])")
    return tuple(_one(v, marks, written) for v in value)


def _one(value: Value, marks: Marks, written: Callable[[MarkedExpression], str]) -> Value:
    if not isinstance(value, Literal) or not MARK.search(value.text):
        return value
    if MARK.fullmatch(value.text):
        code = written(marks.of(value.text))
        return Expression(f"({code})" if "\n" in code else code)
    parts: list[Literal | Expression] = []
    place = 0
    for match in MARK.finditer(value.text):
        parts.append(Literal(value.text[place : match.start()]))
        parts.append(Expression(written(marks.of(match[0]))))
        place = match.end()
    parts.append(Literal(value.text[place:]))
    return Template(tuple(p for p in parts if p != Literal("")))
