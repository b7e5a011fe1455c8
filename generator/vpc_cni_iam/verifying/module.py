"""Reads the policy documents of a module directory with given values for its variables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.options import Options, stated
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.read import Block, parse
from vpc_cni_iam.hcl.resolve import Found, Scope

# Values that no default has, so that an ARN or name that ignores its variable shows.
SAMPLE = {
    "cluster_name": "verify-cluster",
    "vpc_id": "vpc-0123456789abcdef0",
    "partition": "aws-us-gov",
    "region": "us-gov-west-1",
    "account_id": "111122223333",
    "vpc_owner_id": "444455556666",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A module directory as read.

    Args:
        directory: Where it is.
        stated: The options its files state, None if they state none.
        values: What its variables were filled with; its own defaults are upstream's.
        variables: The names of all its variables.
        outputs: The names of its outputs.
        documents: The policy documents that could be read.
        unread: Why others could not be, by the name of their data source.
    """

    directory: Path
    stated: Options | None
    values: dict[str, str]
    variables: frozenset[str]
    outputs: frozenset[str]
    documents: tuple[Found, ...]
    unread: dict[str, str]

    @property
    def expected_values(self) -> dict[str, str]:
        """What the catalog's documents are filled with: the values, or upstream's own."""
        given = {name: self.values.get(name) for name in SAMPLE}
        return parameters.values(given)


def read(directory: Path) -> Module:
    """Read a module directory.

    Args:
        directory: The directory; its ``*.tf`` files are read, as an engine would.

    Raises:
        InputError: No such directory, no module in it, or not HCL.
    """
    if not directory.is_dir():
        raise InputError(str(directory), "", "is not a directory; name a generated module's")
    paths = sorted(p for p in directory.glob("*.tf") if p.is_file())
    if not paths:
        raise InputError(str(directory), "", "holds no .tf file; name a generated module's")
    blocks: list[tuple[str, Block]] = []
    made_from: Options | None = None
    for path in paths:
        text = _text(path)
        made_from = made_from or stated(text)
        blocks += [(str(path), b) for b in parse(text, str(path))]
    every = [b for _, b in blocks]
    variables = frozenset(b.labels[0] for b in every if b.type == "variable" and b.labels)
    values = {name: value for name, value in SAMPLE.items() if name in variables}
    scope = Scope({f"var.{n}": v for n, v in values.items()}, resolve.local_nodes(every))
    documents: list[Found] = []
    unread: dict[str, str] = {}
    for source, block in blocks:
        try:
            documents += resolve.documents([block], source, scope)
        except InputError as error:
            unread[block.labels[-1]] = str(error)
    return Module(
        directory=directory,
        stated=made_from,
        values=values,
        variables=variables,
        outputs=frozenset(b.labels[0] for b in every if b.type == "output" and b.labels),
        documents=tuple(documents),
        unread=unread,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(str(path), "", "is not UTF-8 text") from None
    except OSError as error:
        raise InputError(str(path), "", f"cannot be read: {error.strerror}") from None
