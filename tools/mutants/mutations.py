"""Small changes of a file: typical mistakes.

Texts, annotations, decorators, the keywords of a class and f-strings are not changed: that would
change words, or nothing.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_UNCHANGED_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of a file.

    Args:
        line: The line that it begins in.
        last_line: The line that it ends in.
        kind: Such as ``comparison``.
        before: The code that is replaced.
        after: The code in its place.
        text: The whole file with the change.
    """

    line: int
    last_line: int
    kind: str
    before: str
    after: str
    text: str


def mutations(source: str) -> Iterator[Mutation]:
    """Yield every change of a file that still compiles, in the order of its syntax tree."""
    lines = source.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    data = source.encode()
    for node in _nodes(ast.parse(source)):
        for kind, place, after in _changes(node):
            start = starts[place.lineno - 1] + place.col_offset
            end = starts[(place.end_lineno or 0) - 1] + (place.end_col_offset or 0)
            text = (data[:start] + after.encode() + data[end:]).decode()
            try:
                compile(text, "mutation", "exec", dont_inherit=True)
            except SyntaxError:
                continue
            before = data[start:end].decode()
            last_line = place.end_lineno or place.lineno
            yield Mutation(place.lineno, last_line, kind, before, after, text)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr) or _is_for_types_only(node):
        return
    yield node
    for field, value in ast.iter_fields(node):
        of_class = isinstance(node, ast.ClassDef) and field == "keywords"  # such as frozen=True
        if field not in _UNCHANGED_FIELDS and not of_class:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _nodes(child)


def _is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    if isinstance(node, ast.expr):
        yield from ((kind, node, f"({ast.unparse(new)})") for kind, new in _expressions(node))
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) if _is_plain(test):
            yield "condition", test, f"(not {ast.unparse(test)})"
        case ast.comprehension(ifs=[*tests]):
            yield from (("filter", test, "True") for test in tests)
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "return", node, "return None"
        case ast.Raise() | ast.AugAssign() | ast.Expr(value=ast.Call() | ast.YieldFrom()):
            yield "removed statement", node, "pass"
        case ast.Continue():
            yield "loop", node, "break"
        case ast.Break():
            yield "loop", node, "continue"
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield "removed handler", caught, "()"
        case _:
            pass


def _expressions(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Compare(ops=operators):
            for position, operator in enumerate(operators):
                changed = copy.copy(node)
                changed.ops = list(operators)
                changed.ops[position] = _COMPARISONS[type(operator)]()
                yield "comparison", changed
        case ast.BoolOp(op=operator, values=values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "boolean", ast.BoolOp(other, values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "boolean", operand
        case ast.Constant(value=bool() as truth):
            yield "constant", ast.Constant(not truth)
        case ast.Constant(value=int() as number):
            yield "constant", ast.Constant(number + 1)
        case ast.BinOp(left=left, op=operator, right=right):
            if type(operator) in _ARITHMETIC and not (_has_one_operator(left, right)):
                yield "arithmetic", ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
        case _:
            pass


def _is_plain(test: ast.expr) -> bool:
    """Return whether a condition has no change of its own."""
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return not negated and not isinstance(test, ast.Compare | ast.BoolOp | ast.Constant)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _has_one_operator(*operands: ast.expr) -> bool:
    """Return whether operands are texts, lists or classes, which any other operator refuses."""
    return any(
        isinstance(operand, ast.JoinedStr | ast.List | ast.Tuple)
        or (isinstance(operand, ast.Constant) and isinstance(operand.value, str | None))
        or ast.unparse(operand).rpartition(".")[2][:1].isupper()
        for operand in operands
    )
