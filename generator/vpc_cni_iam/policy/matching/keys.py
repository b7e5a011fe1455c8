"""The type of a condition key, and whether a request can have several values for it.

The types of services' keys come from the Service Authorization Reference, those of global keys from
the IAM User Guide. Page "Single-valued vs. multivalued context keys": the number of values is a
property of the key, not of the request.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache

from msgspec import Struct

from vpc_cni_iam import resources
from vpc_cni_iam.policy.template import PolicyText, Template
from vpc_cni_iam.policy.wildcard import Wild, Wildcard

_FILES = "policy/matching/data/{}condition-keys.json"
_SEVERAL = "ArrayOf"
# The variable part of a key, such as aws:ResourceTag/${TagKey} or s3:ExistingObjectTag/<key>.
_VARIABLE = re.compile(r"\$\{[^}]*\}|<[^>]*>")
_REMEMBERED = 1024


class KeyType(Enum):
    """The type of a key's values, in the words of the Service Authorization Reference."""

    STRING = "String"
    ARN = "ARN"
    BOOL = "Bool"
    NUMERIC = "Numeric"
    DATE = "Date"
    IP = "IPAddress"
    UNKNOWN = "unknown"


class Values(Enum):
    """The number of values that a request can have for a key."""

    ONE = "one"
    SEVERAL = "several"
    UNKNOWN = "unknown"


class Key(Struct, frozen=True):
    """The known facts about a condition key."""

    type: KeyType
    values: Values

    @property
    def is_single(self) -> bool:
        """Whether a request is known to have at most one value."""
        return self.values is Values.ONE


class KeysFile(resources.Facts, frozen=True):
    """A file of condition keys."""

    source: str
    keys: dict[str, tuple[str, ...]]  # the keys of each type; ``ArrayOfString`` for several values


_UNKNOWN = Key(KeyType.UNKNOWN, Values.UNKNOWN)


@lru_cache(_REMEMBERED)
def find(name: PolicyText) -> Key:
    """Return the known facts about a key; no facts for an unknown key."""
    exact, variable = _table()
    if isinstance(name, Template):
        # A key such as aws:ResourceTag/ has one type, whatever follows the slash.
        first = name.parts[0]
        if not isinstance(first, str) or "/" not in first:
            return _UNKNOWN
        name = f"{first}x"
    name = name.lower()
    if name in exact:
        return exact[name]
    matching = [key for pattern, key in variable if pattern.matches(name)]
    # If two patterns match, several values are the safe assumption.
    return min(matching, key=lambda key: key.is_single, default=_UNKNOWN)


@cache
def _table() -> tuple[dict[str, Key], list[tuple[Wildcard, Key]]]:
    """Return the keys by name, and keys with variable parts by pattern."""
    types: dict[str, Key] = {}
    for file in map(_FILES.format, ("", "global-")):
        for type_name, names in resources.data(file, KeysFile).keys.items():
            several = type_name.startswith(_SEVERAL)
            values = Values.SEVERAL if several else Values.ONE
            key = Key(KeyType(type_name.removeprefix(_SEVERAL)), values)
            for name in map(str.lower, names):
                if name not in types or several:
                    types[name] = key
    variable = [name for name in types if "${" in name or "<" in name]
    return types, [(_pattern(name), types.pop(name)) for name in variable]


def _pattern(name: str) -> Wildcard:
    """Return the pattern of a name whose variable parts are never empty."""
    first, *rest = _VARIABLE.split(name)
    parts: list[str | Wild] = [first]
    for text in rest:
        parts += [Wild.ONE, Wild.RUN, text]
    return Wildcard.of(parts)
