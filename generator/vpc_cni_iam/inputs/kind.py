"""The kinds of inputs, each identified by its path, first bytes or text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.strict_json import load_json
from vpc_cni_iam.texts import STDIN, beginning, content, decode, path_of, unpacked
from vpc_cni_iam.texts.limits import POLICY

_FIRST_MEMBER = re.compile(r'\s*\{\s*"([^"\\]*)"\s*:')
# The beginning of a file that is only one policy document.
_ONE_POLICY = re.compile(r'\s*\{(?:\s*"(?:Version|Id)"\s*:\s*"[^"\\]*"\s*,){0,2}\s*"Statement"\s*:')
# A value, maybe URL-encoded, or nothing.
_JSON = re.compile(r'\s*(?:[\[{"0-9]|-[0-9]|%7|(?:true|false|null)\b|\Z)')
# A policy by its name in the input, or a skipped part.
PolicyPart = tuple[str, Policy] | NotKnown


class Content:
    """A user's input, read only as needed; `text` reads it if it is not a file."""

    def __init__(
        self, source: str, path: Path | None = None, text: Callable[[], str] = str
    ) -> None:
        self.source = source
        self.path = path
        self._text = text

    @classmethod
    def of(cls, target: str, stdin: Callable[[], str]) -> Content:
        """Return the content of a path, ``-`` for standard input; raises `UsageError` if empty."""
        path = path_of(target)
        return cls(target, path) if path else cls(STDIN, text=stdin)

    @cached_property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        # Path.is_dir fails if a name is too long.
        return self.path is not None and os.path.isdir(self.path)  # noqa: PTH112

    def has_suffix(self, *suffixes: str) -> bool:
        """Whether its name ends in one of these."""
        return self.source.endswith(suffixes)

    @cached_property
    def text(self) -> str:
        """Its text, unpacked; raises `InputError` if it is not text."""
        if self.path is None:
            return self._text()
        return decode(unpacked(content(self.path), self.source), self.source)

    @cached_property
    def beginning(self) -> str:
        """Its first characters; no more is read of a file."""
        if self.path is not None and os.path.isfile(self.path):  # noqa: PTH113
            return beginning(self.path)
        return self.text

    @cached_property
    def is_json(self) -> bool:
        """Whether its text begins as JSON does, or is empty."""
        return _JSON.match(self.beginning) is not None

    @cached_property
    def value(self) -> object:
        """Its decoded JSON, which may be URL-encoded.

        Raises `InputError`, without decoding, for one policy larger than any can be.
        """
        text = unquoted(self.text)
        if len(text) > POLICY.most and _ONE_POLICY.match(text):
            raise self.refuse(
                f"is one policy document of {len(text):,} characters, and at most "
                f"{POLICY.words()} are read: {POLICY.why}"
            )
        return load_json(text, self.source)

    def has_member(self, *names: str) -> bool:
        """Whether it is a JSON object with a member of one of these names.

        If the first member is one, nothing is decoded: a plan may be large, and an engine's log and
        pages of the AWS CLI are several JSON texts.
        """
        if not self.is_json:
            return False
        first = _FIRST_MEMBER.match(self.beginning)
        if first and first[1] in names:
            return True
        return isinstance(self.value, dict) and not self.value.keys().isdisjoint(names)

    def refuse(self, problem: str, place: str = "") -> InputError:
        """Return an error about it."""
        return InputError(self.source, place, problem)


def unquoted(text: str) -> str:
    """Return JSON text, decoded if it is URL-encoded as by IAM's API."""
    encoded = text[:3].lower() == "%7b"
    return unquote(text, errors="surrogateescape") if encoded else text


class ModuleValues(Struct, frozen=True):
    """The values of a module's variables."""

    # Values of the cluster's options, by name; they may be examples.
    names: Mapping[str, str]
    user_values: GivenVariables  # a user's values by name; the others have their defaults


class Kind(Struct, frozen=True):
    """A kind of input."""

    name: str  # its description after "is" in an error: ``the JSON of a plan``
    examples: str  # how a user gets or recognises it, for the documentation
    matches: Callable[[Content], bool]  # whether a content has this kind
    # Takes the content and the values of a module's variables; yields the facts of an account.
    # Raises `InputError` if this kind has none.
    facts: Callable[[Content, ModuleValues], Iterable[Fact]]
    noun: str = ""  # its name after "this"
    instead: str = ""  # what to give instead of one without policies


def without_policies(
    name: str, examples: str, matches: Callable[[Content], bool], advice: str
) -> Kind:
    """Return a known kind without policies, which is refused with advice."""

    def refuse(content: Content, _: ModuleValues) -> Iterator[Fact]:
        raise content.refuse(f"is {name}; {advice}")

    return Kind(name, examples, matches, refuse)
