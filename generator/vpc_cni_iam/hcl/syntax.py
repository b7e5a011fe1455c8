"""The syntax tree of an HCL file: its blocks and expressions, with their places.

Two nodes are equal if they are the same code to an engine, with any layout, at any place.
`vpc_cni_iam.hcl.parse` builds the tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.errors import InputError

# Files that engines merge over the other files of a directory.
OVERRIDE = re.compile(r"(.*_)?override\.(tf|tofu)(\.json)?", re.DOTALL)
# What engines read as space around the last line of a heredoc, and before its other lines.
SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# A name with attributes and indices, without anything that an engine would compute.
REFERENCE = r'[a-zA-Z_][\w-]*(\.[\w*-]+|\[(\d+|\*|"[^"\\$%]*")\])+'


class Span(Struct, frozen=True):
    """A part of the text of a file."""

    text: str  # the whole text
    start: int  # the place of its first character, from 0
    end: int  # the place after its last character
    line: int  # the line it starts at, from 1
    source: str = ""  # the file's name, as errors show it

    @property
    def code(self) -> str:
        """The text of this part."""
        return self.text[self.start : self.end]

    @property
    def place(self) -> str:
        """Its file and line, as reports name them."""
        return f"{self.source}, line {self.line}"

    def refuse(self, problem: str) -> InputError:
        """Return an error about it."""
        return InputError(self.source, f"line {self.line}", problem)

    def __repr__(self) -> str:
        return f"Span({self.code!r}, line {self.line})"


NOWHERE = Span("", 0, 0, 0)


class Placed(Struct, frozen=True, kw_only=True, eq=False):
    """A part of a file, equal to any part with the same code."""

    span: Span = NOWHERE  # its place; for an expression, without parentheses around it

    def _identity(self) -> object:
        """Return all fields except its place."""
        names = (name for name in self.__struct_fields__ if name not in ("span", "outer"))
        return type(self), *(getattr(self, name) for name in names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Placed) and self._identity() == other._identity()

    def __ne__(self, other: object) -> bool:  # Struct's own does not call __eq__
        return not self == other

    def __hash__(self) -> int:
        return hash(self._identity())


class Node(Placed, frozen=True, kw_only=True):
    """An expression."""

    # Its place with its parentheses, and with the quotes of ``"${x}"``, which is ``x``.
    outer: Span = NOWHERE
    in_parentheses: bool = False  # whether it has parentheses around it

    @property
    def full_code(self) -> str:
        """Its code, with its parentheses if any."""
        return f"({self.span.code})" if self.in_parentheses else self.span.code


class Text(Node, frozen=True):
    """A quoted string; its parts are text and interpolated expressions."""

    parts: tuple[str | Node, ...]

    @property
    def plain(self) -> str | None:
        """Its text; None if something is interpolated in it."""
        texts = [part for part in self.parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(self.parts) else None


class Heredoc(Text, frozen=True):
    """A heredoc; its parts are as written, with indentation and line ends."""

    indented: bool  # it starts with ``<<-``: its common indentation is not part of it

    @property
    def plain(self) -> str | None:
        """Its text; None if something is interpolated in it."""
        texts = [part for part in self.content if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(self.content) else None

    @property
    def content(self) -> tuple[str | Node, ...]:
        """Its parts as engines read them: without common indentation."""
        lines: list[list[str | Node]] = [[]]
        for part in self.parts:
            first, *others = part.split("\n") if isinstance(part, str) else (part,)
            lines[-1].append(first)
            lines += [[other] for other in others]
        del lines[-1]
        depths = map(_indentation, lines) if self.indented else ()
        depth = min((d for d in depths if d is not None), default=0)
        for line in lines:
            if isinstance(line[0], str) and _indentation(line) is not None:
                line[0] = line[0][depth:]
        return tuple(part for line in lines for part in (*line, "\n"))


def _indentation(line: list[str | Node]) -> int | None:
    """Return the number of spaces at the start of a heredoc's line; None if it has only spaces."""
    start = line[0] if isinstance(line[0], str) else ""
    text = start.lstrip(SPACES)
    return None if not text and all(part == "" for part in line[1:]) else len(start) - len(text)


class Constant(Node, frozen=True):
    """A number, ``true``, ``false`` or ``null``."""

    code: str


class Reference(Node, frozen=True):
    """A dotted name such as ``var.cluster_name``."""

    path: str


class FunctionCall(Node, frozen=True):
    """A function call without ``...``."""

    name: str
    arguments: tuple[Node, ...]


class Conditional(Node, frozen=True):
    """Such as ``x ? y : z``; the options are ``y`` and ``z``."""

    condition: Node
    options: tuple[Node, Node]


class List(Node, frozen=True):
    """Such as ``[1, 2]``."""

    items: tuple[Node, ...]


class Object(Node, frozen=True):
    """Such as ``{ a = 1 }``; a key that is a name or a quoted string is a `Text`."""

    fields: tuple[tuple[Node, Node], ...]

    def _identity(self) -> object:
        """Return the fields, as a set if their order cannot matter.

        The order matters if two keys may be the same, since the later one wins.
        """
        keys = {key.plain for key, _ in self.fields if isinstance(key, Text)} - {None}
        ordered = len(keys) < len(self.fields)
        fields = self.fields if ordered else frozenset(self.fields)
        return Object, self.in_parentheses, fields


class Operation(Node, frozen=True):
    """Any other expression, by its rule in python-hcl2's grammar."""

    rule: str  # the rule, such as ``binary_op``
    parts: tuple[str | Node, ...]  # its expressions and words in order


class CodeKind(Enum):
    """The kind of code in a template; only an engine can read code that is no expression."""

    expression = "expression"
    directive = "directive"
    stripped = "stripped"  # an expression with strip markers


class Code(Node, frozen=True):
    """Unparsed code in a template."""

    # An interpolated expression of a heredoc, for `vpc_cni_iam.hcl.parse.expression`; or a template
    # directive.
    code: str
    kind: CodeKind = CodeKind.expression


class Block(Placed, frozen=True):
    """A block."""

    type: str  # such as ``data``
    labels: tuple[str, ...]  # such as ``("aws_iam_policy_document", "ipv4")``
    attributes: Mapping[str, Node]  # the expressions of its arguments by name
    blocks: tuple[Block, ...]  # the blocks inside, in order


class File(Struct, frozen=True):
    """A file."""

    source: str  # its name, as errors show it
    text: str
    # The arguments outside blocks, such as those of a ``.tfvars`` file.
    attributes: Mapping[str, Node]
    blocks: tuple[Block, ...]  # its blocks in order
