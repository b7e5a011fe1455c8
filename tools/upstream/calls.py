"""Lists the AWS calls in a checkout of the plugin, by reading its Go source.

From the ``main`` of each program, functions are followed by name through the packages that it
imports. A call is one of a method that an AWS service's package has an input for. The limits:

- functions are identified by name: one is reached if any function with its name is; - guards are
not evaluated: a call behind a condition that is never true is listed; - calls that libraries make
themselves are not seen; - an action is taken to have the operation's name.

If names are not enough, the call is returned as undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.upstream.checkout import Checkout
from tools.upstream.gosource import Function, GoFile, Token

_SERVICE = re.compile(r"github\.com/aws/aws-sdk-go(?:-v2)?/service/(\w+)(?:/\w+iface)?")
_INPUT = re.compile(r"([A-Z]\w+)(?:Input|APIClient)")
_FORMS = ("PagesWithContext", "WithContext", "Pages", "Request")
_PAGINATOR = re.compile(r"New([A-Z]\w+)Paginator")
_WAITER = re.compile(r"WaitUntil[A-Z]\w+|New[A-Z]\w+Waiter")
# Services whose actions have another prefix than their package has a name.
_PREFIXES = {"resourcegroupstaggingapi": "tag"}


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """One place in the source.

    Args:
        file: The file's path in the checkout.
        line: The line, from 1.
        function: The function it stands in.
        program: The folder of the program that reaches it.
    """

    file: str
    line: int
    function: str
    program: str


@dataclass(frozen=True, slots=True, order=True)
class Undecided:
    """A place where names are not enough to identify the call.

    Args:
        site: The place.
        text: The code there, and why it is undecided.
    """

    site: Site
    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    """What a checkout calls.

    Args:
        programs: The folders of the programs that were followed.
        sites: The call sites of each action, such as ``ec2:CreateTags``.
        undecided: What names cannot decide.
    """

    programs: tuple[str, ...]
    sites: dict[str, tuple[Site, ...]]
    undecided: tuple[Undecided, ...]


def calls(checkout: Checkout) -> Calls:
    """Return the AWS calls that the programs of a checkout reach.

    Args:
        checkout: What `checkout.read_checkout` returns.
    """
    programs = checkout.programs()
    sites: dict[str, set[Site]] = {}
    undecided: set[Undecided] = set()
    for program in programs:
        files = checkout.closure(program)
        operations = _operations(files)
        declared = {f.name for file in files for f in file.functions}
        clients = _clients(files, operations)
        for file, function in _reached(files, program):
            for result in _Reader(file, function, program, operations, declared, clients).found():
                if isinstance(result, Undecided):
                    undecided.add(result)
                else:
                    sites.setdefault(result[0], set()).add(result[1])
    ordered = {action: tuple(sorted(places)) for action, places in sorted(sites.items())}
    return Calls(programs, ordered, tuple(sorted(undecided)))


def _services(file: GoFile) -> dict[str, str]:
    """Return the AWS services that a file names, by the names it has for them."""
    matches = {alias: _SERVICE.fullmatch(path) for alias, path in file.imports.items()}
    return {alias: _PREFIXES.get(m[1], m[1]) for alias, m in matches.items() if m}


def _operations(files: Iterable[GoFile]) -> dict[str, str]:
    """Return the services of the operations that any file names an input of."""
    result = {}
    for file in files:
        services = _services(file)
        for alias, dot, name in zip(file.tokens, file.tokens[1:], file.tokens[2:], strict=False):
            if dot.text == "." and alias.text in services and (m := _INPUT.fullmatch(name.text)):
                result[m[1]] = services[alias.text]
    return result


def _clients(files: Iterable[GoFile], operations: dict[str, str]) -> set[str]:
    """Return the names that an operation is called on anywhere."""
    return {
        holder.text
        for file in files
        for holder, dot, name, call in _quadruples(file.tokens)
        if holder.kind == "name" and dot.text == "." and call == "("
        if _operation(name.text, operations) and holder.text not in file.imports
    }


def _operation(name: str, operations: dict[str, str]) -> str:
    """Return the operation that a method of this name calls, empty if none."""
    plain = next((name.removesuffix(f) for f in _FORMS if name.endswith(f)), name)
    return next((n for n in (name, plain) if n in operations), "")


def _quadruples(tokens: tuple[Token, ...]) -> Iterator[tuple[Token, Token, Token, str]]:
    for i in range(len(tokens) - 2):
        behind = tokens[i + 3].text if i + 3 < len(tokens) else ""
        yield tokens[i], tokens[i + 1], tokens[i + 2], behind


def _reached(files: tuple[GoFile, ...], program: str) -> list[tuple[GoFile, Function]]:
    """Return the functions that a program's start reaches, going by their names."""
    waiting = []
    by_name: dict[str, list[tuple[GoFile, Function]]] = {}
    for file in files:
        own = file.path.rpartition("/")[0] == program
        names = frozenset(t.text for t in file.values if t.kind == "name")
        start = Function("var", False, file.path, 1, file.values)
        if names:
            waiting.append((file, start))
        for function in file.functions:
            if function.name == "init" or (function.name == "main" and own):
                waiting.append((file, function))
            else:
                by_name.setdefault(function.name, []).append((file, function))
    reached = []
    while waiting:
        file, function = waiting.pop()
        reached.append((file, function))
        for name in function.names():
            waiting += by_name.pop(name, ())
    return reached


class _Reader:
    """Finds the calls in the body of one function."""

    def __init__(
        self,
        file: GoFile,
        function: Function,
        program: str,
        operations: dict[str, str],
        declared: set[str],
        clients: set[str],
    ) -> None:
        self.file, self.function, self.program = file, function, program
        self.operations, self.declared, self.clients = operations, declared, clients
        self.services = _services(file)

    def found(self) -> Iterator[tuple[str, Site] | Undecided]:
        """Yield the actions called, each with its place, and what is undecided."""
        for holder, dot, name, behind in _quadruples(self.function.body):
            if dot.text != "." or name.kind != "name":
                continue
            site = Site(self.file.path, name.line, self.function.name, self.program)
            open_ = self.undecided(holder, name, behind == "(")
            action = "" if open_ else self.action(holder, name)
            if action and self.file.when:
                open_ = f"{action} is called in a file that is built only if {self.file.when}"
            if open_:
                yield Undecided(site, open_)
            elif action:
                yield action, site

    def action(self, holder: Token, name: Token) -> str:
        """Return the action that a method calls, empty if none."""
        if holder.text in self.services and (paginator := _PAGINATOR.fullmatch(name.text)):
            return f"{self.services[holder.text]}:{paginator[1]}"
        if operation := self.operation(holder, name):
            return f"{self.operations[operation]}:{operation}"
        return ""

    def operation(self, holder: Token, name: Token) -> str:
        """Return the operation of a method's name, unless it is another package's function."""
        if holder.text in self.file.imports and holder.text not in self.services:
            return ""
        return _operation(name.text, self.operations)

    def undecided(self, holder: Token, name: Token, called: bool) -> str:
        """Return what is open at a name, empty if nothing is."""
        client = holder.text in self.clients
        if name.text == "MethodByName":
            return "calls a method whose name is computed"
        if _WAITER.fullmatch(name.text) and (client or holder.text in self.services):
            return f"{name.text} waits by calls that its name does not say"
        if self.operation(holder, name):
            if name.text in self.declared:
                return f"{name.text} is a method of AWS, and of one declared in the checkout"
            return (
                "" if called else f"{name.text} is named and not called; where it is called is open"
            )
        if called and client and name.text not in self.declared:
            return f"{holder.text}.{name.text} calls a client, with no input that is named"
        return ""
