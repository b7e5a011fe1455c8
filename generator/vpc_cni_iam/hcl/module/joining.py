"""Joins policy documents with their sources and overrides, as the provider does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.hcl.evaluate.domain import Unevaluated
from vpc_cni_iam.hcl.resolve import JoinedDocuments, ResolvedDocument
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.strict_json import Number, load_json

_JOINED = "a document that it joins"


def join(
    document: ResolvedDocument,
    documents: Mapping[str, ResolvedDocument],
    above: tuple[str, ...] = (),
) -> ResolvedDocument:
    """Return a document with the documents that it joins; all are by the reference to their JSON.

    `above` has the names of the documents that join this one. Raises `InputError` if a joined
    document is not read, or for a Sid that the provider refuses.
    """
    joined = document.joined
    if joined == JoinedDocuments():
        return document
    refuse = document.place.refuse

    if document.name in above:
        raise refuse(f"{document.name} joins itself")

    def policy(source: str | Unevaluated) -> Policy:
        if isinstance(source, str):
            read = loads(source, _JOINED)
            if dropped := next(_dropped_conditions(source), ""):
                problem = f"the provider drops the condition {dropped} of {_JOINED}"
                raise refuse(f"{problem}, whose value is not text; write it in quotes")
            return read
        if (known := documents.get(source.code)) is None:
            raise refuse(f"joins {source.code}, which is not read")
        if known.joins:
            raise refuse(f"joins {source.code}, which joins documents that only an engine knows")
        return join(known, documents, (*above, document.name)).policy

    sources = list(map(policy, joined.sources))
    sids = [s.sid for source in sources for s in source.statements if s.sid]
    if len(sids) > len(set(sids)):
        raise refuse("joins several statements with the same Sid, which the provider refuses")
    whole = Policy((), "")
    for part in (*sources, document.policy, *map(policy, joined.overrides)):
        whole = _merged(whole, part)
    return replace(document, policy=whole)


def _merged(whole: Policy, part: Policy) -> Policy:
    """Return a policy in which another's statements replace those with the same Sid."""
    statements: list[Statement] = list(whole.statements)
    for statement in part.statements:
        sids = [known.sid for known in statements]
        if statement.sid and statement.sid in sids:
            statements[sids.index(statement.sid)] = statement
        else:
            statements.append(statement)
    version = max(whole.version, part.version)
    return Policy(tuple(statements), version, part.id or whole.id)


def _dropped_conditions(text: str) -> Iterator[str]:
    """Yield the conditions of a JSON policy whose value is one number or boolean."""
    document: Any = load_json(text, _JOINED)
    statements = document["Statement"]
    for index, statement in enumerate(statements if isinstance(statements, list) else [statements]):
        for operator, values in statement.get("Condition", {}).items():
            for key, value in values.items():
                if isinstance(value, bool | Number):
                    yield f"Statement[{index}].Condition.{operator}.{key}"
