"""Answers about policies of one shape, with the names of each in place of stand-ins."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from vpc_cni_iam.json_output import members
from vpc_cni_iam.review.diff.same_shape import STAND_INS, Names

T = TypeVar("T")
_STAND_IN = re.compile("|".join(STAND_INS))


class Shaped:
    """Something that may be judged with stand-ins, of which whoever looks at it sees its names.

    `judged` are the members that may have stand-ins; they are renamed when they are looked at.
    """

    __slots__ = ("_shape",)
    judged: ClassVar[tuple[str, ...]]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            shape, names = self._shape
            value = renamed(getattr(shape, name), names)
            object.__setattr__(self, name, value)
            return value


S = TypeVar("S", bound=Shaped)


def with_names(shape: S, names: Names) -> S:
    """Return what was judged with stand-ins with its names; itself where it has none."""
    if not names:
        return shape
    item = object.__new__(type(shape))
    object.__setattr__(item, "_shape", (shape, names))
    for name in members(shape):
        if name not in shape.judged:
            object.__setattr__(item, name, getattr(shape, name))
    return item


def shape_of(item: S) -> tuple[S, Names]:
    """Return something as it was judged, and its names; for `answer`, and to write it fast."""
    shape: tuple[S, Names] = getattr(item, "_shape", (item, ()))
    return shape


def answer(item: S, question: Callable[[S], T]) -> T:
    """Return the answer to a question about something and nothing beside it.

    It is asked with stand-ins, so that a function that remembers answers is asked once a shape.
    """
    shape, names = shape_of(item)
    return renamed(question(shape), names)


def renamed(answer: T, names: Names) -> T:
    """Return an answer with names in place of stand-ins, itself where it has none."""
    if not names:
        return answer
    if isinstance(answer, Shaped):
        return with_names(answer, names)

    def own(text: str) -> str:
        for stand_in, name in names:
            text = text.replace(stand_in, name)
        return text

    result: T = _changed(answer, own)
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
    values = [getattr(part, name) for name in members(part)]
    changed = [_changed(value, change) for value in values]
    return part if all(map(operator.is_, changed, values)) else type(part)(*changed)
