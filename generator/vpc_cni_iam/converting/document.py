"""Converts one policy document, or says all that keeps it from being expressed as HCL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vpc_cni_iam.converting.notes import Note, notes
from vpc_cni_iam.converting.parametrize import Substitution, partitions
from vpc_cni_iam.converting.write import data_source
from vpc_cni_iam.errors import InexpressibleError, InputError
from vpc_cni_iam.hcl.expressible import problems
from vpc_cni_iam.hcl.literals import Literal
from vpc_cni_iam.inputs.json_documents import JsonDocument
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse


@dataclass(frozen=True, slots=True)
class Converted:
    """One document as HCL."""

    document: JsonDocument
    name: str
    text: str
    notes: tuple[Note, ...]
    used: frozenset[str]  # the literals that variables replace
    partition: bool  # whether it refers to the partition of the provider


def convert_document(
    document: JsonDocument, name: str, names: Mapping[str, str], *, partition_aware: bool
) -> Converted | tuple[InputError, ...]:
    """Return a document as HCL, or why there is none; `names` are variables by literals.

    `partition_aware` is whether its ARNs name the partition of the provider.
    """
    try:
        decoded = document.decoded()
        policy = parse(decoded, document.source, document.place)
        replaced = Substitution(names, _partition(policy) if partition_aware else "")
        text = data_source(policy, name, replaced.value if replaced.active else Literal)
    except InputError as error:
        return (error,)
    except InexpressibleError as error:
        errors = tuple(
            InputError(document.source, _place(document.place, p.path, decoded), p.reason)
            for p in problems(policy)
        )
        return errors or (InputError(document.source, document.place, str(error)),)
    own_notes = _own_notes(document, policy, replaced, partition_aware=partition_aware)
    every_note = (
        *notes(decoded, document.place),
        *(Note(document.place, note) for note in own_notes),
    )
    used = frozenset(replaced.used)
    return Converted(document, name, text, every_note, used, replaced.partition_used)


def _partition(policy: Policy) -> str:
    """Return the only partition of a policy's ARNs; one of several cannot be replaced alone."""
    named = partitions(policy)
    return named[0] if len(named) == 1 else ""


def _place(base: str, path: str, decoded: object) -> str:
    """Return a path in the policy model as one in the file."""
    if isinstance(decoded, dict) and isinstance(decoded["Statement"], dict):
        path = path.replace("$.Statement[0]", "$.Statement", 1)
    return base + path.removeprefix("$")


def _own_notes(
    document: JsonDocument, policy: Policy, replaced: Substitution, *, partition_aware: bool
) -> Iterator[str]:
    if document.left_out:
        yield f"is in force; left out are the versions {', '.join(document.left_out)}"
    if partition_aware and not replaced.partition and (named := partitions(policy)):
        yield f"names the partitions {', '.join(named)}, and keeps them"
    for literal, texts in replaced.left.items():
        more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
        yield f"keeps {literal!r} in {texts[0]!r}{more}, where it is part of something longer"
