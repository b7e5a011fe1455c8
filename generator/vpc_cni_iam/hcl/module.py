"""Reads a whole module, from the texts of its files, into its policy documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.read import Block, parse
from vpc_cni_iam.hcl.resolve import Found, Scope


@dataclass(frozen=True, slots=True)
class Module:
    """A module as read.

    Args:
        values: What its variables were filled with, of those it has.
        outputs: The names of its outputs.
        variables: The names of all its variables.
        documents: The policy documents that could be read.
        unread: Why others could not be, by the name of their data source.
    """

    values: dict[str, str]
    outputs: frozenset[str]
    variables: frozenset[str]
    documents: tuple[Found, ...]
    unread: dict[str, str]


def read(texts: Mapping[str, str], values: Mapping[str, str]) -> Module:
    """Read a module.

    Args:
        texts: The texts of its ``*.tf`` files by the name that errors show.
        values: What to fill its variables with.

    Raises:
        InputError: A file is not HCL.
    """
    blocks: list[tuple[str, Block]] = []
    for source in sorted(texts):
        blocks += [(source, b) for b in parse(texts[source], source)]
    every = [b for _, b in blocks]
    variables = frozenset(b.labels[0] for b in every if b.type == "variable" and b.labels)
    chosen = {name: value for name, value in values.items() if name in variables}
    scope = Scope({f"var.{n}": v for n, v in chosen.items()}, resolve.local_nodes(every))
    documents: list[Found] = []
    unread: dict[str, str] = {}
    for source, block in blocks:
        try:
            documents += resolve.documents([block], source, scope)
        except InputError as error:
            unread[block.labels[-1]] = str(error)
    return Module(
        values=chosen,
        outputs=frozenset(b.labels[0] for b in every if b.type == "output" and b.labels),
        variables=variables,
        documents=tuple(documents),
        unread=unread,
    )
