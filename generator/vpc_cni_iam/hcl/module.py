"""Reads a whole module, from the texts of its files, into its policy documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.resolve import ResolvedDocument, ValueScope
from vpc_cni_iam.hcl.syntax import Block, Constant, File, List, Node, Reference, Text


@dataclass(frozen=True, slots=True)
class HclModule:
    """A module as read.

    Args:
        values: What its variables were filled with, of those it has.
        variables: The defaults of its variables by name; None for one that has none.
        documents: The policy documents that could be read.
        unread: Why others could not be, by the name of their data source.
        calls: The blocks that call other modules, each with the name of its file.
    """

    values: dict[str, str]
    outputs: dict[str, Node]
    variables: dict[str, Node | None]
    locals: dict[str, Node]
    documents: tuple[ResolvedDocument, ...]
    unread: dict[str, str]
    calls: tuple[tuple[str, Block], ...]
    scope: ValueScope


def read(texts: Mapping[str, str], values: Mapping[str, str]) -> HclModule:
    """Read a module.

    Args:
        texts: The texts of its ``*.tf`` files by the name that errors show.
        values: What to fill its variables with; its own defaults stand for the others.

    Raises:
        InputError: A file is not HCL.
    """
    return read_files([parse(texts[source], source) for source in sorted(texts)], values)


def read_files(files: Iterable[File], values: Mapping[str, str]) -> HclModule:
    """Read a module whose files are parsed already.

    Args:
        values: As `read` takes them.
    """
    return read_blocks([(file.source, block) for file in files for block in file.blocks], values)


def read_blocks(blocks: Sequence[tuple[str, Block]], values: Mapping[str, str]) -> HclModule:
    """Read a module whose files are parsed already.

    Args:
        blocks: Its blocks, each with the name of its file.
        values: As `read` takes them.
    """
    every = [b for _, b in blocks]
    variables = {
        b.labels[0]: b.attributes.get("default") for b in every if b.type == "variable" and b.labels
    }
    chosen = {name: value for name, value in values.items() if name in variables}
    nodes = local_nodes(every)
    scope = ValueScope(
        {**_defaults(variables), **{f"var.{n}": v for n, v in chosen.items()}}, nodes
    )
    documents: list[ResolvedDocument] = []
    unread: dict[str, str] = {}
    for source, block in blocks:
        try:
            for document in resolve.documents([block], source, scope):
                if any(document.name == d.name for d in documents):
                    problem = f"data source {document.name} stands twice"
                    raise InputError(source, f"line {document.line}", problem)
                documents.append(document)
        except InputError as error:
            unread[block.labels[-1]] = str(error)
    return HclModule(
        values=chosen,
        outputs={
            b.labels[0]: b.attributes["value"]
            for b in every
            if b.type == "output" and b.labels and "value" in b.attributes
        },
        variables=variables,
        locals={name.removeprefix("local."): node for name, node in nodes.items()},
        documents=tuple(d for d in documents if d.name not in unread),
        unread=unread,
        calls=tuple((source, b) for source, b in blocks if b.type == "module"),
        scope=scope,
    )


def local_nodes(blocks: Iterable[Block]) -> dict[str, Node]:
    """Return the locals of a file as `Scope` takes them."""
    return {
        f"local.{name}": node
        for b in blocks
        if b.type == "locals"
        for name, node in b.attributes.items()
    }


def _defaults(variables: Mapping[str, Node | None]) -> dict[str, str | None]:
    defaults: dict[str, str | None] = {}
    for name, node in variables.items():
        if isinstance(node, Text) and node.plain is not None:
            defaults[f"var.{name}"] = node.plain
        elif node == Constant("null"):
            defaults[f"var.{name}"] = None
        elif node in (Constant("true"), Constant("false")):
            defaults[f"var.{name}"] = node.code
    return defaults


def joins_nothing(document: ResolvedDocument, module: HclModule, allowed: Iterable[str]) -> bool:
    """Say whether a document joins no others unless a caller passes some.

    Args:
        allowed: The variables through which a caller may pass some.
    """
    return all(
        argument == "source_policy_documents"
        and isinstance(node, Reference)
        and any(node.path == f"var.{n}" and module.variables.get(n) == List(()) for n in allowed)
        for argument, node in document.joins
    )
