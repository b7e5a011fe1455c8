"""Matching of ``*`` and ``?``, in time that no pattern can blow up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vpc_cni_iam.policy.matching.places import Place
from vpc_cni_iam.policy.matching.variables import (
    Context,
    Plain,
    Template,
    Wild,
    expand,
    is_plain,
    literal,
    read,
)

ARN_PARTS = 6


def regex(parts: Plain, within: str = ".") -> str:
    r"""Return a regular expression for a pattern, to be used with ``fullmatch`` and DOTALL.

    Each literal run is looked for at the first place it can stand and never moved from there
    (an atomic group), which is exact because the ``*`` after it takes whatever lies between.

    Args:
        parts: The pattern.
        within: The class of characters that wildcards take, such as ``[^:]``.
    """
    runs = [""]
    for part in parts:
        if part is Wild.RUN:
            runs.append("")
        else:
            runs[-1] += within if isinstance(part, Wild) else re.escape(part)
    if len(runs) == 1:
        return runs[0]
    middle = "".join(f"(?>{within}*?{run})" for run in runs[1:-1] if run)
    return f"{runs[0]}{middle}{within}*{runs[-1]}"


def split_arn(parts: Plain) -> list[Plain] | None:
    """Return the six parts of an ARN pattern, None if it has fewer.

    Args:
        parts: The pattern, variables expanded; a colon of a value separates like any other.
    """
    split: list[list[str | Wild]] = [[]]
    for part in parts:
        if isinstance(part, Wild):
            split[-1].append(part)
            continue
        first, *others = part.split(":", ARN_PARTS - len(split))
        split[-1].append(first)
        split.extend([other] for other in others)
    return list(map(tuple, split)) if len(split) == ARN_PARTS else None


def arn_regex(parts: Plain) -> str | None:
    """Return a regular expression for an ARN pattern of the condition operators.

    Page "IAM JSON policy elements: Condition operators", ARN: each of the six parts between
    colons is checked separately, so a wildcard in the first five does not cross a colon.

    Args:
        parts: The pattern.
    """
    split = split_arn(parts)
    if split is None:
        return None
    *front, last = split
    return ":".join([*(regex(part, "[^:]") for part in front), regex(last)])


def glob_matches(parts: Plain, text: str) -> bool:
    """Say whether a pattern matches a text, without the cost of compiling it.

    Args:
        parts: The pattern.
        text: The text.
    """
    runs: list[list[str | Wild]] = [[]]
    for part in parts:
        if part is Wild.RUN:
            runs.append([])
        else:
            runs[-1].append(part)
    position = _stands(runs[0], text, 0)
    if position is None or len(runs) == 1:
        return position == len(text)
    for run in runs[1:-1]:
        position = _first(run, text, position)
        if position is None:
            return False
    start = len(text) - _length(runs[-1])
    return start >= position and _stands(runs[-1], text, start) is not None


def fits(pattern: str, text: str) -> bool:
    """Say whether a pattern as a document has it matches a text; ``${`` begins no variable in it.

    Args:
        pattern: The pattern, in the case of the text.
        text: The text.
    """
    parts = expand(read(pattern, Place("a pattern"), variables=False, wildcards=True), {})
    return parts is not None and glob_matches(parts, text)


def arn_matches(parts: Plain, text: str) -> bool:
    """Say whether an ARN pattern of the condition operators matches a text.

    Args:
        parts: The pattern.
        text: The text.
    """
    split, value = split_arn(parts), text.split(":", ARN_PARTS - 1)
    if split is None or len(value) != ARN_PARTS:
        return False
    return all(map(glob_matches, split, value))


def _length(run: Iterable[str | Wild]) -> int:
    return sum(1 if isinstance(part, Wild) else len(part) for part in run)


def _stands(run: Iterable[str | Wild], text: str, position: int) -> int | None:
    """Return where a run of literals and ``?`` ends that stands at a position."""
    for part in run:
        if isinstance(part, Wild):
            if position >= len(text):
                return None
            position += 1
        elif text.startswith(part, position):
            position += len(part)
        else:
            return None
    return position


def _first(run: list[str | Wild], text: str, position: int) -> int | None:
    """Return where the first occurrence of a run at or after a position ends."""
    for start in range(position, len(text) - _length(run) + 1):
        end = _stands(run, text, start)
        if end is not None:
            return end
    return None


@dataclass(frozen=True, slots=True)
class Patterns:
    """Several patterns, of which one must match.

    Args:
        everything: Whether one of them is ``*``.
        literals: Those without wildcards.
        regex: Those with wildcards.
        dynamic: Those with policy variables.
    """

    everything: bool
    literals: frozenset[str]
    regex: re.Pattern[str] | None
    dynamic: tuple[Template, ...]

    @classmethod
    def of(cls, templates: Iterable[Template]) -> Patterns:
        """Prepare patterns.

        Args:
            templates: The patterns.
        """
        literals, expressions, dynamic = set(), [], []
        for template in templates:
            text = literal(template)
            if text is not None:
                literals.add(text)
            elif is_plain(template):
                expressions.append(regex(expand(template, {}) or ()))
            else:
                dynamic.append(template)
        compiled = re.compile("|".join(expressions), re.DOTALL) if expressions else None
        return cls(".*" in expressions, frozenset(literals), compiled, tuple(dynamic))

    def matches(self, text: str, context: Context) -> bool:
        """Say whether one of the patterns matches.

        Args:
            text: The text.
            context: The request's context, for the variables.
        """
        if self.everything or text in self.literals:
            return True
        if self.regex is not None and self.regex.fullmatch(text):
            return True
        for template in self.dynamic:
            parts = expand(template, context)
            if parts is not None and glob_matches(parts, text):
                return True
        return False
