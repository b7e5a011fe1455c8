"""Policies in .tf files as JSON, as far as they can be known without an engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vpc_cni_iam.converting import naming
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl import embedded, resolve
from vpc_cni_iam.hcl.attributes import attributes, may_hold_policy
from vpc_cni_iam.hcl.choices import is_read_elsewhere
from vpc_cni_iam.hcl.locate import Value, locate
from vpc_cni_iam.hcl.marks import Kept, Marks
from vpc_cni_iam.hcl.read import parse
from vpc_cni_iam.hcl.resolve import Scope
from vpc_cni_iam.policy.document import Policy, to_json


@dataclass(frozen=True, slots=True)
class Reading:
    """A policy as read.

    Args:
        address: Where it is, such as ``aws_iam_role.x.assume_role_policy``.
        source: The file name.
        line: Its line in the file.
        document: Its JSON; a reference stands in it as ``${`` the reference ``}``.
        references: Those references, such as ``var.bucket``. Any other ``${...}`` in it is
            a policy variable of IAM's.
    """

    address: str
    source: str
    line: int
    document: dict[str, Any]
    references: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text of the JSON, ending in a newline."""
        return json.dumps(self.document, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Unread:
    """A policy that cannot be known without an engine, and why.

    Args:
        address: Where it is; empty for a whole file.
        error: The file, the line and what is wrong there.
    """

    address: str
    error: InputError


def local_values(text: str, source: str) -> dict[str, Value]:
    """Return the locals of a file by name.

    Args:
        text: The text of a .tf file.
        source: The file name that errors name.

    Raises:
        InputError: Not HCL; with the line.
    """
    if "locals" not in text:
        return {}
    blocks = (b for b in locate(text, source).blocks if b.type == "locals")
    return {name: value for b in blocks for name, value in b.attributes.items()}


def readings(
    text: str, source: str, known: Mapping[str, Value] | None = None
) -> tuple[Reading | Unread, ...]:
    """Return the policies of a file in their order.

    These are its ``aws_iam_policy_document`` data sources, and what is written out as a heredoc,
    a quoted string or ``jsonencode`` in an attribute that the AWS provider takes for a policy,
    or anywhere with a Statement. What is computed in such an attribute is not read.

    Args:
        text: The text of a .tf file.
        source: The file name that errors name.
        known: The locals of the files that are read together; without it, those of this one.

    Raises:
        InputError: Not HCL; with the line.
    """
    if not may_hold_policy(text):
        return ()
    known = local_values(text, source) if known is None else known
    found = [*_written_out(text, source, known), *_data_sources(text, source)]
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def choose(found: Sequence[Reading | Unread], names: Iterable[str]) -> tuple[Reading | Unread, ...]:
    """Return the policies of these names, and files that could not be read; of no names, all.

    Args:
        found: The policies.
        names: Their addresses, or the names of data sources.

    Raises:
        UsageError: A name that is not there.
    """
    chosen = set(names)
    if not chosen:
        return tuple(found)
    for name in sorted(chosen - {n for one in found for n in (one.address, _short(one.address))}):
        there = ", ".join(one.address for one in found if one.address) or "none"
        raise UsageError(f"no policy is called {name!r}; there are {there}")
    return tuple(
        one
        for one in found
        if not one.address or not chosen.isdisjoint((one.address, _short(one.address)))
    )


def _short(address: str) -> str:
    return address.removeprefix("data.aws_iam_policy_document.")


def files(found: Sequence[Reading]) -> dict[str, str]:
    """Return the texts of policies by names for files, which their addresses give.

    Args:
        found: The policies.
    """
    names = naming.unique([naming.identifier(_short(r.address)) for r in found])
    return {f"{name}.json": one.text for name, one in zip(names, found, strict=True)}


def _written_out(
    text: str, source: str, known: Mapping[str, Value]
) -> Iterator[tuple[int, Reading | Unread]]:
    for attribute in attributes(locate(text, source)):
        value = attribute.value
        if not embedded.is_document(value):
            problem = ""
            if attribute.writes_policy(text) or (
                attribute.holds_policy and attribute.has_document_inside(text)
            ):
                problem = "stands in an expression; only an engine can know its value"
            elif attribute.holds_policy and not is_read_elsewhere(value, known):
                problem = "is computed; only an engine can know its value"
            if problem:
                error = InputError(source, f"line {value.line}", problem)
                yield value.line, Unread(attribute.address, error)
            continue
        if not attribute.holds_policy and not embedded.has_statement(value):
            continue
        try:
            found = embedded.read(value, source)
            document = _shown(found.policy, found.marks, source, value.line)
        except InputError as error:
            yield value.line, Unread(attribute.address, error)
            continue
        names = tuple(dict.fromkeys(k.code for k in found.marks.kept))
        yield value.line, Reading(attribute.address, source, value.line, document, names)


def _data_sources(text: str, source: str) -> Iterator[tuple[int, Reading | Unread]]:
    if "aws_iam_policy_document" not in text:
        return
    for block in parse(text, source):
        if block.type != "data" or block.labels[:1] != ("aws_iam_policy_document",):
            continue
        address = ".".join(("data", *block.labels))
        marks = Marks()
        line = block.line
        scope = Scope(keep=lambda code, m=marks, n=line: m.mark(Kept(code, n)))  # type: ignore[misc]
        try:
            (found,) = resolve.documents([block], source, scope)
            for argument, _ in found.joins:
                problem = f"{argument} joins other documents, which takes an engine"
                raise InputError(source, f"line {line}", problem)
            document = _shown(found.policy, marks, source, line)
        except InputError as error:
            problem = marks.shown(error.problem)
            yield line, Unread(address, InputError(source, error.place, problem))
            continue
        yield line, Reading(address, source, line, document, tuple(k.code for k in marks.kept))


def _shown(policy: Policy, marks: Marks, source: str, line: int) -> dict[str, Any]:
    """Return the JSON with its references shown, if each can be told from IAM's variables."""
    for kept in marks.kept:
        if not resolve.REFERENCE.fullmatch(kept.code):
            problem = f"{kept.code} is computed; only an engine can know it"
            raise InputError(source, f"line {kept.line}", problem)
    written = {f"${{{k.code}}}" for k in marks.kept}

    def shown(value: object) -> Any:
        if isinstance(value, dict):
            return {shown(key): shown(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [shown(inner) for inner in value]
        if isinstance(value, str):
            for one in written:
                if one in value:
                    problem = f"{one} stands for text in one place and for a reference in another"
                    raise InputError(source, f"line {line}", problem)
            return marks.shown(value)
        return value

    return shown(to_json(policy))  # type: ignore[no-any-return]
