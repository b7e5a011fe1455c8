"""Reads the policy documents of a whole module from the texts of its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.evaluate.domain import DOCUMENT, HclValue, ValueScope, address_of
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.hcl.module.joining import join as join_documents
from vpc_cni_iam.hcl.module.variables import declared, undeclared
from vpc_cni_iam.hcl.module.variables import values as variable_values
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.resolve import ResolvedDocument
from vpc_cni_iam.hcl.syntax import Block, Constant, FunctionCall, List, Node, Reference, Text
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, Template, fill, join

_WIDTH = 100
_FLAGS = {"true": True, "false": False}


class HclModule(Struct, frozen=True):
    """The result of reading a module."""

    outputs: dict[str, Node]
    # The defaults of its variables by name; None for no default.
    variables: dict[str, Node | None]
    documents: tuple[ResolvedDocument, ...]  # the policy documents that could be read
    unread: dict[str, str]  # why others could not be read, by the name of their data source
    evaluator: Evaluator
    absent: dict[str, str]  # why data sources have no instance, by their name

    @property
    def names(self) -> set[str]:
        """The names of its policy documents, read or not."""
        return {d.name for d in self.documents} | set(self.unread)

    def filled(self, policy: Policy) -> Policy:
        """Return a policy of the module with its variables' texts filled in."""
        texts = self.evaluator.scope.texts
        return policy.map_texts(lambda text: fill(text, lambda h: texts.get(h, h)), whole=True)

    def document(self, name: str) -> ResolvedDocument | None:
        """Return the policy document with a name; None if unread or absent."""
        return next((d for d in self.documents if d.name == name), None)


def read(texts: Mapping[str, str], values: Mapping[str, PolicyText | bool]) -> HclModule:
    """Read a module from its ``*.tf`` files by name; see `read_blocks`."""
    files = [parse(texts[source], source) for source in sorted(texts)]
    return read_blocks([block for file in files for block in file.blocks], values)


def read_blocks(
    blocks: Sequence[Block],
    values: Mapping[str, PolicyText | bool],
    user_values: GivenVariables | None = None,
) -> HclModule:
    """Read a module from its blocks.

    `values` replace variables with these names in texts; only true and false are computed with.
    `any_values` returns them for a module with any values. `user_values` has a user's values; other
    variables have their defaults. Without `user_values`, defaults are used in texts like `values`.
    """
    variables = {n: b.attributes.get("default") for n, b in declared(blocks).items()}
    chosen = {name: value for name, value in values.items() if name in variables}
    texts = {name: value for name, value in chosen.items() if not isinstance(value, bool)}
    if user_values is None:
        texts = {**_default_texts(variables), **texts}
    else:
        texts = {name: value for name, value in texts.items() if name not in user_values.names}
    evaluator = Evaluator(_scope(blocks, variables, chosen, values, user_values, texts))
    documents, unread, absent = _documents(blocks, evaluator)
    module = HclModule(
        outputs={
            b.labels[0]: b.attributes["value"]
            for b in blocks
            if b.type == "output" and "value" in b.attributes
        },
        variables=variables,
        documents=documents,
        unread=unread,
        evaluator=evaluator,
        absent=absent,
    )
    filled = (replace(d, policy=module.filled(d.policy)) for d in documents)
    return replace(module, documents=tuple(filled))


def hole_of(variable: str) -> Hole:
    """Return the hole in texts for a variable that a caller can set."""
    return Hole(HoleKind.PARAMETER, f"var.{variable}")


def any_values(variables: Iterable[str]) -> dict[str, PolicyText]:
    """Return a hole for each variable: a caller may pass any text."""
    return {name: join([hole_of(name)]) for name in variables}


def _documents(
    blocks: Iterable[Block], evaluator: Evaluator
) -> tuple[tuple[ResolvedDocument, ...], dict[str, str], dict[str, str]]:
    """Return documents joined with their sources, and the unread and absent ones of `HclModule`."""
    documents: dict[str, ResolvedDocument] = {}
    unread: dict[str, str] = {}
    absent: dict[str, str] = {}
    texts: dict[str, ResolvedDocument] = {}  # by the reference to the JSON
    for block in filter(resolve.is_document, blocks):
        name = block.labels[-1]
        try:
            instances = resolve.read_documents(block, evaluator)
            if any(instance.name in documents for instance in instances):
                raise block.span.refuse(f"data source {name} is there twice")
        except InputError as error:
            unread[name] = str(error)
            continue
        documents |= {instance.name: instance for instance in instances}
        for instance in instances:
            key = instance.name.removeprefix(name)
            key = "[0]" if "count" in block.attributes and not key else key
            texts[f"{DOCUMENT}.{name}{key}.json"] = instance
        if not instances:
            absent[name] = f"{block.span.place}: {_why_absent(block)}"
    for name, document in documents.items():
        try:
            documents[name] = join_documents(document, texts)
        except InputError as error:
            unread[name] = f"{error.place}: {error.problem}"
    read = tuple(
        document
        for name, document in documents.items()
        if unread.keys().isdisjoint((name, name.partition("[")[0]))
    )
    return read, unread, absent


def _scope(
    blocks: Sequence[Block],
    variables: Mapping[str, Node | None],
    chosen: Mapping[str, PolicyText | bool],
    values: Mapping[str, PolicyText | bool],
    user_values: GivenVariables | None,
    texts: Mapping[str, PolicyText],
) -> ValueScope:
    """Return the values of names; `texts` has the variables that are only used in texts."""
    nodes, filling = local_nodes(blocks), {hole_of(name): text for name, text in texts.items()}
    open_values: dict[str, Template | HclValue] = {
        f"var.{name}": Template((hole_of(name),)) for name in texts
    }
    string = Reference("string")
    lists = frozenset(map(hole_of, _of_type(blocks, FunctionCall("list", (string,)))))
    if user_values is None:
        flags = {f"var.{n}": v for n, v in chosen.items() if isinstance(v, bool)}
        values_ = {**_defaults(variables), **open_values, **flags}
        return ValueScope(values_, nodes, filling, holes=True, lists=lists)
    known = variable_values(blocks, user_values)
    return ValueScope(
        {**undeclared(variables, user_values), **known, **open_values},
        nodes,
        filling,
        strings=frozenset(f"var.{n}" for n in _of_type(blocks, string)),
        lists=lists,
        blocks={address_of(b): b for b in blocks if b.type in ("resource", "data", "module")},
        surroundings={
            "partition": "aws",
            **{n: v for n, v in values.items() if isinstance(v, str) and v != "*"},
        },
    )


def _of_type(blocks: Iterable[Block], kind: Node) -> list[str]:
    """Return the names of the variables with a type."""
    return [n for n, b in declared(blocks).items() if b.attributes.get("type") == kind]


def _why_absent(block: Block) -> str:
    argument = "count" if "count" in block.attributes else "for_each"
    code = shorten(block.attributes[argument].span.code, _WIDTH)
    return f"{argument} is {code}, so it has no instance with these values; change them with --var"


def local_nodes(blocks: Iterable[Block]) -> dict[str, Node]:
    """Return the locals of blocks, for `ValueScope`."""
    return {
        f"local.{name}": node
        for b in blocks
        if b.type == "locals"
        for name, node in b.attributes.items()
    }


def _default_texts(variables: Mapping[str, Node | None]) -> dict[str, str]:
    return {
        name: node.plain
        for name, node in variables.items()
        if isinstance(node, Text) and node.plain is not None
    }


def _defaults(variables: Mapping[str, Node | None]) -> dict[str, HclValue]:
    """Return the defaults that are not text: true, false and null."""
    return {
        f"var.{name}": {**_FLAGS, "null": None}[node.code]
        for name, node in variables.items()
        if isinstance(node, Constant) and node.code in (*_FLAGS, "null")
    }


def joins_nothing(document: ResolvedDocument, module: HclModule, allowed: Iterable[str]) -> bool:
    """Return whether a document joins others only if a caller passes them in `allowed`."""
    return all(
        argument == "source_policy_documents"
        and isinstance(node, Reference)
        and any(node.path == f"var.{n}" and module.variables.get(n) == List(()) for n in allowed)
        for argument, node in document.joins
    )
