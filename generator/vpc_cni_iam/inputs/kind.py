"""The kinds of inputs, each identified by a path, its first bytes, or its text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.inputs.skipped import Skipped
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.strict_json import load_json
from vpc_cni_iam.texts import STDIN, content, decode, unpacked
from vpc_cni_iam.texts.limits import POLICIES, POLICY, Limit

_FIRST_MEMBER = re.compile(r'\s*\{\s*"([^"\\]*)"\s*:')
# How a file begins that is one policy document and nothing else.
_ONE_POLICY = re.compile(r'\s*\{(?:\s*"(?:Version|Id)"\s*:\s*"[^"\\]*"\s*,){0,2}\s*"Statement"\s*:')
# A value, URL-encoded too, or nothing at all.
_JSON = re.compile(r'\s*(?:[\[{"%0-9-]|(?:true|false|null)\b|\Z)')


class PolicyOwner(Struct, frozen=True):
    """A policy that a principal has, inline or attached."""

    owner: str  # the principal, as the input names it; empty if that is not known
    policy: str  # the name of a policy of the input, or an ARN
    place: str = ""  # what attaches it


# A policy by its name in the input, or something that is not read as one.
PolicyPart = tuple[str, Policy] | Skipped
Part = PolicyPart | PolicyOwner


class Content:
    """An input that a user named, read only as far as needed; `text` reads what is no file."""

    def __init__(
        self,
        source: str,
        path: Path | None = None,
        text: Callable[[], str] = str,
        limit: Limit = POLICIES,
    ) -> None:
        self.source = source
        self.path = path
        self._text = text
        self._limit = limit

    @classmethod
    def of(cls, target: str, stdin: Callable[[], str], limit: Limit = POLICIES) -> Content:
        """Return the content of a path, ``-`` for standard input; `UsageError` for none."""
        if not target:
            raise UsageError("the file name is empty; name a file, or - for standard input")
        return cls(STDIN, text=stdin) if target == "-" else cls(target, Path(target), limit=limit)

    @cached_property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        # Path.is_dir refuses a name that is too long.
        return self.path is not None and os.path.isdir(self.path)  # noqa: PTH112

    def has_suffix(self, *suffixes: str) -> bool:
        """Whether its name ends in one of these."""
        return self.source.endswith(suffixes)

    @cached_property
    def text(self) -> str:
        """Its text, unpacked; raises `InputError` if it has none."""
        if self.path is None:
            return self._text()
        data = unpacked(content(self.path, self._limit), self.source, self._limit)
        return decode(data, self.source)

    @cached_property
    def is_json(self) -> bool:
        """Whether its text begins as JSON does, or is empty."""
        return _JSON.match(self.text) is not None

    @cached_property
    def value(self) -> object:
        """Its decoded JSON, which may be URL-encoded.

        Raises `InputError` for one policy that is larger than any, which is not decoded.
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

        Where the first member is one, nothing is decoded: a plan may be large, and the log of an
        engine and pages of the AWS CLI are several texts of JSON.
        """
        if not self.is_json:
            return False
        first = _FIRST_MEMBER.match(self.text)
        if first and first[1] in names:
            return True
        return isinstance(self.value, dict) and not self.value.keys().isdisjoint(names)

    def refuse(self, problem: str, place: str = "") -> InputError:
        """Return an error about it."""
        return InputError(self.source, place, problem)


def unquoted(text: str) -> str:
    """Return JSON text that may be URL-encoded, as IAM's API encodes it, as it was before."""
    encoded = text[:3].lower() == "%7b"
    return unquote(text, errors="surrogateescape") if encoded else text


class ModuleValues(Struct, frozen=True):
    """The values of a module's variables."""

    # Those that the options of a cluster give, by name; they stand for any.
    names: Mapping[str, str]
    user_values: GivenVariables  # those that a user gives by name; the others have their defaults


class Kind(Struct, frozen=True):
    """A kind of input."""

    name: str  # what it is, after "is" in an error: ``the JSON of a plan``
    examples: str  # how a user gets or recognises one, for the documentation
    matches: Callable[[Content], bool]  # whether a content is of this kind
    # Yields its identity policies and what is skipped; takes the content and the values of a
    # module's variables. Raises `InputError` where the kind holds none.
    policies: Callable[[Content, ModuleValues], Iterable[Part]]
    noun: str = ""  # what one is called, after "this"
    instead: str = ""  # what to give in place of one without policies


def without_policies(
    name: str, examples: str, matches: Callable[[Content], bool], advice: str
) -> Kind:
    """Return a kind that is known, holds no policies, and is refused with advice."""

    def refuse(content: Content, _: ModuleValues) -> Iterator[Part]:
        raise content.refuse(f"is {name}; {advice}")

    return Kind(name, examples, matches, refuse)
