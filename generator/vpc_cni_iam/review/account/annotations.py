"""The roles in annotations of service accounts, in any resource.

The annotations are in Kubernetes objects, and in values of charts, add-ons and applications, which
may be JSON or YAML text. A role in another form is reported as not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import CHART, ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets, is_mark
from vpc_cni_iam.inputs.plan.values import (
    Path,
    PlacedValue,
    decoded,
    member,
    place_of,
    text,
    values_of,
)
from vpc_cni_iam.plugin.trust import ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown, Value

_WORD = "role-arn"
_DEPTH = 4  # nested texts
_MOST = 250_000  # characters of text that are read if the annotation may be escaped in it
_parsed = lru_cache(8)(decoded)  # two checks read both sides, which have much text in common
# the members of objects that name the annotation, or say where it is copied
_NAMING = ("name", "targetPath")
_NAMES = ("namespace", "name")  # members of a service account's metadata, or beside its annotations


class AnnotatedRole(Struct, frozen=True):
    """The role of a service account, and how the resource identifies the account."""

    placed: PlacedValue
    account: ServiceAccount  # empty names if they are unknown or have a default
    # Identifies the account if its name is unknown: the object in the values of a chart. If the
    # name is known after apply, the object includes its side.
    object: str = ""


class RoleAnnotations(Struct, frozen=True):
    """The roles of service accounts in a resource."""

    roles: tuple[AnnotatedRole, ...] = ()
    not_read: frozenset[str] = frozenset()  # texts about such roles that are not read


def role_annotations(resource: Resource, side: Side, secrets: Secrets) -> RoleAnnotations:
    """Return the roles of service accounts in one side of a resource."""
    marks = resource.unknown if side is Side.AFTER else None
    reader = _AnnotationReader(resource, side, secrets, set())
    roles = tuple(reader.walk(values_of(resource, side), marks, _Where()))
    return RoleAnnotations(roles, frozenset(reader.not_read))


class _Where(Struct, frozen=True):
    """The place of a value."""

    path: Path = ()
    # The objects and lists around it, each with its marks of unknown values; the innermost is last.
    around: tuple[tuple[Any, Any], ...] = ()
    depth: int = 0  # the number of texts around it
    is_hidden: bool = False  # whether it is in a sensitive text

    def inside(self, step: str | int, value: Any, marks: Any) -> _Where:
        """Return the place of a member or item."""
        around = (*self.around, (value, marks))
        return _Where((*self.path, step), around, self.depth, self.is_hidden)


class _AnnotationReader(Struct, frozen=True):
    """Reads one side of a resource."""

    resource: Resource
    side: Side
    secrets: Secrets
    not_read: set[str]

    def walk(self, value: Any, marks: Any, where: _Where) -> Iterator[AnnotatedRole]:
        """Yield the roles in a value."""
        if isinstance(value, str):
            yield from self._in_text(value, where)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                inner = where.inside(number, value, marks)
                yield from self.walk(item, member(marks, number), inner)
        elif isinstance(value, Mapping) or isinstance(marks, Mapping):
            known, later = (part if isinstance(part, Mapping) else {} for part in (value, marks))
            yield from self._in_object(known, later, where)

    def _in_object(
        self, known: Mapping[Any, Any], later: Mapping[Any, Any], where: _Where
    ) -> Iterator[AnnotatedRole]:
        names_role, is_elsewhere = (self._is_annotation(known.get(k)) for k in _NAMING)
        if is_elsewhere:  # Flux takes the value from another object
            yield self._role(None, True, where.inside("targetPath", known, later))
        for key in {**known, **later}:
            value, mark = known.get(key), later.get(key)
            inner = where.inside(str(key), known, later)
            if self._is_annotation(key) or (names_role and key == "value"):
                if mark is True or value not in (None, ""):
                    yield self._role(value, mark, inner)
            elif key not in _NAMING or not self._is_annotation(value):
                if _WORD in str(key):
                    self.not_read.add(f"{key}: {value}")
                yield from self.walk(value, mark, inner)

    def _is_annotation(self, name: Any) -> bool:
        """Return whether a name is the annotation's, also with escaped dots."""
        text = self.secrets.judged(name)
        return isinstance(text, str) and text.replace("\\.", ".").endswith(ROLE_ANNOTATION)

    def _role(self, value: Any, mark: Any, where: _Where) -> AnnotatedRole:
        role: Value = Known(value)
        if mark is True or not isinstance(value, str):
            role = Unknown(place_of(self.resource, where.path), self.side)
        elif where.is_hidden or is_mark(value):
            role = Sensitive(value if is_mark(value) else self.secrets.mark_of(value))
        return AnnotatedRole(PlacedValue(where.path, role), *self._account(where))

    def _named_by(self, where: _Where) -> tuple[list[str], Any, Any]:
        """Return the path of an annotation, and what names its account, with its marks."""
        (inner, _), (holder, marks) = where.around[-1], where.around[-2:][0]
        path: list[str] = [s for s in where.path[1:-2] if isinstance(s, str)]
        if isinstance(holder, list):  # of ``set`` blocks, each with a name and a value
            path = (
                str(self.secrets.judged(inner.get("name"))).partition(".annotations.")[0].split(".")
            )
            named = {i.get("name"): i.get("value") for i in holder if isinstance(i, Mapping)}
            holder = {name: named.get(".".join((*path, name))) for name in _NAMES}
            marks = None
        elif not {*_NAMES} & {*holder} and "metadata" in holder:
            holder, marks = (member(each, "metadata") for each in (holder, marks))
            holder, marks = (e[0] if isinstance(e, list) and e else e for e in (holder, marks))
        return path, holder, marks

    def _account(self, where: _Where) -> tuple[ServiceAccount, str]:
        """Return the account of an annotation, and what identifies it without a name."""
        path, holder, marks = self._named_by(where)
        names = [member(holder, name) for name in _NAMES]
        is_later = marks is True or any(member(marks, name) is True for name in _NAMES)
        shown = self.secrets.mark_of if where.is_hidden else str
        namespace, name = (shown(n) if n else "" for n in names)
        if self.resource.type == CHART:
            namespace = namespace or text(self.resource, "namespace", self.side)
            path += [text(self.resource, each, self.side) for each in ("name", "chart")]
        own = f"{place_of(self.resource, where.path)} {self.side}" if is_later else " ".join(path)
        return ServiceAccount(namespace, name), "" if name and not is_later else own

    def _in_text(self, text: str, where: _Where) -> Iterator[AnnotatedRole]:
        whole = self.secrets.judged(text)
        if _WORD not in whole and "\\" not in whole:  # the annotation may be escaped
            return
        documents = _parsed(whole, most=None if _WORD in whole else _MOST)
        if isinstance(documents, list) and len(documents) == 1:
            documents = documents[0]
        roles: tuple[AnnotatedRole, ...] = ()
        if documents not in (None, whole) and where.depth < _DEPTH:
            is_hidden = where.is_hidden or is_mark(text)
            inner = replace(where, depth=where.depth + 1, is_hidden=is_hidden)
            roles = tuple(self.walk(documents, None, inner))
        if not roles and _WORD in f"{whole}{documents}":
            self.not_read.add(text)
        yield from roles
