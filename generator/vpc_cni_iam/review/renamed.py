"""Answers about policies of one shape, with the names of each in place of stand-ins."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, overload

from vpc_cni_iam.review.diff.same_shape import STAND_INS, Names
from vpc_cni_iam.review.members import members

T = TypeVar("T")
_STAND_IN = re.compile("|".join(STAND_INS))


def renamed(answer: T, names: Names) -> T:
    """Return an answer with names in place of stand-ins, itself where it has none."""
    if not names:
        return answer
    known = dict(names)
    result: T = _changed(answer, lambda text: _STAND_IN.sub(lambda match: known[match[0]], text))
    return result


def other_text(answer: object) -> str:
    """Return what an answer says beside stand-ins, in lower case."""
    texts: list[str] = []

    def note(text: str) -> str:
        texts.append(text)
        return text

    _changed(answer, note)
    return _STAND_IN.sub(" ", "\n".join(texts)).lower()


def are_told_apart(names: Names, text: str) -> bool:
    """Say whether no name, and no stand-in in another spelling, is a word of an answer.

    Args:
        text: What the answer says beside stand-ins.
    """
    return not any(
        stand_in in text
        or (name.lower() in text and re.search(rf"(?<![\w-]){name.lower()}(?![\w-])", text))
        for stand_in, name in names
    )


def _changed(part: Any, change: Callable[[str], str]) -> Any:
    """Return a part of an answer with changed texts, itself where nothing changes."""
    if isinstance(part, str):
        return change(part)
    if isinstance(part, tuple):
        items = tuple([_changed(item, change) for item in part])
        return part if all(map(operator.is_, items, part)) else items
    changed = {}
    for name in members(part):
        value = getattr(part, name)
        if (new := _changed(value, change)) is not value:
            changed[name] = new
    return replace(part, **changed) if changed else part


def with_names(item: T, names: Names, judged: Sequence[str]) -> T:
    """Return an item with names in place of the stand-ins in some of its members."""
    if not names:
        return item
    changed = {name: renamed(getattr(item, name), names) for name in judged}
    result: T = replace(item, **changed)  # type: ignore[type-var]
    return result


class Renamed(Sequence[T]):
    """Items with stand-ins, of which each gets its names when any is looked at.

    `judged` are the members of an item that have stand-ins.
    """

    def __init__(self, pairs: Sequence[tuple[T, Names]], judged: Sequence[str]) -> None:
        self.pairs, self.judged = pairs, judged
        self._items: tuple[T, ...] | None = None

    @property
    def items(self) -> tuple[T, ...]:
        """The items with their names."""
        if self._items is None:
            self._items = tuple(with_names(*pair, self.judged) for pair in self.pairs)
        return self._items

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        return self.items[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.items == tuple(other)

    def __hash__(self) -> int:
        return hash(self.items)
