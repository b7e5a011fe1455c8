"""Answers about policies of one shape, with the names of each in place of stand-ins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from vpc_cni_iam.json_output import members
from vpc_cni_iam.review.diff.same_shape import STAND_INS, Names

T = TypeVar("T")
_STAND_IN = re.compile("|".join(STAND_INS))
_REMEMBERED = 4096


class Shaped:
    """Something that may be judged with stand-ins; code that reads its members sees its names.

    `judged` are the members that may have stand-ins.
    """

    __slots__ = ()
    judged: ClassVar[tuple[str, ...]]


S = TypeVar("S", bound=Shaped)


class _Named(Shaped):
    """Stands for what was judged; a member is renamed when it is first looked at."""

    __hash__ = None  # type: ignore[assignment]  # its members can be compared, and it cannot

    def __init__(self, shape: Any, names: Names) -> None:
        self._shape, self._names = shape, names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._shape, name)
        if name in self._shape.judged:
            value = renamed(value, self._names)
        setattr(self, name, value)
        return value


def with_names(shape: S, names: Names) -> S:
    """Return what was judged with stand-ins with its names; itself where it has none."""
    named: Any = _Named(shape, names)
    return named if names else shape


def shape_of(item: S) -> tuple[S, Names]:
    """Return something as it was judged, and its names; for `answer`, and to write it fast."""
    return (item._shape, item._names) if isinstance(item, _Named) else (item, ())


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
    result: Any = answer
    if isinstance(answer, str):
        for stand_in, name in names:
            result = result.replace(stand_in, name)
    elif places := _places(answer):
        parts = [*_parts(answer)]
        for place in places:
            parts[place] = renamed(parts[place], names)
        result = tuple(parts) if isinstance(answer, tuple) else type(answer)(*parts)
    return result  # type: ignore[no-any-return]


def other_text(answer: object) -> str:
    """Return what an answer says beside stand-ins, in lower case."""
    return _STAND_IN.sub(" ", "\n".join(_texts(answer))).lower()


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


@lru_cache(_REMEMBERED)
def _places(answer: object) -> tuple[int, ...]:
    """Return which parts of an answer have a stand-in."""
    return tuple(
        place
        for place, part in enumerate(_parts(answer))
        if any(map(_STAND_IN.search, _texts(part)))
    )


def _texts(answer: object) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    for part in _parts(answer):
        yield from _texts(part)


def _parts(answer: Any) -> Iterable[Any]:
    if isinstance(answer, tuple):
        return answer
    return [getattr(answer, name) for name in members(answer)]
