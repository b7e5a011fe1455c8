"""What ``aws_iam_policy_document`` cannot express: it would drop it, change it or refuse it.

Measured with the AWS provider 3.39.0 by `tests/converting/test_convert_engines.py`, and read in
the source of version 6, internal/service/iam/policy_document_data_source.go: it replaces ``&{`` by
``${`` in resources, principals and condition values, refuses a Sid that stands twice, and leaves
an empty Statement out. (Versions 5.82 and 5.83 alone also refused a Sid with other characters
than letters and digits.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vpc_cni_iam.hcl.literals import PLAIN, unwritable
from vpc_cni_iam.policy.document import Policy, Statement

_REPLACED = "holds '&{', which aws_iam_policy_document turns into '${'; it cannot express that text"


@dataclass(frozen=True, slots=True)
class Inexpressible:
    """One thing in a policy that the data source cannot express."""

    path: str  # its JSON path in the document, such as ``$.Statement[0].Resource``
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def problems(policy: Policy) -> tuple[Inexpressible, ...]:
    """Return all that the data source of a policy could not express; empty for nearly all."""
    unexpressed = [*_text(policy.id, "$.Id", replaced=False)]
    if not policy.statements:
        reason = "is empty, and aws_iam_policy_document would leave it out"
        unexpressed.append(Inexpressible("$.Statement", reason))
    sids: set[str] = set()
    for place, statement in enumerate(policy.statements):
        path = f"$.Statement[{place}]"
        if statement.sid:
            if statement.sid in sids:
                reason = (
                    f"{statement.sid!r} is the Sid of a statement before, which "
                    "aws_iam_policy_document refuses; rename one or leave it out"
                )
                unexpressed.append(Inexpressible(f"{path}.Sid", reason))
            sids.add(statement.sid)
        unexpressed += _statement(statement, path)
    return tuple(unexpressed)


def _statement(statement: Statement, path: str) -> Iterator[Inexpressible]:
    yield from _text(statement.sid, f"{path}.Sid", replaced=False)
    for name, texts, replaced in (
        ("Action", statement.actions, False),
        ("NotAction", statement.not_actions, False),
        ("Resource", statement.resources, True),
        ("NotResource", statement.not_resources, True),
    ):
        yield from _texts(texts, path, name, replaced=replaced)
    for condition in statement.conditions:
        place = f"Condition.{condition.operator}"
        yield from _texts((condition.operator, condition.key), path, place, replaced=False)
        yield from _texts(condition.values, path, f"{place}.{condition.key}", replaced=True)
    for name, principals in (
        ("Principal", statement.principals),
        ("NotPrincipal", statement.not_principals),
    ):
        for principal in principals:
            yield from _texts(
                principal.identifiers, path, f"{name}.{principal.type}", replaced=True
            )


def _texts(
    texts: Iterable[str], path: str, name: str, *, replaced: bool
) -> Iterator[Inexpressible]:
    for text in texts:
        if not PLAIN.fullmatch(text):
            yield from _text(text, f"{path}.{name}", replaced=replaced)


def _text(text: str, path: str, *, replaced: bool) -> Iterator[Inexpressible]:
    if reason := unwritable(text):
        yield Inexpressible(path, f"{text!r} {reason}")
    if replaced and "&{" in text:
        yield Inexpressible(path, f"{text!r} {_REPLACED}")
