"""Finds the known name that a user means."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from vpc_cni_iam.errors import OptionError

_LONGEST = 100
_MOST = 20  # names that an error lists


def resolve(
    word: str,
    known: Iterable[str],
    noun: str,
    option: str = "",
    *,
    repeatable: bool = True,
    source: str = "",
) -> str:
    """Return the known name for a word; ``-`` and ``_`` are the same in it.

    `noun` is the kind of name, such as ``variant``; `option` is the option with the word, which can
    be repeated; `source` is the user's input with the names, if any. Raises `OptionError` with the
    nearest known name.
    """
    names = [str(name) for name in known]
    alike = [name for name in names if _spelling(name) == _spelling(word)]
    if word in names or len(alike) == 1:
        return word if word in names else alike[0]
    shown = word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..."
    if "," in word and option and repeatable:
        each = "value" if noun == option else noun
        raise OptionError(option, "{} {!r} is a list; {repeat} for each {}", noun, shown, each)
    problem = unknown_name(shown, names, noun)
    raise OptionError(option, "{}", f"{source}: {problem}" if source else problem)


def unknown_name(shown: str, known: Iterable[object], noun: str) -> str:
    """Return the error for an unknown name, with the nearest known name, or all if they are few."""
    names = [str(name) for name in known]
    unknown = f"unknown {noun} {shown!r}; "
    if not names:
        return f"{unknown}there are none with names"
    near = nearest(shown, names)
    if len(names) > _MOST:
        return unknown + (f"did you mean {near!r}?" if near else "no similar one is known")
    listed = f"nown {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
    return f"{unknown}did you mean {near!r}? K{listed}" if near else f"{unknown}k{listed}"


def nearest(word: str, names: Iterable[str]) -> str:
    """Return the name nearest to a word; empty if none is near."""
    by_spelling = {_spelling(name): name for name in names}
    near = get_close_matches(_spelling(word), by_spelling, n=1)
    return by_spelling[near[0]] if near else ""


def _spelling(name: str) -> str:
    return name.replace("_", "-").casefold()
