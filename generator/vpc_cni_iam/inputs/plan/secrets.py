"""Replaces sensitive values when a plan is read, so that no later text can show them.

A provider repeats values: a name in an ARN, an argument in the JSON of a document. The plan does
not mark these copies, so the values themselves are searched. Each value has its own mark,
``(sensitive)``, ``(sensitive 2)`` and so on: different values stay different.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from vpc_cni_iam.policy.document import (
    PRINCIPAL_ELEMENTS,
    PRINCIPAL_TYPES,
    TEXT_ELEMENTS,
    VERSIONS,
    Policy,
)
from vpc_cni_iam.policy.matching.operators import is_operator
from vpc_cni_iam.policy.template import change

_MARK = "(sensitive"
_MARKS = re.compile(r"\(sensitive(?: \d+)?\)")
# Shorter values and these words are in many unrelated texts.
_SHORTEST = 4
# A text is first searched for the ends of values: they differ more than the beginnings of ARNs.
_ENDS = (16, 8, _SHORTEST)
_WORDS = frozenset({"true", "false", "null"})
# A text that is one of these stays, unless it is marked itself: it identifies the plugin.
_PUBLIC_NAMES = frozenset({"aws-node", "aws-vpc-cni", "kube-system", "vpc-cni"})
_GRAMMAR = frozenset(
    (
        *("Version", "Id", "Statement", "Sid", "Effect", "Allow", "Deny", "Condition"),
        *(*PRINCIPAL_ELEMENTS, *TEXT_ELEMENTS, *PRINCIPAL_TYPES, *VERSIONS),
    )
)
_ARN = r"(?s)arn:[a-z-]+:[^:]*:[^:]*:([^:]*):(.+)"
# A JSON text, maybe cut off, or anything else that is not punctuation.
_PIECE = r'(?s)"(?:[^"\\]|\\.)*"?|[^\s{}\[\],:"]+'
# Go's JSON encoder writes these like this.
_GO = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
_NESTED = 4
_NUMBER = r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,2})?"


def is_mark(value: object) -> bool:
    """Return whether a whole value of a plan is a mark."""
    return isinstance(value, str) and _MARKS.fullmatch(value) is not None


def holds_mark(text: str) -> bool:
    """Return whether a text of a plan contains a mark."""
    return _MARKS.search(text) is not None


class Secrets:
    """The sensitive texts and numbers of one plan, and their marks."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._known = known = frozenset(values)
        # A role repeats a policy in other JSON.
        self._documents = {_canonical(text) for text in known if _is_json(text)}
        needles = {n for value in known for n in _spellings(value)}
        self._numbers = {float(n) for n in needles if _is_number(n)}
        # Text that already looks like a mark is also replaced, so that each mark means one value.
        self._groups: dict[str, list[str]] = {}
        for needle in {*needles, _MARK} if needles or self._documents else ():
            folded = needle.casefold()
            length = next(n for n in _ENDS if len(folded) >= n)
            self._groups.setdefault(folded[-length:], []).append(needle)
        self._patterns: dict[frozenset[str], re.Pattern[str]] = {}
        self._marks: dict[str, str] = {}
        self._clean = lru_cache(4096)(self._replaced)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secrets) and self._known == other._known

    def __hash__(self) -> int:
        return hash(self._known)

    @property
    def is_empty(self) -> bool:
        """Whether there is no sensitive value that a text could contain."""
        return not self._groups

    def hidden(self, value: Any, marks: Any) -> Any:
        """Return attributes with marks for sensitive values, such as by ``before_sensitive``."""
        if self.is_empty and not _is_any_marked(marks):
            return value
        if marks is True:
            return _each_leaf(value, self.mark_of)
        if isinstance(value, dict):
            inner = marks if isinstance(marks, dict) else {}
            return {k: self.hidden(v, inner.get(k)) for k, v in value.items()}
        if isinstance(value, list):
            each = marks if isinstance(marks, list) else []
            rest = [None] * (len(value) - len(each))
            return [self.hidden(v, m) for v, m in zip(value, [*each, *rest], strict=False)]
        return self.masked(value)

    def masked(self, value: Any) -> Any:
        """Return a text or number with marks for its sensitive values."""
        if self.is_empty:
            return value
        if isinstance(value, str):
            return value if value in _PUBLIC_NAMES else self._clean(value, 0)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.mark_of(str(value)) if self._is_secret_number(str(value)) else value
        return value

    def restored(self, policy: Policy) -> Policy:
        """Return a policy with values instead of marks: to evaluate it, never to show it."""

        def restore(text: str) -> str:
            return _MARKS.sub(lambda m: values.get(m[0], m[0]), text)

        values = {mark: value for value, mark in self._marks.items()}
        return policy.map_texts(lambda text: change(text, restore), whole=True)

    def judged(self, value: Any) -> Any:
        """Return the value of a mark, or another value itself: to evaluate it, never to show it."""
        if not is_mark(value):
            return value
        return next((text for text, mark in self._marks.items() if mark == value), value)

    def mark_of(self, value: Any) -> str:
        """Return the mark of a sensitive value."""
        text = str(value)
        key = _canonical(text) if _is_json(text) else text
        number = len(self._marks) + 1
        return self._marks.setdefault(key, f"{_MARK} {number})" if number > 1 else f"{_MARK})")

    def _is_secret_number(self, text: str) -> bool:
        return len(text) >= _SHORTEST and _is_number(text) and float(text) in self._numbers

    def _replaced(self, text: str, depth: int) -> str:
        if _is_json(text):
            if self._documents and _canonical(text) in self._documents:
                return self.mark_of(text)
            if depth < _NESTED and ("\\" in text or self._ends(text)):
                return re.sub(_PIECE, lambda m: self._token(m[0], depth), text)
        return self._plain(text)

    def _token(self, token: str, depth: int) -> str:
        """Return a masked text or number of JSON."""
        if token[0] != '"':
            return json.dumps(self.mark_of(token)) if self._is_secret_number(token) else token
        try:
            text: str = json.loads(token, strict=False)
        except ValueError:
            return self._plain(token)
        if is_grammar(text):
            return token
        masked = self._replaced(text, depth + 1)
        return token if masked == text else json.dumps(masked)

    def _ends(self, text: str) -> frozenset[str]:
        """Return the ends of values that a text contains, in upper or lower case."""
        folded = text.casefold()
        parts = (folded[i : i + n] for n in _ENDS for i in range(len(folded) - n + 1))
        return frozenset(part for part in parts if part in self._groups)

    def _plain(self, text: str) -> str:
        if not (ends := self._ends(text)):
            return text
        if ends not in self._patterns:
            # The longest first, then in a fixed order.
            every = sorted((n for e in ends for n in self._groups[e]), key=lambda n: (-len(n), n))
            self._patterns[ends] = re.compile("|".join(map(re.escape, every)), re.IGNORECASE)
        return self._patterns[ends].sub(lambda m: self.mark_of(m[0]), text)


def _is_any_marked(marks: Any) -> bool:
    if not marks or marks is True:
        return bool(marks)
    if isinstance(marks, dict):
        return any(map(_is_any_marked, filter(None, marks.values())))
    return any(map(_is_any_marked, marks)) if isinstance(marks, list) else True


def is_grammar(text: str) -> bool:
    """Return whether a text is a word of IAM's policy language, which is no secret."""
    return text in _GRAMMAR or is_operator(text)


def is_policy(text: str) -> bool:
    """Return whether a text looks like the JSON of a policy."""
    return _is_json(text) and '"Statement"' in text


def _each_leaf(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _each_leaf(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_each_leaf(inner, change) for inner in value]
    return value if value is None or value == "" else change(value)


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _canonical(text: str) -> str:
    """Return JSON in a normal form, since providers rewrite it; other text unchanged."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _is_number(text: str) -> bool:
    return re.fullmatch(_NUMBER, text) is not None


def _spellings(secret: str) -> Iterator[str]:
    """Yield the spellings of a value in a text, and of parts that providers extract from it."""
    parts = [secret, secret.replace("&{", "${"), secret.removeprefix("https://")]
    if arn := re.fullmatch(_ARN, secret):
        parts += [arn[1], arn[2], re.split("[/:]", arn[2])[-1]]
    if _is_number(secret):
        parts += [repr(float(secret)), f"{Decimal(secret):f}", f"{Decimal(float(secret)):f}"]
    for part in dict.fromkeys(parts):
        if len(part) < _SHORTEST or part in _WORDS or is_policy(part):
            continue
        encoded = json.dumps(part, ensure_ascii=False)[1:-1]
        yield from (part, encoded, json.dumps(part)[1:-1], repr(part)[1:-1])
        yield "".join(_GO.get(sign, sign) for sign in encoded)
