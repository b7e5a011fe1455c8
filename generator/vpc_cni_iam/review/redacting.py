"""Takes what a plan marks sensitive out of a review, wherever it got into a text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vpc_cni_iam.review.findings import Review

INSTEAD = "(sensitive)"
# What is shorter, or one of these words, is in many a text that has nothing to do with it.
_SHORTEST = 4
_WORDS = frozenset({"true", "false", "null"})
_POLICY = re.compile(r'\s*\{.*"Statement"', re.DOTALL)
# No engine takes a sensitive value into an address, and this tool none into the others.
_NEVER = ("address", "moved_from", "document", "type", "place", "document_place")
_OURS = frozenset((*_NEVER, "rule", "fingerprint", "version"))
T = TypeVar("T")


def without_secrets(review: Review, secrets: Iterable[str]) -> Review:
    """Return a review with what is sensitive replaced.

    Args:
        review: The review.
        secrets: The values that are sensitive.
    """
    needles = {spelling for secret in secrets for spelling in _spellings(secret)}
    if not needles:
        return review
    clean = _cleaner(needles)
    return replace(
        review,
        changes=_cleaned(review.changes, clean),
        principals=_cleaned(review.principals, clean),
        documents=_cleaned(review.documents, clean),
        findings=_cleaned(review.findings, clean),
        ignored=_cleaned(review.ignored, clean),
    )


def _cleaner(needles: Iterable[str]) -> Callable[[str], str]:
    """Return what replaces needles in a text; how many there are does not matter to its speed."""
    groups: dict[str, list[str]] = {}
    for needle in needles:
        groups.setdefault(needle.lower()[:_SHORTEST], []).append(needle)

    @cache
    def pattern(begun: frozenset[str]) -> re.Pattern[str]:
        # The longest first, then always the same.
        every = sorted((n for b in begun for n in groups[b]), key=lambda n: (-len(n), n))
        return re.compile("|".join(map(re.escape, every)), re.IGNORECASE)

    @lru_cache(4096)
    def clean(text: str) -> str:
        low = text.lower()
        parts = {low[i : i + _SHORTEST] for i in range(len(low) - _SHORTEST + 1)}
        begun = frozenset(parts & groups.keys())
        return pattern(begun).sub(INSTEAD, text) if begun else text

    return clean


def _spellings(secret: str) -> Iterable[str]:
    """Return how a value may stand in a text: as it is, as in JSON, as in an error of Python's."""
    # A whole policy that is sensitive is never read, so that no text can have it.
    if len(secret) < _SHORTEST or secret in _WORDS or _POLICY.match(secret):
        return ()
    return secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]


def _cleaned(value: T, clean: Callable[[str], str]) -> T:
    found: Any = value
    if isinstance(value, str):
        found = clean(value)
    elif isinstance(value, tuple):
        found = tuple(_cleaned(one, clean) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {name: getattr(value, name) for name in _free(type(value))}
        found = replace(value, **{name: _cleaned(part, clean) for name, part in parts.items()})
    return found  # type: ignore[no-any-return]


@cache
def _free(kind: type) -> tuple[str, ...]:
    """Return the names of the fields that may hold a text from a plan."""
    hints = get_type_hints(kind)
    chosen = {
        n for n, h in hints.items() if any(get_origin(x) is Literal for x in (h, *get_args(h)))
    }
    return tuple(name for name in hints if name not in chosen | _OURS)
