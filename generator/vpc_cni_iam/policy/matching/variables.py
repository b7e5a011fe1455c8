"""Parses a text of a policy into policy variables, wildcards and holes.

Follows the IAM User Guide page "IAM policy elements: Variables and tags", and for invalid
variables, "IAM policy validation check reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, parts_of
from vpc_cni_iam.policy.wildcard import Wild

# The request's context, its keys in lower case.
KeyValues: TypeAlias = Mapping[str, str | tuple[str, ...]]


class UnknownValue(tuple[str, ...]):
    """The possible values of a request for a key that it may also lack; empty for any value."""

    __slots__ = ()


class OneOf(UnknownValue):
    """The values of a key, of which a request has one."""

    __slots__ = ()


UNKNOWN = UnknownValue()
ANYTHING = UnknownValue()  # the value of a policy variable that can be any text


# Instead of a context key: all holes. It is no key, since every key has a colon.
HOLES = "holes"


class PolicyVariable(Struct, frozen=True):
    """A policy variable."""

    key: str  # the context key of its value, in lower case
    default: str | None = None  # its default if the request lacks the key; None for none


class HolePattern(Struct, frozen=True):
    """A hole and how its text is read; the text may have wildcards and variables."""

    hole: Hole
    variables: bool
    wildcards: bool


# Parts for text that is not in the pattern.
Opaque: TypeAlias = PolicyVariable | HolePattern
TextPart: TypeAlias = str | Wild | Opaque
Pattern: TypeAlias = tuple[TextPart, ...]
# A pattern in which every variable and hole has its value.
Plain: TypeAlias = tuple[str | Wild, ...]

_SPECIAL = re.compile(r"\$\{|[*?]")
# A text that ends with the beginning of a variable, or begins with the end of one.
_HALF_VARIABLE = re.compile(r"\$(\{[^}]*)?\Z|\A(\{|[^{]*\})")
_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^\s,'${}*?]+)(?:, '([^']*)')?)\}")


def read(text: PolicyText, place: ElementPath, *, variables: bool, wildcards: bool) -> Pattern:
    """Parse a text into literal text, wildcards, variables and holes.

    Page "IAM policy elements: Variables and tags": ``${*}``, ``${?}`` and ``${$}`` are the
    characters themselves; a default is in single quotes after a comma and a space; key names are
    not case-sensitive; versions before 2012-10-17 have no variables. If a hole may be a part of a
    variable, the whole text is a hole.
    """
    if isinstance(text, str):
        return tuple(_read(text, place, variables=variables, wildcards=wildcards))
    parts: list[TextPart] = []
    for piece in parts_of(text):
        if isinstance(piece, Hole):
            parts.append(HolePattern(piece, variables, wildcards))
            continue
        if variables and _HALF_VARIABLE.search(piece):
            return (HolePattern(Hole(HoleKind.UNKNOWN, repr(text)), variables, wildcards),)
        for part in _read(piece, place, variables=variables, wildcards=wildcards):
            _add(parts, part) if isinstance(part, str) else parts.append(part)
    return tuple(parts)


def _read(text: str, place: ElementPath, *, variables: bool, wildcards: bool) -> list[TextPart]:
    parts: list[TextPart] = []
    position = 0
    while special := _SPECIAL.search(text, position):
        _add(parts, text[position : special.start()])
        position = special.end()
        if special.group() == "${" and variables:
            variable = _VARIABLE.match(text, special.start())
            if variable is None or (variable[2] and ":" not in variable[2]):
                raise place.refuse(_no_variable(text[special.start() :]))
            if variable[1]:
                _add(parts, variable[1])
            else:
                parts.append(PolicyVariable(variable[2].lower(), variable[3]))
            position = variable.end()
        elif special.group() != "${" and wildcards:
            parts.append(Wild(special.group()))
        else:
            _add(parts, special.group())
    _add(parts, text[position:])
    return parts


def _add(parts: list[TextPart], text: str) -> None:
    """Append literal text, joined to literal text before it."""
    if text and parts and isinstance(parts[-1], str):
        parts[-1] += text
    elif text:
        parts.append(text)


def _no_variable(rest: str) -> str:
    inside, closed, _ = rest[2:].partition("}")
    if not closed:
        return f"the policy variable {rest!r} has no closing brace"
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", inside):
        return (
            f"${{{inside}}} names no condition key, so it would never match; "
            f"if it is upstream's placeholder, replace it with its value"
        )
    return (
        f"${{{inside}}} is not a policy variable; write ${{service:key}} or "
        f"${{service:key, 'default'}}, without spaces in the key"
    )


def is_plain(pattern: Pattern) -> bool:
    """Return whether a pattern has no variables and no holes."""
    return not any(isinstance(part, Opaque) for part in pattern)


def keys_of(patterns: Iterable[Pattern]) -> tuple[str, ...]:
    """Return the keys of variables in patterns, each once, and `HOLES` if there are holes."""
    opaque = (part for pattern in patterns for part in pattern if isinstance(part, Opaque))
    return tuple(dict.fromkeys(HOLES if isinstance(p, HolePattern) else p.key for p in opaque))


def literal(pattern: Pattern) -> str | None:
    """Return the only string that a pattern matches; None if it has wildcards or variables."""
    if not pattern:
        return ""
    first = pattern[0]
    return first if len(pattern) == 1 and isinstance(first, str) else None


def expansions(patterns: Iterable[Pattern], context: KeyValues) -> Iterator[Plain]:
    """Yield patterns with values for all variables and holes, without those that lack a value."""
    return (parts for t in patterns if (parts := expand(t, context)) is not None)


def expand(pattern: Pattern, context: KeyValues) -> Plain | None:
    """Return a pattern with the values of variables and holes; None if one has no value.

    Page "IAM policy elements: Variables and tags": if the request lacks a variable's key, the
    variable has its default; without a default, its string matches nothing. Page "Single-valued vs.
    multivalued context keys": a key with several values cannot be a variable, so it has no value
    here either. A ``*`` or ``?`` in a value is a plain character: it comes from the request, not
    from the policy.
    """
    parts: list[str | Wild] = []
    for part in pattern:
        if not isinstance(part, Opaque):
            parts.append(part)
            continue
        value = context.get(HOLES if isinstance(part, HolePattern) else part.key)
        text: str | Wild | None
        if isinstance(part, HolePattern) or isinstance(value, UnknownValue):
            text = Wild.RUN if value is ANYTHING else None
        elif value is None or value == ():
            text = part.default
        elif isinstance(value, str):
            text = value
        else:
            text = value[0] if len(value) == 1 else None
        if text is None:
            return None
        parts.append(text)
    return tuple(parts)
