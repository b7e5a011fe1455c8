"""Replaces literal values with variables, and partitions with the current partition.

Only whole values and whole parts of ARNs are replaced: the cluster name ``prod`` is not a part of
``prod-logs``. The parts of an ARN are separated by ``:`` and, in its resource, by ``/`` (IAM User
Guide, "Identify AWS resources with ARNs").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl.literals import Expression, Interpolation, Literal, Value
from vpc_cni_iam.hcl.write import NewBlock, literal
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Text, known

PARTITION = NewBlock('data "aws_partition" "current"')
_PARTITION = Expression("data.aws_partition.current.partition")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Names that Terraform reserves ("Input Variables", in its documentation).
_RESERVED = (
    "source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"
)  # fmt: skip
# A policy variable is one part, whatever characters it has.
_SEPARATOR = re.compile(r"(\$\{[^}]*\}|[:/])")
_ARN = re.compile(r"arn:(aws[a-z-]*):")
_PLACE = 2  # the index of the partition among an ARN's parts and separators


def parameters(pairs: Iterable[str]) -> dict[str, str]:
    """Return variables by literal, from texts ``KEY=VALUE``; raises `UsageError`."""
    names: dict[str, str] = {}
    for pair in pairs:
        name, mark, literal = pair.partition("=")
        if not mark or not _NAME.fullmatch(name) or name in _RESERVED:
            raise UsageError(
                f"--parametrize {pair}: write the name of a variable, = and the value that it "
                "replaces, such as account_id=111122223333"
            )
        if not any(c.isalnum() for c in literal):
            raise UsageError(f"--parametrize {pair}: {literal!r} has neither a letter nor a digit")
        if literal in names or name in names.values():
            raise UsageError(f"--parametrize {pair}: its name or its value is given twice")
        names[literal] = name
    return names


class Substitution(Struct):
    """Replaces literals in the texts of policies, and records which it replaced."""

    names: Mapping[str, str]  # the names of variables by the literals that they replace
    partition: str = ""  # the partition to replace with the current one, empty for none
    used: set[str] = field(default_factory=set)
    # Texts that contain a literal inside a longer word, by literal.
    left: dict[str, list[str]] = field(default_factory=dict)
    partition_used: bool = False  # whether a partition was replaced

    @property
    def active(self) -> bool:
        """Whether there is anything to replace."""
        return bool(self.names or self.partition)

    def value(self, chosen: Text) -> Value:
        """Return the code for a resource, principal, condition key or value."""
        text = literal(chosen).text
        if text in self.names:
            self.used.add(text)
            return Expression(f"var.{self.names[text]}")
        parts = list(self._parts(text)) if text.startswith("arn:") else [Literal(text)]
        for value in self.names:
            if any(isinstance(p, Literal) and value in p.text for p in parts):
                self.left.setdefault(value, []).append(text)
        return parts[0] if len(parts) == 1 else Interpolation(tuple(parts))

    def _parts(self, text: str) -> Iterator[Literal | Expression]:
        before = ""
        for place, piece in enumerate(_SEPARATOR.split(text)):
            if piece in self.names:
                self.used.add(piece)
                replacement = Expression(f"var.{self.names[piece]}")
            elif place == _PLACE and piece and piece == self.partition:
                self.partition_used = True
                replacement = _PARTITION
            else:
                before += piece
                continue
            if before:
                yield Literal(before)
            yield replacement
            before = ""
        if before:
            yield Literal(before)


def variables(names: Mapping[str, str], used: Iterable[str]) -> list[NewBlock]:
    """Return the variables of the documents; `names` are variable names by literal."""
    return [
        NewBlock(
            f'variable "{names[literal]}"',
            [
                ("description", Literal(f"Replaces {literal} in the policy documents.")),
                ("type", Expression("string")),
                ("default", Literal(literal)),
            ],
        )
        for literal in names
        if literal in set(used)
    ]


def partitions(policy: Policy) -> tuple[str, ...]:
    """Return the partitions in a policy's ARNs, each once."""
    matches = (_ARN.match(text) for s in policy.statements for text in known(s.texts()))
    return tuple(dict.fromkeys(m[1] for m in matches if m))
