"""The syntax tree of an HCL file: its blocks, expressions and comments, and where they stand.

Two nodes are equal if they are the same code to an engine, whatever their layout and place.
`vpc_cni_iam.hcl.parse` makes the tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the text of a file."""

    text: str  # the whole text
    start: int  # the place of its first character, from 0
    end: int  # the place after its last character
    line: int  # the line it starts at, from 1

    @property
    def code(self) -> str:
        """The text of this part."""
        return self.text[self.start : self.end]


NOWHERE = Span("", 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An expression."""

    # Where it stands, without parentheses around it.
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    # The same with them, and with the quotes of ``"${x}"``, which is ``x`` itself.
    outer: Span = field(default=NOWHERE, compare=False, repr=False)
    in_parentheses: bool = field(default=False, repr=False)  # whether it has parentheses around it

    @property
    def full_code(self) -> str:
        """Its code, in parentheses if it has some."""
        return f"({self.span.code})" if self.in_parentheses else self.span.code


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A quoted string; its parts are text and the expressions interpolated in it."""

    parts: tuple[str | Node, ...]

    @property
    def plain(self) -> str | None:
        """Its text; None if something is interpolated in it."""
        texts = [part for part in self.parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Heredoc(Text):
    """A heredoc; its parts are as they are written, with their indentation and line ends."""

    indented: bool  # it starts with ``<<-``, so that its common indentation is no part of it

    @property
    def plain(self) -> str | None:
        """Its text; None if something is interpolated in it."""
        if not all(isinstance(part, str) for part in self.parts):
            return None
        lines = "".join(map(str, self.parts)).replace("\r\n", "\n").split("\n")[:-1]
        if self.indented:
            depth = min((len(x) - len(x.lstrip(" ")) for x in lines if x.strip()), default=0)
            lines = [line[depth:] for line in lines]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A number, ``true``, ``false`` or ``null``."""

    code: str


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """A dotted name such as ``var.cluster_name``."""

    path: str


@dataclass(frozen=True, slots=True)
class FunctionCall(Node):
    """A function call without ``...``."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """Such as ``x ? y : z``; the options are ``y`` and ``z``."""

    condition: Node
    options: tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class List(Node):
    """Such as ``[1, 2]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Object(Node):
    """Such as ``{ a = 1 }``; a key that is a name or a quoted string is a `Text`."""

    fields: tuple[tuple[Node, Node], ...]

    def _identity(self) -> object:
        """Return the fields, as a set if their order cannot matter.

        It can if two keys may be the same, since the later one counts then.
        """
        keys = {key.plain for key, _ in self.fields if isinstance(key, Text)} - {None}
        ordered = len(keys) < len(self.fields)
        return self.in_parentheses, self.fields if ordered else frozenset(self.fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Object) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """Any other expression, by its rule in python-hcl2's grammar."""

    rule: str  # the rule, such as ``binary_op``
    parts: tuple[str | Node, ...]  # its expressions and words in order


@dataclass(frozen=True, slots=True)
class Code(Node):
    """Code in a template that is not taken apart."""

    # An interpolated expression of a heredoc, which `vpc_cni_iam.hcl.parse.expression` takes apart;
    # or a template directive.
    code: str
    problem: str = ""  # why only an engine can read it; empty for an expression


@dataclass(frozen=True, slots=True)
class Block:
    """A block."""

    type: str  # such as ``data``
    labels: tuple[str, ...]  # such as ``("aws_iam_policy_document", "ipv4")``
    attributes: Mapping[str, Node]  # the expressions of its arguments by name
    blocks: tuple[Block, ...]  # the blocks inside, in order
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file."""

    source: str  # its name, as errors show it
    text: str
    # The arguments outside of blocks, such as those of a ``.tfvars`` file.
    attributes: Mapping[str, Node]
    blocks: tuple[Block, ...]  # its blocks in order
    comments: tuple[Span, ...]  # its comments in order, but those before an operator
