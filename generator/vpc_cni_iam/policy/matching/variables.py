"""Policy variables, wildcards and holes: a text of a policy, taken apart.

Follows the IAM User Guide page "IAM policy elements: Variables and tags", and for what is not a
variable at all, "IAM policy validation check reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.template import Hole, HoleKind, Text, parts_of
from vpc_cni_iam.policy.wildcard import Wild

# The request's context, its keys in lower case.
Context: TypeAlias = Mapping[str, str | tuple[str, ...]]


class UnknownValue(tuple[str, ...]):
    """The values that a request may have for a key, or lack it; empty for any value."""

    __slots__ = ()


class OneOf(UnknownValue):
    """The values of which a request has one for a key."""

    __slots__ = ()


UNKNOWN = UnknownValue()
ANYTHING = UnknownValue()  # what a policy variable takes as any text; one of any other has no value


# In place of a context key: all holes. As every key has a colon, it is none.
HOLES = "holes"


class PolicyVariable(Struct, frozen=True):
    """A policy variable."""

    key: str  # the context key whose value it takes, in lower case
    default: str | None = None  # what it takes if the request lacks the key, None for nothing


class HolePattern(Struct, frozen=True):
    """A hole, and how its text is read, whose text may have wildcards and variables."""

    hole: Hole
    variables: bool
    wildcards: bool


# What stands for text that the pattern does not say.
Opaque: TypeAlias = PolicyVariable | HolePattern
Part: TypeAlias = str | Wild | Opaque
Pattern: TypeAlias = tuple[Part, ...]
# A pattern in which every variable and hole has taken its value.
Plain: TypeAlias = tuple[str | Wild, ...]

_SPECIAL = re.compile(r"\$\{|[*?]")
# A text that ends with the begin of a variable, or begins with the end of one.
_HALF_VARIABLE = re.compile(r"\$(\{[^}]*)?\Z|\A(\{|[^{]*\})")
_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^\s,'${}*?]+)(?:, '([^']*)')?)\}")


def read(text: Text, place: ElementPath, *, variables: bool, wildcards: bool) -> Pattern:
    """Take a text apart into literal text, wildcards, variables and holes.

    Page "IAM policy elements: Variables and tags": ``${*}``, ``${?}`` and ``${$}`` stand for the
    characters themselves; a default stands in single quotes after a comma and a space; key names
    are not case-sensitive; before version 2012-10-17 there are no variables. A text in which a hole
    may be a part of a variable is a hole as a whole.
    """
    if isinstance(text, str):
        return tuple(_read(text, place, variables=variables, wildcards=wildcards))
    parts: list[Part] = []
    for piece in parts_of(text):
        if isinstance(piece, Hole):
            parts.append(HolePattern(piece, variables, wildcards))
            continue
        if variables and _HALF_VARIABLE.search(piece):
            return (HolePattern(Hole(HoleKind.UNKNOWN, repr(text)), variables, wildcards),)
        for part in _read(piece, place, variables=variables, wildcards=wildcards):
            _add(parts, part) if isinstance(part, str) else parts.append(part)
    return tuple(parts)


def _read(text: str, place: ElementPath, *, variables: bool, wildcards: bool) -> list[Part]:
    parts: list[Part] = []
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


def _add(parts: list[Part], text: str) -> None:
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
            f"if it is upstream's placeholder, put its value in first"
        )
    return (
        f"${{{inside}}} is not a policy variable; write ${{service:key}} or "
        f"${{service:key, 'default'}}, without spaces in the key"
    )


def is_plain(pattern: Pattern) -> bool:
    """Say whether a pattern has no variables and no holes."""
    return not any(isinstance(part, Opaque) for part in pattern)


def keys_of(patterns: Iterable[Pattern]) -> tuple[str, ...]:
    """Return the keys of the variables of patterns, each once, and `HOLES` if they have any."""
    opaque = (part for pattern in patterns for part in pattern if isinstance(part, Opaque))
    return tuple(dict.fromkeys(HOLES if isinstance(p, HolePattern) else p.key for p in opaque))


def literal(pattern: Pattern) -> str | None:
    """Return the one string a pattern matches, None if it has wildcards or variables."""
    if not pattern:
        return ""
    first = pattern[0]
    return first if len(pattern) == 1 and isinstance(first, str) else None


def expansions(patterns: Iterable[Pattern], context: Context) -> Iterator[Plain]:
    """Yield patterns with values for all variables and holes, those in which each has one."""
    return (parts for t in patterns if (parts := expand(t, context)) is not None)


def expand(pattern: Pattern, context: Context) -> Plain | None:
    """Return a pattern with the values of variables and holes, None if one of them has none.

    Page "IAM policy elements: Variables and tags": a variable whose key the request lacks takes
    its default, and without one the string that holds it equals nothing and is like nothing.
    Page "Single-valued vs. multivalued context keys": a key of several values is no variable,
    so it has no value here either. A ``*`` or ``?`` in a value is that character: it came
    with the request, and the author of the policy did not write it.
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
