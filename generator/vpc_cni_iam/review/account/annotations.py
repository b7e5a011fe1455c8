"""The roles that annotations of service accounts name, wherever they are in a resource.

That is in objects of Kubernetes, and in the values of charts, add-ons and applications, which may
be text of JSON or YAML. What says a role in another form is named as not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets, is_mark
from vpc_cni_iam.inputs.plan.values import Path, PlacedValue, decoded, place_of, values_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown

_WORD = "role-arn"
_DEPTH = 4  # of texts in texts
_NAMING = ("name", "targetPath")  # of objects that have the annotation, or say where it goes
# How YAML may spell a character, or break a line, in a text and in JSON of a text.
_ESCAPE = r"\\{1,4}(?:(?:x|u00|U000000)([2-7][0-9a-fA-F])|([/.])|(?:\r|\\r)?(?:\n|\\n)\s*)"


class RoleAnnotations(Struct, frozen=True):
    """What a resource says of the roles of service accounts."""

    roles: tuple[PlacedValue, ...] = ()
    not_read: frozenset[str] = frozenset()  # the texts that are about such a role and are not read


def role_annotations(resource: Resource, side: Side, secrets: Secrets) -> RoleAnnotations:
    """Return what a resource says of the roles of service accounts on a side."""
    values = values_of(resource, side)
    marks = resource.unknown if side is Side.AFTER else None
    if values is None or _WORD not in _unescaped(f"{_restored(values, secrets)}{marks}"):
        return RoleAnnotations()
    reader = _AnnotationReader(resource, side, secrets, set())
    roles = tuple(reader.walk(values, marks, ()))
    return RoleAnnotations(roles, frozenset(reader.not_read))


def _restored(value: Any, secrets: Secrets) -> Any:
    """Return all that a resource says, to be searched for a word."""
    if secrets.is_empty:
        return value
    if isinstance(value, Mapping):
        return {key: _restored(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_restored(inner, secrets) for inner in value]
    return secrets.judged(value)


class _AnnotationReader(Struct, frozen=True):
    """Reads one side of a resource."""

    resource: Resource
    side: Side
    secrets: Secrets
    not_read: set[str]

    def walk(
        self, value: Any, marks: Any, path: Path, depth: int = 0, *, hidden: bool = False
    ) -> Iterator[PlacedValue]:
        """Yield the roles in a value; `hidden` is whether it is in a text that is sensitive."""
        if isinstance(value, str):
            yield from self._in_text(value, path, depth, hidden=hidden)
        elif isinstance(value, list):
            listed = marks if isinstance(marks, list) else []
            for number, item in enumerate(value):
                mark = listed[number] if number < len(listed) else None
                yield from self.walk(item, mark, (*path, number), depth, hidden=hidden)
        elif isinstance(value, Mapping) or isinstance(marks, Mapping):
            known, later = (part if isinstance(part, Mapping) else {} for part in (value, marks))
            yield from self._in_object(known, later, path, depth, hidden=hidden)

    def _in_object(
        self,
        known: Mapping[Any, Any],
        later: Mapping[Any, Any],
        path: Path,
        depth: int,
        *,
        hidden: bool,
    ) -> Iterator[PlacedValue]:
        names_role, is_elsewhere = (self._is_annotation(known.get(k)) for k in _NAMING)
        if is_elsewhere:  # Flux takes the value from another object
            yield self._placed(None, (*path, "targetPath"), later=True, hidden=hidden)
        for key in {**known, **later}:
            value, mark, place = known.get(key), later.get(key), (*path, str(key))
            if self._is_annotation(key) or (names_role and key == "value"):
                if mark is True or value not in (None, ""):
                    yield self._placed(value, place, later=mark is True, hidden=hidden)
            elif key not in _NAMING or not self._is_annotation(value):
                if _WORD in str(key):
                    self.not_read.add(f"{key}: {value}")
                yield from self.walk(value, mark, place, depth, hidden=hidden)

    def _is_annotation(self, name: Any) -> bool:
        """Say whether a name is of the annotation, also where its dots are escaped."""
        text = self.secrets.judged(name)
        return isinstance(text, str) and text.replace("\\.", ".").endswith(ROLE_ANNOTATION)

    def _placed(self, value: Any, path: Path, *, later: bool, hidden: bool) -> PlacedValue:
        if later or not isinstance(value, str):
            return PlacedValue(path, Unknown(place_of(self.resource, path), self.side))
        if hidden or is_mark(value):
            mark = value if is_mark(value) else self.secrets.mark_of(value)
            return PlacedValue(path, Sensitive(mark))
        return PlacedValue(path, Known(value))

    def _in_text(self, text: str, path: Path, depth: int, *, hidden: bool) -> Iterator[PlacedValue]:
        whole = self.secrets.judged(text)
        if _WORD not in _unescaped(whole):
            return
        documents = decoded(whole)
        if isinstance(documents, list) and len(documents) == 1:
            documents = documents[0]
        roles: tuple[PlacedValue, ...] = ()
        if documents not in (None, whole) and depth < _DEPTH:
            is_hidden = hidden or is_mark(text)
            roles = tuple(self.walk(documents, None, path, depth + 1, hidden=is_hidden))
        if not roles:
            self.not_read.add(text)
        yield from roles


def _unescaped(text: str) -> str:
    """Return a text of YAML, or the JSON of one, without what escapes characters and lines."""
    return re.sub(_ESCAPE, _character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[2] or ""
