"""Notes about text that a conversion writes differently, with the same meaning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from vpc_cni_iam.policy.document import PRINCIPAL_ELEMENTS, TEXT_ELEMENTS
from vpc_cni_iam.policy.matching.operators import is_operator
from vpc_cni_iam.policy.strict_json import Number

# IAM User Guide, "IAM JSON policy elements: Sid".
_SID = re.compile("[A-Za-z0-9]*")
_REFUSED_SID = (
    "has other characters than ASCII letters and digits, which IAM refuses; some services accept "
    "them in their resource policies"
)


class Note(Struct, frozen=True):
    """A normalisation, or another fact that the reader should know."""

    path: str  # its JSON path in the file
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def notes(document: Any, path: str) -> Iterator[Note]:
    """Yield the normalisations of decoded JSON, except order and lists of one value."""
    if "Version" not in document:
        yield Note(path, "has no Version, which means 2008-10-17; the HCL states it")
    if document.get("Id") == "":
        yield Note(f"{path}.Id", "is empty and left out")
    statements = document["Statement"]
    if not isinstance(statements, list):
        yield from _statement(statements, f"{path}.Statement")
        return
    for index, statement in enumerate(statements):
        yield from _statement(statement, f"{path}.Statement[{index}]")


def _statement(statement: Mapping[str, Any], path: str) -> Iterator[Note]:
    if statement.get("Sid") == "":
        yield Note(f"{path}.Sid", "is empty and left out")
    yield from _refused(statement, path)
    for name in TEXT_ELEMENTS:
        if isinstance(values := statement.get(name), list):
            yield from _repeated(values, f"{path}.{name}")
    for name in PRINCIPAL_ELEMENTS:
        principals = statement.get(name)
        if isinstance(principals, dict):
            for kind, identifiers in principals.items():
                yield from _repeated(identifiers, f"{path}.{name}.{kind}")
    if "Condition" in statement:
        conditions = statement["Condition"]
        if not conditions:
            yield Note(f"{path}.Condition", "is empty and left out")
        for operator, keys in conditions.items():
            place = f"{path}.Condition.{operator}"
            if not keys:
                yield Note(place, "has no condition key and is left out")
            for key, values in keys.items():
                yield from _quoted(values, f"{place}.{key}")


def _refused(statement: Mapping[str, Any], path: str) -> Iterator[Note]:
    sid = statement.get("Sid") or ""
    if not _SID.fullmatch(sid):
        yield Note(f"{path}.Sid", _REFUSED_SID)
    for operator in statement.get("Condition") or {}:
        if not is_operator(operator):
            yield Note(f"{path}.Condition.{operator}", "is not an IAM condition operator")


def _repeated(values: object, path: str) -> Iterator[Note]:
    if isinstance(values, list) and len(set(values)) < len(values):
        twice = next(v for v, number in Counter(values).items() if number > 1)
        yield Note(path, f"names '{twice}' more than once; the provider renders it once")


def _quoted(values: object, path: str) -> Iterator[Note]:
    for value in values if isinstance(values, list) else (values,):
        if isinstance(value, Number):
            yield Note(path, f'the number {value.text} is written as the string "{value.text}"')
        elif isinstance(value, bool):
            text = "true" if value else "false"
            yield Note(path, f'the boolean {text} is written as the string "{text}"')
