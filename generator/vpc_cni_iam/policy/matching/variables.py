"""Policy variables and wildcards: a string of a policy, taken apart.

Follows the IAM User Guide page "IAM policy elements: Variables and tags", and for what is not a
variable at all, "IAM policy validation check reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.wildcard import Wild

# The request's context, its keys in lower case.
Context: TypeAlias = Mapping[str, str | tuple[str, ...]]


class UnknownValue(tuple[str, ...]):
    """The values that a request may have for a key, or lack it; empty for any value."""

    __slots__ = ()


UNKNOWN = UnknownValue()
ANYTHING = UnknownValue()  # what a policy variable takes as any text; one of any other has no value


class PolicyVariable(Struct, frozen=True):
    """A policy variable."""

    key: str  # the context key whose value it takes, in lower case
    default: str | None = None  # what it takes if the request lacks the key, None for nothing


Part: TypeAlias = str | Wild | PolicyVariable
Pattern: TypeAlias = tuple[Part, ...]
# A pattern in which every variable has taken its value.
Plain: TypeAlias = tuple[str | Wild, ...]

_SPECIAL = re.compile(r"\$\{|[*?]")
_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^\s,'${}*?]+)(?:, '([^']*)')?)\}")


def read(text: str, place: ElementPath, *, variables: bool, wildcards: bool) -> Pattern:
    """Take a string apart into literal text, wildcards and variables.

    Page "IAM policy elements: Variables and tags": ``${*}``, ``${?}`` and ``${$}`` stand for the
    characters themselves; a default stands in single quotes after a comma and a space; key names
    are not case-sensitive; before version 2012-10-17 there are no variables.
    """
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
    return tuple(parts)


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
    """Say whether a pattern has no variables."""
    return not any(isinstance(part, PolicyVariable) for part in pattern)


def keys_of(patterns: Iterable[Pattern]) -> tuple[str, ...]:
    """Return the keys of the variables of patterns, each once."""
    parts = (part for pattern in patterns for part in pattern)
    return tuple(dict.fromkeys(part.key for part in parts if isinstance(part, PolicyVariable)))


def literal(pattern: Pattern) -> str | None:
    """Return the one string a pattern matches, None if it has wildcards or variables."""
    if not pattern:
        return ""
    first = pattern[0]
    return first if len(pattern) == 1 and isinstance(first, str) else None


def expansions(patterns: Iterable[Pattern], context: Context) -> Iterator[Plain]:
    """Yield patterns with their variables' values, those of which each variable has one."""
    return (parts for t in patterns if (parts := expand(t, context)) is not None)


def expand(pattern: Pattern, context: Context) -> Plain | None:
    """Return a pattern with its variables' values, None if one of them has none.

    Page "IAM policy elements: Variables and tags": a variable whose key the request lacks takes
    its default, and without one the string that holds it equals nothing and is like nothing.
    Page "Single-valued vs. multivalued context keys": a key of several values is no variable,
    so it has no value here either. A ``*`` or ``?`` in a value is that character: it came
    with the request, and the author of the policy did not write it.
    """
    parts: list[str | Wild] = []
    for part in pattern:
        if not isinstance(part, PolicyVariable):
            parts.append(part)
            continue
        value = context.get(part.key)
        text: str | Wild | None
        if isinstance(value, UnknownValue):
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
