"""Errors that are no denial of a call of the plugin, and programs that are not the plugin.

``report/errors.toml`` and ``report/programs.toml`` are the tables.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache

from msgspec import Struct, convert

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls

# What the user agent of the plugin has; that of v1.19.4 to v1.20.4 has not.
PLUGIN = "amazon-vpc-cni-k8s"
_ACCOUNT = "system:serviceaccount:"
_TABLES = "explain/report"


class ErrorKind(StrEnum):
    """What an error is about, in the order in which they are told."""

    credentials = "credentials"
    cluster_role = "cluster-role"
    not_iam = "not-iam"
    no_cause = "no-cause"


class KnownError(Struct, frozen=True):
    """An error that text can have."""

    kind: ErrorKind
    says: str  # what people see of it
    cause: str  # what it proves
    alternatives: tuple[str, ...]  # what else it can come from
    commands: tuple[str, ...]  # what to run next
    pattern: str = ""  # of a message on one line; empty if only `actions` tell it
    actions: tuple[str, ...] = ()  # the denied actions that mean the same
    general: bool = False  # whether it counts only in a message that says nothing else


class ProgramBasis(StrEnum):
    """What tells which program sent a request."""

    agent = "user agent"
    account = "service account"
    action = "action"  # the program is likely, and there may be others


class OtherProgram(Struct, frozen=True):
    """A program that is not the plugin, and sent a request."""

    name: str
    known_by: ProgramBasis


class Program(Struct, frozen=True):
    """A program that is not the plugin."""

    name: str
    agent: str  # of the user agent
    actions: tuple[str, ...]  # patterns of actions that the plugin does not call


@cache
def errors() -> dict[str, KnownError]:
    """Return the known errors by name, in the order of their table."""
    table = tomllib.loads(resources.text(f"{_TABLES}/errors.toml"))
    return convert(table, dict[str, KnownError])


@cache
def error_of_action(action: str) -> str:
    """Return the name of the error that the denial of an action is, empty if it is none."""
    return next((name for name, e in errors().items() if action in e.actions), "")


@cache
def _programs() -> list[Program]:
    table = tomllib.loads(resources.text(f"{_TABLES}/programs.toml"))
    return convert(table["program"], list[Program])


@cache
def other_program(agent: str, principal: str, action: str) -> OtherProgram | None:
    """Return the program that sent a request, None if it may be the plugin or is not known."""
    if name := next((p.name for p in _programs() if re.search(p.agent, agent)), ""):
        return OtherProgram(name, ProgramBasis.agent)
    if principal.startswith(_ACCOUNT):
        namespace, _, name = principal.removeprefix(_ACCOUNT).partition(":")
        name = f"pods with the service account {name} of the namespace {namespace}"
        return OtherProgram(name, ProgramBasis.account)
    if is_called(action) or PLUGIN in agent:
        return None
    names = (p.name for p in _programs() for pattern in p.actions if fnmatchcase(action, pattern))
    return next((OtherProgram(name, ProgramBasis.action) for name in names), None)


@cache
def is_called(action: str) -> bool:
    """Say whether some version of the plugin calls an action."""
    return any(call.action == action and call.ranges for call in calls.calls())
