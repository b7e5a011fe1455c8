"""Moves the expressions and comments of a written-out policy into its data source.

The data source is proven to mean the same as the policy that it replaces.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from vpc_cni_iam.converting.rewriting.splices import Definitions, why_not_plain
from vpc_cni_iam.errors import InexpressibleError, InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.embedded import MARK, Embedded, MarkedExpression, Marks
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.literals import Expression, Interpolation, Literal, Value
from vpc_cni_iam.hcl.parse import expression, parse
from vpc_cni_iam.hcl.syntax import File, FunctionCall, List, Node, Reference, Span, Text
from vpc_cni_iam.hcl.write import NewBlock, policy_document, problems
from vpc_cni_iam.hcl.write import block as block_text
from vpc_cni_iam.policy.diff.differences import differences
from vpc_cni_iam.policy.document import Policy

# Attributes that are texts in every resource of the AWS provider that has them.
_TEXT = re.compile(
    r"(?!(var|local|module|each|count|self)\.)(data\.)?\w+\.[\w-]+(\[(\d+|[\w.]+|\"[^\"]*\")\])?"
    r"\.(arn|id|name|account_id|partition)|each\.key|path\.\w+|terraform\.workspace"
)

_SCALARS = {"string": "text", "number": "number", "bool": "boolean"}
_NO_TEXT = re.compile("Bool|Numeric|Null")
_CODE = re.compile(r"[\w\"].*?(?=[\s,\[{(=:]*$)")


class Surroundings(Definitions):
    """What is known of expressions by the definitions of a module."""

    def shape(self, code: str) -> str:
        """Return the type of an expression: text, number, boolean, list or unknown."""
        if _TEXT.fullmatch(code):
            return "text"
        root, _, name = code.partition(".")
        node = self.once(self.types, name) if root == "var" else None
        if isinstance(node, Reference) and node.path in _SCALARS:
            return _SCALARS[node.path]
        if isinstance(node, FunctionCall) and node.name in ("list", "set"):
            return "list"
        node = self.once(self.values, name) if root == "local" else None
        if isinstance(node, List):
            return "list"
        is_text = isinstance(node, Text) and any(isinstance(p, str) for p in node.parts)
        return "text" if is_text else "unknown"

    def text(self, code: str) -> str | None:
        """Return the text of an expression that locals alone define."""
        known = ((name, self.once(self.values, name)) for name in self.values)
        nodes = {f"local.{name}": node for name, node in known if node is not None}
        return resolve.text(code, ValueScope(nodes=nodes))

    def check(self, marked: MarkedExpression, source: str) -> None:
        """Refuse an expression that means something else in a data source, with its line."""
        if marked.spliced:
            if why := why_not_plain(marked.code, self):
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
                remarks.append(f"{marked.code}, if it is not a string, is written as one")
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
    texts = (v.text for v in value if isinstance(v, Literal) and MARK.fullmatch(v.text))
    if inner := next((c for t in texts if known.shape(c := marks.of(t).code) == "list"), None):
        raise InexpressibleError(f"{inner} is a list inside a list, which IAM refuses")
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
    return Interpolation(tuple(p for p in parts if p != Literal("")))


def remarks(file: File, value: Node, body: Node | None) -> tuple[list[str], list[list[str]]]:
    """Return the comments of the whole document, and those of each statement.

    A comment behind code on its line keeps that code in front of it. `value` is the expression that
    is replaced, and `body` that of the Statement in it, if it can hold comments.
    """
    statements: Sequence[Node] = ()
    if body is not None:
        statements = body.items if isinstance(body, List) else (body,)
    whole: list[str] = []
    each: list[list[str]] = [[] for _ in statements]
    first, last = (
        bisect_left(file.comments, place, key=lambda comment: comment.start)
        for place in (value.outer.start, value.outer.end)
    )
    for comment in file.comments[first:last]:
        place = _place(file, comment, body, statements)
        (whole if place is None else each[place]).extend(_lines(file, value, comment))
    return whole, each


def _place(file: File, comment: Span, body: Node | None, statements: Sequence[Node]) -> int | None:
    if body is None or comment.start < body.outer.start:
        return None
    for place, statement in enumerate(statements):
        end = statement.outer.end
        if comment.start < end or "\n" not in file.text[end : comment.start]:
            return place
    return None


def _lines(file: File, value: Node, comment: Span) -> list[str]:
    text = comment.code
    if text.startswith("/*"):
        inner = text.removeprefix("/*").removesuffix("*/").strip("*")
        lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in inner.splitlines()]
    else:
        lines = [text.removeprefix("#").removeprefix("//").removeprefix(" ").rstrip()]
    begin = max(file.text.rfind("\n", 0, comment.start) + 1, value.outer.start)
    before = _CODE.search(file.text[begin : comment.start])
    lines = [line for line in lines if line]
    if lines and before and before[0] != "jsonencode":
        lines[0] = f"{before[0]}: {lines[0]}"
    return lines


def check_meaning(name: str, policy: Embedded, known: Surroundings) -> None:
    """Refuse a data source with another meaning than the policy that it replaces.

    Its text is read back, with a name of its own in the place of each expression that it carries,
    and compared. Then what the data source cannot express is looked for in the texts that locals
    are known to stand for. Raises `InexpressibleError` for what cannot be proven, too.
    """
    carried = policy.marks.expressions
    places = {f"local.carried_{number}": expression for number, expression in enumerate(carried)}
    names = {(expression.code, expression.whole): place for place, expression in places.items()}

    def written(expression: MarkedExpression) -> str:
        return names[expression.code, expression.whole]

    def mark(place: str) -> str:
        return policy.marks.mark(places[place])

    block = policy_document(name, policy.policy)
    fill(block, policy.marks, known, written)
    try:
        (back,) = resolve.documents(
            parse(block_text(block), name).blocks, name, ValueScope(keep=mark)
        )
    except InputError as error:
        # Its place is one in a text that nobody sees.
        problem = f"could not be proven to mean the same: {error.problem}"
        raise InexpressibleError(problem) from None
    if differing := differences(policy.policy, back.policy):
        problem = policy.marks.shown(str(differing[0]))
        raise InexpressibleError(f"could not be proven to mean the same: {problem}")
    texts = {
        expression.code: text
        for expression in carried
        if (text := known.text(expression.code)) is not None
    }
    if unexpressed := problems(policy.filled(texts)):
        problem = policy.marks.shown(str(unexpressed[0]))
        raise InexpressibleError(f"with the values of its locals, {problem}")
