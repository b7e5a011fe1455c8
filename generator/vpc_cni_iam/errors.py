"""The one tree of expected failures; each class carries the documented exit code.

Exit codes: 0 done and nothing to report, 1 drift or findings, 2 wrong usage (an option, or a key
or value of a configuration), 3 an expected failure (bad input, missing engine), 130 interrupted.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from json import JSONDecodeError
from string import Formatter
from typing import TypeAlias

from vpc_cni_iam.escape import escape_control

# Text for people. Code never compares, searches or branches on a message (a test checks that): it
# uses the fields beside the message.
Message: TypeAlias = str
# The problem of JSON that ends before it is complete.
CUT_OFF = "is not JSON: it ends too early; was the file cut off?"
_JSON_PROBLEMS = {
    message: problem
    for problem, messages in {
        "a name in double quotes is expected": (
            "Expecting property name enclosed in double quotes",
            "expected '\"'",
            "trailing comma in object",
        ),
        "a colon is expected": ("Expecting ':' delimiter", "expected ':'"),
        "a comma or the closing bracket is expected": (
            "Expecting ',' delimiter",
            "expected ',' or '}'",
            "expected ',' or ']'",
        ),
        "a value is expected": ("Expecting value", "trailing comma in array"),
        "this character is not allowed here": ("Invalid control character at", "invalid character"),
        "this is not a JSON escape": (
            "Invalid \\escape",
            "Invalid \\uXXXX escape",
            "invalid escaped character",
            "invalid character in unicode escape",
        ),
        "more text follows": ("Extra data",),
    }.items()
    for message in messages
}
# The most names that a message lists.
_LISTED = 20
# What to do about errors of the operating system.
_ADVICE = {
    errno.EACCES: "change its permissions, or run as a user who has them",
    errno.EPERM: "change its permissions, or run as a user who has them",
    errno.EISDIR: "name a file",
    errno.ENOTDIR: "name a directory",
    errno.ENOENT: "check the name",
    errno.ENOSPC: "free some space and run the command again",
    errno.EDQUOT: "free some of your quota and run the command again",
    errno.EROFS: "use a directory that can be written to",
    errno.ENAMETOOLONG: "shorten the name",
    errno.ELOOP: "remove the symbolic link that points to itself",
    errno.EADDRINUSE: "choose another port",
}


def first_of(names: Iterable[str], shown: int = _LISTED) -> str:
    """Return the first few names, and the number of the others."""
    listed = list(names)
    more = f" and {len(listed) - shown:,} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more


def json_problem(error: JSONDecodeError) -> str:
    """Return why a text is not JSON."""
    cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
    return CUT_OFF if cut else not_json(error.msg)


def not_json(message: str) -> str:
    """Return the problem of JSON, in the same words for every parser.

    Args:
        message: The parser's message, of the standard library or of msgspec.
    """
    return f"is not JSON: {_JSON_PROBLEMS.get(message, message)}"


def reason(error: Exception) -> str:
    """Return why something failed; for the operating system's errors, what to do, no number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    advice = _ADVICE.get(error.errno or 0)
    return f"{error.strerror}; {advice}" if advice else error.strerror


class VpcCniIamError(Exception):
    """An expected failure: its text has all that the user needs."""

    exit_code = 3


class UsageError(VpcCniIamError):
    """An option or argument that this tool refuses."""

    exit_code = 2


class OptionError(UsageError):
    """A refused value of an option, or of a configuration's key.

    Args:
        option: The option, such as ``--variant``.
        template: What is wrong and what to do, with ``{}`` for each value and ``{--variant}`` for
            each named option; ``{repeat}`` is how to give the option again.
    """

    def __init__(self, option: str, template: str, *values: object) -> None:
        self.option = option
        self._template = template
        self._values = values
        super().__init__(self.text(OptionNames(repeat=f"repeat {option}")))

    def text(self, names: Mapping[str, str]) -> str:
        """Return the message with other names for options and ``repeat``."""
        return Formatter().vformat(self._template, self._values, names)


class OptionNames(dict[str, str]):
    """Other names for options; options that are not in it keep their names."""

    def __missing__(self, option: str) -> str:
        return option


class InputError(VpcCniIamError):
    """An unusable file, or other input.

    Args:
        source: The file name, or ``standard input``.
        place: Where in it: a JSON path such as ``$.Statement[0].Action``, ``line 3``, or empty.
        problem: What is wrong, and what to do about it.
    """

    def __init__(self, source: str, place: str, problem: Message) -> None:
        text = f"{source}: {place}: {problem}" if place else f"{source}: {problem}"
        super().__init__(escape_control(text))
        self.source = source
        self.place = place
        self.problem = problem


class ConfigurationError(InputError):
    """A refused key or value of a configuration file."""

    exit_code = 2


class PackageFileError(VpcCniIamError):
    """An unreadable data file of this package: the installation is damaged."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(
            f"{path}: this file of vpc-cni-iam cannot be read: {reason}; "
            "make it readable for you, or install vpc-cni-iam again"
        )


class InexpressibleError(VpcCniIamError):
    """A policy that ``aws_iam_policy_document`` cannot express with the same meaning."""


class TreeError(VpcCniIamError):
    """A directory or file of the user that must not be written.

    Args:
        text: What is wrong, as one line; names in it may have any characters.
        example: Lines below it that the user can copy.
    """

    def __init__(self, text: Message, example: str = "") -> None:
        super().__init__(f"{escape_control(text)}{example}")


def expected(error: VpcCniIamError | OSError | UnicodeError | MemoryError) -> VpcCniIamError:
    """Return an error as an expected failure; one of the operating system with the file."""
    if isinstance(error, VpcCniIamError):
        return error
    if isinstance(error, MemoryError):
        problem = "an input needs more memory than there is; give a smaller one, or its parts"
        return VpcCniIamError(problem)
    if isinstance(error, UnicodeError):
        return VpcCniIamError(str(error))
    names = [os.fsdecode(n) for n in (error.filename, error.filename2) if n is not None]
    if not names and isinstance(error, FileNotFoundError):  # the current directory has no name
        return TreeError("the current directory was removed; change to another")
    return TreeError(": ".join((*names[-1:], reason(error))))


class PublishError(VpcCniIamError):
    """A version that must not be published."""


class EngineError(VpcCniIamError):
    """Terraform or OpenTofu is missing, or a run of it failed."""
