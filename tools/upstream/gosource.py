"""Reads names in Go source: imports, functions with the names they use, call sites.

This is not a compiler: there are no types. `tools.upstream.calls` reports what stays open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tools.upstream.gobuild import build_constraint

_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?(?:\*/|\Z))"
    r'|(?P<text>`[^`]*`|"(?:\\.|[^"\\\n])*")'
    r"|(?P<rune>'(?:\\.|[^'\\\n])+')"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<other>\d\w*|.)",
    re.DOTALL,
)
_OPENS, _CLOSES = frozenset("([{"), frozenset(")]}")
_TOP = frozenset({"import", "const", "var", "type", "func"})


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Args:
        kind: ``name``, ``text``, ``rune`` or ``other``.
        text: As it stands in the file.
        line: From 1.
    """

    kind: str
    text: str
    line: int


Tokens = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method with a body.

    Args:
        name: Its name, without a receiver.
        method: Whether it has a receiver.
        file: The file's path in the checkout.
        line: Where it starts.
        body: The tokens between its braces.
    """

    name: str
    method: bool
    file: str
    line: int
    body: Tokens

    def names(self) -> frozenset[str]:
        """Return every name that the body holds."""
        return frozenset(t.text for t in self.body if t.kind == "name")


@dataclass(frozen=True, slots=True)
class GoFile:
    """One file.

    Args:
        path: In the checkout, with forward slashes.
        package: Its package clause's name.
        imports: Import paths by the name they have in the file.
        functions: Its functions.
        values: The tokens of its package-level variables, which run when the program starts.
        tokens: All its tokens.
        when: The build constraint that decides whether it is built, empty if it always is.
    """

    path: str
    package: str
    imports: dict[str, str]
    functions: tuple[Function, ...]
    values: Tokens
    tokens: Tokens
    when: str


def read(text: str, path: str) -> GoFile | None:
    """Return a Go file, or None for one that is not built for Linux.

    Args:
        text: The text of the file.
        path: Its path in the checkout.
    """
    when = build_constraint(text, path)
    if when is None:
        return None
    tokens = tuple(_tokens(text))
    package = next((b.text for a, b in pairwise(tokens) if a.text == "package"), "")
    imports: dict[str, str] = {}
    functions: list[Function] = []
    values: list[Token] = []
    for declaration in _declarations(tokens):
        keyword = declaration[0].text
        if keyword == "import":
            imports |= _imports(declaration)
        elif keyword == "var":
            values += declaration
        elif keyword == "func" and (function := _function(declaration, path)):
            functions.append(function)
    return GoFile(path, package, imports, tuple(functions), tuple(values), tokens, when)


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind, word = str(match.lastgroup), match[0]
        if kind != "skip":
            yield Token(kind, word, line)
        line += word.count("\n")


def _declarations(tokens: Tokens) -> Iterator[Tokens]:
    """Yield each top-level declaration, from its keyword on."""
    depth, start = 0, None
    previous = None
    for position, token in enumerate(tokens):
        # Of the keywords, `func` stands inside other declarations too, as a type or a literal.
        begins = depth == 0 and token.kind == "name" and token.text in _TOP
        if begins and (previous is None or previous.line < token.line or previous.text == ";"):
            if start is not None:
                yield tokens[start:position]
            start = position
        if token.kind == "other":
            depth += (token.text in _OPENS) - (token.text in _CLOSES)
        previous = token
    if start is not None:
        yield tokens[start:]


def _imports(declaration: Tokens) -> dict[str, str]:
    result = {}
    for before, token in pairwise(declaration):
        if token.kind == "text":
            path = token.text[1:-1]
            # Without a name, Go takes the package's own: mostly the last part, without a version.
            own = re.sub(r"/v\d+$|\.v\d+$", "", path).rpartition("/")[2]
            named = before.text if before.kind == "name" and before.text != "import" else own
            result["." + path if before.text == "." else named] = path
    return result


def _function(declaration: Tokens, path: str) -> Function | None:
    position, method = 1, False
    if declaration[1:2] and declaration[1].text == "(":
        position, method = _after(declaration, 1), True
    if position >= len(declaration) or declaration[position].kind != "name":
        return None
    name = declaration[position]
    position += 1
    while position < len(declaration):
        token = declaration[position]
        if token.text in ("interface", "struct") and declaration[position + 1].text == "{":
            position = _after(declaration, position + 1)
        elif token.text == "{":
            body = declaration[position + 1 : _after(declaration, position) - 1]
            return Function(name.text, method, path, name.line, body)
        else:
            position = _after(declaration, position) if token.text in _OPENS else position + 1
    return None


def _after(tokens: Tokens, position: int) -> int:
    """Return the position behind the bracket that closes the one at a position."""
    depth = 0
    for here in range(position, len(tokens)):
        if tokens[here].kind == "other":
            depth += (tokens[here].text in _OPENS) - (tokens[here].text in _CLOSES)
        if depth == 0:
            return here + 1
    return len(tokens)
